//! Deploying a bridge from one file.
//!
//! ```text
//! spec (file) ─▶ survey (chains, keys; all problems together) ─▶ run (send) ─▶ verify ─▶ Deployment
//!       └────▶ progress (what was sent before) ◀──────────────────┘ steps
//! ```

pub mod configuration;
pub mod creation;
pub mod gas;
pub mod progress;
pub mod run;
pub mod seed;
pub mod spec;
mod step;
pub mod survey;
pub mod verify;
