use super::*;
use crate::{
    destination::{settings::Settings, testing},
    media::{Codec, FourCc, Origin, PictureFormat, Size},
    stream::{Formats, Rates},
};

/// A stream that every platform takes.
fn usual() -> Facts {
    Facts {
        video: Some(FourCc::AVC.into()),
        audio: Some(FourCc::AAC.into()),
        formats: Formats { picture: picture(1280, 720), ..Formats::default() },
        rates: Rates {
            video_bits: Some(2_500_000),
            audio_bits: Some(96_000),
            total_bits: Some(2_600_000),
            frames: Some(30.0),
            keyframe_interval: Some(every(2.0)),
            measured: Duration::from_secs(60),
        },
    }
}

fn picture(width: u32, height: u32) -> PictureFormat {
    PictureFormat { size: Some(Size { width, height, origin: Origin::SequenceHeader }), ..PictureFormat::default() }
}

fn every(seconds: f64) -> KeyframeInterval {
    let longest = Duration::from_secs_f64(seconds);
    KeyframeInterval { last: Some(longest), longest, is_open: false }
}

/// Facts that differ from the usual ones.
fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = usual();
    change(&mut facts);
    facts
}

fn settings_of(name: &str) -> Settings {
    let platform = Platform::named(name).unwrap();
    Settings { codecs: platform.codecs.clone(), platform, ..testing::settings() }
}

fn of(name: &str, facts: &Facts, on_air: Duration, already: &[Limit]) -> Vec<Exceeded> {
    let settings = settings_of(name);
    exceeded(facts, &settings.platform, &Filter::new(&settings), Some(on_air), already)
}

/// What is beyond which limit, of the platform of that name.
fn sentences(name: &str, facts: &Facts) -> Vec<String> {
    of(name, facts, Duration::ZERO, &[]).into_iter().map(|exceeded| exceeded.sentence).collect()
}

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * 3600.0)
}

#[test]
fn a_usual_stream_is_within_the_limits_of_every_platform() {
    for name in Platform::names() {
        assert_eq!(sentences(name, &usual()), [""; 0], "{name}");
        assert_eq!(sentences(name, &Facts::default()), [""; 0], "nothing is known yet, {name}");
    }
}

#[test]
fn what_is_beyond_a_limit_says_how_much_and_what_to_do() {
    let bits =
        |video, audio| with(|facts| (facts.rates.video_bits, facts.rates.audio_bits) = (Some(video), Some(audio)));
    let size = |width, height| with(|facts| facts.formats.picture = picture(width, height));
    let frames = |frames| with(|facts| facts.rates.frames = Some(frames));
    let keyframes = |seconds| with(|facts| facts.rates.keyframe_interval = Some(every(seconds)));
    let open = |seconds| {
        with(|facts| facts.rates.keyframe_interval = Some(KeyframeInterval { is_open: true, ..every(seconds) }))
    };
    let no_sound = with(|facts| (facts.audio, facts.rates.audio_bits) = (None, Some(0)));
    #[rustfmt::skip]
    let table: &[(&str, Facts, &str)] = &[
        ("twitch", bits(8_234_000, 96_000), "8.2 Mbit/s of video, its limit is 6 Mbit/s: lower the video bitrate in your encoder"),
        ("twitch", bits(6_200_000, 96_000), ""),
        ("linkedin", bits(2_500_000, 160_400), "161 kbit/s of audio, its limit is 128 kbit/s: lower the audio bitrate in your encoder"),
        ("linkedin", bits(2_500_000, 133_000), ""),
        ("custom", bits(900_000_000, 9_000_000), ""),
        ("twitch", size(2560, 1440), "2560x1440, its limit is 1080 lines: lower the output resolution in your encoder"),
        ("twitch", size(1920, 1081), "1920x1081, its limit is 1080 lines: lower the output resolution in your encoder"),
        ("twitch", size(1920, 1080), ""),
        ("twitch", size(1080, 1920), ""),
        ("youtube", size(3840, 2160), ""),
        ("linkedin", frames(59.94), "59.9 frames a second, its limit is 30: lower the frame rate in your encoder"),
        ("linkedin", frames(30.3), ""),
        ("twitch", frames(60.0), ""),
        ("twitch", keyframes(8.34), "a keyframe every 8.3 s, it wants one every 2 s: set the keyframe interval in your encoder to 2 s"),
        ("twitch", keyframes(2.2), ""),
        ("twitch", open(8.0), "no keyframe for 8 s, it wants one every 2 s: set the keyframe interval in your encoder to 2 s"),
        ("x", keyframes(3.2), ""),
        ("youtube", no_sound, "no sound arrives, and it needs some: add an audio track in your encoder, a silent one will do"),
        ("twitch", no_sound, ""),
    ];
    for (name, facts, expected) in table {
        let expected: Vec<&str> = [*expected].into_iter().filter(|sentence| !sentence.is_empty()).collect();
        assert_eq!(sentences(name, facts), expected, "{name}");
    }
}

#[test]
fn a_codec_that_is_not_taken() {
    let hevc = with(|facts| facts.video = Some(FourCc::HEVC.into()));
    let found = of("twitch", &hevc, Duration::ZERO, &[]);
    assert_eq!(found.iter().map(|found| found.what).collect::<Vec<_>>(), [Limit::Codec]);
    assert!(found[0].sentence.starts_with("the video is HEVC, and this destination takes H.264: "), "{found:?}");
    assert_eq!(sentences("custom", &hevc), [""; 0]);
    // What the file says goes before the row.
    let settings = Settings { codecs: crate::destination::codecs::Codecs::All, ..settings_of("twitch") };
    assert_eq!(exceeded(&hevc, &settings.platform, &Filter::new(&settings), None, &[]), []);
    let speex = with(|facts| facts.audio = Some(Codec::LegacyAudio(11)));
    assert_eq!(sentences("twitch", &speex).len(), 1);
}

#[test]
fn no_sound_is_told_where_a_picture_comes_and_not_at_once() {
    let silent = |seconds, video| {
        with(|facts| {
            facts.rates.audio_bits = Some(0);
            facts.rates.video_bits = video;
            facts.rates.measured = Duration::from_secs(seconds);
        })
    };
    assert_eq!(sentences("teams", &silent(4, Some(1_000_000))), [""; 0]);
    assert_eq!(sentences("teams", &silent(5, Some(1_000_000))).len(), 1);
    assert_eq!(sentences("teams", &silent(60, Some(0))), [""; 0], "nothing comes at all");
    assert_eq!(sentences("teams", &silent(60, None)), [""; 0]);
}

#[test]
fn a_session_that_comes_near_its_longest_length() {
    let sentence = |name, on_air| {
        let found = of(name, &usual(), on_air, &[]);
        assert!(found.iter().all(|found| found.what == Limit::SessionLength));
        found.into_iter().next().map(|found| found.sentence)
    };
    let left = |left: &str| {
        format!("its limit is 8 h on air, of which {left} are left: end the broadcast before, and begin a new one")
    };
    assert_eq!(sentence("facebook", hours(7.49)), None);
    assert_eq!(sentence("facebook", hours(7.5)), Some(left("30 min")));
    assert_eq!(sentence("facebook", hours(7.75)), Some(left("15 min")));
    let over = |on_air: &str| format!("on air for {on_air}, its limit is 8 h: it may end the broadcast at any time");
    assert_eq!(sentence("facebook", hours(8.0)), Some(over("8 h")));
    assert_eq!(sentence("facebook", hours(10.2)), Some(over("10 h 12 min")));
    // A tenth of four hours is less than half an hour.
    assert_eq!(sentence("linkedin", hours(3.55)), None);
    assert!(sentence("linkedin", hours(3.65)).is_some());
    assert_eq!(sentence("youtube", hours(500.0)), None, "no limit is known");
}

#[test]
fn what_is_beyond_a_limit_must_come_back_further_than_it_went() {
    let video = |bits| with(|facts| facts.rates.video_bits = Some(bits));
    let is_beyond = |bits, already: &[Limit]| !of("twitch", &video(bits), Duration::ZERO, already).is_empty();
    for (bits, at_first, once_beyond) in
        [(6_000_000, false, false), (6_100_000, false, false), (6_200_000, false, true), (6_400_000, true, true)]
    {
        assert_eq!((is_beyond(bits, &[]), is_beyond(bits, &[Limit::VideoBitrate])), (at_first, once_beyond), "{bits}");
        assert_eq!(is_beyond(bits, &[Limit::AudioBitrate]), at_first, "each limit by itself");
    }
}

#[test]
fn several_at_once_stand_in_the_order_of_the_limits() {
    let facts = with(|facts| {
        facts.rates.video_bits = Some(20_000_000);
        facts.rates.frames = Some(120.0);
        facts.formats.picture = picture(3840, 2160);
    });
    let found = of("facebook", &facts, hours(9.0), &[]);
    let found: Vec<_> = found.iter().map(|found| found.what).collect();
    assert_eq!(found, [Limit::VideoBitrate, Limit::Resolution, Limit::FrameRate, Limit::SessionLength]);
}
