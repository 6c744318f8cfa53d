//! The demo's test picture: a real H.264 and AAC clip, played in a loop.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;

use crate::media::{
    Class, Inspector, Kind,
    flv::{Reader, Tag},
};

/// Made with FFmpeg; the command stands in `README.md` beside it.
static CLIP: &[u8] = include_bytes!("clip.flv");

/// A clip that begins with a keyframe, split into what is sent once and what is sent in a loop.
pub struct Clip {
    /// onMetaData and the sequence headers.
    pub headers: Vec<Tag>,
    frames: Vec<Tag>,
    duration: u32,
}

impl Clip {
    /// The embedded clip.
    ///
    /// # Errors
    /// Where the file that was embedded is not a clip of video and audio.
    pub fn embedded() -> anyhow::Result<Self> {
        let mut inspector = Inspector::new();
        let (mut headers, mut frames) = (Vec::new(), Vec::new());
        for tag in Reader::new(Bytes::from_static(CLIP))? {
            let tag = tag?;
            match inspector.inspect(tag.kind, &tag.payload).class {
                Class::Configuration(_) => headers.push(tag),
                Class::EndOfSequence => {}
                _ => frames.push(tag),
            }
        }
        let video: Vec<u32> = frames.iter().filter(|tag| tag.kind == Kind::Video).map(|tag| tag.timestamp).collect();
        let (first, last) = video.first().zip(video.last()).context("the embedded clip has no video")?;
        let steps = u32::try_from(video.len() - 1).unwrap_or(u32::MAX).max(1);
        // As long as its pictures: the last one is shown as long as the others.
        let duration = (last - first) + (last - first) / steps;
        Ok(Self { headers, frames, duration })
    }

    /// The clip's frames over and over, with the time since the start at which each is due.
    pub fn frames(&self) -> impl Iterator<Item = (Duration, Tag)> {
        (0u32..).flat_map(move |round| {
            self.frames.iter().map(move |tag| {
                let timestamp = round.wrapping_mul(self.duration).wrapping_add(tag.timestamp);
                (Duration::from_millis(timestamp.into()), Tag { timestamp, ..tag.clone() })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_loops_without_a_seam() {
        let clip = Clip::embedded().unwrap();
        assert!(clip.headers.len() >= 3, "metadata and two sequence headers");
        let mut inspector = Inspector::new();
        for tag in &clip.headers {
            inspector.inspect(tag.kind, &tag.payload);
        }
        assert_eq!(inspector.inspect(Kind::Video, &clip.frames[0].payload).class, Class::Keyframe);
        for kind in [Kind::Audio, Kind::Video] {
            let times: Vec<u32> = clip
                .frames()
                .map(|(_, tag)| tag)
                .filter(|tag| tag.kind == kind)
                .take(600)
                .map(|tag| tag.timestamp)
                .collect();
            assert!(times.is_sorted(), "{kind:?} runs back");
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(longest <= 50, "{kind:?} has a hole of {longest} ms");
        }
    }
}
