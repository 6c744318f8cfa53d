//! What `onMetaData` says of picture and sound.
//!
//! A string, the name, then an object of properties: `length (16 bits), name, marker (8 bits), value`. AMF0 Specification,
//! sections 2.2 to 2.15.

use super::{Origin, Size, SoundFormat};
use crate::media::{bytes_reader::BytesReader, limits, metadata};

/// The largest side of a picture and the highest rate that are believed.
const LARGEST_SIDE: u32 = 1 << 16;
const HIGHEST_RATE: u32 = 1 << 20;

pub(super) fn size(payload: &[u8]) -> Option<Size> {
    let side = |name| whole(number(payload, name)?, LARGEST_SIDE);
    Some(Size { width: side("width")?, height: side("height")?, origin: Origin::Metadata })
}

pub(super) fn sound(payload: &[u8]) -> SoundFormat {
    let sample_rate = number(payload, "audiosamplerate").and_then(|rate| whole(rate, HIGHEST_RATE));
    let channels = number(payload, "audiochannels").and_then(|channels| whole(channels, u8::MAX.into()));
    // A `stereo` that is false may mean six channels as well as one.
    let is_stereo = || number(payload, "stereo").filter(|stereo| *stereo > 0.0).map(|_| 2);
    let channels = channels.and_then(|channels| u8::try_from(channels).ok()).or_else(is_stereo);
    let origin = sample_rate.map(drop).or(channels.map(drop)).map(|()| Origin::Metadata);
    SoundFormat { sample_rate, channels, profile: None, origin }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and `largest`")]
fn whole(number: f64, largest: u32) -> Option<u32> {
    (number >= 1.0 && number <= f64::from(largest)).then_some(number.round() as u32)
}

/// The number, or the truth as 0 or 1, that goes by `name`.
fn number(payload: &[u8], name: &str) -> Option<f64> {
    Properties::of(payload)?.take(limits::PROPERTIES).find(|(found, _)| *found == name.as_bytes())?.1
}

/// The properties of the message's object, in their order; it ends at what it cannot pass over.
struct Properties<'a>(BytesReader<'a>);

impl<'a> Properties<'a> {
    fn of(payload: &'a [u8]) -> Option<Self> {
        let mut reader = BytesReader::new(metadata::inner(payload));
        let _string = reader.u8()?;
        let length = reader.u16()?;
        reader.take(length.into())?;
        match reader.u8()? {
            0x03 => {}
            // An array, with its length, which is as often wrong as right.
            0x08 => drop(reader.array::<4>()?),
            _ => return None,
        }
        Some(Self(reader))
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (&'a [u8], Option<f64>);

    fn next(&mut self) -> Option<Self::Item> {
        let reader = &mut self.0;
        let length = reader.u16()?;
        let name = reader.take(length.into())?;
        let number = match reader.u8()? {
            0x00 => Some(f64::from_be_bytes(reader.array()?)),
            0x01 => Some(f64::from(reader.u8()?.min(1))),
            0x02 => {
                let length = reader.u16()?;
                reader.take(length.into())?;
                None
            }
            // Null and undefined.
            0x05 | 0x06 => None,
            0x0B => {
                reader.take(10)?;
                None
            }
            0x0C => {
                let length = reader.length(4)?;
                reader.take(length)?;
                None
            }
            _ => return None,
        };
        Some((name, number))
    }
}
