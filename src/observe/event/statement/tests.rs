use std::time::Duration;

use super::*;

fn failed(news: News, is_parked: bool) -> Statement {
    let event = Event::DestinationFailed {
        stream: "live",
        destination: "youtube",
        stage: "connect",
        kind: "connection_refused",
        message: "a.example:1935 refused the connection",
        hint: "is the server running?",
        next: "next try in 0.5 s",
        is_parked,
        news,
    };
    event.statement()
}

#[test]
fn a_failure_is_one_sentence_with_its_remedy_and_says_whose_it_is() {
    let statement = failed(News::New, false);
    assert_eq!(
        (statement.stream.as_deref(), statement.destination.as_deref(), statement.hint.as_deref()),
        (Some("live"), Some("youtube"), Some("is the server running?"))
    );
    let message = "destination `youtube` failed: a.example:1935 refused the connection; next try in 0.5 s";
    assert_eq!((statement.message.as_str(), statement.kind), (message, Kind::DestinationFailed));
    assert_eq!(failed(News::New, true).kind, Kind::DestinationParked);
    assert!(failed(News::Old, false).is_repeat && !statement.is_repeat);
    let still = failed(News::Still { tries: 3, lasting: Duration::from_secs(61) }, false);
    assert_eq!(still.kind, Kind::DestinationStillFailing);
    assert_eq!(still.log.as_ref(), Some(&still.message), "the hint is in the log once");
    assert!(still.hint.is_some());
}

#[test]
fn a_trouble_is_told_with_its_remedy_and_what_becomes_of_it_is_no_new_failure() {
    let (stream, destination) = ("live", "youtube");
    let stalling = Event::DestinationStalling {
        stream,
        destination,
        what: "stalls",
        message: "`a.example:1935` has taken nothing for 3 s",
        hint: "look at the network",
        next: "connected anew where that lasts for 8 s",
    };
    let statement = stalling.statement();
    let message = "destination `youtube` stalls: `a.example:1935` has taken nothing for 3 s; connected anew where that lasts for 8 s";
    assert_eq!((statement.message.as_str(), statement.kind), (message, Kind::DestinationStalling));
    assert_eq!(statement.hint.as_deref(), Some("look at the network"));
    let outcome = failed(News::Outcome, false);
    let message = "destination `youtube` still fails: a.example:1935 refused the connection; next try in 0.5 s";
    assert_eq!((outcome.message.as_str(), outcome.kind, outcome.is_repeat), (message, Kind::DestinationFailed, false));
    let flows = Event::DestinationFlows { stream, destination, after: Duration::from_millis(5040) }.statement();
    let message = "destination `youtube` takes the stream again, after 5.0 s";
    assert_eq!((flows.message.as_str(), flows.kind), (message, Kind::DestinationRecovered));
}

#[test]
fn a_change_of_webhooks_alone_is_a_change() {
    let read = |webhooks| Event::ConfigurationRead {
        streams_added: 0,
        streams_changed: 0,
        streams_removed: 0,
        destinations: 0,
        webhooks,
        mistakes: 0,
        took: Duration::from_millis(2),
    };
    for (webhooks, said) in [(0, "nothing has changed"), (1, "1 webhook changed"), (2, "2 webhooks changed")] {
        assert_eq!(read(webhooks).statement().message, format!("the files were read again: {said}"));
    }
}

#[test]
fn whoever_failed_has_recovered() {
    let live = |resumed_after, has_failed| {
        Event::DestinationLive { stream: "b", destination: "a", tls: None, resumed_after, has_failed }.statement()
    };
    let table = [
        (None, false, Kind::DestinationLive, "destination `b/a` is live: its server accepted the publish (plain)"),
        (None, true, Kind::DestinationRecovered, "destination `b/a` is live: its server accepted the publish (plain)"),
        (
            Some(Duration::from_millis(1250)),
            true,
            Kind::DestinationRecovered,
            "destination `b/a` is live again after 1.2 s (plain)",
        ),
    ];
    for (resumed_after, has_failed, kind, message) in table {
        let statement = live(resumed_after, has_failed);
        assert_eq!((statement.kind, statement.message.as_str()), (kind, message));
    }
}

#[test]
fn what_a_slow_destination_was_not_sent_is_told_without_zeros_and_with_what_to_do() {
    let dropped = |skipped, picture, disposable| {
        let (stream, destination) = ("live", "slow");
        Event::DestinationDropped { stream, destination, skipped, picture, disposable }.statement()
    };
    for (counts, words) in [
        ((353, 0, 0), "353 messages up to a keyframe"),
        ((1, 0, 0), "1 message up to a keyframe"),
        ((0, 1, 7), "1 frame of the picture, 7 disposable frames"),
        ((2, 3, 1), "2 messages up to a keyframe, 3 frames of the picture, 1 disposable frame"),
    ] {
        let statement = dropped(counts.0, counts.1, counts.2);
        let message = format!("destination `slow` takes less than the stream brings: left out {words}");
        assert_eq!(statement.message, message);
        assert!(statement.hint.unwrap().starts_with("lower the bitrate in the encoder"));
    }
}

#[test]
fn what_was_left_out_before_a_line_is_counted_in_it() {
    let refused = |line| {
        let address = ([192, 0, 2, 1], 5000).into();
        Event::PublishRefused { address, transport: "rtmp", reason: "wrong key", line }.statement()
    };
    let plain = "rtmp publisher at 192.0.2.1:5000 refused: wrong key";
    assert_eq!(refused(Line::Told { left_out: 0 }).message, plain);
    let more = refused(Line::Told { left_out: 7 }).message;
    assert_eq!(more, format!("{plain} (and 7 more lines like it were left out)"));
    assert!(refused(Line::LeftOut).is_repeat);
}

#[test]
fn a_file_that_is_wrong_is_one_sentence_and_in_the_log_with_its_line() {
    let wrong = |is_mistake| {
        let (problem, sentence) = ("mistake: `a` is no b\n 1 | a = 1", "d.toml:1:5: `a` is no b");
        Event::ConfigurationProblem { is_mistake, problem, sentence, hint: "write b" }.statement()
    };
    let (mistake, warning) = (wrong(true), wrong(false));
    assert_eq!(mistake.message, "what ran before goes on, but a file is wrong: d.toml:1:5: `a` is no b");
    let log = "what ran before goes on, but a file is wrong\nmistake: `a` is no b\n 1 | a = 1";
    assert_eq!((mistake.log.as_deref(), mistake.hint.as_deref()), (Some(log), Some("write b")));
    assert_eq!((mistake.kind, warning.kind), (Kind::ConfigurationWrong, Kind::ConfigurationWarning));
    let without = Event::StreamWithoutKey { stream: "b", error: "the folder is read-only\nhint: choose another" };
    let without = without.statement();
    assert_eq!(without.message, "nobody can publish stream `b`: the folder is read-only");
    assert_eq!(without.hint.as_deref(), Some("choose another"));
}
