//! Publishers: accepting their connections, finding out which stream a key opens, writing that stream's log.
//!
//! ```text
//!   listener --TcpStream--> door (TLS) --> session --rtmp::server--> events
//!                           of too many       |   key --auth--> Feed::publish
//!                           the oldest goes   \-- media --> Publish::append
//! ```
//!
//! Reading order: [`limits`], [`listener`], [`door`], [`session`]; then who may publish: [`access`] and [`signed`] (pure), [`auth`],
//! [`attempts`], [`webhook`], [`answers`]; [`loops`], [`address`], and [`keys`], which makes a key where nobody gave one.

pub mod access;
pub mod address;
pub mod answers;
pub mod attempts;
pub mod auth;
pub mod door;
pub mod keys;
pub mod limits;
pub mod listener;
pub mod loops;
pub mod session;
pub mod signed;
pub mod webhook;
