//! Which failures are the caller's to correct, and which may heal.

use std::fmt;

use polyspan_chain::ChainError;
use polyspan_coordination::CoordinationError;
use polyspan_node::BuildError;
use polyspan_node::config::ConfigErrors;
use polyspan_node::keys::{KeyError, SignError};
use polyspan_types::{Classify, ErrorClass};

use crate::exit::Exit;

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

/// The exit code of an error. A command without a verdict never ends with the code of one.
pub fn exit(error: &anyhow::Error) -> Exit {
    let is_input = error.chain().any(|cause| {
        cause.is::<BadInput>()
            || cause.is::<ConfigErrors>()
            || cause.is::<KeyError>()
            || cause.downcast_ref::<BuildError>().is_some_and(is_bad_build_input)
            || cause.downcast_ref::<ChainError>().is_some_and(is_bad_chain)
            || cause.downcast_ref::<SignError>().is_some_and(|error| error.class() == ErrorClass::Halt)
    });
    if is_input {
        return Exit::Input;
    }
    let may_heal = error.downcast_ref::<NoVerdict>().is_some()
        || error.chain().any(|cause| {
            let class = cause.downcast_ref::<ChainError>().map(Classify::class);
            let class = class.or_else(|| cause.downcast_ref::<CoordinationError>().map(Classify::class));
            let class = class.or_else(|| cause.downcast_ref::<SignError>().map(Classify::class));
            matches!(class, Some(ErrorClass::Retry { .. }))
        });
    if may_heal { Exit::Unreadable } else { Exit::Bad }
}

/// A relay that does not start for lack of right input. A fault of this program is none, and neither is what ends elsewhere, such as
/// what another process holds or a node that is syncing: a service manager starts the relay again then.
fn is_bad_build_input(error: &BuildError) -> bool {
    !matches!(error, BuildError::Metrics(_)) && !error.heals_by_itself()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::anyhow;

    use super::*;

    fn silent() -> ChainError {
        ChainError::Timeout { endpoint: "e".to_owned(), method: "m", after: Duration::from_secs(1) }
    }

    #[test]
    fn input_errors_are_told_from_what_may_heal() {
        assert_eq!(exit(&BadInput::new("x").into()), Exit::Input);
        assert_eq!(exit(&anyhow::Error::from(silent()).context("cannot send")), Exit::Unreadable);
        assert_eq!(exit(&anyhow!("reverted")), Exit::Bad);
        let gone = ChainError::NoCode { chain: "main".to_owned(), address: alloy::primitives::Address::ZERO };
        assert_eq!(exit(&gone.into()), Exit::Input);
    }

    #[test]
    fn a_command_without_a_verdict_does_not_end_with_the_code_of_one() {
        assert_eq!(exit(&anyhow!("traces differ").context(NoVerdict)), Exit::Unreadable);
        assert_eq!(exit(&anyhow::Error::from(BadInput::new("x")).context(NoVerdict)), Exit::Input);
    }
}
