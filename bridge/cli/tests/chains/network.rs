//! Two real chains, keys, and the real program.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, Mining, development_key, eventually};
use polyspan_contracts::testing::TestToken;
use polyspan_node::keys::{Passphrase, create_keystore};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Which funded key does what.
pub const DEPLOYER: usize = 0;
pub const ATTESTER: usize = 1;
pub const SUBMITTER: usize = 3;
pub const GOVERNOR: usize = 4;
pub const USER: usize = 5;

/// Newest blocks of which the chains keep the state. Unit: blocks.
pub const KEPT_STATES: u64 = 64;

pub struct Network {
    pub folder: TempDir,
    pub main: AnvilProcess,
    pub service: AnvilProcess,
    /// A token of the main chain, of which the user has 1000.
    pub token: Address,
    /// What the program finds in its environment beside that of the test.
    pub environment: Vec<(&'static str, String)>,
}

/// A relay of the real program; ended with SIGKILL when dropped.
pub struct RelayProcess(Child);

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap();
    }
}

impl Network {
    pub async fn start() -> Self {
        // As most nodes do, it forgets the state of old blocks.
        let arguments = vec!["--prune-history".to_owned(), KEPT_STATES.to_string()];
        let options = |chain_id| AnvilOptions {
            chain_id,
            mining: Mining::EveryTransaction,
            arguments: arguments.clone(),
            ..AnvilOptions::default()
        };
        let main = AnvilProcess::start(&options(31001)).await.unwrap();
        let service = AnvilProcess::start(&options(31002)).await.unwrap();
        let folder = TempDir::new().unwrap();
        let token = test_token(&main).await;
        let network = Self { folder, main, service, token, environment: Vec::new() };
        network.private("pass", "secret\n");
        for index in [DEPLOYER, ATTESTER, SUBMITTER, GOVERNOR, USER] {
            let file = network.path(&format!("key-{index}.json"));
            create_keystore(&file, &development_key(index), &Passphrase::new("secret")).unwrap();
        }
        network
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn private(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A spec of a bridge with one operator and one governor, a native pair and a token.
    pub fn spec(&self) -> String {
        let side = |name: &str, id: u64, endpoint: String| {
            let key =
                |index: usize| format!("{{ keystore = \"key-{index}.json\", passphrase_file = \"pass\" }}");
            format!(
                "[{name}]\nchain = \"{name}\"\nchain_id = {id}\nendpoint = \"{endpoint}\"\ndeployer = {}\n\
                 operators = [\"{}\"]\nthreshold = 1\ngovernors = [\"{}\"]\ngovernor_threshold = 1\n\
                 governor_keys = [{}]\n",
                key(DEPLOYER),
                development_key(ATTESTER).address(),
                development_key(GOVERNOR).address(),
                key(GOVERNOR),
            )
        };
        format!(
            "name = \"kr\"\n{}{}\
             [[pair]]\nname = \"native\"\nkind = \"native\"\nmints = \"none\"\nseed = {{ main = \"10\", service = \"10.5\" }}\n\
             [[pair]]\nname = \"KRT\"\nkind = \"erc20\"\nmints = \"service\"\nmain_token = \"{}\"\n\
             deploy = {{ name = \"Polyspan KRT\", symbol = \"pKRT\", decimals = 6 }}\n",
            side("main", 31001, self.main.http_url().to_string()),
            side("service", 31002, self.service.ws_url().to_string()),
            self.token,
        )
    }

    /// Deploys the bridge and writes the users' config.
    pub fn deploy(&self) {
        self.deploy_spec(&self.spec());
    }

    /// As [`Network::deploy`], from this spec.
    pub fn deploy_spec(&self, spec: &str) {
        fs::write(self.path("spec.toml"), spec).unwrap();
        let output = self.polyspan(&["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        fs::write(self.path("polyspan.toml"), self.config("")).unwrap();
    }

    pub fn config(&self, more: &str) -> String {
        let chain = |name: &str, id: u64, endpoint: String| {
            format!(
                "[[chain]]\nname = \"{name}\"\nchain_id = {id}\nendpoints = [\"{endpoint}\"]\nown_node = true\n\
                 finality = \"depth 0\"\npoll_interval = \"50ms\"\n"
            )
        };
        format!(
            "{}{}[[bridge]]\ndeployment = \"kr.deployment.toml\"\n[coordination]\ndirectory = \"coordination\"\n{more}",
            chain("main", 31001, self.main.http_url().to_string()),
            chain("service", 31002, self.service.ws_url().to_string()),
        )
    }

    /// The config of a relay with both roles.
    pub fn relay_config(&self, attester: usize) -> String {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let submitter = |chain: &str| {
            format!(
                "[[relay.submitter]]\nchain = \"{chain}\"\nkeystore = \"key-{SUBMITTER}.json\"\npassphrase_file = \"pass\"\n"
            )
        };
        self.config(&format!(
            "[relay]\nname = \"both-1\"\nroles = [\"main-bridge\", \"sub-bridge\"]\nlisten = \"{listen}\"\ntick = \"50ms\"\n\
             attester = {{ keystore = \"key-{attester}.json\", passphrase_file = \"pass\" }}\n{}{}",
            submitter("main"),
            submitter("service"),
        ))
    }

    /// A relay that says it is ready: what is requested from then on it signs.
    pub async fn start_relay(&self) -> RelayProcess {
        let relay = self.start_relay_with(&self.relay_config(ATTESTER));
        self.ready().await;
        relay
    }

    /// Waits until the relay says that it is ready.
    pub async fn ready(&self) {
        eventually(Duration::from_secs(60), "the relay is ready", async || {
            self.asked("/readyz").filter(|answer| answer.contains("\"ready\":true"))
        })
        .await;
    }

    /// A relay with this config, which may not be ready yet.
    pub fn start_relay_with(&self, config: &str) -> RelayProcess {
        fs::write(self.path("relay.toml"), config).unwrap();
        self.spawn_relay("relay")
    }

    /// A relay of the config with this name. It may not be ready yet.
    pub fn spawn_relay(&self, name: &str) -> RelayProcess {
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        let mut command = self.command(&["relay", "--config", &format!("{name}.toml")]);
        RelayProcess(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// What the relay answers on its address; `None` before it listens.
    pub fn asked(&self, path: &str) -> Option<String> {
        let config = fs::read_to_string(self.path("relay.toml")).unwrap();
        let listen =
            config.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap().trim_matches('"');
        let mut stream = TcpStream::connect(listen).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: relay\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Some(answer)
    }

    pub fn polyspan(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The program, expected to succeed; its standard output.
    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.polyspan(arguments);
        let log = fs::read_to_string(self.path("relay.log")).unwrap_or_default();
        assert!(output.status.success(), "{}{}\n{log}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// What the program shows while no relay has made its meeting place yet: that it could not be read is its exit code.
    #[track_caller]
    pub fn told_blind(&self, arguments: &[&str]) -> String {
        let output = self.polyspan(arguments);
        assert_eq!(output.status.code(), Some(3), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command_in(self.folder.path(), arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The program, started in a folder.
pub fn command_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polyspan"));
    command.current_dir(folder).args(arguments);
    command
}

/// Deploys a token and gives the user 1000 of it.
async fn test_token(chain: &AnvilProcess) -> Address {
    let constructor = TestToken::constructorCall { name_: "KRT".into(), symbol_: "KRT".into(), decimals_: 6 };
    let token = create(chain, &TestToken::BYTECODE, &constructor.abi_encode()).await;
    let to = development_key(USER).address();
    call(chain, token, &TestToken::mintCall { to, amount: U256::from(1_000_000_000) }).await;
    token
}

/// Deploys a contract on an unlocked account.
pub async fn create(chain: &AnvilProcess, code: &[u8], arguments: &[u8]) -> Address {
    let code = alloy::hex::encode_prefixed([code, arguments].concat());
    let from = development_key(9).address();
    let hash =
        chain.rpc("eth_sendTransaction", json!([{ "from": from, "data": code, "gas": "0x500000" }])).await;
    eventually(Duration::from_secs(20), "the contract is deployed", async || {
        let receipt: Value = chain.rpc("eth_getTransactionReceipt", json!([hash])).await;
        receipt["contractAddress"].as_str().map(|address| address.parse().unwrap())
    })
    .await
}

/// Calls a contract from an unlocked account, and waits until it is done.
pub async fn call(chain: &AnvilProcess, to: Address, call: &impl SolCall) {
    let (from, data) = (development_key(9).address(), alloy::hex::encode_prefixed(call.abi_encode()));
    let hash = chain.rpc("eth_sendTransaction", json!([{ "from": from, "to": to, "data": data }])).await;
    eventually(Duration::from_secs(20), "the call is in a block", async || {
        let receipt: Value = chain.rpc("eth_getTransactionReceipt", json!([hash])).await;
        (receipt["status"] == json!("0x1")).then_some(())
    })
    .await;
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Fails with 2 and these words on either output.
#[track_caller]
pub fn assert_bad_input(output: &Output, words: &[&str]) {
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{all}");
    for word in words {
        assert!(all.contains(word), "`{word}` in: {all}");
    }
}
