//! Prepared clips: what a real encoder makes, made once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Six seconds of H.264 with B-frames and AAC, a keyframe each second.
pub(crate) fn h264_aac() -> PathBuf {
    prepare("h264-aac-6s.flv", |path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-t", "6", "-pix_fmt", "yuv420p"])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "800k", "-bf", "2"])
            .args(["-g", "25", "-keyint_min", "25", "-sc_threshold", "0"])
            .args(["-c:a", "aac", "-b:a", "96k", "-f", "flv"])
            .arg(path);
        ffmpeg
    })
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
