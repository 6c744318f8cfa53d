//! The files that come with forkcast: right, off, and short.

use super::*;

const SHIPPED: [(&str, &str); 4] = [
    ("facebook", include_str!("../../../destinations/facebook.toml")),
    ("youtube", include_str!("../../../destinations/youtube.toml")),
    ("twitch", include_str!("../../../destinations/twitch.toml")),
    ("linkedin", include_str!("../../../destinations/linkedin.toml")),
];
const EXAMPLE: &str = include_str!("../../../destinations/custom.toml.example");

#[test]
fn they_are_off_until_a_key_is_put_in() {
    for (name, text) in SHIPPED {
        let config = one(text);
        assert!(off_reason(&config).contains("key yet"), "{name}");
        assert_eq!(rendered(&config), "", "{name}");
        let filled = text
            .replace("key = \"\"", "key = \"a-key-of-mine\"")
            .replace("url = \"\"", "url = \"rtmps://192.0.2.1:2935/live/hash\"");
        let config = one(&filled);
        assert_eq!(settings(&config).platform.name, name);
        assert_eq!(rendered(&config), "", "{name}");
    }
    let config = one(EXAMPLE);
    assert!(off_reason(&config).starts_with("no key yet"));
    assert_eq!(rendered(&config), "");
}

#[test]
fn they_have_at_most_eight_lines() {
    for text in SHIPPED.map(|(_, text)| text).into_iter().chain([EXAMPLE]) {
        assert!(text.lines().count() <= 8, "{text}");
    }
}
