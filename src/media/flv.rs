//! FLV files, read and written: recordings, and the clip of the demo.
//!
//! ```text
//!   "FLV", version 1, flags (audio 4, video 1), length of this header (32 bits), 0 (32 bits)
//!   then for each tag:  type (8), size (24), timestamp (24), its upper byte (8), 0 (24), payload, 11 + size (32)
//! ```
//!
//! Source: FLV 10.1, E.2 to E.4.1.

use std::{fmt, io};

use bytes::Bytes;

use super::Kind;
use super::bytes_reader::BytesReader;

const SIGNATURE: &[u8] = b"FLV";
const VERSION: u8 = 1;
const FILE_HEADER: u8 = 9;
const TAG_HEADER: u32 = 11;
/// The length of the tag before, written after each tag and once after the file header.
const BACK_POINTER: usize = 4;
/// The size field has 24 bits.
const LARGEST_PAYLOAD: u32 = 0x00FF_FFFF;

/// One tag: a message as a file keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// Tag type 8, 9 or 18.
    pub kind: Kind,
    /// Decoding time in milliseconds.
    pub timestamp: u32,
    /// The tag's body.
    pub payload: Bytes,
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:?}, {} ms, {} bytes)", self.kind, self.timestamp, self.payload.len())
    }
}

/// Why a file cannot be read (on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not begin as an FLV file does.
    #[error("not an FLV file")]
    NotFlv,
    /// It ends in the middle of a tag that begins at this offset, as a recording does that was cut off.
    /// Every tag before it is whole.
    #[error("the FLV file ends in the middle of the tag at byte {offset}")]
    Truncated {
        /// From the beginning of the file, in bytes.
        offset: usize,
    },
    /// At this offset stands something that is no audio, video or data tag, or one that is encrypted.
    #[error("tag type {tag_type} at byte {offset} of the FLV file is not known")]
    UnknownTag {
        /// From the beginning of the file, in bytes.
        offset: usize,
        /// The byte that stands there.
        tag_type: u8,
    },
}

/// Iterates the tags of a file in memory; payloads share its memory. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Reader {
    file: Bytes,
    /// Of the next tag; past the end once there is nothing more to read.
    offset: usize,
}

impl Reader {
    /// Reads the file header.
    ///
    /// # Errors
    /// [`Error::NotFlv`] where there is none.
    pub fn new(file: impl Into<Bytes>) -> Result<Self, Error> {
        let file = file.into();
        let mut reader = BytesReader::new(&file);
        let signature = reader.take(SIGNATURE.len());
        let _version_and_flags = reader.u16();
        let header = reader.length(4);
        match (signature, header) {
            (Some(SIGNATURE), Some(header)) if header >= usize::from(FILE_HEADER) => {
                Ok(Self { offset: header.saturating_add(BACK_POINTER), file })
            }
            _ => Err(Error::NotFlv),
        }
    }

    /// The tag at the offset, at which there is at least one byte.
    fn read_tag(&self) -> Result<Tag, Error> {
        let offset = self.offset;
        let truncated = Error::Truncated { offset };
        let mut reader = BytesReader::new(self.file.get(offset..).unwrap_or_default());
        let tag_type = reader.u8().ok_or(truncated)?;
        let kind = Kind::of_tag_type(tag_type).ok_or(Error::UnknownTag { offset, tag_type })?;
        let size = reader.length(3).ok_or(truncated)?;
        let lower = reader.u24().ok_or(truncated)?;
        let upper = reader.u8().ok_or(truncated)?;
        let _stream_id = reader.u24().ok_or(truncated)?;
        let payload = reader.take(size).ok_or(truncated)?;
        let timestamp = u32::from(upper) << 24 | lower;
        Ok(Tag { kind, timestamp, payload: self.file.slice_ref(payload) })
    }
}

impl Iterator for Reader {
    type Item = Result<Tag, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.file.len() {
            return None;
        }
        let tag = self.read_tag();
        self.offset = match &tag {
            Ok(tag) => self.offset + TAG_HEADER as usize + tag.payload.len() + BACK_POINTER,
            Err(_) => usize::MAX,
        };
        Some(tag)
    }
}

/// Writes a file, tag by tag.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: io::Write> Writer<W> {
    /// Writes the file header, which says that there is audio and video: what will come is not known yet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        const AUDIO_AND_VIDEO: u8 = 4 | 1;
        out.write_all(SIGNATURE)?;
        out.write_all(&[VERSION, AUDIO_AND_VIDEO, 0, 0, 0, FILE_HEADER])?;
        out.write_all(&[0; BACK_POINTER])?;
        Ok(Self { out })
    }

    /// Writes one tag.
    ///
    /// # Errors
    /// Those of `out`; and [`io::ErrorKind::InvalidInput`] for a payload of 16 MiB or more, which a tag cannot hold.
    pub fn write(&mut self, tag: &Tag) -> io::Result<()> {
        let size = u32::try_from(tag.payload.len()).ok().filter(|&size| size <= LARGEST_PAYLOAD);
        let size =
            size.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "payload too large for an FLV tag"))?;
        let [_, s0, s1, s2] = size.to_be_bytes();
        let [upper, t0, t1, t2] = tag.timestamp.to_be_bytes();
        self.out.write_all(&[tag.kind.tag_type(), s0, s1, s2, t0, t1, t2, upper, 0, 0, 0])?;
        self.out.write_all(&tag.payload)?;
        self.out.write_all(&(size + TAG_HEADER).to_be_bytes())
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(kind: Kind, timestamp: u32, payload: &'static [u8]) -> Tag {
        Tag { kind, timestamp, payload: Bytes::from_static(payload) }
    }

    fn write(tags: &[Tag]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        tags.iter().for_each(|tag| writer.write(tag).unwrap());
        writer.into_inner()
    }

    fn read(file: &[u8]) -> Result<Vec<Tag>, Error> {
        Reader::new(file.to_vec())?.collect()
    }

    const FILE: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\
        \x08\0\0\x02\0\0\x01\0\0\0\0\xaf\x01\0\0\0\x0d\
        \x09\0\0\x01\x00\x00\x00\x01\0\0\0\x17\0\0\0\x0c\
        \x12\0\0\x00\xff\xff\xff\xfe\0\0\0\0\0\0\x0b";

    fn tags() -> Vec<Tag> {
        vec![
            tag(Kind::Audio, 1, b"\xaf\x01"),
            // the first moment that needs the upper byte, and one whose bytes all differ from zero
            tag(Kind::Video, 0x0100_0000, b"\x17"),
            tag(Kind::Data, 0xFEFF_FFFF, b""),
        ]
    }

    #[test]
    fn bytes_both_ways() {
        assert_eq!(read(FILE), Ok(tags()));
        assert_eq!(write(&tags()), FILE);
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_whole_tags_and_then_says_where() {
        for length in FILE_HEADER.into()..FILE.len() {
            let mut reader = Reader::new(&FILE[..length]).unwrap();
            let read: Vec<_> = reader.by_ref().map_while(Result::ok).collect();
            let payload_ends = [26, 42, 57];
            let whole = payload_ends.iter().filter(|&&end| end <= length).count();
            assert_eq!(read, tags()[..whole], "cut at {length}");
            assert_eq!(reader.next(), None, "nothing comes after an error");
        }
        let cut = |length: usize| Reader::new(&FILE[..length]).unwrap().last();
        assert_eq!(cut(13), None);
        assert_eq!(cut(14), Some(Err(Error::Truncated { offset: 13 })));
        assert_eq!(cut(25), Some(Err(Error::Truncated { offset: 13 })));
        // Only the back pointer is missing, or part of it.
        assert_eq!(cut(26), Some(Ok(tags()[0].clone())));
        assert_eq!(cut(29), Some(Ok(tags()[0].clone())));
    }

    #[test]
    fn payloads_share_the_memory_of_the_file() {
        let first = Reader::new(FILE).unwrap().next().unwrap().unwrap();
        assert_eq!(first.payload.as_ptr(), FILE[24..].as_ptr());
    }

    #[test]
    fn what_is_no_flv_file() {
        for file in
            [&b""[..], b"FLV", b"ftypisom\0\0\0\0\0", b"FLV\x01\x05\0\0\0\x08\0\0\0\0", b"FLW\x01\x05\0\0\0\x09"]
        {
            assert_eq!(read(file), Err(Error::NotFlv), "{}", file.escape_ascii());
        }
        let garbage = [&FILE[..13], &[0x47; 200]].concat();
        assert_eq!(read(&garbage), Err(Error::UnknownTag { offset: 13, tag_type: 0x47 }));
        let encrypted = [&FILE[..13], b"\x29\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b"].concat();
        assert_eq!(read(&encrypted), Err(Error::UnknownTag { offset: 13, tag_type: 0x29 }));
    }

    #[test]
    fn a_longer_file_header_is_passed_over() {
        let longer = [b"FLV\x01\x05\0\0\0\x0b??".as_slice(), &FILE[9..]].concat();
        assert_eq!(read(&longer), Ok(tags()));
    }

    #[test]
    fn a_payload_that_a_tag_cannot_hold_is_refused() {
        let tag = Tag { kind: Kind::Video, timestamp: 0, payload: vec![0; 1 << 24].into() };
        let error = Writer::new(io::sink()).unwrap().write(&tag).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn debug_does_not_show_the_payload() {
        assert_eq!(format!("{:?}", tag(Kind::Data, 7, b"secret")), "Tag(Data, 7 ms, 6 bytes)");
    }

    proptest! {
        #[test]
        fn any_tags_survive(
            tags in prop::collection::vec((0..3_usize, any::<u32>(), prop::collection::vec(any::<u8>(), 0..64)), 0..8)
        ) {
            let tags: Vec<Tag> = tags
                .into_iter()
                .map(|(kind, timestamp, payload)| Tag {
                    kind: [Kind::Audio, Kind::Video, Kind::Data][kind],
                    timestamp,
                    payload: payload.into(),
                })
                .collect();
            prop_assert_eq!(read(&write(&tags)), Ok(tags));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = read(&[&FILE[..13], &bytes].concat());
        }
    }
}
