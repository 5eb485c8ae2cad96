//! Everything that is printed.

mod table;
mod wrap;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;

use alloy::primitives::Address;
use clap::ColorChoice;
use polyspan_types::text::plain;

use crate::exit::Exit;
pub use table::Cell;
use table::{Form, fitted};
use wrap::{USUAL_WIDTH, wrapped};

/// How everything is printed, decided once by the command line.
#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    json: bool,
    /// Colours on standard output, and on standard error.
    colours: (bool, bool),
}

static MODE: OnceLock<Mode> = OnceLock::new();

/// Red, and back to normal.
const BAD: (&str, &str) = ("\u{1b}[31m", "\u{1b}[0m");

/// Decides how everything is printed. The first call counts.
pub fn setup(json: bool, color: ColorChoice) {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let wanted = |terminal: bool| match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !unwanted,
    };
    let colours = (wanted(io::stdout().is_terminal()), wanted(io::stderr().is_terminal()));
    // A second call would be a mistake of this program, and changes nothing.
    let _ = MODE.set(Mode { json, colours });
}

/// Whether JSON is asked for.
pub fn is_json() -> bool {
    mode().json
}

/// Prints what a command came to as JSON, where that is asked for. Its lines for people are [`told()`].
pub fn object(value: &impl serde::Serialize) -> anyhow::Result<()> {
    if is_json() { json(value) } else { Ok(()) }
}

/// Prints a line of a command that has an [`object()`]. With --json it is a remark: standard output is for the object then.
pub fn told(text: impl std::fmt::Display) {
    if is_json() { remark(text) } else { result(text) }
}

/// Prints a result to standard output; with --json as an object of its own, for text that is of no use in parts.
///
/// A closed pipe (`polyspan status | head -1`) is no failure: nobody reads on.
pub fn result(text: impl std::fmt::Display) {
    line(io::stdout(), "result", text, false);
}

/// As [`result()`], of something that is bad.
pub fn bad(text: impl std::fmt::Display) {
    line(io::stdout(), "result", text, mode().colours.0);
}

/// Tells the person something beside the result, on standard error.
pub fn remark(text: impl std::fmt::Display) {
    line(io::stderr(), "remark", text, false);
}

/// Prints why the command failed, on standard error.
pub fn error(text: impl std::fmt::Display, exit: Exit) {
    let Mode { json, colours } = mode();
    if json {
        let error = serde_json::json!({ "error": text.to_string(), "exit_code": exit as u8 });
        show(&mut io::stderr().lock(), error);
    } else {
        let (start, end) = if colours.1 { BAD } else { ("", "") };
        let text = format!("error: {}", plain(&text.to_string()));
        let text = fitting(&io::stderr(), text);
        let text = text.strip_prefix("error:").unwrap_or(&text);
        put(&mut io::stderr().lock(), &format!("{start}error:{end}{text}"));
    }
}

/// Prints the help that the parser of arguments has made. It fits, but for the line about usage.
pub fn help(error: &clap::Error) {
    let rendered = error.render();
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let text = match is_terminal() && !unwanted {
        true => rendered.ansi().to_string(),
        false => rendered.to_string(),
    };
    let width = width(&io::stdout()).unwrap_or(USUAL_WIDTH).min(USUAL_WIDTH);
    put(&mut io::stdout().lock(), wrapped(&text, width).trim_end());
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Empties the terminal, for what is shown again and again. Without one, an empty line stands between two of them.
pub fn clear_screen() {
    put(&mut io::stdout().lock(), if is_terminal() { "\u{1b}[2J\u{1b}[H" } else { "" });
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    show(&mut io::stdout().lock(), checksummed(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints a value as JSON on one line, for what is printed again and again.
pub fn json_line(value: &impl serde::Serialize) -> anyhow::Result<()> {
    show(&mut io::stdout().lock(), checksummed(&serde_json::to_string(value)?));
    Ok(())
}

/// An address for tables: enough of it to tell one from another, not to copy.
pub fn short_address(address: &str) -> String {
    let tail = address.len().saturating_sub(4);
    match (address.get(..6), address.get(tail..)) {
        (Some(head), Some(end)) if tail > 6 => format!("{head}…{end}"),
        _ => address.to_owned(),
    }
}

/// Prints a table with a ruled head line, as narrow as its content. In a terminal that is narrower, columns with words wrap; where
/// that is not enough, each row is a block of lines. Bad cells are red.
pub fn table<C: Into<Cell>>(head: &[&str], rows: impl IntoIterator<Item = Vec<C>>) {
    let rows: Vec<Vec<Cell>> =
        rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect();
    // Without a terminal there is no width to fit into, and a wrapped cell is hard to search.
    let width = width(&io::stdout()).and_then(|width| u16::try_from(width).ok());
    let Mode { json, colours } = mode();
    let text = fitted(head, &rows, Form { width, colours: colours.0 && !json });
    // Its cells are plain already, and their colours are ours.
    if json { result(text) } else { put(&mut io::stdout().lock(), &text) }
}

/// Prints text that programs read as well, such as a script, as it is.
pub fn verbatim(text: impl std::fmt::Display) {
    if is_json() { result(text) } else { show(&mut io::stdout().lock(), text) }
}

fn mode() -> Mode {
    MODE.get().copied().unwrap_or_default()
}

fn line(mut to: impl Write + IsTerminal + AsFd, key: &str, text: impl std::fmt::Display, red: bool) {
    if mode().json {
        let text = text.to_string();
        if !text.is_empty() {
            show(&mut to, serde_json::json!({ key: text }));
        }
        return;
    }
    let (start, end) = if red { BAD } else { ("", "") };
    let text = fitting(&to, plain(&text.to_string()));
    put(&mut to, &format!("{start}{text}{end}"));
}

/// Text as wide as the terminal that it goes to. Elsewhere a line stays one: it may be searched.
fn fitting(to: &(impl IsTerminal + AsFd), text: String) -> String {
    match width(to) {
        Some(width) => wrapped(&text, width),
        None => text,
    }
}

/// The columns of a terminal: as `COLUMNS` says, else as it tells, else as many as usual. `None` for what is no terminal.
fn width(to: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !to.is_terminal() {
        return None;
    }
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let told = || terminal_size::terminal_size_of(to).map(|(width, _)| usize::from(width.0));
    Some(named.or_else(told).filter(|width| *width > 0).unwrap_or(USUAL_WIDTH))
}

fn show(to: &mut impl Write, text: impl std::fmt::Display) {
    put(to, &plain(&text.to_string()));
}

fn put(to: &mut impl Write, text: &str) {
    // There is nowhere to report that the place for reports is gone.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// JSON whose addresses have their checksums. Only whole strings are addresses, so lengths and places stay.
fn checksummed(json: &str) -> String {
    const DIGITS: usize = 40;
    let mut text = json.to_owned();
    for (start, _) in json.match_indices("\"0x") {
        let (from, to) = (start + 1, start + 3 + DIGITS);
        let (Some(found), Some("\"")) = (json.get(from..to), json.get(to..to + 1)) else { continue };
        if let Ok(address) = found.parse::<Address>() {
            text.replace_range(from..to, &address.to_checksum(None));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_json_have_their_checksums_and_nothing_else_changes() {
        let address =
            "0x19ca6B8E0b3b0E3A9D3bF1dC0f1A5f8d2D33d78B".parse::<Address>().unwrap().to_checksum(None);
        let hash = "ab".repeat(32);
        let json = |address: &str| {
            format!("{{\"a\": \"{address}\", \"hash\": \"0x{hash}\", \"é\": [\"0x\", \"{address}\"]}}")
        };
        assert_eq!(checksummed(&json(&address.to_lowercase())), json(&address));
        let within = format!("[\"sent to {}\"]", address.to_lowercase());
        assert_eq!(checksummed(&within), within);
    }

    #[test]
    fn addresses_are_shortened_to_both_of_their_ends() {
        assert_eq!(short_address("0x19ca6B8E0b3b0E3A9D3bF1dC0f1A5f8d2D33d78B"), "0x19ca…d78B");
        assert_eq!(short_address("0x12"), "0x12");
    }
}
