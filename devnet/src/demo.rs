//! The demonstration: traffic in both directions while operators are killed, judged by the two chains alone.

mod balances;
mod progress;
mod script;
mod vault;

use anyhow::Result;

use crate::network::Network;
use crate::screen;
use crate::spec::NetworkSpec;

/// What the demonstration found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Requests on both source chains.
    pub requested: u64,
    /// Requests that were paid or held.
    pub handled: u64,
    /// Requests that were not.
    pub lost: u64,
    /// Payments beyond the first of a request.
    pub duplicated: u64,
    /// Everything that does not add up.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Whether everything adds up.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty() && self.lost == 0 && self.duplicated == 0 && self.handled == self.requested
    }

    /// The last line of the demonstration.
    pub fn line(&self) -> String {
        let Self { requested, handled, lost, duplicated, .. } = self;
        format!("demo: {requested} requested, {handled} handled, {lost} lost, {duplicated} duplicated")
    }
}

/// Runs the demonstration with at least `transfers` transfers on a network of its own, and prints all of it but the
/// verdict's line.
///
/// Errors: a step could not be taken at all. What does not add up is in the verdict.
pub async fn run(spec: NetworkSpec, transfers: usize) -> Result<Verdict> {
    let mut script = script::Script::new(&spec, transfers)?;
    script.say("two chains start, and `polyspan deploy` deploys and wires a bridge between them");
    let mut network = Network::start(spec).await?;
    script.start(&mut network).await?;
    let before = balances::read(&network, script.recipient).await?;
    script.play(&mut network).await?;

    let after = balances::read(&network, script.recipient).await?;
    screen::line("\nBalances before and after, read from the two chains:");
    screen::line(balances::table(&before, &after));
    let mut requested = 0;
    let mut verdict = Verdict { requested, handled: 0, lost: 0, duplicated: 0, problems: Vec::new() };
    for audit in network.audit().await? {
        screen::line(format!("Audit of both chains: {audit}"));
        let total = audit.total();
        requested += total.requested;
        verdict.handled += total.handled;
        verdict.duplicated += total.duplicated;
        verdict.problems.extend(audit.problems);
        if (total.held, total.released) != (1, 1) {
            let (held, released) = (total.held, total.released);
            verdict.problems.push(format!("{held} were held and {released} released; both should be 1"));
        }
    }
    verdict.requested = requested;
    verdict.lost = requested.saturating_sub(verdict.handled);
    verdict.problems.extend(balances::received_as_asked(&network, script.recipient, &before, &after).await?);
    if verdict.problems.is_empty() {
        screen::line(
            "Conserved: escrow = minted + in flight + held for every pair, and every recipient has what was asked.",
        );
    }
    for problem in &verdict.problems {
        screen::line(format!("WRONG: {problem}"));
    }
    network.stop().await?;
    Ok(verdict)
}
