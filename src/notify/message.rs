//! What is posted, and how it is signed.
//!
//! ```text
//! POST url
//! Content-Type: application/json
//! Forkcast-Timestamp: 1796151600
//! Forkcast-Signature: sha256=…        HMAC-SHA256 of "TIMESTAMP.BODY" with the endpoint's secret, in hexadecimal digits
//!
//! {"id":…,"time":"…","severity":"error","kind":"destination_failed","stream":"live","destination":"youtube",
//!  "message":"…","hint":"…","folded":0,"others":[],"text":"…","content":"…","allowed_mentions":{"parse":[]}}
//! ```

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::Sha256;

use super::{
    fold::Post,
    limits::{NAMED, TEXT},
};
use crate::{
    moment,
    observe::{Kind, Record, Severity, event::full_name},
};

/// The header that says when the post was signed, in seconds since 1970.
pub const TIMESTAMP: &str = "Forkcast-Timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "Forkcast-Signature";

#[derive(Serialize)]
struct Body<'p> {
    #[serde(flatten)]
    record: &'p Record,
    folded: u64,
    others: Vec<Other<'p>>,
    /// What Slack, Mattermost and Rocket.Chat show.
    text: &'p str,
    /// What Discord shows.
    content: &'p str,
    /// Discord is to call nobody, whatever a server's words are.
    allowed_mentions: Mentions,
}

/// The last word about something else.
#[derive(Serialize)]
struct Other<'p> {
    kind: Kind,
    stream: Option<&'p str>,
    destination: Option<&'p str>,
}

#[derive(Serialize)]
struct Mentions {
    parse: [&'static str; 0],
}

/// The body of a post.
///
/// # Errors
/// Those of serialisation, of which there are none for what a record holds.
pub fn body(post: &Post) -> Result<Vec<u8>, serde_json::Error> {
    let (text, allowed_mentions) = (text(post), Mentions { parse: [] });
    let Post { record, folded, others } = post;
    let others = others.iter().take(NAMED).map(|other| Other {
        kind: other.kind,
        stream: other.stream.as_deref(),
        destination: other.destination.as_deref(),
    });
    let others = others.collect();
    serde_json::to_vec(&Body { record, folded: *folded, others, text: &text, content: &text, allowed_mentions })
}

/// The same for people, on two or three lines.
fn text(post: &Post) -> String {
    let Post { record, folded, others } = post;
    let mut text = format!("{}: {}", record.severity.name(), record.message);
    if let Some(hint) = &record.hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    let more = match folded {
        0 => return without_commands(&text),
        1 => "one more event".to_owned(),
        more => format!("{more} more events"),
    };
    if others.is_empty() {
        text.push_str(&format!("\n(and {more} within a minute)"));
    } else {
        // A little for what stands around the names, and for invisible spaces.
        let room = TEXT.saturating_sub(text.chars().count() + 100);
        text.push_str(&format!("\n(and {more}: {})", names(others, room)));
    }
    without_commands(&text)
}

/// What has become of whom, in at most so many characters, and how many have no room.
fn names(others: &[Arc<Record>], room: usize) -> String {
    // What is bad first.
    let mut of_kinds: BTreeMap<(Reverse<Severity>, Kind), Vec<&Record>> = BTreeMap::new();
    for other in others {
        of_kinds.entry((Reverse(other.severity), other.kind)).or_default().push(other);
    }
    let (mut text, mut left, mut left_out) = (String::new(), room, 0);
    for ((_, kind), records) in of_kinds {
        let mut before = format!("{}{}: ", if text.is_empty() { "" } else { "; " }, kind.name().replace('_', " "));
        for record in records {
            let word = format!("{before}`{}`", whose(record));
            match left.checked_sub(word.chars().count()) {
                Some(rest) => {
                    left = rest;
                    text.push_str(&word);
                    ", ".clone_into(&mut before);
                }
                None => left_out += 1,
            }
        }
    }
    if left_out > 0 { format!("{text} and {left_out} more") } else { text }
}

/// Whom it is about.
fn whose(record: &Record) -> String {
    match (&record.stream, &record.destination) {
        (Some(stream), Some(destination)) => full_name(stream, destination),
        (Some(stream), None) => stream.clone(),
        (None, _) => "forkcast".to_owned(),
    }
}

/// Servers choose some of the words. An invisible space keeps a chat from calling everybody (`@everyone`, `<!channel>`) or making
/// a link of them.
fn without_commands(text: &str) -> String {
    let guarded =
        text.chars().flat_map(|character| [Some(character), matches!(character, '@' | '<').then_some('\u{200b}')]);
    guarded.flatten().take(TEXT).collect()
}

/// The two headers of a body that is posted now.
#[must_use]
pub fn signature(secret: &SecretString, body: &[u8], now: SystemTime) -> (String, String) {
    let timestamp = moment::unix_seconds(now).to_string();
    let mut mac = keyed(secret);
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    (timestamp, format!("sha256={digits}"))
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("any length will do")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::{History, history::Bounds, record::Statement};

    fn post(message: &str, folded: u64) -> Post {
        let history = Arc::new(History::new(7, Bounds { records: 9, bytes: 1 << 20, crowd: 9 }));
        let statement = Statement::new(Kind::DestinationFailed, message.to_owned()).of("live", "youtube");
        history.note(statement.hint("do this"), SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_151_600_250));
        Post { record: history.from_beginning().read(1).records[0].clone(), folded, others: Vec::new() }
    }

    #[test]
    fn the_body_is_the_record_and_a_text_for_chats() {
        let body = body(&post("it failed", 2)).unwrap();
        let text = "error: it failed\\nhint: do this\\n(and 2 more events within a minute)";
        let expected = format!(
            "{{\"id\":7,\"time\":\"2026-12-01T19:00:00.250Z\",\"severity\":\"error\",\"kind\":\"destination_failed\",\
             \"stream\":\"live\",\"destination\":\"youtube\",\"message\":\"it failed\",\"hint\":\"do this\",\"folded\":2,\
             \"others\":[],\"text\":\"{text}\",\"content\":\"{text}\",\"allowed_mentions\":{{\"parse\":[]}}}}"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    /// A post that tells of others, too: so many that failed, and one that is back.
    fn gathered(count: usize) -> Post {
        let history = Arc::new(History::new(7, Bounds { records: count + 1, bytes: 1 << 24, crowd: 9 }));
        let note = |kind, destination: &str| {
            history.note(Statement::new(kind, kind.to_string()).of("live", destination), SystemTime::UNIX_EPOCH);
        };
        (0..count).for_each(|number| note(Kind::DestinationFailed, &format!("d{number}")));
        note(Kind::DestinationRecovered, "back");
        let others = history.from_beginning().read(usize::MAX).records;
        Post { folded: others.len() as u64, others, ..post("it failed", 0) }
    }

    #[test]
    fn whoever_is_told_by_the_same_post_is_named_for_people_and_for_machines() {
        let post = gathered(3);
        let names = "(and 4 more events: destination failed: `d0`, `d1`, `d2`; destination recovered: `back`)";
        assert_eq!(text(&post), format!("error: it failed\nhint: do this\n{names}"));
        let body: serde_json::Value = serde_json::from_slice(&body(&post).unwrap()).unwrap();
        let other = serde_json::json!({ "kind": "destination_recovered", "stream": "live", "destination": "back" });
        assert_eq!((&body["others"][3], body["others"].as_array().unwrap().len()), (&other, 4));
    }

    #[test]
    fn names_are_bounded_and_the_rest_is_counted() {
        let post = gathered(5_000);
        let text = text(&post);
        assert!(text.chars().count() <= TEXT && text.contains("`d0`, `d1`, "), "{text}");
        let (named, left_out) = (text.matches("`d").count(), text.rsplit(" and ").next().unwrap());
        assert!(named > 100, "{named}");
        assert_eq!(left_out, format!("{} more)", 5_001 - named));
        let body: serde_json::Value = serde_json::from_slice(&body(&post).unwrap()).unwrap();
        assert_eq!((body["others"].as_array().unwrap().len(), &body["folded"]), (NAMED, &5_001.into()));
    }

    #[test]
    fn words_of_a_server_call_nobody_and_are_not_without_end() {
        let text = text(&post("refused: @everyone <!channel> <https://a.example|b>", 0));
        for command in ["@everyone", "<!", "<https"] {
            assert!(!text.contains(command), "{text}");
        }
        assert!(text.contains("everyone"));
        for endless in ["long ", "@"] {
            assert!(super::text(&post(&endless.repeat(3000), 0)).chars().count() <= 2000);
        }
    }

    /// The figures are OpenSSL's: `printf '1796151600.{"a":1}' | openssl dgst -sha256 -hmac secret-of-the-endpoint`.
    #[test]
    fn the_signature_is_that_of_another_program() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_151_600);
        let (timestamp, signature) = signature(&"secret-of-the-endpoint".into(), b"{\"a\":1}", now);
        assert_eq!(timestamp, "1796151600");
        assert_eq!(signature, "sha256=eca5effede462a027e34ef55c0dc0e3b6c289bcfb5e98d0908eb47050074128e");
    }
}
