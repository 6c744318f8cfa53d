//! What two files must not have in common: a stream's key, or a server with its key.

use std::collections::HashMap;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{
    Activation, Running,
    destination::DestinationFile,
    document::Spot,
    folder::Stream,
    problem::{Place, Problem, Severity},
    server_url::{BACKUP_URL, server_of},
};
use crate::{ingest::access::PublisherKey, rtmp::secret::SecretText};

/// Finds what is there twice. What runs already goes first: the file that came later is the wrong one, whatever its name is.
pub(super) fn compare(streams: &mut [Stream], running: &Running) {
    forbid_shared_keys(streams, running);
    drop_shared_backups(streams);
    forbid_shared_targets(streams, running);
}

/// The key alone decides which stream a publisher means, and by whose name it comes in.
fn forbid_shared_keys(streams: &mut [Stream], running: &Running) {
    let mut seen: HashMap<[u8; 32], (String, Place)> = HashMap::new();
    let mut streams: Vec<_> = streams.iter_mut().collect();
    streams.sort_by_key(|stream| !running.streams.contains(&stream.name));
    for Stream { name, publisher, .. } in streams {
        let mut index = 0;
        while let Some(PublisherKey { digest, .. }) = publisher.access.keys.get(index).cloned() {
            match seen.get(&digest.bytes()) {
                None => {
                    let place = publisher.spots.get(index).map_or(Place::Settings, |spot| spot.place.clone());
                    seen.insert(digest.bytes(), (name.clone(), place));
                    index += 1;
                }
                Some((other, place)) if other == name => {
                    let message = format!("this key is there twice ({place})");
                    publisher.refuse_key(index, message, "give each name a key of its own".to_owned());
                }
                Some((other, place)) => {
                    let message = format!("this is the stream key of `{other}` too ({place})");
                    let hint = "give each stream a key of its own: the key alone says which stream a publisher means";
                    publisher.refuse_key(index, message, hint.to_owned());
                }
            }
        }
    }
}

/// A backup where another destination sends with the same key already: a failover would take the server from that one.
fn drop_shared_backups(streams: &mut [Stream]) {
    let all = streams.iter().flat_map(|stream| &stream.destinations);
    let mut targets: HashMap<[u8; 32], String> = HashMap::new();
    for destination in all {
        if let Some(target) = &destination.target {
            targets.entry(digest_of(&target.server, &target.key)).or_insert_with(|| destination.config.name.clone());
        }
    }
    for destination in streams.iter_mut().flat_map(|stream| &mut stream.destinations) {
        let DestinationFile { config, problems, backup_spot, .. } = destination;
        let Activation::On(settings) = &mut config.activation else { continue };
        let Some(server) = settings.backup.as_ref().map(|backup| server_of(&backup.url)) else { continue };
        let Some(other) = targets.get(&digest_of(&server, &settings.key)) else { continue };
        settings.backup = None;
        config.explanation.retain(|line| !matches!(line.field, "backup_after" | "failback"));
        if let Some(line) = config.explanation.iter_mut().find(|line| line.field == BACKUP_URL.name) {
            line.value = format!("off: `{other}` sends there");
        }
        // The platform's own is taken where nobody asked for it.
        if let Some(Spot { place, excerpt }) = backup_spot.take() {
            problems.push(Problem {
                severity: Severity::Warning,
                place,
                field: Some(BACKUP_URL.name.to_owned()),
                message: format!("this backup is not used: `{other}` sends there all the time, with the same key"),
                excerpt,
                hint: "take the line out; with both there is a backup already".to_owned(),
            });
        }
    }
}

/// Two sessions with one key at one server take it from each other, again and again.
fn forbid_shared_targets(streams: &mut [Stream], running: &Running) {
    let mut claims: Vec<_> = streams
        .iter_mut()
        .flat_map(|Stream { name, destinations, .. }| {
            let stream = &*name;
            destinations.iter_mut().filter_map(|destination| Claim::of(stream, destination, running))
        })
        .collect();
    claims.sort_by_key(|claim| !claim.is_running);
    let mut seen: HashMap<[u8; 32], (&str, String, Place)> = HashMap::new();
    for Claim { stream, digest, spot, destination, .. } in claims {
        let Some((other_stream, other_name, other_place)) = seen.get(&digest) else {
            seen.insert(digest, (stream, destination.config.name.clone(), spot.place));
            continue;
        };
        let is_same_stream = *other_stream == stream;
        let hint = if is_same_stream {
            "take one of the files away, or give it a key of its own".to_owned()
        } else {
            format!("whichever of `{other_stream}` and `{stream}` is live second disturbs the first")
        };
        let problem = Problem {
            severity: if is_same_stream { Severity::Mistake } else { Severity::Warning },
            place: spot.place,
            field: None,
            message: format!("`{other_name}` sends to the same server with the same key ({other_place})"),
            excerpt: spot.excerpt,
            hint,
        };
        if is_same_stream {
            destination.config.activation = Activation::Wrong { problem: problem.one_line() };
        }
        destination.problems.push(problem);
    }
}

/// Where a destination sends.
struct Claim<'s> {
    stream: &'s str,
    digest: [u8; 32],
    spot: Spot,
    /// It does so already.
    is_running: bool,
    destination: &'s mut DestinationFile,
}

impl<'s> Claim<'s> {
    fn of(stream: &'s str, destination: &'s mut DestinationFile, running: &Running) -> Option<Self> {
        let file = &destination.config.file;
        let present = running.destinations.get(file);
        let present = present.map(|settings| digest_of(&server_of(&settings.url), &settings.key));
        let (digest, spot) = match destination.target.take() {
            Some(target) => (digest_of(&target.server, &target.key), target.spot),
            // It goes on by what it was before it was wrong.
            None if matches!(destination.config.activation, Activation::Wrong { .. }) => {
                (present?, Spot { place: Place::File(file.clone()), excerpt: None })
            }
            None => return None,
        };
        Some(Self { stream, digest, spot, is_running: present == Some(digest), destination })
    }
}

/// What two destinations with one target have in common; the key cannot be read from it.
fn digest_of(server: &SecretText, key: &SecretString) -> [u8; 32] {
    let (server, key) = (server.expose_secret(), key.expose_secret());
    // The length keeps the two apart.
    let mut digest = Sha256::new_with_prefix(server.len().to_be_bytes());
    digest.update(server);
    digest.update(key);
    digest.finalize().into()
}
