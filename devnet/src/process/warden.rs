//! Ends everything the devnet started when the devnet itself is gone, SIGKILL included.
//!
//! A small shell process reads ids from a pipe that only the devnet holds. When the devnet ends, however it does, the
//! pipe closes and the shell kills what is left. The alternatives fail somewhere: a parent-death signal
//! (`setpriv --pdeathsig`) fires when the *thread* that started the child ends, which a thread pool does at will, and
//! making every part watch its standard input would put the devnet's needs into the relay and is not in anvil at all.

use std::fmt;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// POSIX shell. Ctrl-C and SIGTERM must not end it before its work is done.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=" "
while read -r verb group; do
    case "$verb" in
    watch) groups="$groups$group " ;;
    forget)
        case "$groups" in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac
        ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
exit 0
"#;

/// Handle to the shell process; clones share it.
#[derive(Clone)]
pub struct Warden {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Warden {
    /// Starts the shell.
    ///
    /// Errors: there is no `sh`.
    pub fn start() -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start `sh`")?;
        let pipe = shell.stdin.take();
        Ok(Self { inner: Arc::new(Mutex::new(Inner { shell, pipe })) })
    }

    /// From now on the process group `group` ends with this program.
    ///
    /// Errors: the shell is gone.
    pub fn watch(&self, group: u32) -> Result<()> {
        self.tell("watch", group)
    }

    /// The group has ended: its number may be given to somebody else.
    ///
    /// Errors: the shell is gone.
    pub fn forget(&self, group: u32) -> Result<()> {
        self.tell("forget", group)
    }

    /// Ends what is still watched, as the end of this program does.
    pub fn release(&self) {
        self.lock().release();
    }

    fn tell(&self, verb: &str, group: u32) -> Result<()> {
        match &mut self.lock().pipe {
            // One write call: a line is never cut by the end of this program.
            Some(pipe) => {
                pipe.write_all(format!("{verb} {group}\n").as_bytes()).context("the warden process is gone")
            }
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn release(&mut self) {
        if self.pipe.take().is_some() {
            // It has nothing to wait for once its pipe is closed. An error means that it is gone already.
            drop(self.shell.wait());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Warden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warden")
    }
}
