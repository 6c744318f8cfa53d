//! Names of codecs: FourCC as Enhanced RTMP writes them, and FLV's own numbers of four bits.

use std::fmt;

/// A codec's four-character code, as a big-endian number. Open: an unknown code is kept and forwarded.
///
/// Source: Enhanced RTMP v2, "Defining Additional Video Codecs" and "… Audio Codecs".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourCc(pub u32);

impl FourCc {
    /// `avc1`, H.264.
    pub const AVC: Self = Self::of(*b"avc1");
    /// `hvc1`, H.265.
    pub const HEVC: Self = Self::of(*b"hvc1");
    /// `vvc1`, H.266.
    pub const VVC: Self = Self::of(*b"vvc1");
    /// `av01`.
    pub const AV1: Self = Self::of(*b"av01");
    /// `vp08`.
    pub const VP8: Self = Self::of(*b"vp08");
    /// `vp09`.
    pub const VP9: Self = Self::of(*b"vp09");
    /// `mp4a`.
    pub const AAC: Self = Self::of(*b"mp4a");
    /// `.mp3`.
    pub const MP3: Self = Self::of(*b".mp3");
    /// `Opus`.
    pub const OPUS: Self = Self::of(*b"Opus");
    /// `fLaC`.
    pub const FLAC: Self = Self::of(*b"fLaC");
    /// `ac-3`.
    pub const AC3: Self = Self::of(*b"ac-3");
    /// `ec-3`.
    pub const EAC3: Self = Self::of(*b"ec-3");

    /// The code of these four bytes, in the order in which they are read.
    pub const fn of(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// The four bytes, in the order in which they are written.
    pub const fn bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// The four characters, with what is not printable escaped: they come from a peer.
impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes().escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// A codec, whichever way the message named it: a legacy number that has a FourCC becomes that FourCC,
/// so that one codec compares equal in both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// A codec with a FourCC.
    FourCc(FourCc),
    /// FLV video codec id without a FourCC, 0 to 15 (FLV 10.1, E.4.3.1).
    LegacyVideo(u8),
    /// FLV sound format without a FourCC, 0 to 15 (FLV 10.1, E.4.2.1).
    LegacyAudio(u8),
}

impl Codec {
    /// The codec of an FLV video codec id.
    ///
    /// 12 and 13 are in no specification, but cameras and servers agree on them. They do not agree on 14 and 15
    /// (VP8 and VP9, or AVS3 and H.266), which stay numbers.
    pub fn legacy_video(id: u8) -> Self {
        match id {
            7 => Self::FourCc(FourCc::AVC),
            12 => Self::FourCc(FourCc::HEVC),
            13 => Self::FourCc(FourCc::AV1),
            _ => Self::LegacyVideo(id),
        }
    }

    /// The codec of an FLV sound format. 14 is MP3 at 8 kHz; 13, Opus, is in no specification but in use.
    pub fn legacy_audio(id: u8) -> Self {
        match id {
            2 | 14 => Self::FourCc(FourCc::MP3),
            10 => Self::FourCc(FourCc::AAC),
            13 => Self::FourCc(FourCc::OPUS),
            _ => Self::LegacyAudio(id),
        }
    }

    /// Whether a decoder can do nothing before it has the codec's sequence header.
    ///
    /// Not so where every frame (MP3, AC-3, E-AC-3) or every keyframe (VP8, VP9, the old FLV codecs) describes
    /// itself, nor for Opus, whose header may be empty and is optional. Such a header, where one is sent, is
    /// announced to destinations all the same.
    pub fn needs_sequence_header(self) -> bool {
        matches!(
            self,
            Self::FourCc(FourCc::AVC | FourCc::HEVC | FourCc::VVC | FourCc::AV1 | FourCc::AAC | FourCc::FLAC)
        )
    }
}

impl From<FourCc> for Codec {
    fn from(four_cc: FourCc) -> Self {
        Self::FourCc(four_cc)
    }
}

/// The name that people use: `H.264`, `AAC`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::FourCc(FourCc::AVC) => "H.264",
            Self::FourCc(FourCc::HEVC) => "HEVC",
            Self::FourCc(FourCc::VVC) => "VVC",
            Self::FourCc(FourCc::AV1) => "AV1",
            Self::FourCc(FourCc::VP8) => "VP8",
            Self::FourCc(FourCc::VP9) => "VP9",
            Self::FourCc(FourCc::AAC) => "AAC",
            Self::FourCc(FourCc::MP3) => "MP3",
            Self::FourCc(FourCc::OPUS) => "Opus",
            Self::FourCc(FourCc::FLAC) => "FLAC",
            Self::FourCc(FourCc::AC3) => "AC-3",
            Self::FourCc(FourCc::EAC3) => "E-AC-3",
            Self::FourCc(unknown) => return write!(f, "codec `{unknown}`"),
            Self::LegacyVideo(2) => "Sorenson H.263",
            Self::LegacyVideo(3) => "Screen Video",
            Self::LegacyVideo(4) => "VP6",
            Self::LegacyVideo(5) => "VP6 with alpha",
            Self::LegacyVideo(6) => "Screen Video 2",
            Self::LegacyVideo(id) => return write!(f, "FLV video codec {id}"),
            Self::LegacyAudio(0 | 3) => "PCM",
            Self::LegacyAudio(1) => "ADPCM",
            Self::LegacyAudio(4..=6) => "Nellymoser",
            Self::LegacyAudio(7) => "G.711 A-law",
            Self::LegacyAudio(8) => "G.711 mu-law",
            Self::LegacyAudio(11) => "Speex",
            Self::LegacyAudio(id) => return write!(f, "FLV sound format {id}"),
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_four_bytes() {
        // The numbers that onMetaData carries for these codecs.
        assert_eq!(FourCc::AV1, FourCc(1_635_135_537));
        assert_eq!(FourCc::HEVC, FourCc(1_752_589_105));
        assert_eq!(FourCc::OPUS, FourCc(1_332_770_163));
        assert_eq!(FourCc::MP3.bytes(), *b".mp3");
    }

    #[test]
    fn a_codec_is_the_same_in_both_forms() {
        assert_eq!(Codec::legacy_video(7), FourCc::AVC.into());
        assert_eq!(Codec::legacy_audio(10), FourCc::AAC.into());
        assert_eq!(Codec::legacy_audio(14), Codec::legacy_audio(2));
        assert_eq!(Codec::legacy_video(14), Codec::LegacyVideo(14));
    }

    #[test]
    fn names_are_printable() {
        assert_eq!(Codec::FourCc(FourCc::AVC).to_string(), "H.264");
        assert_eq!(Codec::FourCc(FourCc::of(*b"avs3")).to_string(), "codec `avs3`");
        assert_eq!(Codec::FourCc(FourCc::of(*b"\x1b[0m")).to_string(), "codec `\\x1b[0m`");
        assert_eq!(Codec::LegacyVideo(9).to_string(), "FLV video codec 9");
    }
}
