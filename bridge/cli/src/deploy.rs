//! Deploying a bridge from one file.
//!
//! ```text
//! spec (file) ─▶ survey (chains, keys; all problems together) ─▶ run (send) ─▶ verify ─▶ Deployment
//! ```

pub mod configuration;
pub mod creation;
pub mod gas;
pub mod run;
pub mod seed;
pub mod spec;
pub mod survey;
pub mod verify;
