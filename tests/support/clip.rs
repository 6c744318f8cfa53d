//! Prepared clips: what a real encoder makes, made once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::support::flv::{self, Tag};

/// Six seconds of H.264 with B-frames and AAC, a keyframe each second.
pub(crate) fn h264_aac() -> PathBuf {
    h264_aac_of(6)
}

/// The same of so many seconds: no two keyframes are alike, which cannot be said of a clip that is sent twice.
pub(crate) fn h264_aac_of(seconds: u32) -> PathBuf {
    prepare(&format!("h264-aac-{seconds}s.flv"), |path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-t", &seconds.to_string(), "-pix_fmt", "yuv420p"])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "800k", "-bf", "2"])
            .args(["-g", "25", "-keyint_min", "25", "-sc_threshold", "0"])
            .args(["-c:a", "aac", "-b:a", "96k", "-f", "flv"])
            .arg(path);
        ffmpeg
    })
}

/// A clip of H.264 over and over, one clock through all rounds, each picture with its number in it: no two are the same, and
/// each decodes as before.
pub(crate) fn endless(path: &Path) -> impl Iterator<Item = Tag> + Send + 'static {
    let mut tags = flv::read(path);
    // The end of the sequence, which FFmpeg writes behind the last picture.
    tags.retain(|tag| !(tag.kind == flv::VIDEO && tag.payload[1] == 2));
    let (headers, frames): (Vec<Tag>, Vec<Tag>) =
        tags.into_iter().filter(Tag::is_media).partition(|tag| tag.is_configuration());
    let end = frames.iter().map(|tag| tag.timestamp).max().expect("the clip has frames");
    // The clips are whole seconds long.
    let length = end.next_multiple_of(1000);
    let mut number = 0;
    let rounds = (0..).flat_map(move |round: u32| {
        let frames = frames.clone();
        frames.into_iter().map(move |tag| Tag { timestamp: round * length + tag.timestamp, ..tag })
    });
    headers.into_iter().chain(rounds.map(move |tag| {
        number += 1;
        if tag.kind == flv::VIDEO { numbered(&tag, number) } else { tag }
    }))
}

/// With a unit in front that decoders pass over: supplemental information of one's own (H.264, D.1.6).
fn numbered(tag: &Tag, number: u32) -> Tag {
    let (header, units) = tag.payload.split_at(5);
    let digits = format!("{number:08}");
    let mut unit = vec![0x06, 0x05, 24];
    unit.extend(b"forkcast's tests");
    unit.extend(digits.as_bytes());
    unit.push(0x80);
    let length = u32::try_from(unit.len()).expect("it is small");
    let payload = [header, &length.to_be_bytes(), &unit, units].concat();
    Tag { payload: payload.into(), ..tag.clone() }
}

/// Makes a clip with the given command, unless an earlier test or run has made it.
pub(crate) fn prepare(name: &str, command: impl FnOnce(&Path) -> Command) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    if !path.exists() {
        // Under another name until it is whole: a run that is interrupted leaves no half a clip behind.
        let unfinished = folder.join(format!("unfinished-{}-{name}", std::process::id()));
        let output = command(&unfinished).output().expect("FFmpeg can be started; tests/run installs it");
        assert!(output.status.success(), "no clip {name}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&unfinished, &path).expect("a file can be renamed");
    }
    path
}
