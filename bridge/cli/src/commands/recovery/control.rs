//! What a running relay does itself: asked for over its control socket.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::control::{self, Command, ControlError, LaneAnswer, Request};
use polyspan_types::LaneId;
use serde::Serialize;

use super::progress::Progress;
use super::{StatusArguments, WorkerArguments};
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::network::unknown_lane;
use crate::output::Cell;
use crate::{output, reading};

/// Time between two looks at how far a relay is.
const POLL: Duration = Duration::from_millis(200);

/// A relay on this host.
struct Relay {
    socket: PathBuf,
    lane: Option<LaneId>,
}

impl Relay {
    fn of(arguments: WorkerArguments) -> Result<Self> {
        let config = Config::load(&arguments.file.config)?;
        if let Some(lane) = &arguments.lane
            && config.lane(lane).is_none()
        {
            return Err(unknown_lane(&config, lane).into());
        }
        let file = config.file.display();
        let relay = config.relay.as_ref().ok_or_else(|| {
            BadInput::new(format!("{file} has no [relay] section; give the configuration of the relay"))
        })?;
        Ok(Self { socket: control::path(&relay.store), lane: arguments.lane })
    }

    async fn ask(&self, command: Command) -> Result<Vec<LaneAnswer>> {
        let request = Request { command, lane: self.lane.clone() };
        control::ask(&self.socket, &request).await.map_err(|error| match error {
            ControlError::Answer { .. } => error.into(),
            // The caller can start a relay, or name the right one.
            error => BadInput::new(error.to_string()).into(),
        })
    }
}

/// `polyspan recovery run`
pub(super) async fn look(arguments: WorkerArguments) -> Result<ExitCode> {
    let relay = Relay::of(arguments)?;
    let mut progress = Progress::start();
    let mut lanes = relay.ask(Command::RecoveryRun).await?;
    let asked: Vec<u64> = lanes.iter().map(|lane| lane.recovery.asked).collect();
    let ends = loop {
        let ends: Vec<_> = lanes.iter().zip(&asked).map(|(lane, asked)| End::of(lane, *asked)).collect();
        if let Some(ends) = ends.iter().copied().collect::<Option<Vec<_>>>() {
            break ends;
        }
        lanes.iter().zip(&ends).for_each(|(lane, end)| progress.show(lane, end.is_some()));
        tokio::time::sleep(POLL).await;
        lanes = relay.ask(Command::RecoveryStatus).await?;
    };
    progress.end();
    lanes.iter().zip(&ends).map(|(lane, end)| end.told(lane)).for_each(output::told);
    let reports = lanes.iter().zip(&ends).map(|(lane, end)| Looked { lane, end: *end });
    output::object(&reports.collect::<Vec<_>>())?;
    Ok(if ends.iter().all(|end| *end == End::Good) { Exit::Fine } else { Exit::Bad }.into())
}

/// A lane that was looked at, for programs.
#[derive(Debug, Serialize)]
struct Looked<'a> {
    #[serde(flatten)]
    lane: &'a LaneAnswer,
    end: End,
}

/// How a look that was asked for ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum End {
    /// The lane was looked at, and nothing keeps it from being read.
    Good,
    /// The look failed, or the lane cannot be read on.
    Bad,
    Halted,
    Stopped,
    /// The relay was started anew before it looked.
    Restarted,
}

impl End {
    /// The end of the look with number `asked`; `None` while it goes on.
    fn of(lane: &LaneAnswer, asked: u64) -> Option<Self> {
        let recovery = &lane.recovery;
        let restarted = recovery.asked < asked;
        match recovery.outcome.as_deref() {
            _ if lane.halted.is_some() => Some(Self::Halted),
            None if restarted => Some(Self::Restarted),
            // A relay that was started anew meanwhile has looked at its start.
            outcome if restarted || recovery.done >= asked => match outcome {
                Some("failed" | "blocked") => Some(Self::Bad),
                _ => Some(Self::Good),
            },
            _ if recovery.stopped >= asked => Some(Self::Stopped),
            _ => None,
        }
    }

    /// What it came to, in words.
    fn told(self, lane: &LaneAnswer) -> String {
        let words = match self {
            Self::Good | Self::Bad => last_look(lane),
            Self::Halted => format!("halted: {}", lane.halted.as_deref().unwrap_or_default()),
            Self::Stopped => "`polyspan recovery stop` ended the look; what was read is kept".to_owned(),
            Self::Restarted => "the relay was started anew and has not looked yet".to_owned(),
        };
        format!("{}: {words}", lane.lane)
    }
}

/// `polyspan recovery status`
pub(super) async fn status(arguments: StatusArguments) -> Result<ExitCode> {
    let lanes = Relay::of(arguments.worker)?.ask(Command::RecoveryStatus).await?;
    if arguments.json {
        output::json(&lanes)?;
    } else {
        let head = ["lane", "recovery", "looks", "refilled", "reads", "last look"];
        output::table(&head, lanes.iter().map(cells));
    }
    Ok(ExitCode::SUCCESS)
}

/// `polyspan recovery start` and `stop`
pub(super) async fn switch(arguments: WorkerArguments, enabled: bool) -> Result<ExitCode> {
    let command = if enabled { Command::RecoveryStart } else { Command::RecoveryStop };
    let lanes = Relay::of(arguments)?.ask(command).await?;
    for lane in &lanes {
        let does = if enabled { "looks from time to time" } else { "rests" };
        output::told(format!(
            "{}: the recovery worker {does} until the relay restarts; then [recovery] enabled decides",
            lane.lane
        ));
    }
    output::object(&lanes)?;
    Ok(ExitCode::SUCCESS)
}

fn cells(lane: &LaneAnswer) -> Vec<Cell> {
    let recovery = &lane.recovery;
    let standing = match (&lane.halted, recovery.enabled) {
        (Some(_), _) => "HALTED",
        (None, true) => "on",
        (None, false) => "off",
    };
    let reads = recovery.reading.map_or_else(|| "–".to_owned(), |reading| reading::told(&reading));
    vec![
        lane.lane.to_string().into(),
        Cell::when(lane.halted.is_some(), standing),
        recovery.looks.to_string().into(),
        recovery.refilled.to_string().into(),
        reads.into(),
        lane.halted.clone().unwrap_or_else(|| last_look(lane)).into(),
    ]
}

fn last_look(lane: &LaneAnswer) -> String {
    let waiting_for = lane.recovery.waiting_for.as_deref().unwrap_or("nothing");
    match lane.recovery.outcome.as_deref() {
        None => "none yet".to_owned(),
        Some("even") => "everything that is final is handled".to_owned(),
        Some("moving") => "it moves by itself".to_owned(),
        Some("complete") => format!("nothing is missing; it waits for {waiting_for}"),
        Some("followed") => format!("what was missing is read; it waits for {waiting_for}"),
        Some("refilled") => {
            let refilled = lane.recovery.refilled;
            format!(
                "{refilled} requests were missing in the store and are there again; it waits for {waiting_for}"
            )
        }
        Some("blocked") => format!("it cannot be read on: {waiting_for}"),
        Some("failed") => format!("failed, and is tried again: {waiting_for}"),
        Some(other) => format!("{other}: {waiting_for}"),
    }
}

#[cfg(test)]
mod tests {
    use polyspan_coordination::{ReadingReport, RecoveryReport};
    use polyspan_types::BlockHeight;

    use super::*;

    fn lane(outcome: &str, waiting_for: &str) -> LaneAnswer {
        LaneAnswer {
            lane: "kr/main-to-service".parse().unwrap(),
            recovery: RecoveryReport {
                outcome: Some(outcome.to_owned()),
                waiting_for: Some(waiting_for.to_owned()),
                refilled: 7,
                asked: 2,
                done: 2,
                ..RecoveryReport::default()
            },
            halted: None,
        }
    }

    #[test]
    fn a_look_is_told_with_what_the_lane_waits_for() {
        let told = |lane: LaneAnswer| End::of(&lane, 2).unwrap().told(&lane);
        assert!(told(lane("complete", "1 of 2 attested")).ends_with("it waits for 1 of 2 attested"));
        assert!(told(lane("refilled", "a block")).contains("7 requests were missing"));
        assert!(told(lane("failed", "no answer")).ends_with("tried again: no answer"));
        let blocked = told(lane("blocked", "no answer"));
        assert_eq!(blocked, "kr/main-to-service: it cannot be read on: no answer");
        let halted = LaneAnswer { halted: Some("a hash changed".to_owned()), ..lane("even", "") };
        assert!(told(halted).ends_with("halted: a hash changed"));
    }

    #[test]
    fn only_a_look_at_a_lane_that_can_be_read_ends_well() {
        for outcome in ["even", "moving", "complete", "followed", "refilled"] {
            assert_eq!(End::of(&lane(outcome, ""), 2), Some(End::Good), "{outcome}");
        }
        for outcome in ["blocked", "failed"] {
            assert_eq!(End::of(&lane(outcome, ""), 2), Some(End::Bad), "{outcome}");
        }
        let halted = LaneAnswer { halted: Some("a hash changed".to_owned()), ..lane("even", "") };
        assert_eq!(End::of(&halted, 2), Some(End::Halted));
    }

    #[test]
    fn a_look_is_over_when_it_is_done_or_stopped_or_its_relay_is_gone() {
        let of = |change: fn(&mut RecoveryReport), asked| {
            let mut lane = lane("even", "");
            change(&mut lane.recovery);
            End::of(&lane, asked)
        };
        let asked_again: fn(&mut RecoveryReport) = |recovery| recovery.asked = 3;
        assert_eq!(of(asked_again, 2), Some(End::Good));
        assert_eq!(of(asked_again, 3), None, "what the last look came to is not what this one does");
        let stopped: fn(&mut RecoveryReport) = |recovery| (recovery.asked, recovery.stopped) = (3, 3);
        assert_eq!(of(stopped, 3), Some(End::Stopped));
        assert_eq!(of(stopped, 2), Some(End::Good), "it was over before");
        assert_eq!(of(|recovery| *recovery = RecoveryReport::default(), 1), Some(End::Restarted));
        assert_eq!(of(|recovery| recovery.asked = 0, 1), Some(End::Good), "it has looked at its start");
    }

    #[test]
    fn the_table_says_how_far_a_reading_is() {
        let mut lane = lane("even", "nothing");
        let height = BlockHeight::new;
        let range = (height(10), height(89));
        lane.recovery.reading = Some(ReadingReport::after(Duration::from_secs(10), range, height(50), 3));
        let cells: Vec<_> = cells(&lane).iter().map(|cell| cell.text().to_owned()).collect();
        assert_eq!(cells[1..4], ["off", "0", "7"]);
        assert!(
            cells[4].starts_with("block 50 of 10 to 89, ") && cells[4].ends_with("10s left"),
            "{cells:?}"
        );
    }
}
