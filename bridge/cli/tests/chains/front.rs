//! An endpoint in front of a chain that answers some questions in another way: a chain that charges more for storage, a node of
//! another make, a provider that does not estimate everything.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// Longest creation code of a probe. Unit: bytes. Those of contracts are far longer.
const PROBE: usize = 1_000;

/// What is answered in another way than the chain does.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Name of the node.
    pub client: Option<&'static str>,
    /// What a short contract creation is estimated at, in so many times what the chain says; with 0 it is refused.
    pub probes: Option<u64>,
}

/// It ends with the test's process.
pub struct Front {
    pub url: String,
    answers: Arc<Mutex<Answers>>,
}

impl Front {
    /// In front of the chain at `behind`, with its own answers for now.
    pub fn of(behind: &str) -> Self {
        let behind = behind.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answers = Arc::<Mutex<Answers>>::default();
        let shared = Arc::clone(&answers);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (behind, answers) = (behind.clone(), shared.lock().unwrap().clone());
                thread::spawn(move || serve(stream, &behind, &answers));
            }
        });
        Self { url, answers }
    }

    pub fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }
}

/// One request. Who hangs up in between has no answer.
fn serve(stream: TcpStream, behind: &str, answers: &Answers) -> Option<()> {
    let question = body(&mut BufReader::new(&stream))?;
    let mut chain = TcpStream::connect(behind).ok()?;
    post(&mut chain, behind, &question)?;
    let answer: Value = serde_json::from_slice(&body(&mut BufReader::new(chain))?).ok()?;
    let asked: Value = serde_json::from_slice(&question).ok()?;
    let told = match (asked, answer) {
        (Value::Array(asked), Value::Array(told)) => {
            asked.iter().zip(told).map(|(asked, told)| changed(asked, told, answers)).collect()
        }
        (asked, told) => changed(&asked, told, answers),
    };
    let text = told.to_string();
    let length = text.len();
    write!(
        &stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
    .ok()
}

fn changed(asked: &Value, told: Value, answers: &Answers) -> Value {
    let call = &asked["params"][0];
    let code = call["input"].as_str().or_else(|| call["data"].as_str()).unwrap_or_default();
    let is_probe = call["to"].is_null() && code.len() < 2 * PROBE;
    let result = |result: Value| json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
    match (asked["method"].as_str(), answers.client, answers.probes) {
        (Some("web3_clientVersion"), Some(name), _) => result(json!(name)),
        (Some("eth_estimateGas"), _, Some(0)) if is_probe => {
            let error = json!({ "code": -32601, "message": "creations are not estimated here" });
            json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error })
        }
        (Some("eth_estimateGas"), _, Some(times)) if is_probe => {
            let gas = told["result"].as_str().unwrap().trim_start_matches("0x").to_owned();
            result(json!(format!("{:#x}", times * u64::from_str_radix(&gas, 16).unwrap())))
        }
        _ => told,
    }
}

fn post(chain: &mut TcpStream, host: &str, question: &[u8]) -> Option<()> {
    let length = question.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    chain.write_all(head.as_bytes()).ok()?;
    chain.write_all(question).ok()
}

/// The body of a message that says how long it is.
fn body(message: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        message.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    message.read_exact(&mut body).ok()?;
    Some(body)
}
