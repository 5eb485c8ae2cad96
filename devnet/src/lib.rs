//! Devnet: local networks of real parts, faults, invariants and benchmarks.
//!
//! Two anvil chains, bridges deployed by the real `polyspan deploy`, relays as separate processes, each behind endpoint
//! proxies of its own. It asks no relay whether all is well: the two chains alone are the witness. It holds no logic of
//! the bridge, and nothing it starts outlives it.
//!
//! ```text
//! NetworkSpec ─▶ Network::start ─▶ chains, keys, tokens, deploy, configs ─▶ start_relays
//!                                  traffic ─▶ faults (kill, freeze, endpoint proxies, reorg) ─▶ invariants::audit
//! ```

pub mod account;
pub mod ancestor;
pub mod bench;
pub mod binaries;
pub mod bridge_view;
pub mod chain;
pub mod configs;
pub mod demo;
pub mod deploy;
pub mod endpoint_proxy;
pub mod etcd;
pub mod eventually;
pub mod holdings;
pub mod host;
pub mod hostile_etcd;
pub mod invariants;
pub mod keys;
pub mod lan;
pub mod link;
pub mod memory;
pub mod migration;
pub mod misbehave;
pub mod moves;
pub mod network;
pub mod ports;
pub mod process;
pub mod record_replies;
pub mod relay;
pub mod scenario;
pub mod scenarios;
pub mod screen;
pub mod signals;
pub mod spec;
pub mod testing;
pub mod tokens;
pub mod traffic;
pub mod up;

pub use eventually::{eventually, eventually_true};
pub use network::Network;
pub use spec::{Coordination, NetworkSpec, Topology};
