//! Environment variables that look like settings and are none.

use std::collections::BTreeSet;

use super::{
    nearest::nearest,
    problem::{Place, Problem, Severity},
    server,
    source::Source,
    stream,
};

/// What the name of each variable of forkcast begins with.
const PREFIX: &str = "FORKCAST_";

/// Names that others give: forkcast's own tests; and what a container engine sets in every container beside one that is
/// called `forkcast`, such as `FORKCAST_SERVICE_HOST` and `FORKCAST_PORT_1935_TCP`.
const FOREIGN: [&str; 3] = ["FORKCAST_TEST_", "FORKCAST_SERVICE_", "FORKCAST_PORT"];

/// A warning for each variable `FORKCAST_…` that nothing reads. `named` are those that a `key_env` names.
pub(super) fn unread(source: &dyn Source, named: &BTreeSet<String>) -> Vec<Problem> {
    // A table is no setting that a variable could give.
    let fields = server::FIELDS.iter().filter(|field| field.inside.is_empty());
    let settings = fields.map(|field| format!("{PREFIX}{}", field.name.to_ascii_uppercase()));
    let known: Vec<_> = settings.chain([server::CONFIG_VARIABLE.to_owned(), stream::VARIABLE.to_owned()]).collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let is_read = |name: &String| {
        known.contains(&name.as_str())
            || named.contains(name)
            || FOREIGN.iter().any(|foreign| name.starts_with(foreign))
    };
    let mut names: Vec<_> = source.variables().into_iter().filter(|name| name.starts_with(PREFIX)).collect();
    names.retain(|name| !is_read(name));
    names.sort();
    names.into_iter().map(|name| unknown(name, &known)).collect()
}

fn unknown(name: String, known: &[&str]) -> Problem {
    // All begin alike: what tells them apart is the rest.
    let rest: Vec<_> = known.iter().map(|known| known.trim_start_matches(PREFIX)).collect();
    let hint = match nearest(name.trim_start_matches(PREFIX), &rest) {
        Some(meant) => format!("did you mean `{PREFIX}{meant}`?"),
        None => format!("unset it; what forkcast reads is {}", known.join(", ")),
    };
    Problem {
        severity: Severity::Warning,
        place: Place::Environment(name),
        field: None,
        message: "nothing reads this variable: no setting has its name".to_owned(),
        excerpt: None,
        hint,
    }
}
