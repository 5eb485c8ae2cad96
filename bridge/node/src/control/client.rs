//! Asking a relay on this host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::protocol::{Answer, LaneAnswer, Request};
use super::too_long;

/// Deadline of one question. Unit: time. Source: a relay answers from memory.
const DEADLINE: Duration = Duration::from_secs(5);
/// Longest answer. Unit: bytes. Source: below 1 KiB a lane.
const LONGEST_ANSWER: u64 = 4 << 20;

/// What is wrong with something that is not an [`Answer`], and what to do.
const NO_ANSWER: &str = "what it sent is no answer of a relay; use the `polyspan` of the relay's version, and see that nothing else listens there";

/// Why a relay was not asked, or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error(
        "no relay runs with the store of this configuration (nobody answers at {socket}: {reason}); start it with `polyspan relay`: it recovers by itself at its start",
        socket = socket.display()
    )]
    NoRelay {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// No socket can lie there.
    #[error("{0}")]
    Path(String),
    /// The relay does not answer, or not so that it can be read.
    #[error("the relay at {socket} does not answer as it should: {reason}", socket = socket.display())]
    Answer {
        /// The socket.
        socket: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The relay refuses.
    #[error("{0}")]
    Refused(String),
}

/// Asks the relay whose control socket this is.
///
/// Errors: no relay, no answer in time, or a refusal.
pub async fn ask(socket: &Path, request: &Request) -> Result<Vec<LaneAnswer>, ControlError> {
    if let Some(reason) = too_long(socket) {
        return Err(ControlError::Path(reason));
    }
    let wrong = |reason: String| ControlError::Answer { socket: socket.to_owned(), reason };
    let mut stream = UnixStream::connect(socket)
        .await
        .map_err(|reason| ControlError::NoRelay { socket: socket.to_owned(), reason })?;
    let line =
        serde_json::to_string(request).map_err(|_| wrong("the request cannot be written down".to_owned()))?;
    let mut text = String::new();
    let exchange = async {
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        stream.shutdown().await?;
        stream.take(LONGEST_ANSWER).read_to_string(&mut text).await
    };
    match timeout(DEADLINE, exchange).await {
        Ok(Ok(_)) => {}
        // Not what the library says of bytes that are no text.
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(wrong(NO_ANSWER.to_owned()));
        }
        Ok(Err(error)) => return Err(wrong(error.to_string())),
        Err(_) => return Err(wrong(format!("nothing came within {}", humantime::format_duration(DEADLINE)))),
    }
    match serde_json::from_str(&text).map_err(|_| wrong(NO_ANSWER.to_owned()))? {
        Answer::Lanes(lanes) => Ok(lanes),
        Answer::Error(reason) => Err(ControlError::Refused(reason)),
    }
}
