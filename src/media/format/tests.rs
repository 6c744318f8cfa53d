use super::*;
use crate::media::limits;

/// As x264, x265, SVT-AV1 and FFmpeg's own encoders write them; what they say by FFmpeg's word.
const X264_HIGH: &str =
    "170000000001640028ffe1001b67640028acd940780227e5c044000003000400000300f03c60c65801000668eae3cb22c0fdf8f800";
const X264_CONSTRAINED_BASELINE: &str =
    "17000000000142c02affe100186742c02ada01e0089f970110000003001000000780f1832a01000468ce0fc8";
const X264_CROPPED: &str = "17000000000142c01effe100196742c01eda0360f79bc044000003000400000300c83c58ba8001000468ce0fc8";
const X264_INTERLACED: &str =
    "1700000000014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8";
const X265_MAIN: &str = "9068766331 01016000000090000000000078f000fcfdf8f800000f0320000100184001 0c01ffff0160000003009000000300000300\
                         78959409210001002b420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000f0422\
                         000100064401c073c189";
const X265_MAIN_10: &str = "906876633101022000000090000000000096f000fcfdfafa00000f03200001001840010c01ffff022000000300900000030000030096\
                            959409210001002b420101022000000300900000030000030096a001e020021c4d965654a4c2f0168080000003008000000f042200\
                            0100064401c073c189";
const SVT_AV1: &str = "906176303181080c000a0c02000042955dfe1b805f0008";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn shown(format: PictureFormat) -> (Option<(u32, u32)>, Option<&'static str>, Option<u8>) {
    (format.size.map(|size| (size.width, size.height)), format.profile, format.level)
}

#[test]
fn pictures_as_encoders_describe_them() {
    #[rustfmt::skip]
    let table: &[(&str, (u32, u32), &str, u8)] = &[
        (X264_HIGH,                 (1920, 1080), "High", 40),
        (X264_CONSTRAINED_BASELINE, (1920, 1080), "Constrained Baseline", 42),
        (X264_CROPPED,              (854, 480),   "Constrained Baseline", 30),
        (X264_INTERLACED,           (1920, 1080), "Main", 40),
        (X265_MAIN,                 (1920, 1080), "Main", 40),
        (X265_MAIN_10,              (3840, 2160), "Main 10", 50),
        (SVT_AV1,                   (1920, 1080), "Main", 40),
    ];
    for (header, size, profile, level) in table {
        let format = PictureFormat::of_header(&bytes(header));
        assert_eq!(shown(format), (Some(*size), Some(*profile), Some(*level)), "{header}");
        assert_eq!(format.size.unwrap().origin, Origin::SequenceHeader);
    }
}

#[test]
fn whatever_the_parameter_set_says_the_record_is_read() {
    let mut header = bytes(X264_CROPPED);
    let profile = |header: &[u8]| PictureFormat::of_header(header).profile;
    for at in 13..header.len() {
        let before = header[at];
        for byte in [0, 0x01, 0x7F, 0xFF] {
            header[at] = byte;
            assert!(profile(&header).is_some(), "profile and level stand before the set");
        }
        header[at] = before;
    }
}

#[test]
fn an_empty_parameter_set_is_none() {
    // One set of no bytes, and behind it what looks like one.
    let header = bytes("17000000000164 0028ffe1 0000 67");
    assert_eq!(shown(PictureFormat::of_header(&header)), (None, Some("High"), Some(40)));
    let header = bytes("17000000000164 0028ffe0 01");
    assert_eq!(shown(PictureFormat::of_header(&header)), (None, Some("High"), Some(40)));
}

#[test]
fn cut_anywhere_a_header_says_less_and_never_something_else() {
    for header in [X264_HIGH, X264_CROPPED, X265_MAIN, X265_MAIN_10, SVT_AV1] {
        let whole = bytes(header);
        let said = shown(PictureFormat::of_header(&whole));
        for end in 0..whole.len() {
            let (size, profile, level) = shown(PictureFormat::of_header(&whole[..end]));
            assert!(size.is_none() || size == said.0, "{header} cut at {end}: {size:?}");
            assert!(profile.is_none() || profile == said.1, "{header} cut at {end}");
            assert!(level.is_none() || level == said.2, "{header} cut at {end}");
        }
    }
}

#[test]
fn the_form_makes_no_difference() {
    // Enhanced RTMP's form of the legacy header, plain and on a track of its own.
    let legacy = bytes(X264_HIGH);
    let record = &legacy[5..];
    let plain = [b"\x90avc1", record].concat();
    let on_track = [b"\x96\x00avc1\x03", record].concat();
    for form in [plain, on_track] {
        assert_eq!(PictureFormat::of_header(&form), PictureFormat::of_header(&legacy));
    }
}

#[test]
fn other_messages_say_nothing() {
    for payload in [&b""[..], b"\x17", b"\x17\x01\0\0\0\x65", b"\x90vp09\x01\x00\x00\x00", b"\x96\x10avc1", b"\x12\x00"]
    {
        assert_eq!(PictureFormat::of_header(payload), PictureFormat::default(), "{payload:02x?}");
    }
    for payload in [&b""[..], b"\xaf", b"\xaf\x01\x12\x10", b"\x2f\xff\xfb", b"\x90ac-3"] {
        assert_eq!(SoundFormat::of_header(payload), SoundFormat::default(), "{payload:02x?}");
    }
}

#[test]
fn sounds_as_encoders_describe_them() {
    let lc = Some("LC");
    #[rustfmt::skip]
    let table: &[(&[u8], Option<u32>, Option<u8>, Option<&str>)] = &[
        (b"\xaf\x00\x12\x10\x56\xe5\x00",       Some(44_100), Some(2), lc),
        (b"\xaf\x00\x11\x88\x56\xe5\x00",       Some(48_000), Some(1), lc),
        (b"\xaf\x00\x11\xb0\x56\xe5\x00",       Some(48_000), Some(6), lc),
        (b"\xaf\x00\x11\x90",                   Some(48_000), Some(2), lc),
        (b"\x90mp4a\x11\x90",                   Some(48_000), Some(2), lc),
        // A rate of 0x00bb80 in full; a channel configuration that is told elsewhere.
        (b"\xaf\x00\x17\x80\x5d\xc0\x10",       Some(48_000), Some(2), lc),
        (b"\xaf\x00\x11\x80",                   Some(48_000), None,    lc),
        // HE-AAC, told first (FDK) and behind the record (Nero); HE-AAC v2, told first.
        (b"\xaf\x00\x2b\x11\x88\x00",           Some(48_000), Some(2), Some("HE")),
        (b"\xaf\x00\x13\x10\x56\xe5\x98",       Some(48_000), Some(2), Some("HE")),
        (b"\xaf\x00\xeb\x09\x88\x00",           Some(48_000), Some(2), Some("HE v2")),
        // Main; the rate's index 13, which is none.
        (b"\xaf\x00\x0e\x90",                   None,         Some(2), Some("Main")),
        (b"\xaf\x00\x11",                       None,         None,    None),
        (b"\xaf\x00\xff\xff\xff\xff",           None,         None,    None),
        (b"\x90OpusOpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0", Some(48_000), Some(2), None),
        (b"\x90OpusOpusHead\x01",               None,         None,    None),
        (b"\x90fLaC\x04\0\x04\0\0\x01\x0e\0\x01\x78\x0a\xc4\x42\xf0", Some(44_100), Some(2), None),
        (b"\x90fLaCfLaC\x80\0\0\x22\x04\0\x04\0\0\x01\x0e\0\x01\x78\x0a\xc4\x42\xf0", Some(44_100), Some(2), None),
        (b"\x90fLaC\x04\0\x04\0\0\x01\x0e\0\x01\x78\x0a\xc4", None, None, None),
    ];
    for (header, sample_rate, channels, profile) in table {
        let format = SoundFormat::of_header(header);
        assert_eq!(
            (format.sample_rate, format.channels, format.profile),
            (*sample_rate, *channels, *profile),
            "{header:02x?}"
        );
        let is_known = sample_rate.is_some() || channels.is_some();
        assert_eq!(format.origin, is_known.then_some(Origin::SequenceHeader));
    }
}

/// As FFmpeg writes it, with an array; the length of the array is of no account.
const METADATA: &[u8] = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\
    \x00\x07encoder\x02\x00\x04Lavf\
    \x00\x05width\x00\x40\x9e\0\0\0\0\0\0\
    \x00\x06height\x00\x40\x90\xe0\0\0\0\0\0\
    \x00\x0faudiosamplerate\x00\x40\xe5\x88\x80\0\0\0\0\
    \x00\x06stereo\x01\x01\
    \x00\x00\x09";

#[test]
fn metadata_says_what_a_header_leaves_open() {
    let declared = PictureFormat::of_metadata(METADATA);
    assert_eq!(declared.size, Some(Size { width: 1920, height: 1080, origin: Origin::Metadata }));
    let header = PictureFormat::of_header(&bytes(X264_CROPPED));
    assert_eq!(header.or(declared).size, header.size, "the header goes before");
    let unread = PictureFormat { size: None, ..header };
    assert_eq!(unread.or(declared), PictureFormat { size: declared.size, ..header });

    let declared = SoundFormat::of_metadata(METADATA);
    let expected =
        SoundFormat { sample_rate: Some(44_100), channels: Some(2), profile: None, origin: Some(Origin::Metadata) };
    assert_eq!(declared, expected);
    assert_eq!(SoundFormat::default().or(declared), expected);
    let header = SoundFormat::of_header(b"\xaf\x00\x11\x80");
    assert_eq!(header.or(declared), header, "half of one and half of the other would be neither");
    assert_eq!(SoundFormat::of_metadata(&crate::media::metadata::wrap(&bytes::Bytes::from_static(METADATA))), expected);
}

#[test]
fn what_metadata_cannot_mean_is_not_believed() {
    let width = |value: f64| {
        let value = value.to_be_bytes();
        let object =
            [b"\x02\x00\x0aonMetaData\x03\x00\x05width\x00", &value[..], b"\x00\x06height\x00", &value, b"\0\0\x09"];
        PictureFormat::of_metadata(&object.concat()).size.map(|size| (size.width, size.height))
    };
    assert_eq!(width(1279.9), Some((1280, 1280)));
    for nonsense in [0.0, -1.0, 0.5, 1e9, f64::NAN, f64::INFINITY] {
        assert_eq!(width(nonsense), None, "{nonsense}");
    }
    for end in 0..METADATA.len() {
        let _ = (PictureFormat::of_metadata(&METADATA[..end]), SoundFormat::of_metadata(&METADATA[..end]));
    }
    // Behind more properties than are looked at, and behind an object, which is not passed over.
    let many =
        [b"\x02\x00\x0aonMetaData\x03", &b"\x00\x01x\x05".repeat(limits::PROPERTIES)[..], &METADATA[18..]].concat();
    assert_eq!(PictureFormat::of_metadata(&many).size, None);
    let few =
        [b"\x02\x00\x0aonMetaData\x03", &b"\x00\x01x\x05".repeat(limits::PROPERTIES / 2)[..], &METADATA[18..]].concat();
    assert!(PictureFormat::of_metadata(&few).size.is_some());
    let nested = [b"\x02\x00\x0aonMetaData\x03\x00\x01x\x03\0\0\x09", &METADATA[18..]].concat();
    assert_eq!(PictureFormat::of_metadata(&nested).size, None);
}
