//! Tests of the chain connection: against a real anvil, against a scripted endpoint, with the real contracts.

mod anvil;
mod bridge;
mod common;
mod connections;
mod endpoints;
mod faults;
mod traces;
