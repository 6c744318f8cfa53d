//! What one destination keeps of its servers to resume TLS with them.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustls::{
    NamedGroup,
    client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue},
    pki_types::ServerName,
};

/// The primary server, the backup, and where each may have sent us.
const SERVERS: usize = 4;

/// For each of the last few servers its newest session, and no more: a destination has one connection at a time, and every ticket
/// that is kept holds a copy of the server's chain of certificates.
#[derive(Default)]
pub(super) struct Sessions {
    /// The one that was heard of last is at the end. Held for a moment, in handshakes and when a ticket comes.
    servers: Mutex<VecDeque<Server>>,
}

struct Server {
    name: ServerName<'static>,
    /// The group that it chose: the next hello has a key share of it.
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: Option<Tls13ClientSessionValue>,
}

impl Sessions {
    fn servers(&self) -> MutexGuard<'_, VecDeque<Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, name: ServerName<'static>, note: impl FnOnce(&mut Server)) {
        let mut servers = self.servers();
        let known = servers.iter().position(|server| server.name == name).and_then(|at| servers.remove(at));
        let mut server = known.unwrap_or(Server { name, group: None, tls12: None, tls13: None });
        note(&mut server);
        servers.push_back(server);
        if servers.len() > SERVERS {
            servers.pop_front();
        }
    }

    fn known<T>(&self, name: &ServerName<'_>, look: impl FnOnce(&mut Server) -> Option<T>) -> Option<T> {
        self.servers().iter_mut().find(|server| server.name == *name).and_then(look)
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.note(name, |server| server.group = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.known(name, |server| server.group)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.note(name, |server| server.tls12 = Some(session));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.known(name, |server| server.tls12.clone())
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.known(name, |server| server.tls12.take());
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.note(name, |server| server.tls13 = Some(ticket));
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.known(name, |server| server.tls13.take())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> ServerName<'static> {
        ServerName::try_from(format!("server-{number}.example")).unwrap()
    }

    #[test]
    fn the_last_few_servers_are_known() {
        let sessions = Sessions::default();
        for number in 0..SERVERS {
            sessions.set_kx_hint(name(number), NamedGroup::X25519);
        }
        // The first one is heard of again: it is the second that goes.
        sessions.set_kx_hint(name(0), NamedGroup::secp256r1);
        sessions.set_kx_hint(name(SERVERS), NamedGroup::X25519);
        assert_eq!(sessions.kx_hint(&name(0)), Some(NamedGroup::secp256r1));
        assert_eq!(sessions.kx_hint(&name(1)), None);
        assert_eq!(sessions.kx_hint(&name(SERVERS)), Some(NamedGroup::X25519));
        assert_eq!(sessions.servers().len(), SERVERS);
    }
}
