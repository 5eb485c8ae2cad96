//! Three governors and somebody who sends, each with a folder of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use polyspan_chain::testing::development_key;
use polyspan_node::keys::{Passphrase, create_keystore};
use serde_json::{Value, json};

use super::network::{GOVERNOR, Network, USER, assert_bad_input, command_in, text};

/// Keys of the three governors, of whom two are needed.
pub const GOVERNORS: [usize; 3] = [GOVERNOR, 6, 7];
/// The bridge's delay: the shortest that there is. Unit: seconds.
pub const DELAY: u64 = 3_600;

/// A person with a folder of her own: a key, a passphrase, and a config that names the chains.
pub struct Person {
    pub folder: PathBuf,
}

impl Person {
    pub fn new(network: &Network, key: usize) -> Self {
        let folder = network.path(&format!("person-{key}"));
        fs::create_dir(&folder).unwrap();
        create_keystore(&folder.join("key.json"), &development_key(key), &Passphrase::new("secret")).unwrap();
        fs::write(folder.join("pass"), "secret\n").unwrap();
        fs::set_permissions(folder.join("pass"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::copy(network.path("kr.deployment.toml"), folder.join("kr.deployment.toml")).unwrap();
        fs::write(folder.join("polyspan.toml"), network.config("")).unwrap();
        Self { folder }
    }

    pub fn governance(&self, arguments: &[&str]) -> Output {
        command_in(&self.folder, &[&["governance"], arguments].concat()).output().unwrap()
    }

    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.governance(arguments);
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    #[track_caller]
    pub fn refused(&self, arguments: &[&str], words: &[&str]) {
        assert_bad_input(&self.governance(arguments), words);
    }

    /// Signs a file that lies in this person's folder.
    #[track_caller]
    pub fn sign(&self, file: &str) -> String {
        self.told(&["sign", file, "--key", "key.json", "--passphrase-file", "pass", "--yes"])
    }

    pub fn execute(&self, files: &[&str], more: &[&str]) -> Output {
        self.execution(files, more).output().unwrap()
    }

    /// The sending of a file, to be started.
    pub fn execution(&self, files: &[&str], more: &[&str]) -> Command {
        let key = ["--key", "key.json", "--passphrase-file", "pass"];
        let mut command = command_in(&self.folder, &[&["governance", "execute"], files, &key, more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Sends a file, and ends with this code and these words.
    #[track_caller]
    pub fn assert_executes(&self, files: &[&str], more: &[&str], code: i32, words: &[&str]) {
        let output = self.execute(files, more);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{all}");
        for word in words {
            assert!(all.contains(word), "`{word}` in: {all}");
        }
    }

    pub fn list(&self) -> Value {
        serde_json::from_str(&self.told(&["list", "--json"])).unwrap()
    }

    /// Hands a file over, as by mail.
    pub fn give(&self, file: &str, to: &Self, name: &str) {
        fs::copy(self.folder.join(file), to.folder.join(name)).unwrap();
    }
}

/// A bridge and its people.
pub struct Board {
    pub network: Network,
    pub governors: [Person; 3],
    /// Somebody who pays for transactions and has no vote.
    pub sender: Person,
}

impl Board {
    /// A bridge with three governors and a delay.
    pub async fn start() -> Self {
        let network = Network::start().await;
        let one = development_key(GOVERNOR).address();
        let all = GOVERNORS.map(|key| format!("\"{}\"", development_key(key).address())).join(", ");
        create_keystore(&network.path("key-6.json"), &development_key(6), &Passphrase::new("secret"))
            .unwrap();
        let key = |index: usize| format!("{{ keystore = \"key-{index}.json\", passphrase_file = \"pass\" }}");
        let keys = format!("governor_keys = [{}, {}]", key(GOVERNOR), key(6));
        let spec = network
            .spec()
            .replace(
                &format!("governors = [\"{one}\"]\ngovernor_threshold = 1"),
                &format!("governors = [{all}]\ngovernor_threshold = 2"),
            )
            .replace(&format!("governor_keys = [{}]", key(GOVERNOR)), &keys)
            .replacen("[main]", &format!("governance_delay = \"{DELAY}s\"\n[main]"), 1);
        network.deploy_spec(&spec);
        let governors = GOVERNORS.map(|key| Person::new(&network, key));
        let sender = Person::new(&network, USER);
        Self { network, governors, sender }
    }

    /// Lets the delay pass on both chains.
    pub async fn pass_delay(&self) {
        self.pass(DELAY + 1).await;
    }

    /// Lets so many seconds pass on both chains.
    pub async fn pass(&self, seconds: u64) {
        for chain in [&self.network.main, &self.network.service] {
            chain.rpc("evm_increaseTime", json!([seconds])).await;
            chain.mine(1).await;
        }
    }

    /// The first governor writes a proposal; the first two sign it, each at home; the sender gets it back.
    #[track_caller]
    pub fn voted(&self, name: &str, change: &[&str]) {
        let [first, second, _] = &self.governors;
        first.told(&[&["propose", "--out", name], change].concat());
        first.sign(name);
        first.give(name, second, name);
        second.sign(name);
        second.give(name, &self.sender, name);
    }
}
