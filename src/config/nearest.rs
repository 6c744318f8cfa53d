//! The name that somebody probably meant.

/// The nearest of several names, if it is near enough to be worth asking.
pub(super) fn nearest<'n>(typed: &str, names: &[&'n str]) -> Option<&'n str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', ' '], "_");
    let typed = plain(typed);
    let distance = |name: &&str| strsim::damerau_levenshtein(&typed, &plain(name));
    let name = names.iter().min_by_key(|name| distance(name))?;
    (distance(name) <= 1 + name.len() / 4).then_some(*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_seen_and_other_words_are_not() {
        let names = ["key", "key_file", "max_lag", "max_bytes", "url"];
        for (typed, meant) in [
            ("kye", Some("key")),
            ("Key-File", Some("key_file")),
            ("maxlag", Some("max_lag")),
            ("ulr", Some("url")),
            ("stream", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &names), meant, "{typed}");
        }
    }
}
