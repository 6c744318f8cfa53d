//! GStreamer's own RTMP client as publisher.

use std::path::Path;
use std::process::Command;

use crate::support::process::Process;

/// Publishes a clip in real time with `rtmp2sink`; the very same tags go to the file `published`.
pub(crate) fn publish(folder: &Path, clip: &Path, url: &str, published: &Path) -> Process {
    let mut gstreamer = Command::new("gst-launch-1.0");
    gstreamer
        .args(["-q", "-e", "filesrc"])
        .arg(format!("location={}", clip.display()))
        .args(["!", "flvdemux", "name=demux"])
        .args(["demux.video", "!", "queue", "!", "h264parse", "!", "mux."])
        .args(["demux.audio", "!", "queue", "!", "aacparse", "!", "mux."])
        .args(["flvmux", "name=mux", "streamable=true", "!", "tee", "name=both"])
        .args(["both.", "!", "queue", "!", "filesink"])
        .arg(format!("location={}", published.display()))
        .args(["both.", "!", "queue", "!", "rtmp2sink", "sync=true"])
        .arg(format!("location={url}"));
    Process::start("gstreamer-publisher", folder, &mut gstreamer)
}
