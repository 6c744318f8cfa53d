//! Publishers: accepting their connections, finding out which stream a key opens, writing that stream's log.
//!
//! ```text
//!   listener --TcpStream--> (TLS) --> session --rtmp::server--> events
//!                                        |   key --auth--> Feed::publish
//!                                        \-- media --> Publish::append
//! ```

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
