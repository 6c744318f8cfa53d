//! Stream keys that can be recognised wherever they turn up.

use std::collections::BTreeSet;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aho_corasick::AhoCorasick;

/// A key that occurs nowhere else: not in another test, not in the program, not in a path. It has no character that a URL
/// would change.
pub(crate) fn new(purpose: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("canary-{purpose}-{:x}-{now:x}-{count:x}", process::id())
}

/// What keys can be made of. Each has something that some encoding changes.
pub(crate) const WORDS: [&str; 20] = [
    "Qx7-latin-Zk9",
    "сезам-откройся",
    "άνοιξε-σουσάμι",
    "芝麻开门吧朋友",
    "افتح-يا-سمسم",
    "🔑👩\u{200d}🚀🗝\u{fe0f}🔐",
    "e\u{301}o\u{308}-a\u{30a}n\u{303}",
    "100%25-a%2Fb%zz",
    "qu\"ote'back\\slash`",
    "Ab+/cd==/+ef",
    "ひらけゴマの鍵",
    "열려라참깨야",
    "סומסום-היפתח",
    "तिलसिमखुल",
    "เปิดงาหน่อย",
    "?sig=Ab%2Bc&exp=9",
    "~!$&()*,;:@^|",
    "ÄÖÜß-ñ-ø",
    "𝔰𝔢𝔰𝔞𝔪𝔢",
    "a\u{202e}gnirts",
];

/// Looks for secrets in every form that a program may give a text, all at once: a trace log is long.
pub(crate) struct Search {
    automaton: AhoCorasick,
    /// For each form that is looked for: which secret it is one of, and what it is.
    forms: Vec<(usize, &'static str)>,
}

impl Search {
    pub(crate) fn of<T: AsRef<str>>(secrets: &[T]) -> Self {
        let (mut texts, mut forms) = (Vec::new(), Vec::new());
        for (index, secret) in secrets.iter().enumerate() {
            for (form, text) in forms_of(secret.as_ref()) {
                texts.push(text);
                forms.push((index, form));
            }
        }
        Self { automaton: AhoCorasick::new(texts).expect("a few thousand short texts"), forms }
    }

    /// Each secret that stands in `text`, by its number, with the form and the place of its first occurrence.
    pub(crate) fn find(&self, text: &str) -> Vec<(usize, &'static str, usize)> {
        let mut seen = BTreeSet::new();
        let hits = self.automaton.find_overlapping_iter(text).map(|hit| {
            let (secret, form) = self.forms[hit.pattern().as_usize()];
            (secret, form, hit.start())
        });
        hits.filter(|(secret, ..)| seen.insert(*secret)).collect()
    }

    /// Asserts that none of the secrets stands in `text`.
    #[track_caller]
    pub(crate) fn assert_absent(&self, place: &str, text: &str) {
        let hits = self.find(text);
        let lines: Vec<String> = hits
            .iter()
            .map(|(secret, form, at)| {
                let line = text[..*at].matches('\n').count();
                let shown = text.lines().nth(line).unwrap_or_default();
                format!("secret {secret} ({form}) in line {}: {shown}", line + 1)
            })
            .collect();
        assert!(lines.is_empty(), "{place} shows what it must not:\n{}", lines.join("\n"));
    }
}

/// Asserts that none of the secrets stands in `text`.
#[track_caller]
pub(crate) fn assert_absent<T: AsRef<str>>(place: &str, text: &str, secrets: &[T]) {
    Search::of(secrets).assert_absent(place, text);
}

/// A secret as it is, and as it may stand in a URL, a header, JSON, TOML, a metric's label or the `Debug` of a program.
pub(crate) fn forms_of(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let mut forms = vec![("as it is", secret.to_owned())];
    for (name, alphabet) in [("Base64", b"+/"), ("Base64 for URLs", b"-_")] {
        forms.extend((0..3).map(|before| (name, base64(bytes, before, *alphabet))));
    }
    // What is left as it is differs: everything in a path, nothing but letters in a component of a URL, or nothing at all.
    for kept in ["-_.~!$&'()*+,;=:@/?", "-_.~", ""] {
        let is_kept = |byte: u8| (byte.is_ascii_alphanumeric() && !kept.is_empty()) || kept.as_bytes().contains(&byte);
        forms.push(("percent-encoded", each(bytes, |byte| text_or(is_kept(byte), byte, format!("%{byte:02X}")))));
        forms.push(("percent-encoded", each(bytes, |byte| text_or(is_kept(byte), byte, format!("%{byte:02x}")))));
    }
    for has_capitals in [true, false] {
        forms.push(("percent-encoded, but for letters", secret.chars().map(|c| letters(c, has_capitals)).collect()));
    }
    forms.push(("hexadecimal", each(bytes, |byte| format!("{byte:02x}"))));
    forms.push(("hexadecimal", each(bytes, |byte| format!("{byte:02X}"))));
    forms.push(("a list of bytes", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")));
    forms.push(("the `Debug` of bytes", bytes.escape_ascii().to_string()));
    forms.push(("JSON-escaped", secret.chars().map(|c| json(c, false, false)).collect()));
    forms.push(("JSON-escaped", secret.chars().map(|c| json(c, true, false)).collect()));
    forms.push(("JSON-escaped", secret.chars().map(|c| json(c, true, true)).collect()));
    let debug = format!("{secret:?}");
    forms.push(("`Debug`", debug[1..debug.len() - 1].to_owned()));
    forms.push(("escaped as by a program", secret.escape_default().to_string()));
    forms.push(("escaped as by a program", secret.escape_unicode().to_string()));
    let mut seen = BTreeSet::new();
    // What is left of two or three bytes in the middle of Base64 is found in every second word.
    forms.retain(|(_, text)| text.len() >= 6 && seen.insert(text.clone()));
    forms
}

fn each(bytes: &[u8], form: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| form(*byte)).collect()
}

fn text_or(is_kept: bool, byte: u8, encoded: String) -> String {
    if is_kept { char::from(byte).to_string() } else { encoded }
}

/// As an address bar shows it.
fn letters(c: char, has_capitals: bool) -> String {
    match c {
        c if !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~".contains(c) => c.to_string(),
        c if has_capitals => format!("%{:02X}", u32::from(c)),
        c => format!("%{:02x}", u32::from(c)),
    }
}

/// As it stands where so many bytes, 0 to 2, come before it in its group of three; without the letters at either end that depend
/// on what else is encoded.
fn base64(bytes: &[u8], before: usize, last_two: [u8; 2]) -> String {
    let mut alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    alphabet[62..].copy_from_slice(&last_two);
    let all = [&vec![0; before][..], bytes].concat();
    let bit = |index: usize| all[index / 8] >> (7 - index % 8) & 1;
    let letters = (before * 8).div_ceil(6)..all.len() * 8 / 6;
    let letter = |at: usize| (0..6).fold(0, |value, index| value << 1 | usize::from(bit(at * 6 + index)));
    letters.map(|at| char::from(alphabet[letter(at)])).collect()
}

/// As JSON, TOML and labels of metrics write a character in quotes.
fn json(c: char, is_ascii_only: bool, has_capitals: bool) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_ascii() || !is_ascii_only => c.to_string(),
        c if has_capitals => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect(),
        c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    }
}
