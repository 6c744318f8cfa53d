//! How much of the log is written, as `RUST_LOG` says it. Pure: what stands in the variable is an argument.

use std::{ffi::OsStr, str::FromStr as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Where nothing else is asked for.
const DEFAULT: &str = "info";

/// How the names of the parts of this program begin.
const NAME: &str = env!("CARGO_PKG_NAME");

/// What is written by this variable; and why that is not what stands there, where it is not.
pub(super) fn filter(variable: Option<&OsStr>) -> (EnvFilter, Option<String>) {
    match variable.map(checked) {
        // A compose file passes an unset variable on as an empty one.
        None | Some(Ok(None)) => (EnvFilter::new(DEFAULT), None),
        Some(Ok(Some(filter))) => (filter, None),
        Some(Err(complaint)) => (EnvFilter::new(DEFAULT), Some(complaint)),
    }
}

fn checked(variable: &OsStr) -> Result<Option<EnvFilter>, String> {
    let text = variable.to_str().ok_or("is not UTF-8 text")?;
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    // A word by itself that is no level is taken for a part of the program, and silences all others: errors too.
    let is_part = |word: &str| word == NAME || word.starts_with(&format!("{NAME}::")) || word.contains(['=', '[']);
    if !parts.iter().any(|part| LevelFilter::from_str(part).is_ok())
        && let Some(word) = parts.iter().find(|part| !is_part(part))
    {
        return Err(format!("says `{word}`, which is no level"));
    }
    let filter = EnvFilter::builder().parse(parts.join(","));
    filter.map(Some).map_err(|error| format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_written_and_what_is_mistyped_is_told() {
        let says = |text: &str| {
            let (filter, complaint) = filter(Some(OsStr::new(text)));
            (filter.to_string(), complaint)
        };
        for (text, filter) in [
            ("", "info"),
            (" ", "info"),
            ("INFO ", "info"),
            (" warn\n", "warn"),
            ("off", "off"),
            ("4", "debug"),
            ("forkcast", "forkcast=trace"),
            ("forkcast::destination=debug", "forkcast::destination=debug"),
            ("info, forkcast::net=debug", "forkcast::net=debug,info"),
            ("debug,rustls", "rustls=trace,debug"),
        ] {
            assert_eq!(says(text), (filter.to_owned(), None), "{text:?}");
        }
        for (text, complaint) in [
            ("deubg", "says `deubg`, which is no level"),
            ("warning", "says `warning`, which is no level"),
            ("rustls=debug,inof", "says `inof`, which is no level"),
            ("forkcastle", "says `forkcastle`, which is no level"),
            ("forkcast=deubg", "cannot be read: "),
        ] {
            let (filter, said) = says(text);
            assert_eq!(filter, "info", "{text}");
            assert!(said.as_ref().is_some_and(|said| said.starts_with(complaint)), "{text}: {said:?}");
        }
        assert_eq!(filter(None).0.to_string(), "info");
    }
}
