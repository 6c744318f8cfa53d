//! HTTP for operators and their machines: the dashboard, status, metrics, health.

pub mod board;
pub mod dashboard;
pub mod guide;
pub mod host;
pub mod server;
pub mod status;
