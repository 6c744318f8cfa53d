//! Which file a field belongs in: what stands in the wrong one is no slip of the finger.

use super::{destination, document::Field, server, stream};

/// The kinds of files, each with what it may have and how a person knows it.
const FILES: [(&[Field], &str); 3] = [
    (destination::FIELDS, "the file of a destination, such as `youtube.toml`"),
    (stream::FIELDS, "`stream.toml`, which lies beside the destinations of its stream"),
    (server::FIELDS, "`forkcast.toml`, the file of the server"),
];

/// The files that have a field or a table of this name; none where there is no such file.
pub(super) fn homes_of(path: &str) -> Option<String> {
    let has_it = |fields: &[Field]| fields.iter().any(|field| is_named(field, path));
    let homes: Vec<_> = FILES.iter().filter(|(fields, _)| has_it(fields)).map(|(_, file)| *file).collect();
    (!homes.is_empty()).then(|| homes.join(", or in "))
}

/// Whether a field is what a path names, or stands in the table that the path names, or is a table that the path leads into.
fn is_named(field: &Field, path: &str) -> bool {
    let is_within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    field.name == path || is_within(field.name, path) || is_within(path, field.name)
}
