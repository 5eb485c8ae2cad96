//! What relays say that the tables do not.

#[cfg(test)]
mod tests;

use polyspan_coordination::{LaneReport, MemberView};

use super::rows::LaneRow;

/// One line for each thing that living relays say, with those who say it. What their lane's row tells already is left
/// out: when a lane waits, all of its relays say so.
pub fn remarks(members: &[MemberView], lanes: &[LaneRow]) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    // A dead relay's last words would mislead.
    for view in members.iter().filter(|view| view.alive) {
        for text in particulars(view, lanes) {
            let relay = view.member.id.as_str();
            match said.iter_mut().find(|(known, _)| *known == text) {
                Some((_, relays)) => relays.push(relay),
                None => said.push((text, vec![relay])),
            }
        }
    }
    said.into_iter().map(|(text, relays)| format!("{}: {text}", relays.join(", "))).collect()
}

fn particulars(view: &MemberView, lanes: &[LaneRow]) -> Vec<String> {
    let chains = view.report.chains.iter().filter_map(|chain| {
        if let Some(error) = &chain.error {
            return Some(format!("cannot read chain {}: {error}", chain.chain));
        }
        Some(format!("chain {}: {}", chain.chain, chain.remark.as_ref()?))
    });
    let lanes = view.report.lanes.iter().filter_map(|report| {
        if let Some(reason) = &report.halted {
            return Some(format!("halted {}: {reason}", report.lane));
        }
        let what = report.waiting_for.as_ref()?;
        let row = lanes.iter().find(|row| row.is_of(report));
        let told = row.is_some_and(|row| is_told(row, report, what));
        (!told).then(|| format!("{} waits for {what}", report.lane))
    });
    let submitters = view.report.submitters.iter().filter_map(|key| {
        let reason = key.reason.as_ref()?;
        let next =
            view.report.submitters.iter().find(|other| other.chain == key.chain && other.reason.is_none());
        let next =
            next.map_or("no other key can pay".to_owned(), |other| format!("key {} pays", other.place));
        Some(format!("submitter key {} on {} is {}: {reason} ({next})", key.place, key.chain, key.standing))
    });
    chains.chain(submitters).chain(lanes).collect()
}

/// Whether the lane's row tells what the relay waits for.
fn is_told(row: &LaneRow, report: &LaneReport, what: &str) -> bool {
    if row.waiting_for.as_deref() == Some(what) || (row.paused && what.ends_with("is paused")) {
        return true;
    }
    // Relays speak once in a while: a count of votes for what is handled by now is history.
    let is_history = row.handled.is_some_and(|handled| report.handled < handled);
    counted(what).is_some_and(|votes| is_history || row.votes == Some(votes))
}

/// The count in "2 of 3 attestations …".
fn counted(what: &str) -> Option<usize> {
    let (votes, needed) = what.split_once(" of ")?;
    let (_, of_what) = needed.split_once(' ')?;
    if of_what.starts_with("attest") { votes.parse().ok() } else { None }
}
