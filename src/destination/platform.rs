//! What a platform takes and needs, as data: one row of `platforms.toml` each, embedded in the binary.

use std::{collections::BTreeMap, fmt, sync::LazyLock, time::Duration};

use serde::Deserialize;

use super::{
    codecs::Codecs,
    excess::{Bitrate, Decimal},
};
use crate::rtmp::url::{Scheme, ServerUrl};

/// The bitrate of a stream where the platform names no limit, kbit/s: more than most platforms take.
const ASSUMED_KBPS: u64 = 10_000;

/// The bitrate of the sound where the platform names none, kbit/s: the most that any of them takes.
const ASSUMED_AUDIO_KBPS: u32 = 320;

/// One platform: its server's URL where it has a fixed one, and what its ingest takes.
///
/// A number that no source gives is absent, never guessed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The name in a file: `platform = "youtube"`.
    #[serde(skip)]
    pub name: String,
    /// The name as people write it.
    pub title: String,
    /// Server URLs, where they are the same for everyone.
    #[serde(default)]
    pub server: Urls,
    /// Server URLs of the second ingest that takes the same broadcast.
    #[serde(default)]
    pub backup: Urls,
    /// Where a person finds the server URL, if the platform gives a new one for each event or account.
    pub url_from: Option<String>,
    /// Where a person finds the stream key.
    pub key_from: Option<String>,
    /// Whether there is a stream key beside the URL.
    #[serde(default)]
    pub key: KeyNeed,
    /// What a key of this platform looks like: `x` is a letter or digit, `0` a digit, `*` any rest.
    /// Finds keys in the wrong place.
    pub key_form: Option<String>,
    /// Domains that belong to the platform: with them it is recognised in a `url`.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The platform refuses plain RTMP.
    #[serde(default)]
    pub rtmps_only: bool,
    /// The port of an `rtmps://` URL that names none, if not 443.
    pub rtmps_port: Option<u16>,
    /// The app of a URL that has no path.
    pub app: Option<String>,
    /// Codecs that its ingest takes.
    #[serde(deserialize_with = "codecs_from_names")]
    pub codecs: Codecs,
    /// Whether it takes more than the default track of an Enhanced RTMP multitrack publish.
    #[serde(default)]
    pub multitrack: bool,
    /// Bytes of payload in one outgoing RTMP chunk.
    #[serde(default = "default_chunk_size")]
    pub chunk_size: u32,
    /// Data messages that are let through, by name; `*` lets every one through.
    #[serde(default = "default_data_messages")]
    pub data_messages: Vec<String>,
    /// A session after a reconnect goes on with the timestamps of the one before, instead of starting at zero.
    #[serde(default)]
    pub continuous_timestamps: bool,
    /// Seconds that the broadcast is held open when the publisher is lost.
    pub hold_seconds: Option<u32>,
    /// It takes no stream without sound.
    #[serde(default)]
    pub needs_sound: bool,
    /// What the platform advises or allows; shown and warned of, never enforced.
    #[serde(default)]
    pub limits: Limits,
}

/// A server's URL for each protocol that the platform has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Urls {
    /// With TLS.
    pub rtmps: Option<String>,
    /// Without.
    pub rtmp: Option<String>,
}

impl Urls {
    /// The URL for one protocol.
    #[must_use]
    pub fn of(&self, scheme: Scheme) -> Option<&str> {
        match scheme {
            Scheme::Rtmps => self.rtmps.as_deref(),
            Scheme::Rtmp => self.rtmp.as_deref(),
        }
    }
}

/// Whether a destination has a stream key beside its URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyNeed {
    /// Nothing works without one.
    #[default]
    Needed,
    /// Some accounts have one, others have it inside the URL.
    Optional,
}

/// What a platform advises or allows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Highest video bitrate, kbit/s.
    pub video_kbps: Option<u32>,
    /// Highest audio bitrate, kbit/s.
    pub audio_kbps: Option<u32>,
    /// Most lines of the picture, measured on its shorter side.
    pub height: Option<u32>,
    /// Highest frame rate.
    pub fps: Option<u32>,
    /// Time between keyframes that it wants, seconds.
    pub keyframe_seconds: Option<f32>,
    /// Longest session, hours.
    pub session_hours: Option<u32>,
}

/// The memory that a part of a stream needs at the platform's highest bitrate, for people.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'p> {
    /// In bytes.
    pub bytes: u64,
    platform: &'p Platform,
}

impl fmt::Display for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mebibytes, tenths) = (self.bytes.div_ceil(1 << 20), self.platform.reckoned_kbps().div_ceil(100));
        write!(f, "{mebibytes} MiB of memory at {}", tenths / 10)?;
        if tenths % 10 != 0 {
            write!(f, ".{}", tenths % 10)?;
        }
        match self.platform.limits.kbps() {
            Some(_) => write!(f, " Mbit/s, the most that {} takes", self.platform.title),
            None => f.write_str(" Mbit/s, which is assumed"),
        }
    }
}

impl Limits {
    /// The highest bitrate of sound and picture together, kbit/s, where the platform names one for the picture.
    #[must_use]
    pub fn kbps(&self) -> Option<u64> {
        let video = self.video_kbps?;
        Some(u64::from(video) + u64::from(self.audio_kbps.unwrap_or(ASSUMED_AUDIO_KBPS)))
    }
}

/// In words, one beside the other: `6 Mbit/s of video, 1080 lines`; nothing where there are none.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bitrate = |kbps: u32| Bitrate(u64::from(kbps) * 1000);
        let words = [
            self.video_kbps.map(|kbps| format!("{} of video", bitrate(kbps))),
            self.audio_kbps.map(|kbps| format!("{} of audio", bitrate(kbps))),
            self.height.map(|lines| format!("{lines} lines")),
            self.fps.map(|fps| format!("{fps} frames a second")),
            self.keyframe_seconds.map(|seconds| format!("a keyframe every {} s", Decimal(seconds.into()))),
            self.session_hours.map(|hours| format!("{hours} h on air")),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Platform {
    /// What it takes of a stream, for people; `None` where nothing is known.
    #[must_use]
    pub fn takes(&self) -> Option<String> {
        let limits = self.limits.to_string();
        let sound = if self.needs_sound { "needs sound" } else { "" };
        let words: Vec<&str> = [limits.as_str(), sound].into_iter().filter(|words| !words.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether this host is in one of its own URLs, which forkcast brings.
    #[must_use]
    pub fn has_server(&self, host: &str) -> bool {
        let urls = [&self.server, &self.backup].into_iter().flat_map(|urls| [&urls.rtmps, &urls.rtmp]);
        let hosts = urls.flatten().filter_map(|url| url.parse::<ServerUrl>().ok());
        hosts.into_iter().any(|url| url.host().eq_ignore_ascii_case(host))
    }

    /// The bitrate that memory is reckoned with, kbit/s: the highest that the platform takes, else an assumed one.
    #[must_use]
    pub fn reckoned_kbps(&self) -> u64 {
        self.limits.kbps().unwrap_or(ASSUMED_KBPS)
    }

    /// What a stream at that bitrate brings in `time`, in bytes.
    #[must_use]
    pub fn stream_bytes(&self, time: Duration) -> u64 {
        // A kilobit a second is a bit a millisecond.
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(self.reckoned_kbps()) / 8
    }

    /// How long such a stream takes to bring so many bytes.
    #[must_use]
    pub fn time_of(&self, bytes: u64) -> Duration {
        Duration::from_millis(bytes.saturating_mul(8) / self.reckoned_kbps().max(1))
    }

    /// The memory for so much of such a stream.
    #[must_use]
    pub fn memory(&self, time: Duration) -> Memory<'_> {
        Memory { bytes: self.stream_bytes(time), platform: self }
    }

    /// The row of that name; `custom` is the one for a server of one's own.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "custom" => Some(Self::custom()),
            name => PLATFORMS.get(name).cloned(),
        }
    }

    /// Every name that [`Platform::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PLATFORMS.keys().map(String::as_str).chain(["custom"])
    }

    /// The row for a server of one's own, where a file has only a `url`.
    #[must_use]
    pub fn custom() -> Self {
        Self {
            name: "custom".to_owned(),
            title: "a server of your own".to_owned(),
            server: Urls::default(),
            backup: Urls::default(),
            url_from: None,
            key_from: None,
            key: KeyNeed::Optional,
            key_form: None,
            domains: Vec::new(),
            rtmps_only: false,
            rtmps_port: None,
            app: None,
            codecs: Codecs::All,
            multitrack: true,
            // A person's own server is a modern one; larger chunks mean fewer headers and fewer writes.
            chunk_size: 65_536,
            data_messages: vec!["*".to_owned()],
            continuous_timestamps: false,
            hold_seconds: None,
            needs_sound: false,
            limits: Limits::default(),
        }
    }

    /// Every platform of the table, in alphabetical order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        PLATFORMS.values()
    }

    /// The platform that a server's host belongs to.
    #[must_use]
    pub fn of_host(host: &str) -> Option<&'static Self> {
        let host = host.to_ascii_lowercase();
        let belongs = |domain: &String| {
            host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        Self::all().find(|platform| platform.domains.iter().any(belongs))
    }

    /// Whether a text has the form of this platform's stream keys.
    #[must_use]
    pub fn has_key_form(&self, text: &str) -> bool {
        let Some(form) = &self.key_form else {
            return false;
        };
        let mut rest = text.chars();
        for wanted in form.chars() {
            let fits = match (wanted, rest.next()) {
                ('*', _) => return true,
                ('x', Some(c)) => c.is_ascii_alphanumeric(),
                ('0', Some(c)) => c.is_ascii_digit(),
                (wanted, Some(c)) => wanted == c,
                (_, None) => false,
            };
            if !fits {
                return false;
            }
        }
        rest.next().is_none()
    }

    /// Whether data messages of that name are let through.
    #[must_use]
    pub fn takes_data_message(&self, name: &str) -> bool {
        self.data_messages.iter().any(|known| known == "*" || known == name)
    }
}

static PLATFORMS: LazyLock<BTreeMap<String, Platform>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the table is embedded, and a test of this file parses it")]
    let mut rows: BTreeMap<String, Platform> =
        toml::from_str(include_str!("platforms.toml")).expect("platforms.toml parses");
    for (name, row) in &mut rows {
        row.name.clone_from(name);
    }
    rows
});

/// The chunk size that OBS uses, the only one that every platform is known to take.
fn default_chunk_size() -> u32 {
    4096
}

/// Platforms need the stream's description and no other data message.
fn default_data_messages() -> Vec<String> {
    vec!["onMetaData".to_owned()]
}

fn codecs_from_names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Codecs, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let codecs: Option<Vec<_>> = names.iter().map(|name| Codecs::named(name)).collect();
    codecs.map(Codecs::Only).ok_or_else(|| serde::de::Error::custom("unknown codec"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtmp::url::ServerUrl;

    #[test]
    fn every_url_of_the_table_is_one_and_belongs_to_its_row() {
        for platform in Platform::all() {
            for urls in [&platform.server, &platform.backup] {
                for (scheme, text) in [(Scheme::Rtmps, &urls.rtmps), (Scheme::Rtmp, &urls.rtmp)] {
                    let Some(text) = text else { continue };
                    let url: ServerUrl = text.parse().unwrap();
                    assert_eq!(url.scheme(), scheme, "{text}");
                    assert!(!url.expose_app().is_empty() && !text.ends_with('/'), "{text}");
                    assert_eq!(Platform::of_host(url.host()).map(|row| &row.name), Some(&platform.name), "{text}");
                }
            }
            assert!(!platform.rtmps_only || platform.server.rtmp.is_none(), "{}", platform.name);
        }
    }

    #[test]
    fn every_row_says_where_to_find_what_it_needs() {
        for platform in Platform::all() {
            assert!(platform.key_from.is_some(), "{}", platform.name);
            assert_eq!(platform.url_from.is_none(), platform.server != Urls::default(), "{}", platform.name);
        }
    }

    #[test]
    fn platforms_take_the_plain_form_and_a_server_of_ones_own_takes_all() {
        for platform in Platform::all() {
            assert!(matches!(&platform.codecs, Codecs::Only(codecs) if codecs.len() >= 2), "{}", platform.name);
            assert_eq!((platform.chunk_size, platform.multitrack), (4096, false), "{}", platform.name);
            assert!(platform.takes_data_message("onMetaData") && !platform.takes_data_message("onTextData"));
        }
        let custom = Platform::custom();
        assert_eq!((custom.codecs.clone(), custom.chunk_size, custom.multitrack), (Codecs::All, 65_536, true));
        assert!(custom.takes_data_message("onTextData"));
    }

    #[test]
    fn the_table_has_the_platforms_that_it_should() {
        let names: Vec<_> = Platform::names().collect();
        let expected = [
            "facebook",
            "instagram",
            "kick",
            "linkedin",
            "mux",
            "restream",
            "teams",
            "tiktok",
            "trovo",
            "twitch",
            "vimeo",
            "x",
            "youtube",
            "custom",
        ];
        assert_eq!(names, expected);
        for name in names {
            assert_eq!(Platform::named(name).unwrap().name, name);
        }
        assert!(Platform::named("YouTube").is_none(), "the caller takes care of case");
    }

    #[test]
    fn memory_is_reckoned_with_the_highest_bitrate() {
        let bytes = |name: &str| Platform::named(name).unwrap().stream_bytes(Duration::from_secs(8));
        assert_eq!(bytes("twitch"), 6_320_000);
        let memory = |name: &str| Platform::named(name).unwrap().memory(Duration::from_secs(30)).to_string();
        assert_eq!(memory("twitch"), "23 MiB of memory at 6.4 Mbit/s, the most that Twitch takes");
        assert_eq!(memory("custom"), "36 MiB of memory at 10 Mbit/s, which is assumed");
        assert_eq!((bytes("kick"), bytes("custom"), bytes("tiktok")), (8_820_000, 10_000_000, 10_000_000));
    }

    #[test]
    fn what_a_platform_takes_in_words() {
        let takes = |name: &str| Platform::named(name).unwrap().takes();
        let twitch =
            "6 Mbit/s of video, 320 kbit/s of audio, 1080 lines, 60 frames a second, a keyframe every 2 s, 48 h on air";
        assert_eq!(takes("twitch").as_deref(), Some(twitch));
        let youtube = "51 Mbit/s of video, 160 kbit/s of audio, a keyframe every 2 s, needs sound";
        assert_eq!(takes("youtube").as_deref(), Some(youtube));
        assert_eq!(takes("linkedin").unwrap().split(',').next(), Some("3.5 Mbit/s of video"));
        assert_eq!((takes("vimeo"), takes("custom")), (None, None));
    }

    #[test]
    fn a_host_is_known_by_its_domain() {
        let of = |host| Platform::of_host(host).map(|platform| platform.name.as_str());
        assert_eq!(of("A.rtmps.YouTube.com"), Some("youtube"));
        assert_eq!(of("fra05.contribute.live-video.net"), Some("twitch"));
        assert_eq!(of("fa723fc1b171.global-contribute.live-video.net"), Some("kick"));
        assert_eq!(of("0a1b2c3d4e5f.global-contribute.live-video.net"), None, "an account of Amazon's own");
        assert_eq!(of("notyoutube.com"), None);
    }

    #[test]
    fn keys_are_known_by_their_form() {
        let has_form = |name: &str, key: &str| Platform::named(name).unwrap().has_key_form(key);
        assert!(has_form("youtube", "abcd-efgh-ijkl-mnop-qrst"));
        assert!(has_form("youtube", "abcd-efgh-ijkl-mnop"));
        assert!(!has_form("youtube", "abcd-efgh-ijkl"));
        assert!(has_form("twitch", "live_12345678_AbCd"));
        assert!(!has_form("twitch", "live_1080p"));
        assert!(has_form("facebook", "FB-123456-0-Ab"));
        assert!(has_form("kick", "sk_us-west-2_abc"));
        assert!(!has_form("restream", "anything"));
    }
}
