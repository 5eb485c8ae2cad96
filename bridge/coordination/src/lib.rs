//! Who else is there, who submits on a lane, and what the others attest.
//!
//! Trusted for liveness and cost only: lost, slow, wiped or lying, a coordinator cannot make anything wrong be paid. So
//! nothing that is read here may be believed before the caller has verified it; the one signature that is verified here is that of
//! a process over its own presence. It holds no key and talks to no chain.
//!
//! ```text
//! enter: join, alone with the key?   key_view ─▶ who has the same attester key (pure) ─▶ prove_key
//! join ─▶ report, report, …          members ─▶ who is alive, and what they say of themselves
//! campaign ─▶ Leadership             election: views + own claim ─▶ lead, follow or claim (pure)
//! publish ─▶ own file or prefix      everybody's ─▶ follow ─▶ attestations, each once
//! ```
//!
//! [`EmbeddedCoordinator`] serves the relays of one host from a folder (`docs/adr/0007-embedded-coordination.md`),
//! [`EtcdCoordinator`] those of any hosts through etcd (`docs/adr/0015-etcd.md`).

mod coordinator;
mod election;
mod embedded;
mod error;
mod etcd;
mod key;
mod member;
mod metrics;
mod reading;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use coordinator::{Coordinator, Leadership};
pub use election::{Candidate, Claim, Decision, challenge, decide, leader};
pub use embedded::{EmbeddedCoordinator, EmbeddedSettings};
pub use error::CoordinationError;
pub use etcd::{EtcdCoordinator, EtcdCredentials, EtcdSettings, EtcdTls};
pub use key::{
    KeyPresence, KeyProof, KeyProver, KeyStanding, KeyView, Phase, PresenceSigner, SeenKey, SigningFailure,
    enter,
};
pub use member::{
    ChainReport, HandledBy, HoldReport, InFlightReport, LaneReport, Member, MemberId, MemberView,
    ParseMemberIdError, RecoveryReport, Report, SubmitterReport,
};
pub use reading::ReadingReport;
