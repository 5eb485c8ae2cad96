//! Real child processes: started in groups of their own, logged to files, ended by id.

mod warden;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

pub use warden::Warden;

/// A running part of the network. Dropping it kills it.
#[derive(Debug)]
pub struct ChildProcess {
    name: String,
    id: u32,
    child: Child,
    log: PathBuf,
    warden: Warden,
    ended: Option<ExitStatus>,
}

impl ChildProcess {
    /// Starts `command` in a process group of its own, so that Ctrl-C at a terminal reaches only the devnet, which then
    /// ends its parts in order. Output of both kinds is appended to `log`.
    ///
    /// Errors: the program cannot be started, or its log cannot be written.
    pub fn spawn(warden: &Warden, name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a log file")?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {name}: {command:?}"))?;
        let id = child.id().context("a process that was just started has an id")?;
        warden.watch(id)?;
        Ok(Self {
            name: name.to_owned(),
            id,
            child,
            log: log.to_owned(),
            warden: warden.clone(),
            ended: None,
        })
    }

    /// Name of the part.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process id.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The file with what it printed.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal. Does nothing when the process has ended: its id may belong to somebody else by now.
    ///
    /// Errors: the host refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.exited()?;
        self.signal_unless_ended(signal)
    }

    /// As [`ChildProcess::signal`], where it is not known to have ended: nobody else gets its id before it was waited for.
    ///
    /// Errors: the host refuses.
    pub fn signal_unless_ended(&self, signal: Signal) -> Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        let id = i32::try_from(self.id).context("process ids fit 31 bits")?;
        kill(Pid::from_raw(id), signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Stops it in the middle of whatever it does (SIGSTOP).
    ///
    /// Errors: as [`ChildProcess::signal`].
    pub fn freeze(&mut self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// Errors: as [`ChildProcess::signal`].
    pub fn thaw(&mut self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Ends it without a warning (SIGKILL) and waits until it is gone.
    ///
    /// Errors: as [`ChildProcess::signal`].
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL)?;
        self.wait().await
    }

    /// Asks it to end (SIGTERM), and kills it when it has not within `grace`. Returns how it ended.
    ///
    /// Errors: as [`ChildProcess::signal`].
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        // A frozen process could not act on the request.
        self.thaw()?;
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(ended) => ended,
            Err(_) => self.kill().await,
        }
    }

    /// Waits until it ends.
    ///
    /// Errors: the host cannot tell.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await.with_context(|| format!("cannot wait for {}", self.name))?;
        self.note_end(status)
    }

    /// How it ended; `None` while it runs.
    ///
    /// Errors: the host cannot tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none()
            && let Some(status) =
                self.child.try_wait().with_context(|| format!("cannot look at {}", self.name))?
        {
            self.note_end(status)?;
        }
        Ok(self.ended)
    }

    /// What its log has beyond the first `bytes`: what it printed itself, when an earlier process wrote there as well.
    pub fn log_after(&self, bytes: u64) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(bytes).unwrap_or(usize::MAX).min(log.len());
        String::from_utf8_lossy(&log[start..]).into_owned()
    }

    /// The last lines that it printed.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    fn note_end(&mut self, status: ExitStatus) -> Result<ExitStatus> {
        if self.ended.replace(status).is_none() {
            self.warden.forget(self.id)?;
        }
        Ok(status)
    }
}

/// The last `lines` lines of a text file; empty when it cannot be read.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually::eventually_true;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn is_alive(id: u32) -> bool {
        // A zombie has ended: its parent has only not looked yet.
        fs::read_to_string(format!("/proc/{id}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_request_is_killed_after_the_grace() {
        let folder = tempfile::tempdir().unwrap();
        let warden = Warden::start().unwrap();
        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let log = folder.path().join("stubborn.log");
        let mut process = ChildProcess::spawn(&warden, "stubborn", shell(script), &log).unwrap();
        let ready = || async { Ok(tail(&log, 1) == "ready") };
        eventually_true("the process is ready", Duration::from_secs(10), ready).await.unwrap();
        let status = process.stop(Duration::from_millis(200)).await.unwrap();
        assert!(!status.success());
        assert!(!is_alive(process.id()));
    }

    #[tokio::test]
    async fn dropping_a_process_kills_it() {
        let folder = tempfile::tempdir().unwrap();
        let warden = Warden::start().unwrap();
        let log = folder.path().join("sleeper.log");
        let process = ChildProcess::spawn(&warden, "sleeper", shell("exec sleep 600"), &log).unwrap();
        let id = process.id();
        assert!(is_alive(id));
        drop(process);
        let gone = || async { Ok(!is_alive(id)) };
        eventually_true("the process is gone", Duration::from_secs(10), gone).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_warden_watches_does_not_outlive_it() {
        let folder = tempfile::tempdir().unwrap();
        let warden = Warden::start().unwrap();
        let log = folder.path().join("orphan.log");
        let mut orphan = ChildProcess::spawn(&warden, "orphan", shell("exec sleep 600"), &log).unwrap();
        let mut finished = ChildProcess::spawn(&warden, "finished", shell("exit 3"), &log).unwrap();
        assert_eq!(finished.wait().await.unwrap().code(), Some(3));
        // What the end of this program does: the warden's pipe closes.
        warden.release();
        let status = tokio::time::timeout(Duration::from_secs(10), orphan.wait()).await.unwrap().unwrap();
        assert!(!status.success());
    }
}
