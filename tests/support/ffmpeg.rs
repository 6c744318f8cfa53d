//! FFmpeg as publisher, as destination, and as judge of what arrived.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::process::Process;
use crate::support::wait;

/// Publishes a clip in real time, without encoding it again, and writes the very same packets to `published`: the witness of
/// what was published, made by the publisher itself.
pub(crate) fn publish(folder: &Path, clip: &Path, url: &str, published: &Path) -> Process {
    let outputs = format!("[f=flv]{}|[f=flv:flvflags=no_duration_filesize]{url}", published.display());
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "warning", "-nostdin", "-y", "-re", "-i"])
        .arg(clip)
        .args(["-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "tee"])
        .arg(outputs);
    Process::start("ffmpeg-publisher", folder, &mut ffmpeg)
}

/// Publishes a clip over and over until it is stopped, and connects again by itself when its server goes away.
pub(crate) fn publish_for_ever(folder: &Path, clip: &Path, url: &str) -> Process {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "warning", "-nostdin", "-re", "-stream_loop", "-1", "-i"])
        .arg(clip)
        .args(["-map", "0", "-c", "copy", "-f", "fifo", "-fifo_format", "flv", "-restart_with_keyframe", "1"])
        .args(["-attempt_recovery", "1", "-recover_any_error", "1", "-recovery_wait_time", "0.5"])
        .arg(url);
    Process::start("ffmpeg-publisher", folder, &mut ffmpeg)
}

/// Encodes and publishes a test picture and tone with FFmpeg 9 over Enhanced RTMP, four seconds in real time; `tones` is the
/// number of AAC tracks, `video` chooses the encoder.
pub(crate) fn publish_enhanced(folder: &Path, tones: usize, video: &[&str], url: &str, published: &Path) -> Process {
    let mut ffmpeg = nine();
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]);
    for tone in 1..=tones {
        let source = format!("sine=frequency={}:sample_rate=48000", 220 * tone);
        ffmpeg.args(["-re", "-f", "lavfi", "-i", &source]);
    }
    for input in 0..=tones {
        ffmpeg.args(["-map", &input.to_string()]);
    }
    ffmpeg.args(["-t", "4", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac", "-b:a", "96k"]).args(video);
    let outputs = format!("[f=flv]{}|[f=flv:flvflags=no_duration_filesize]{url}", published.display());
    ffmpeg.args(["-flush_packets", "1", "-f", "tee"]).arg(outputs);
    Process::start("ffmpeg-9-publisher", folder, &mut ffmpeg)
}

/// Waits for one publish on `port`, key and all, and keeps what it got in `received`.
pub(crate) fn listen(folder: &Path, port: u16, key: &str, received: &Path) -> Process {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "warning", "-nostdin", "-y", "-listen", "1", "-i"])
        .arg(format!("rtmp://127.0.0.1:{port}/live/{key}"))
        .args(["-map", "0", "-c", "copy", "-f", "flv"])
        .arg(received)
        .args(["-map", "0", "-f", "null", "-"]);
    Process::start("ffmpeg-destination", folder, &mut ffmpeg)
}

/// Waits for the end of `listen`, and asserts that it decoded everything without a complaint.
///
/// It reports the end of the publish itself as an "Input/output error" of its URL: so it does with FFmpeg as publisher.
#[track_caller]
pub(crate) fn assert_decoded(destination: &mut Process, limit: Duration) {
    destination.succeed(limit);
    let output = destination.output();
    let is_end = |line: &str| line.ends_with("Input/output error") || line.trim().starts_with("Last message repeated");
    let complaints: Vec<&str> = output.lines().filter(|line| !is_end(line)).collect();
    assert!(complaints.is_empty(), "FFmpeg complains: {complaints:?}");
}

/// Decodes a whole file and asserts that FFmpeg had nothing to complain about.
#[track_caller]
pub(crate) fn assert_decodes(folder: &Path, file: &Path) {
    let name = format!("decoder-of-{}", file.file_stem().unwrap_or_default().to_string_lossy());
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "warning", "-nostdin", "-xerror", "-i"]).arg(file).args(["-map", "0", "-f", "null", "-"]);
    let mut process = Process::start(&name, folder, &mut ffmpeg);
    process.succeed(Duration::from_secs(60));
    assert_eq!(process.output(), "", "FFmpeg complains about {}", file.display());
}

/// Decodes a whole file with FFmpeg 9 and asserts that it had nothing to complain about.
#[track_caller]
pub(crate) fn assert_nine_decodes(folder: &Path, file: &Path) {
    let mut ffmpeg = nine();
    ffmpeg.args(["-v", "warning", "-nostdin", "-xerror", "-i"]).arg(file).args(["-map", "0", "-f", "null", "-"]);
    let mut process = Process::start("ffmpeg-decoder", folder, &mut ffmpeg);
    process.succeed(Duration::from_secs(60));
    assert_eq!(process.output(), "", "FFmpeg complains about {}", file.display());
}

/// A release that speaks Enhanced RTMP with several tracks, which Debian's does not: the one that `FORKCAST_TEST_FFMPEG9` names, or
/// the one that `tests/run` has fetched.
fn nine() -> Command {
    Command::new(
        find_nine().expect("there is no FFmpeg 9: run tests/run once, it fetches one, or set FORKCAST_TEST_FFMPEG9"),
    )
}

/// Where FFmpeg 9 is, if it is.
pub(crate) fn find_nine() -> Option<PathBuf> {
    if let Some(path) = env::var_os("FORKCAST_TEST_FFMPEG9") {
        return Some(path.into());
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let fetched = target.join("peers/imageio_ffmpeg/binaries").read_dir().ok()?;
    fetched.filter_map(|entry| Some(entry.ok()?.path())).find(|path| path.to_string_lossy().contains("ffmpeg-"))
}

/// Waits until something listens on `port`, without a connection: FFmpeg takes the first that comes for its publisher.
#[track_caller]
pub(crate) fn wait_for_listener(port: u16) {
    // Local address in hexadecimal, then the state LISTEN (`man 5 proc`).
    let listening = format!("0100007F:{port:04X} 00000000:0000 0A");
    wait::until("FFmpeg to listen", Duration::from_secs(10), || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel tells");
        sockets.contains(&listening).then_some(())
    });
}
