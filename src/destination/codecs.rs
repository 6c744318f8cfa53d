//! Which codecs a destination is sent, and their names in files.

use std::fmt;

use crate::media::{Codec, FourCc};

/// The codecs that a destination is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codecs {
    /// Whatever the publisher sends, known to forkcast or not.
    All,
    /// These alone.
    Only(Vec<FourCc>),
}

impl Codecs {
    /// Every codec that a file can name, in the order of the reference.
    pub const NAMES: [(&'static str, FourCc); 12] = [
        ("h264", FourCc::AVC),
        ("hevc", FourCc::HEVC),
        ("av1", FourCc::AV1),
        ("vp8", FourCc::VP8),
        ("vp9", FourCc::VP9),
        ("vvc", FourCc::VVC),
        ("aac", FourCc::AAC),
        ("mp3", FourCc::MP3),
        ("opus", FourCc::OPUS),
        ("flac", FourCc::FLAC),
        ("ac3", FourCc::AC3),
        ("eac3", FourCc::EAC3),
    ];

    /// The codec that a name in a file means, whatever its case; `H.264` and `h265`, and the
    /// encoders' names `x264` and `x265`, are understood too.
    #[must_use]
    pub fn named(name: &str) -> Option<FourCc> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let name = match plain.as_str() {
            "avc" | "x264" => "h264",
            "h265" | "x265" => "hevc",
            "h266" => "vvc",
            other => other,
        };
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, codec)| *codec)
    }

    /// Whether a destination with these codecs is sent media of that one.
    #[must_use]
    pub fn takes(&self, codec: &Codec) -> bool {
        match self {
            Self::All => true,
            // A legacy id that has no FourCC is older than every platform's list.
            Self::Only(codecs) => {
                matches!(codec, Codec::FourCc(four_cc) if codecs.contains(four_cc))
            }
        }
    }
}

impl fmt::Display for Codecs {
    /// The way a file says it: `all`, or `h264, aac`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Only(codecs) = self else {
            return f.write_str("all");
        };
        for (position, codec) in codecs.iter().enumerate() {
            let name = Self::NAMES.iter().find(|(_, known)| known == codec).map_or("?", |(name, _)| name);
            write!(f, "{}{name}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_people_write_are_understood() {
        for name in ["h264", "H.264", "AVC", "avc", "x264"] {
            assert_eq!(Codecs::named(name), Some(FourCc::AVC), "{name}");
        }
        for name in ["h.265", "x265", "HEVC"] {
            assert_eq!(Codecs::named(name), Some(FourCc::HEVC), "{name}");
        }
        assert_eq!(Codecs::named("E-AC-3"), Some(FourCc::EAC3));
        assert_eq!(Codecs::named("theora"), None);
    }

    #[test]
    fn an_old_codec_without_a_four_cc_goes_only_where_all_go() {
        let sorenson = Codec::LegacyVideo(2);
        assert!(Codecs::All.takes(&sorenson));
        assert!(!Codecs::Only(vec![FourCc::AVC]).takes(&sorenson));
        assert!(Codecs::Only(vec![FourCc::AVC]).takes(&Codec::FourCc(FourCc::AVC)));
    }

    #[test]
    fn it_prints_as_a_file_says_it() {
        assert_eq!(Codecs::All.to_string(), "all");
        assert_eq!(Codecs::Only(vec![FourCc::AVC, FourCc::AAC]).to_string(), "h264, aac");
    }
}
