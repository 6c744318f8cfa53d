//! What the suite searches its logs with.

use crate::secret::{Search, WORDS, forms_of};

/// The search finds what it looks for: written here by hand, and in each form for each word.
#[test]
fn the_search_finds_each_form() {
    let found =
        |secret: &str, text: &str| Search::of(&[secret]).find(&format!("a line\n{text}")).first().map(|hit| hit.1);
    // Made by other programs: `base64`, Python's `json` and `urllib`.
    for text in [
        "0YHQtdC30LDQvHp6",
        "YdGB0LXQt9Cw0Lx6eg==",
        "YWLRgdC10LfQsNC8eno=",
        "\"\\u0441\\u0435\\u0437\\u0430\\u043c\"",
        "live/%D1%81%D0%B5%D0%B7%D0%B0%D0%BC?",
        "live/%d1%81%d0%b5%d0%b7%d0%b0%d0%bc?",
        "d181d0b5d0b7d0b0d0bc",
        "D181D0B5D0B7D0B0D0BC",
        "b\"\\xd1\\x81\\xd0\\xb5\\xd0\\xb7\\xd0\\xb0\\xd0\\xbc\"",
        "\\u{441}\\u{435}\\u{437}\\u{430}\\u{43c}",
        "[209, 129, 208, 181, 208, 183, 208, 176, 208, 188]",
    ] {
        assert!(found("сезам", text).is_some(), "{text}");
        assert!(found("сезамы", text).is_none(), "{text}");
    }
    for text in
        ["0LrQu9GO0Ycvfj96eg==", "YdC60LvRjtGHL34/eno=", "YdC60LvRjtGHL34_eno=", "YWLQutC70Y7Rhy9-P3p6", "ключ%2F~%3F"]
    {
        assert!(found("ключ/~?", text).is_some(), "{text}");
    }
    assert!(found("🔑\"\\сезам", "\"\\ud83d\\udd11\\\"\\\\\\u0441\\u0435\\u0437\\u0430\\u043c\"").is_some());

    let secrets: Vec<String> = WORDS.iter().map(|word| format!("{word}-k7v9xw2m4p")).collect();
    let search = Search::of(&secrets);
    for (index, secret) in secrets.iter().enumerate() {
        for (name, form) in forms_of(secret) {
            let hits = search.find(&format!("2026-11-25 INFO left{form}right\nnothing"));
            assert!(hits.iter().any(|(found, ..)| *found == index), "{secret} {name}: {form}");
        }
    }
    assert!(search.find("2026-11-25 INFO nothing to be seen").is_empty());
}
