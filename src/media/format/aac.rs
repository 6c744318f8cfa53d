//! The record of AAC: AudioSpecificConfig, ISO/IEC 14496-3 section 1.6.2.1.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError};
use mpeg4_audio_const::{AOT_ESCAPE_VALUE, AudioObjectType, SamplingFrequencyIndex};

use super::SoundFormat;

/// The mark of an extension behind the record, which old decoders pass over: it says whether there is SBR.
const SYNC_EXTENSION: u16 = 0x2B7;
/// The same for parametric stereo, behind that.
const SYNC_EXTENSION_PS: u16 = 0x548;

pub(super) fn sound(record: &[u8]) -> Option<SoundFormat> {
    let mut bits = BitReader::new(record);
    let mut config = Config::read(&mut bits).ok()?;
    // What comes behind may be missing, or be of an object type that is not read.
    let _ = config.read_extension(&mut bits);
    let profile = match config.object {
        AudioObjectType::PS => Some("HE v2"),
        AudioObjectType::SBR => Some("HE"),
        AudioObjectType::AAC_LC => Some("LC"),
        AudioObjectType::AAC_MAIN => Some("Main"),
        AudioObjectType::ER_AAC_LD => Some("LD"),
        AudioObjectType::ER_AAC_ELD => Some("ELD"),
        AudioObjectType::USAC => Some("xHE"),
        _ => None,
    };
    let channels = match config.channels {
        // Parametric stereo is one channel, and what it takes to make two of it.
        1 if config.object == AudioObjectType::PS => Some(2),
        channels @ 1..=6 => Some(channels),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        // Zero: in a program config element, which is not read.
        _ => None,
    };
    Some(SoundFormat::of_codec(config.rate, channels, profile))
}

struct Config {
    /// The outermost one: SBR rather than the AAC below it.
    object: AudioObjectType,
    /// What is heard, in Hz.
    rate: Option<u32>,
    /// `channelConfiguration`.
    channels: u8,
    /// The object type that codes the sound itself.
    core: AudioObjectType,
}

impl Config {
    fn read(bits: &mut impl BitRead) -> Result<Self, BitReaderError> {
        let object = object_type(bits)?;
        let rate = sampling_rate(bits)?;
        let channels: u8 = bits.read::<4, _>("channelConfiguration")?;
        if object == AudioObjectType::SBR || object == AudioObjectType::PS {
            let rate = sampling_rate(bits)?;
            return Ok(Self { object, rate, channels, core: object_type(bits)? });
        }
        Ok(Self { object, rate, channels, core: object })
    }

    /// SBR that is only told behind the record.
    fn read_extension(&mut self, bits: &mut impl BitRead) -> Result<(), BitReaderError> {
        if self.object != AudioObjectType::AAC_LC || self.core != self.object || self.channels == 0 {
            return Ok(());
        }
        bits.skip(1, "frameLengthFlag")?;
        if bits.read_bit("dependsOnCoreCoder")? {
            bits.skip(14, "coreCoderDelay")?;
        }
        bits.skip(1, "extensionFlag")?;
        let mark: u16 = bits.read::<11, _>("syncExtensionType")?;
        if mark != SYNC_EXTENSION || object_type(bits)? != AudioObjectType::SBR || !bits.read_bit("sbrPresentFlag")? {
            return Ok(());
        }
        self.object = AudioObjectType::SBR;
        self.rate = sampling_rate(bits)?;
        let mark: u16 = bits.read::<11, _>("syncExtensionType")?;
        if mark == SYNC_EXTENSION_PS && bits.read_bit("psPresentFlag")? {
            self.object = AudioObjectType::PS;
        }
        Ok(())
    }
}

/// The object type; zero, which is none, where it is beyond all that there are.
fn object_type(bits: &mut impl BitRead) -> Result<AudioObjectType, BitReaderError> {
    let mut value: u8 = bits.read::<5, _>("audioObjectType")?;
    if value == AOT_ESCAPE_VALUE {
        let beyond: u8 = bits.read::<6, _>("audioObjectTypeExt")?;
        value = 32 + beyond;
    }
    Ok(AudioObjectType::try_from(value).unwrap_or(AudioObjectType::NULL))
}

fn sampling_rate(bits: &mut impl BitRead) -> Result<Option<u32>, BitReaderError> {
    let index: u8 = bits.read::<4, _>("samplingFrequencyIndex")?;
    match SamplingFrequencyIndex::try_from(index) {
        Ok(index) => Ok(index.freq()),
        // The escape value: the rate itself.
        Err(_) => bits.read::<24, u32>("samplingFrequency").map(Some),
    }
}
