//! One file per command.

pub mod attest;
pub mod claim;
pub mod config;
pub mod decide;
pub mod deploy;
pub mod doctor;
pub mod explain;
pub mod governance;
pub mod holds;
pub mod keys;
pub mod lane;
pub mod pause;
pub mod print;
pub mod recovery;
pub mod relay;
pub mod releases;
pub mod status;
pub mod store;
pub mod transfer;
pub mod transfers;
pub mod verify;
