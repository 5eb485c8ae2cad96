//! Which failures are the caller's to correct.

use std::fmt;
use std::process::ExitCode;

use polyspan_chain::ChainError;
use polyspan_node::BuildError;
use polyspan_node::config::ConfigErrors;
use polyspan_node::keys::KeyError;

/// Exit code of bad input: arguments, files, keys, what they point to. The same as clap's.
pub const BAD_INPUT: u8 = 2;

/// Something in the arguments or files that the caller must correct.
#[derive(Debug)]
pub struct BadInput(String);

impl BadInput {
    /// Names the thing and the cure.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Several at once, one line each under `head`.
    pub fn list(head: &str, problems: &[String]) -> Self {
        let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        Self(format!("{head}:{lines}"))
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Why a command whose exit code 1 is a verdict has none.
#[derive(Debug)]
pub struct NoVerdict;

impl fmt::Display for NoVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no verdict")
    }
}

/// The exit code of an error: 2 for bad input and where 1 is a verdict, 1 for everything else.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let bad = error.downcast_ref::<NoVerdict>().is_some()
        || error.chain().any(|cause| {
            cause.is::<BadInput>()
                || cause.is::<ConfigErrors>()
                || cause.is::<KeyError>()
                || cause.downcast_ref::<BuildError>().is_some_and(is_bad_build_input)
                || cause.downcast_ref::<ChainError>().is_some_and(is_bad_chain)
        });
    ExitCode::from(if bad { BAD_INPUT } else { 1 })
}

/// A relay that does not start for lack of right input; a fault of this program is none.
fn is_bad_build_input(error: &BuildError) -> bool {
    !matches!(error, BuildError::Metrics(_))
}

/// An endpoint or address that is not what the files say.
const fn is_bad_chain(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::WrongChain { .. }
            | ChainError::NoCode { .. }
            | ChainError::NotABridge { .. }
            | ChainError::Settings(_)
    )
}
