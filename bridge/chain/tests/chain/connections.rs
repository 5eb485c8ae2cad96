//! What an endpoint does with connections, and how many of them it is asked for.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use polyspan_chain::{Chain, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::common::{CHAIN_ID, PATIENCE, settings};
use crate::faults::BRIDGE;

/// 16 questions at a time, and 8 that are asked once more because nothing came.
const QUESTIONS_AND_REPEATS: u64 = 24;

/// However many callers there are, and although each asks again when nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_answers_is_asked_a_bounded_number_of_questions_at_a_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let open = Arc::new(AtomicU64::new(0));
    let (counted, most) = (Arc::clone(&open), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&most);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::spawn(async move {
                answer_chain_ids_only(&mut stream, Duration::MAX).await;
                counted.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    // Long enough that nobody gives up before the end of this test: the server would still count a question that was given up just now.
    let mut settings = settings(url);
    settings.request_timeout = Duration::from_secs(20);
    let chain = Chain::new(settings).unwrap();
    let callers = futures::future::join_all((0..60).map(|_| chain.balance(BRIDGE)));
    let all_are_asked_again = async {
        while open.load(Ordering::SeqCst) < QUESTIONS_AND_REPEATS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Whoever asks more than that does so now.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        answers = callers => panic!("an endpoint that is silent answers: {answers:?}"),
        () = all_are_asked_again => {}
    }
    assert_eq!(most.load(Ordering::SeqCst), QUESTIONS_AND_REPEATS);
}

/// Servers on Node.js close a connection over which nothing came for 5 s. Whoever asks in that moment is given no answer.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_over_a_connection_that_the_endpoint_is_about_to_close() {
    const KEPT: Duration = Duration::from_secs(5);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { answer_chain_ids_only(&mut stream, KEPT).await });
        }
    });
    let mut settings = settings(url);
    // So long that no other proof of the chain id is due.
    settings.poll_interval = PATIENCE;
    let chain = Chain::new(settings).unwrap();
    chain.verify_chain_id().await.unwrap();
    tokio::time::sleep(KEPT).await;
    chain.verify_chain_id().await.unwrap();
}

/// Serves one connection until the other side closes it, or asks something `kept` or more after it was given an answer.
async fn answer_chain_ids_only(stream: &mut TcpStream, kept: Duration) {
    let mut answered = Instant::now();
    let mut request = [0; 8192];
    while let Ok(length @ 1..) = stream.read(&mut request).await {
        if answered.elapsed() >= kept {
            return;
        }
        answer_chain_id(stream, &request[..length]).await;
        answered = Instant::now();
    }
}

/// Answers a request if it asks for the chain id.
async fn answer_chain_id(stream: &mut TcpStream, request: &[u8]) {
    let text = String::from_utf8_lossy(request);
    let Some(id) = text.split("\"id\":").nth(1).and_then(|rest| rest.split([',', '}']).next()) else {
        return;
    };
    if text.contains("eth_chainId") {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"{CHAIN_ID:#x}"}}"#);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("the client reads");
    }
}
