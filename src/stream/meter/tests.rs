use super::*;
use crate::stream::{
    Demuxer, Timeline,
    testing::{headers, inter, keyframe, sound},
};

/// A publish on a clock of the test's own, in milliseconds.
struct Publish {
    demuxer: Demuxer,
    timeline: Timeline,
    meter: Meter,
}

/// An encoder.
#[derive(Clone, Copy)]
struct Encoder {
    fps: u32,
    /// Bytes of a frame and of a keyframe.
    frame: (usize, usize),
    /// Frames from one keyframe to the next.
    group: u32,
    /// Bytes of a message of sound, of which there are fifty a second; zero for none.
    sound: usize,
}

/// 2 Mbit/s at 25 frames a second with a keyframe every two seconds, which has a fifth of it all, and 160 kbit/s of sound.
const USUAL: Encoder = Encoder { fps: 25, frame: (8_163, 100_000), group: 50, sound: 400 };

impl Publish {
    fn new() -> Self {
        let mut publish =
            Self { demuxer: Demuxer::new(Duration::ZERO), timeline: Timeline::default(), meter: Meter::default() };
        for (kind, header) in headers() {
            publish.push(kind, 0, 0, header);
        }
        publish
    }

    fn push(&mut self, kind: Kind, timestamp: u32, arrival: u64, payload: impl Into<bytes::Bytes>) {
        if let Some(demuxed) = self.demuxer.demux(kind, payload.into(), Duration::from_millis(arrival)) {
            self.meter.take(&demuxed.place(timestamp, &mut self.timeline));
        }
    }

    /// What the encoder makes in that time, each message at the time that `arrival` has for its timestamp.
    fn encode(&mut self, encoder: Encoder, millis: std::ops::Range<u32>, arrival: impl Fn(u32) -> u64) {
        for millisecond in millis {
            let frame = (millisecond * encoder.fps).div_ceil(1000);
            if frame * 1000 / encoder.fps == millisecond {
                let (size, make): (_, fn(&[u8]) -> bytes::Bytes) = if frame.is_multiple_of(encoder.group) {
                    (encoder.frame.1, keyframe)
                } else {
                    (encoder.frame.0, inter)
                };
                self.push(Kind::Video, millisecond, arrival(millisecond), make(&vec![0; size - 10]));
            }
            if encoder.sound > 0 && millisecond.is_multiple_of(20) {
                self.push(Kind::Audio, millisecond, arrival(millisecond), sound(&vec![0; encoder.sound - 2]));
            }
        }
    }

    fn rates(&self, now: u64) -> Rates {
        self.meter.rates(Duration::from_millis(now))
    }
}

fn at_once(millis: u32) -> u64 {
    millis.into()
}

#[track_caller]
fn assert_near(measured: Option<u64>, expected: u64, percent: u64) {
    let measured = measured.expect("it has been measured");
    assert!(measured.abs_diff(expected) * 100 <= expected * percent, "{measured} is not {expected} ± {percent} %");
}

fn seconds(interval: Option<KeyframeInterval>) -> (Option<f64>, f64) {
    let KeyframeInterval { last, longest, .. } = interval.unwrap();
    (last.map(|last| last.as_secs_f64()), longest.as_secs_f64())
}

#[test]
fn what_an_encoder_makes_is_what_is_measured_at_any_time() {
    let mut publish = Publish::new();
    let mut encoded = 0;
    for now in (100..40_000).step_by(370) {
        publish.encode(USUAL, encoded..now, at_once);
        encoded = now;
        let rates = publish.rates(now.into());
        if now >= 12_000 {
            // As the window begins and ends, it holds a keyframe more or less of five.
            assert_near(rates.video_bits, 2_000_000, 8);
            assert_near(rates.audio_bits, 160_000, 1);
            assert_near(rates.total_bits, 2_160_000, 8);
            assert_eq!(seconds(rates.keyframe_interval), (Some(2.0), 2.0));
        }
        if now >= 1500 {
            let frames = rates.frames.unwrap();
            assert!((frames - 25.0).abs() < 0.01, "{frames} at {now}");
        }
    }
}

#[test]
fn odd_frame_rates_are_told_apart() {
    for fps in [24, 30, 50, 60, 144] {
        let mut publish = Publish::new();
        publish.encode(Encoder { fps, ..USUAL }, 0..15_000, at_once);
        let frames = publish.rates(15_000).frames.unwrap();
        assert!((frames - f64::from(fps)).abs() < 0.02, "{frames} for {fps}");
    }
    // 60000/1001, in whole milliseconds.
    let mut publish = Publish::new();
    for frame in 0..900u32 {
        let millis = frame * 1001 / 60;
        publish.push(Kind::Video, millis, millis.into(), inter(b"x"));
    }
    let frames = publish.rates(15_000).frames.unwrap();
    assert!((frames - 59.94).abs() < 0.02, "{frames}");
}

#[test]
fn nothing_is_told_too_early() {
    let mut publish = Publish::new();
    assert_eq!(publish.rates(5000), Rates::default(), "nothing has come yet");
    publish.encode(USUAL, 0..900, at_once);
    let Rates { video_bits, audio_bits, total_bits, frames, keyframe_interval, measured } = publish.rates(900);
    assert_eq!((video_bits, audio_bits, total_bits, frames), (None, None, None, None));
    assert_eq!((seconds(keyframe_interval), measured), ((None, 0.88), Duration::from_millis(900)));
}

#[test]
fn what_does_not_come_is_zero_and_what_stops_goes_down_to_it() {
    let mut publish = Publish::new();
    publish.encode(Encoder { sound: 0, ..USUAL }, 0..3000, at_once);
    assert_eq!(publish.rates(3000).audio_bits, Some(0));

    let mut publish = Publish::new();
    publish.encode(USUAL, 0..20_000, at_once);
    publish.encode(Encoder { sound: 0, ..USUAL }, 20_000..25_000, at_once);
    // Four seconds of the last nine, a tenth of which is no stall.
    assert_near(publish.rates(25_000).audio_bits, 79_000, 2);
    publish.encode(Encoder { sound: 0, ..USUAL }, 25_000..31_000, at_once);
    assert_eq!(publish.rates(31_000).audio_bits, Some(0));
    let rates = publish.rates(60_000);
    assert_eq!((rates.video_bits, rates.total_bits, rates.frames), (Some(0), Some(0), None));
}

#[test]
fn a_stall_lowers_the_bitrate_and_the_burst_behind_it_does_not_raise_it() {
    let mut publish = Publish::new();
    publish.encode(USUAL, 0..20_000, at_once);
    // Nothing comes for four seconds, then all of it at once.
    let stalled = publish.rates(24_000);
    assert!(stalled.video_bits.unwrap() < 1_500_000 && stalled.frames.unwrap() < 20.0, "{stalled:?}");
    publish.encode(USUAL, 20_000..24_000, |_| 24_000);
    for now in (24_100..40_000).step_by(100) {
        publish.encode(USUAL, now - 100..now, at_once);
        let rates = publish.rates(now.into());
        assert!(rates.video_bits.unwrap() < 2_200_000, "{rates:?} at {now}");
        assert!(rates.frames.unwrap() < 25.1, "{rates:?} at {now}");
    }
}

#[test]
fn a_clock_that_stands_still_is_not_believed() {
    let mut publish = Publish::new();
    for frame in 0..500u64 {
        publish.push(Kind::Video, 7, frame * 40, inter(&[0; 10_000]));
    }
    let rates = publish.rates(20_000);
    assert_near(rates.video_bits, 2_000_000, 15);
    assert!((rates.frames.unwrap() - 25.0).abs() < 4.0, "{rates:?}");
}

#[test]
fn a_clock_that_leaps_does_no_harm() {
    let mut publish = Publish::new();
    for (step, timestamp) in [0, u32::MAX, 1, 0x7FFF_FFFF, 40, 2_000_000_000].into_iter().cycle().take(1000).enumerate()
    {
        let arrival = step as u64 * 15;
        publish.push(Kind::Video, timestamp, arrival, if step % 3 == 0 { keyframe(b"x") } else { inter(b"x") });
        let _ = publish.rates(arrival);
    }
    assert!(publish.rates(15_000).frames.is_some());
}

#[test]
fn the_longest_of_the_recent_times_between_keyframes() {
    let at = |publish: &mut Publish, seconds: &[u32]| {
        for second in seconds {
            publish.push(Kind::Video, second * 1000, u64::from(*second) * 1000, keyframe(b"x"));
        }
    };
    let mut publish = Publish::new();
    at(&mut publish, &[0, 2, 4, 9, 11]);
    assert_eq!(seconds(publish.rates(11_000).keyframe_interval), (Some(2.0), 5.0));
    // Eight intervals later the long one is forgotten.
    at(&mut publish, &[13, 15, 17, 19, 21, 23, 25]);
    assert_eq!(seconds(publish.rates(25_000).keyframe_interval), (Some(2.0), 2.0));
    // One that does not come counts for as long as it has not come.
    publish.push(Kind::Video, 33_500, 33_500, inter(b"x"));
    assert_eq!(seconds(publish.rates(33_500).keyframe_interval), (Some(2.0), 8.5));
    assert!(publish.rates(33_500).keyframe_interval.unwrap().is_open, "it is longer by the time the next one comes");
    // Two messages of one picture are one keyframe.
    at(&mut publish, &[34, 34]);
    assert_eq!(seconds(publish.rates(34_000).keyframe_interval), (Some(9.0), 9.0));
    assert!(!publish.rates(34_000).keyframe_interval.unwrap().is_open, "it is known");
}

#[test]
fn other_tracks_count_in_the_whole_alone() {
    let mut publish = Publish::new();
    publish.encode(USUAL, 0..12_000, at_once);
    let alone = publish.rates(12_000);
    let mut publish = Publish::new();
    for second in 0..12 {
        publish.encode(USUAL, second * 1000..(second + 1) * 1000, at_once);
        // A keyframe on a track of its own, in Enhanced RTMP's form.
        let other = [&b"\x96\x01avc1\x03\0\0\0"[..], &[0; 50_000]].concat();
        publish.push(Kind::Video, second * 1000, u64::from(second * 1000), other);
    }
    let both = publish.rates(12_000);
    assert_eq!(
        (both.video_bits, both.frames, both.keyframe_interval),
        (alone.video_bits, alone.frames, alone.keyframe_interval)
    );
    assert_near(Some(both.total_bits.unwrap() - alone.total_bits.unwrap()), 400_000, 15);
}
