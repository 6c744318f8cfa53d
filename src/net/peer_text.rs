//! Text that a peer chose, made fit for a log line and a terminal, and free of our own secrets.

use super::limits;

/// `text` on one line without control characters (so that nobody can forge a log line or steer a terminal), with runs of
/// white space as one blank, cut at [`limits::PEER_TEXT`] characters.
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for word in text.split(|character: char| character.is_whitespace() || is_invisible(character)) {
        if word.is_empty() {
            continue;
        }
        if length > 0 {
            shown.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length >= limits::PEER_TEXT {
                shown.push('…');
                return shown;
            }
            // Messages put names in backticks; one from the peer would end them early.
            shown.push(if character == '`' { '\'' } else { character });
            length += 1;
        }
    }
    shown
}

/// [`printable`], with every one of `secrets` in it masked: servers like to quote the key that they refuse, as it is, with its percent
/// signs resolved, or escaped. So is every word that looks like a token, since a server may quote a secret in an encoding of its own.
pub fn masked(text: &str, secrets: &[&str]) -> String {
    let text = secrets.iter().fold(text.to_owned(), |text, secret| {
        let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
        let (quoted, escaped) = (format!("{secret:?}"), secret.escape_default().to_string());
        let forms: [&str; 4] = [secret, decoded.as_ref(), quoted.trim_matches('"'), escaped.as_str()];
        forms.into_iter().fold(text, |text, form| mask(&text, form))
    });
    let mut shown = String::new();
    for word in text.split_inclusive(|character: char| !is_token_character(character)) {
        let token = word.trim_end_matches(|character: char| !is_token_character(character));
        if looks_like_token(token) {
            shown.push_str(MASK);
            shown.push_str(word.get(token.len()..).unwrap_or_default());
        } else {
            shown.push_str(word);
        }
    }
    printable(&shown)
}

const MASK: &str = "…";

/// Shorter secrets are masked only where they are words of their own: others have them in them.
const SECRET_IN_A_WORD: usize = 6;

/// Every `secret` in `text` masked, in any case of its ASCII letters; a short one only where it is a word of its own.
fn mask(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    // ASCII case does not change lengths, so offsets in the one are offsets in the other.
    let lower = text.to_ascii_lowercase();
    let mut shown = String::new();
    let mut done = 0;
    for (at, found) in lower.match_indices(&secret.to_ascii_lowercase()) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + found.len()..).unwrap_or_default());
        let is_inside_a_word = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        if secret.len() < SECRET_IN_A_WORD && is_inside_a_word {
            continue;
        }
        shown.push_str(text.get(done..at).unwrap_or_default());
        shown.push_str(MASK);
        done = at + found.len();
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    shown
}

/// Of Base64, of percent-encoding, and of the escapes of JSON and of programs: `\u0441`, `\u{441}`, `\xd1`.
fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '+' | '/' | '=' | '%' | '\\' | '{' | '}')
}

/// Long, and with a digit in it; or longer, with capitals among small letters, since Base64 need not have a digit. The words of
/// codes are shorter.
fn looks_like_token(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    (word.len() >= 16 && has(u8::is_ascii_digit)) || (word.len() >= 24 && is_mixed)
}

/// Control characters, and the format characters that reorder or hide what follows (bidirectional marks, zero width).
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_tricks() {
        for (text, shown) in [
            ("", ""),
            ("Already publishing", "Already publishing"),
            ("  two\r\nlines\t\tand more ", "two lines and more"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("a`b", "a'b"),
            ("left\u{202E}right", "left right"),
            ("Zürich 東京", "Zürich 東京"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let shown = printable(&"ü".repeat(10_000));
        assert_eq!(shown.chars().count(), limits::PEER_TEXT + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn secrets_are_masked() {
        for (text, secret, shown) in [
            ("bad key abcd-efgh-ijkl", "abcd-efgh-ijkl", "bad key …"),
            ("bad key ABCD-EFGH-IJKL!", "abcd-efgh-ijkl", "bad key …!"),
            ("stream 'show?token=hunter22' in use", "show?token=hunter22", "stream '…' in use"),
            ("key pass is wrong, passive too", "pass", "key … is wrong, passive too"),
            ("ключ сезам-откройся не годится", "сезам-откройся", "ключ … не годится"),
            ("decoded: a b/c", "a b/c", "decoded: …"),
            ("stream is live already", "", "stream is live already"),
            ("quoted c2VjcmV0LXN0cmVhbS1rZXk5 here", "other", "quoted … here"),
            ("quoted \\u0441\\u0435\\u0437\\u0430\\u043c here", "сезам", "quoted … here"),
            ("quoted \\u{441}\\u{435}\\u{437}\\u{430}", "сезам", "quoted …"),
            ("quoted %D1%81%D0%B5%D0%B7%D0%B0%D0%BC", "сезам", "quoted …"),
            ("quoted QWxhZGRpbkpvcGVuU2VzYW1l", "other", "quoted …"),
            ("quoted 61626364656667686162", "other", "quoted …"),
            ("quoted a\\\"b\\\\c", "a\"b\\c", "quoted …"),
            ("no stream a/b c", "a%2Fb%20c", "no stream …"),
            ("{\"code\":403,\"reason\":\"no\"}", "", "{\"code\":403,\"reason\":\"no\"}"),
            ("code=403 need auth; authmod=adobe", "", "code=403 need auth; authmod=adobe"),
            ("NetConnection.Connect.Rejected", "", "NetConnection.Connect.Rejected"),
        ] {
            assert_eq!(masked(text, &[secret]), shown, "{text:?} {secret:?}");
        }
    }
}
