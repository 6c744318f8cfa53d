//! HTTP for operators and their machines: status, metrics, health.

pub mod board;
pub mod server;
pub mod status;
