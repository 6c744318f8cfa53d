//! HTTP for operators and their machines: the dashboard, the control API, events, metrics, health.
//!
//! ```text
//! GET  dashboard, status ◀── Board ◀── the relay            POST ──▶ Desk ──▶ whoever runs the relay, one after the other
//! ```

pub mod answer;
pub mod api;
pub mod board;
mod connections;
pub mod dashboard;
pub mod desk;
pub mod events;
pub mod guide;
pub mod health;
pub mod host;
pub mod metrics;
mod parts;
pub mod readiness;
pub mod recent;
pub mod server;
pub mod status;
pub mod token;
