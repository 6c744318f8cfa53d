//! Publishers: accepting their connections, finding out which stream a key opens, writing that stream's log.
//!
//! ```text
//!   listener --TcpStream--> (TLS) --> session --rtmp::server--> events
//!                                        |   key --auth--> Feed::publish
//!                                        \-- media --> Publish::append
//! ```

pub mod auth;
pub mod keys;
pub mod limits;
pub mod listener;
pub mod session;
