//! What a Polyspan process shows of itself: logs, health, metrics.
//!
//! It never decides anything, never reads a chain or a store, and serves nothing secret: whoever can reach the address
//! sees counters and reasons, and can change nothing.
//!
//! ```text
//! task ── HealthPart ──▶ Health ──▶ /livez /readyz
//! task ── prometheus ──▶ Registry ─▶ /metrics          (Server, GET only)
//! task ── tracing ─────▶ logs ────▶ standard error
//! ```

mod build_info;
mod error;
mod health;
pub mod logs;
mod server;

pub use build_info::{BuildInfo, build_info};
pub use error::{LogError, ServeError};
pub use health::{Health, HealthPart, HealthReport, Reason};
pub use logs::{LogFormat, ParseLogFormatError};
pub use server::{Asked, Connections, Server};
