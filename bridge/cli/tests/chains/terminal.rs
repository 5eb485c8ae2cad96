//! The real program at a pseudo terminal, and signals to it.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use polyspan_chain::testing::eventually;

/// What a program shows at a terminal of so many columns, which it has for everything, and how it ended. What is typed is there from
/// the start, and is echoed.
pub fn shown_at(columns: u16, mut command: Command, typed: &str) -> (ExitStatus, String) {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let slave = terminal.slave;
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // It holds the other ends of the terminal.
    drop(command);
    let mut master = File::from(terminal.master);
    write!(master, "{typed}").unwrap();
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    // A pseudo terminal ends with an error once nobody writes to it.
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        text.extend(&buffer[..count]);
    }
    (child.wait().unwrap(), String::from_utf8(text).unwrap().replace("\r\n", "\n"))
}

/// What a program has written so far.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<String>>);

impl Written {
    fn from_reader(mut reader: impl Read + Send + 'static) -> Self {
        let (written, mut buffer) = (Self::default(), [0; 4096]);
        let text = Arc::clone(&written.0);
        thread::spawn(move || {
            // A pseudo terminal ends with an error once nobody writes to it.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                text.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        written
    }

    pub fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// A running program; ended with SIGKILL when dropped.
pub struct Running {
    child: Child,
    pub stdout: Written,
    /// Standard error: of [`Running::at_terminal`] what the terminal shows.
    pub stderr: Written,
    keyboard: Option<File>,
}

impl Running {
    /// Without a terminal.
    pub fn piped(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Written::from_reader(child.stdout.take().unwrap());
        let stderr = Written::from_reader(child.stderr.take().unwrap());
        Self { child, stdout, stderr, keyboard: None }
    }

    /// With a terminal for standard input and standard error.
    pub fn at_terminal(mut command: Command) -> Self {
        let terminal = openpty(None, None).unwrap();
        let slave = terminal.slave;
        command.stdin(slave.try_clone().unwrap()).stdout(Stdio::piped()).stderr(slave);
        let mut child = command.spawn().unwrap();
        // It holds the other ends of the terminal.
        drop(command);
        let stdout = Written::from_reader(child.stdout.take().unwrap());
        let master = File::from(terminal.master);
        let stderr = Written::from_reader(master.try_clone().unwrap());
        Self { child, stdout, stderr, keyboard: Some(master) }
    }

    pub fn type_line(&mut self, line: &str) {
        writeln!(self.keyboard.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn interrupt(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    /// Waits until the program has written this.
    pub async fn writes(&self, written: &Written, words: &str) -> String {
        let what = format!("the program writes `{words}`");
        eventually(Duration::from_secs(60), &what, async || {
            Some(written.text()).filter(|text| text.contains(words))
        })
        .await
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let child = Mutex::new(&mut self.child);
        eventually(Duration::from_secs(60), "the program ends", async || {
            child.lock().unwrap().try_wait().unwrap()
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}
