//! The relay's side of the control socket.

use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use polyspan_monitoring::{Asked, Connections, HealthPart};
use polyspan_types::LaneId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::protocol::{Answer, Command, LaneAnswer, Request};
use super::too_long;
use crate::lane::Lane;
use crate::recovery::Orders;

/// Longest request. Unit: bytes.
const LONGEST_REQUEST: u64 = 4_096;
/// How long somebody may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; one more closes the oldest that has asked nothing. Unit: connections. Source: a few people and scripts.
const CONNECTIONS: usize = 16;
/// Wait after a connection that the system refused, such as for want of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Answers on the control socket: every answer comes from memory.
pub(crate) struct ControlServer {
    lanes: Vec<Arc<Lane>>,
    socket: PathBuf,
    health: HealthPart,
}

impl ControlServer {
    /// Answers for `lanes` at `socket`. Nothing is made before it runs.
    pub(crate) const fn new(lanes: Vec<Arc<Lane>>, socket: PathBuf, health: HealthPart) -> Self {
        Self { lanes, socket, health }
    }

    /// Answers until `stop`. Without a socket the relay does its work all the same, and says what it lacks.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (listener, owner) = match bind(&self.socket) {
            Ok(bound) => bound,
            Err(reason) => {
                warn!(reason, "there is no control socket; `polyspan recovery` cannot reach this relay");
                self.health.ok_with(Some(reason));
                stop.cancelled().await;
                return;
            }
        };
        self.health.ok();
        let lanes: Arc<[Arc<Lane>]> = self.lanes.into();
        let mut open = Connections::new(CONNECTIONS);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = open.ended() => {}
                connection = listener.accept(), if open.can_take() => match connection {
                    Ok((stream, _)) => {
                        let lanes = Arc::clone(&lanes);
                        open.take(|asked| serve_in_time(lanes, stream, owner, asked));
                    }
                    Err(error) => {
                        debug!(%error, "the control socket takes no connection");
                        sleep(REST).await;
                    }
                },
            }
        }
        // The next relay replaces it as well: a kill leaves it behind.
        if let Err(error) = std::fs::remove_file(&self.socket) {
            debug!(%error, "the control socket was left behind");
        }
    }
}

async fn serve_in_time(lanes: Arc<[Arc<Lane>]>, stream: UnixStream, owner: u32, asked: Asked) {
    match timeout(PATIENCE, serve(&lanes, stream, owner, &asked)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the control socket broke"),
        Err(_) => debug!("somebody at the control socket took too long"),
    }
}

async fn serve(
    lanes: &[Arc<Lane>],
    mut stream: UnixStream,
    owner: u32,
    asked: &Asked,
) -> std::io::Result<()> {
    let user = stream.peer_cred()?.uid();
    let answer = if user == owner || user == 0 {
        let mut line = String::new();
        let (reader, _) = stream.split();
        BufReader::new(reader.take(LONGEST_REQUEST)).read_line(&mut line).await?;
        asked.note();
        answer_to(lanes, &line)
    } else {
        Answer::Error("the control socket is its owner's only".to_owned())
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    stream.shutdown().await
}

fn answer_to(lanes: &[Arc<Lane>], line: &str) -> Answer {
    let Ok(request) = serde_json::from_str::<Request>(line) else {
        return Answer::Error(
            "this is no request of the control socket; send one line such as {\"command\": \"recovery status\"}, or use the `polyspan` of this \
             relay's version"
                .to_owned(),
        );
    };
    let asked: Vec<_> = lanes.iter().filter(|lane| is_asked(&request, &lane.info.id)).collect();
    if let (Some(lane), true) = (&request.lane, asked.is_empty()) {
        let known: Vec<_> = lanes.iter().map(|lane| lane.info.id.to_string()).collect();
        return Answer::Error(format!("this relay has no lane {lane}; it has {}", known.join(", ")));
    }
    Answer::Lanes(asked.into_iter().map(|lane| apply(lane, request.command)).collect())
}

fn is_asked(request: &Request, lane: &LaneId) -> bool {
    request.lane.as_ref().is_none_or(|asked| asked == lane)
}

/// Does what is asked of one lane, and tells how it stands then.
fn apply(lane: &Lane, command: Command) -> LaneAnswer {
    let orders = &lane.board.recovery_orders;
    match command {
        Command::RecoveryStatus => {}
        Command::RecoveryRun => orders.send_modify(|orders| orders.asked += 1),
        Command::RecoveryStart => switch(lane, |orders| orders.enabled = true),
        Command::RecoveryStop => switch(lane, Orders::stop),
    }
    let orders = *orders.borrow();
    let mut recovery = lane.board.recovery.borrow().clone();
    (recovery.enabled, recovery.asked, recovery.stopped) = (orders.enabled, orders.asked, orders.stopped);
    LaneAnswer { lane: lane.info.id.clone(), recovery, halted: lane.board.halted.borrow().clone() }
}

fn switch(lane: &Lane, change: impl FnOnce(&mut Orders)) {
    let orders = &lane.board.recovery_orders;
    let changed = orders.send_if_modified(|orders| {
        let before = *orders;
        change(orders);
        before != *orders
    });
    if changed {
        let enabled = orders.borrow().enabled;
        info!(lane = %lane.info.id, enabled, "the recovery worker was switched by command");
    }
}

/// A socket that only its owner can use, with the owner. What a dead relay left there is replaced: who holds the store's lock is the
/// only one alive.
fn bind(socket: &Path) -> Result<(UnixListener, u32), String> {
    if let Some(reason) = too_long(socket) {
        return Err(reason);
    }
    let shown = socket.display();
    let failed = |error: std::io::Error| format!("the control socket {shown} cannot be made: {error}");
    if let Ok(there) = std::fs::symlink_metadata(socket) {
        if !there.file_type().is_socket() {
            return Err(format!("{shown} is in the place of the control socket and is none; move it away"));
        }
        std::fs::remove_file(socket).map_err(failed)?;
    }
    let listener = UnixListener::bind(socket).map_err(failed)?;
    // Whoever comes before this line is told apart by the user that asks.
    std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(failed)?;
    let owner = std::fs::metadata(socket).map_err(failed)?.uid();
    Ok((listener, owner))
}
