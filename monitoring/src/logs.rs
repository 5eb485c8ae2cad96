//! Logs: `tracing` to standard error, for a person or for a collector.

use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use polyspan_types::text::seen;
use serde::{Deserialize, Serialize};
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::LogError;

/// Environment variable whose filter replaces the one given to [`init`]. Default: unset.
pub const FILTER_VARIABLE: &str = "POLYSPAN_LOG";

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text; colours when standard error is a terminal and `NO_COLOR` is not set.
    #[default]
    Human,
    /// One JSON object a line, the event's fields (`lane`, `nonce` …) at its top level.
    Json,
}

impl LogFormat {
    /// The word used in config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogFormat {
    type Err = ParseLogFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            other => Err(ParseLogFormatError(other.to_owned())),
        }
    }
}

/// Text that is no log format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log format; use \"human\" or \"json\"")]
pub struct ParseLogFormatError(String);

/// Sends the events of this process to standard error, filtered by [`FILTER_VARIABLE`] if set, else by
/// `default_filter`.
///
/// Errors: the filter is malformed, or logs are set up already.
pub fn init(format: LogFormat, default_filter: &str) -> Result<(), LogError> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(text) if !text.trim().is_empty() => parse_filter(FILTER_VARIABLE, &text)?,
        _ => parse_filter("the default", default_filter)?,
    };
    let dispatch = lines(format, filter, colours(), std::io::stderr);
    dispatch.try_init().map_err(|_| LogError::AlreadySetUp)
}

fn lines<W>(format: LogFormat, filter: EnvFilter, colours: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(SeenLines(writer));
    match format {
        LogFormat::Human => lines.with_ansi(colours).finish().into(),
        LogFormat::Json => lines.json().flatten_event(true).finish().into(),
    }
}

/// Writers of lines in which nothing is unseen: parts of them come from strangers.
struct SeenLines<W>(W);

/// One of them.
struct SeenLine<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for SeenLines<W> {
    type Writer = SeenLine<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        SeenLine(self.0.make_writer())
    }
}

impl<W: io::Write> io::Write for SeenLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An event comes in one piece, and as text.
        match std::str::from_utf8(bytes) {
            Ok(line) => self.0.write_all(seen(line).as_bytes())?,
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn parse_filter(origin: &'static str, text: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder().parse(text).map_err(|_| LogError::Filter { origin, filter: text.to_owned() })
}

/// Whether lines on standard error have colours: on a terminal, unless `NO_COLOR` is set.
pub fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, events: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let dispatch = lines(format, parse_filter("a test", "info").unwrap(), false, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, events);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn one_event() {
        let _watch = tracing::info_span!("watch", chain = "main").entered();
        tracing::info!(lane = "kr/main-to-service", nonce = 42_u64, "request stored");
        tracing::debug!("filtered out");
    }

    #[test]
    fn a_json_line_has_lane_and_nonce_at_its_top_level() {
        let text = written(LogFormat::Json, one_event);
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "request stored");
        assert_eq!(line["lane"], "kr/main-to-service");
        assert_eq!(line["nonce"], 42);
        assert_eq!(line["span"]["chain"], "main");
    }

    #[test]
    fn a_human_line_is_one_line_without_control_characters() {
        let text = written(LogFormat::Human, || tracing::info!(error = "two\nlines \u{1b}[31mred", "answer"));
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let line = written(LogFormat::Human, one_event);
        assert!(line.contains("watch{chain=\"main\"}") && line.contains("nonce=42"), "{line}");
    }

    #[test]
    fn a_line_cannot_be_turned_round_by_what_a_stranger_wrote() {
        for format in [LogFormat::Human, LogFormat::Json] {
            let text = written(format, || tracing::info!(error = %"paid \u{202e}dias ton", "answer"));
            assert!(!text.contains('\u{202e}') && text.contains("\\u202e"), "{text:?}");
        }
    }

    #[test]
    fn formats_round_trip_through_text() {
        for format in [LogFormat::Human, LogFormat::Json] {
            assert_eq!(format.to_string().parse::<LogFormat>().unwrap(), format);
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(serde_json::from_str::<LogFormat>(&json).unwrap(), format);
        }
        let error = "xml".parse::<LogFormat>().unwrap_err();
        assert_eq!(error.to_string(), "`xml` is not a log format; use \"human\" or \"json\"");
    }

    #[test]
    fn a_malformed_filter_is_named_with_its_origin() {
        let error = parse_filter(FILTER_VARIABLE, "info,polyspan=loud").unwrap_err().to_string();
        assert!(error.contains("`info,polyspan=loud` (from POLYSPAN_LOG)"), "{error}");
        assert!(parse_filter(FILTER_VARIABLE, "info,polyspan_chain=debug").is_ok());
    }
}
