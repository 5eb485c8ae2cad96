//! The control socket, real, in a folder of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use polyspan_monitoring::Health;
use polyspan_types::testing::assert_own_words;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::recovery::Orders;
use crate::testing::{LaneFixture, World};

struct Bench {
    fixture: LaneFixture,
    health: Health,
    socket: PathBuf,
    stop: CancellationToken,
}

impl Bench {
    async fn new() -> Self {
        let fixture = LaneFixture::new(World::of(vec![5], 10)).await;
        let socket = path(&fixture.folder.path().join("store"));
        Self { fixture, health: Health::new(), socket, stop: CancellationToken::new() }
    }

    /// Starts the server, and waits until it answers or says why it does not.
    async fn serve(&self) -> tokio::task::JoinHandle<()> {
        let part = self.health.part("control");
        let server = ControlServer::new(vec![Arc::clone(&self.fixture.lane)], self.socket.clone(), part);
        let task = tokio::spawn(server.run(self.stop.clone()));
        while !self.health.report().ready {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn ask(&self, command: Command) -> LaneAnswer {
        ask(&self.socket, &Request { command, lane: None }).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn workers_are_started_stopped_and_run_by_command_however_often() {
    let bench = Bench::new().await;
    let server = bench.serve().await;
    let mode = std::fs::metadata(&bench.socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let status = bench.ask(Command::RecoveryStatus).await;
    assert_eq!((status.recovery.enabled, status.recovery.asked), (false, 0));
    for (command, enabled) in [
        (Command::RecoveryStart, true),
        (Command::RecoveryStart, true),
        (Command::RecoveryStop, false),
        (Command::RecoveryStop, false),
    ] {
        assert_eq!(bench.ask(command).await.recovery.enabled, enabled);
    }
    assert_eq!(bench.ask(Command::RecoveryRun).await.recovery.asked, 1);
    assert_eq!(bench.ask(Command::RecoveryRun).await.recovery.asked, 2);
    let orders = *bench.fixture.lane.board.recovery_orders.borrow();
    assert_eq!(orders, Orders { enabled: false, asked: 2, stopped: 0 }, "the stops came before");
    assert_eq!(bench.ask(Command::RecoveryStop).await.recovery.stopped, 2);
    let again = bench.ask(Command::RecoveryRun).await.recovery;
    assert_eq!((again.asked, again.stopped), (3, 2));
    bench.stop.cancel();
    server.await.unwrap();
    assert!(!bench.socket.exists());
}

#[tokio::test]
async fn another_lane_and_what_is_no_request_are_refused_in_words() {
    let bench = Bench::new().await;
    let _server = bench.serve().await;
    let lane = Some("other/main-to-service".parse().unwrap());
    let refused = ask(&bench.socket, &Request { command: Command::RecoveryRun, lane }).await.unwrap_err();
    assert!(refused.to_string().contains("it has kr/main-to-service"), "{refused}");
    for text in ["", "\n", "{}\n", "{\"command\":\"sign\"}\n", "\u{0}\n"] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::UnixStream::connect(&bench.socket).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("no request") && answer.contains("recovery status"), "{answer}");
        assert_own_words(&answer);
    }
    assert_eq!(bench.fixture.lane.board.recovery_orders.borrow().asked, 0);
}

#[tokio::test]
async fn what_is_no_answer_is_called_that_in_own_words() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("other.control");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let answers: [&[u8]; 8] = [
        b"",
        b"hello\n",
        b"{}",
        b"{\"lanes\": 5}",
        b"{\"lanes\": [{\"lane\": \"up\"}]}",
        b"{\"error\": {}}",
        b"[[[[",
        b"\xff\xfe\n",
    ];
    for answer in answers {
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            stream.read_to_string(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let request = Request { command: Command::RecoveryStatus, lane: None };
        let (told, ()) = tokio::join!(ask(&socket, &request), serve);
        let told = told.unwrap_err().to_string();
        assert!(
            told.contains("is no answer of a relay; use the `polyspan` of the relay's version"),
            "{told}"
        );
        assert_own_words(&told);
    }
}

#[tokio::test]
async fn what_a_dead_relay_left_is_replaced_and_anything_else_is_not() {
    let bench = Bench::new().await;
    drop(tokio::net::UnixListener::bind(&bench.socket).unwrap());
    assert!(bench.socket.exists(), "left behind");
    let dead = ask(&bench.socket, &Request { command: Command::RecoveryRun, lane: None }).await.unwrap_err();
    assert!(dead.to_string().contains("no relay runs") && dead.to_string().contains("by itself"), "{dead}");
    let _server = bench.serve().await;
    bench.ask(Command::RecoveryStatus).await;

    let other = Bench::new().await;
    std::fs::write(&other.socket, "precious").unwrap();
    let _server = other.serve().await;
    assert!(other.health.report().remarks[0].remark.contains("move it away"));
    assert_eq!(std::fs::read_to_string(&other.socket).unwrap(), "precious");
}

#[tokio::test]
async fn a_path_that_is_too_long_is_told_on_both_sides_and_stops_no_relay() {
    let mut bench = Bench::new().await;
    bench.socket = bench.fixture.folder.path().join("x".repeat(100));
    let _server = bench.serve().await;
    assert!(bench.health.report().remarks[0].remark.contains("shorter path"));
    let refused = ask(&bench.socket, &Request { command: Command::RecoveryRun, lane: None }).await;
    assert!(refused.unwrap_err().to_string().contains("shorter path"));
}

/// Each of them may be silent for five seconds; who asks is answered meanwhile.
#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let bench = Bench::new().await;
    let _server = bench.serve().await;
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(tokio::net::UnixStream::connect(&bench.socket).await.unwrap());
    }
    bench.ask(Command::RecoveryStatus).await;
}
