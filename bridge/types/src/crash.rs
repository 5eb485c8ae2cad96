//! Named points at which a relay may be killed: one before and after each step that makes a transfer durable, and each step of a
//! recovery.
//!
//! The end-to-end tests take the lists from here, start a real relay with `POLYSPAN_TEST_CRASH_AT=<name>`, and expect
//! the process to end itself with SIGKILL there; `<name>#3` is the third time that it gets there. Without that variable a point costs one atomic load.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Name of the environment variable that arms one point.
pub const CRASH_VARIABLE: &str = "POLYSPAN_TEST_CRASH_AT";

/// Name of the environment variable that makes one point panic, once, in the thread that reaches it.
pub const PANIC_VARIABLE: &str = "POLYSPAN_TEST_PANIC_AT";

macro_rules! crash_points {
    ($($(#[$list_doc:meta])* $list:ident { $($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)? })+) => {
        /// A point at which a process can be told to die.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CrashPoint {
            $($($(#[$doc])* $name,)+)+
        }

        impl CrashPoint {
            $($(#[$list_doc])* pub const $list: &'static [Self] = &[$(Self::$name,)+];)+

            /// The name used in [`CRASH_VARIABLE`].
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)+)+
                }
            }
        }
    };
}

crash_points! {
    /// Those on the way of every transfer: the end-to-end test of crashes kills a process at each.
    LIVE {
        /// Requests were read and checked; nothing is stored.
        BeforeStoringRequests = "before-storing-requests",
        /// Requests and cursor are stored; nobody was told.
        AfterStoringRequests = "after-storing-requests",
        /// The checkpoint is signed; the signature exists in memory only.
        BeforeStoringAttestation = "before-storing-attestation",
        /// The attestation is durable; not published.
        AfterStoringAttestation = "after-storing-attestation",
        /// The attestation is published; this process does not know it any more.
        AfterPublishingAttestation = "after-publishing-attestation",
        /// The transaction is signed; not in the journal.
        BeforeStoringSubmission = "before-storing-submission",
        /// The transaction is in the journal; not sent.
        AfterStoringSubmission = "after-storing-submission",
        /// The transaction is sent; its fate is unknown here.
        AfterSendingSubmission = "after-sending-submission",
        /// The receipt was read; the journal does not say so.
        BeforeStoringReceipt = "before-storing-receipt",
        /// The journal has the receipt.
        AfterStoringReceipt = "after-storing-receipt",
        /// Payments were read from the destination; not stored.
        BeforeStoringHandled = "before-storing-handled",
        /// Payments are stored with the destination's cursor.
        AfterStoringHandled = "after-storing-handled",
    }
    /// Those on the way of a relay that has lost something: the end-to-end test of crashes in a recovery kills a process at each.
    RECOVERY {
        /// It is known where a lane begins of which nothing is stored; that is not stored.
        BeforeBeginningLane = "before-beginning-lane",
        /// The lane has begun; nothing of it is read.
        AfterBeginningLane = "after-beginning-lane",
        /// The first final nonce is seen; the sign floor is not decided.
        BeforeDecidingFloor = "before-deciding-floor",
        /// The sign floor is decided; nothing is signed above it.
        AfterDecidingFloor = "after-deciding-floor",
        /// Own signatures were found elsewhere; the store does not know them.
        BeforeTakingInSigned = "before-taking-in-signed",
        /// Own signatures that were found are stored; the lock file does not count them.
        AfterTakingInSigned = "after-taking-in-signed",
        /// An operator adopts nonces; the store does not know it.
        BeforeAdopting = "before-adopting",
        /// What is adopted is stored; the operator was not told.
        AfterAdopting = "after-adopting",
        /// Missing requests were read again and fit; they are not stored.
        BeforeFillingHole = "before-filling-hole",
        /// The hole is filled; nobody was told.
        AfterFillingHole = "after-filling-hole",
        /// A step of compaction has deleted rows and moved the base; its transaction is open.
        BeforeCompacting = "before-compacting",
        /// A step of compaction is stored.
        AfterCompacting = "after-compacting",
    }
    /// Those of each transaction of a deployment: the test of deployments that are broken off kills a process at each.
    DEPLOY {
        /// A transaction is signed; the file of the deployment does not know it.
        BeforeStoringStep = "before-storing-step",
        /// The file knows the transaction; it is not sent.
        AfterStoringStep = "after-storing-step",
        /// The transaction is sent; its fate is unknown here.
        AfterSendingStep = "after-sending-step",
        /// The transaction is in a block, which the file does not say.
        AfterMiningStep = "after-mining-step",
    }
}

impl CrashPoint {
    /// Ends the process with SIGKILL if this point is armed.
    ///
    /// Panics: it is asked to by [`PANIC_VARIABLE`].
    pub fn reach(self) {
        static ARMED: OnceLock<Option<(String, u32)>> = OnceLock::new();
        static REACHED: AtomicU32 = AtomicU32::new(0);
        let armed = ARMED.get_or_init(|| std::env::var(CRASH_VARIABLE).ok().map(|text| counted(&text)));
        if let Some((name, count)) = armed
            && name == self.name()
            && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *count
        {
            kill_self();
        }
        static PANICS: OnceLock<Option<String>> = OnceLock::new();
        let panics = PANICS.get_or_init(|| std::env::var(PANIC_VARIABLE).ok());
        if panics.as_deref() == Some(self.name()) {
            panic!("a test asked for a panic at {self}");
        }
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name, and at which time that it is reached: `name#3`, else the first one.
fn counted(text: &str) -> (String, u32) {
    match text.split_once('#') {
        Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
        None => (text.to_owned(), 1),
    }
}

/// SIGKILL, so that no destructor and no signal handler runs: the same end as a power cut of this process.
fn kill_self() {
    // A signal of a process to itself is delivered before the call returns, so what follows is for its refusal only.
    if nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_err() {
        std::process::abort();
    }
}
