use super::*;
use crate::{
    destination::{
        backoff::{Attempt, Backoff, Next},
        platform::Platform,
        settings::Reconnect,
    },
    net::{
        Cause,
        error::{CertificateProblem, ConnectProblem, Whose, testing},
    },
};

fn peer() -> Endpoint {
    Endpoint::new("a.example", 443)
}

#[test]
fn one_line_for_people() {
    let cause = Cause::Certificate(CertificateProblem::Expired {
        whose: Whose::Server,
        on: "2026-10-01".to_owned(),
        today: "2026-11-21".to_owned(),
    });
    let failure = Failure::from(&peer().error(cause));
    assert_eq!(
        failure.to_string(),
        "certificate of `a.example:443` expired on 2026-10-01; hint: if the server is yours, renew its certificate; else use \
         another ingest server of the platform; first check this machine's clock, which says 2026-11-21"
    );
    assert_eq!((failure.stage, failure.kind, failure.retry), (Stage::Tls, Kind::CertificateExpired, Retry::Slowly));
}

/// Who has written no `url` is not sent to look at one.
#[test]
fn a_platforms_own_server_is_not_looked_for_in_the_file() {
    let timeout = Duration::from_secs(10);
    let connect = |problem| Cause::Connect { problem, tried: Vec::new(), limit: timeout };
    for (cause, words) in [
        (Cause::NameNotFound, "DNS server"),
        (Cause::LookupFailed { detail: "no server".to_owned() }, "DNS server"),
        (Cause::LookupTimedOut { after: timeout }, "DNS server"),
        (connect(ConnectProblem::Refused), "firewall"),
        (connect(ConnectProblem::TimedOut), "firewall"),
    ] {
        let failure = Failure::from(&peer().error(cause));
        let own = failure.clone().of_own_server_of("YouTube");
        assert!(own.hint.starts_with("this is YouTube's own server: ") && own.hint.contains(words), "{own}");
        assert!(!own.hint.contains("url"), "{own}");
        assert_eq!(Failure { hint: failure.hint.clone(), ..own }, failure, "the rest stays");
    }
    let youtube = Platform::named("youtube").unwrap();
    assert!(youtube.has_server("A.rtmps.youtube.com") && youtube.has_server("b.rtmp.youtube.com"));
    assert!(!youtube.has_server("youtube.com") && !Platform::custom().has_server("a.rtmps.youtube.com"));
}

#[test]
fn a_certificate_is_never_asked_for_again_within_half_a_minute() {
    let millisecond = Duration::from_millis(1);
    // Whatever a person writes into `[reconnect]`, and however long it goes on.
    let bounds = Reconnect { initial: millisecond, max: millisecond, give_up_after: None };
    for problem in testing::every_certificate_problem() {
        let failure = Failure::from(&peer().error(Cause::Certificate(problem)));
        assert_eq!((failure.stage, failure.retry), (Stage::Tls, Retry::Slowly), "{failure}");
        let mut backoff = Backoff::new(bounds.clone());
        for round in 0..20 {
            backoff.another_server();
            match backoff.failed(failure.retry, Attempt::default(), 0.0) {
                Next::After(wait) => assert!(wait >= Duration::from_secs(30), "{wait:?} in round {round}: {failure}"),
                other => panic!("{other:?}: {failure}"),
            }
        }
    }
}

#[test]
fn tls_in_mid_stream() {
    let broken = Cause::StreamBroken { detail: "cannot decrypt peer's message".to_owned() };
    let failure = Failure::from(&peer().error(broken));
    assert_eq!((failure.stage, failure.kind, failure.retry), (Stage::Sending, Kind::TlsBroken, Retry::Soon));
    let alert = Failure::from(&peer().error(Cause::StreamAlert { alert: "InternalError".to_owned() }));
    assert_eq!((alert.stage, alert.kind, alert.retry), (Stage::Sending, Kind::TlsAlert, Retry::Soon));
}

#[test]
fn the_status_shows_labels() {
    let cause = Cause::Connect { problem: ConnectProblem::Refused, tried: Vec::new(), limit: Duration::from_secs(10) };
    let json = serde_json::to_value(Failure::from(&peer().error(cause))).unwrap();
    assert_eq!(json["stage"], "connect");
    assert_eq!(json["kind"], "connection_refused");
    assert_eq!(json["retry"], "soon");
    assert_eq!(json["message"], "`a.example:443` refused the connection");
    assert!(json["hint"].as_str().unwrap().contains("nothing listens on port 443"));
}

#[test]
fn labels_are_snake_case_and_unique() {
    let labels: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| (format!("{kind:?}"), kind.label()))
        .chain(Stage::ALL.iter().map(|stage| (format!("{stage:?}"), stage.label())))
        .chain(Retry::ALL.iter().map(|retry| (format!("{retry:?}"), retry.label())))
        .collect();
    for (variant, label) in &labels {
        let pascal: String = label.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(&pascal, variant);
    }
}

/// The codes and descriptions of real servers.
#[test]
fn refusals() {
    use Kind::{
        AppRefused, AuthenticationNeeded, ConnectRejected, KeyRefused, NameInUse, OverLimit, PublishRejected,
        RelayLoop, ServerTrouble, TooManyRelays,
    };
    use Retry::{BackOff, Minutes, NotUntilChanged};
    use Stage::{Publish, RtmpConnect};
    for (stage, code, description, times, kind, retry) in [
        (Publish, "NetStream.Publish.BadName", "Already publishing", 1, NameInUse, BackOff),
        (Publish, "NetStream.Publish.BadName", "Already publishing", 7, NameInUse, BackOff),
        (Publish, "NetStream.Publish.BadName", "Already publishing", 8, NameInUse, Minutes),
        (Publish, "NetStream.Publish.BadName", "", 1, NameInUse, BackOff),
        (Publish, "NetStream.Publish.BadName", "Invalid stream key", 1, KeyRefused, NotUntilChanged),
        (Publish, "NetStream.Publish.Denied", "Permission denied", 1, KeyRefused, NotUntilChanged),
        (Publish, "NetStream.Publish.Denied", "Stream already exists", 1, NameInUse, BackOff),
        (Publish, "NetStream.Publish.Unauthorized", "", 1, KeyRefused, NotUntilChanged),
        (Publish, "NetStream.Publish.Rejected", "", 1, KeyRefused, NotUntilChanged),
        (Publish, "NetStream.Publish.BadAuth", "", 1, KeyRefused, NotUntilChanged),
        (Publish, "netstream.publish.denied", "concurrent stream limit", 1, OverLimit, Minutes),
        (Publish, "NetStream.Publish.Failed", "Initialization failed", 1, PublishRejected, BackOff),
        (Publish, "NetStream.Publish.Failed", "Initialization failed", 3, PublishRejected, Minutes),
        (Publish, "NetStream.Publish.Failed", "keyframe interval", 1, PublishRejected, BackOff),
        (Publish, "NetStream.Failed", "token expired", 2, KeyRefused, BackOff),
        (Publish, "NetStream.Failed", "token expired", 3, KeyRefused, NotUntilChanged),
        (Publish, "Something.New", "", 1, PublishRejected, BackOff),
        (Publish, "", "", 3, PublishRejected, Minutes),
        (RtmpConnect, "NetConnection.Connect.Rejected", "", 1, ConnectRejected, BackOff),
        (RtmpConnect, "NetConnection.Connect.Rejected", "", 3, ConnectRejected, Minutes),
        (RtmpConnect, "NetConnection.Connect.Rejected", "Application not found", 1, AppRefused, BackOff),
        (RtmpConnect, "NetConnection.Connect.InvalidApp", "", 3, AppRefused, NotUntilChanged),
        (
            RtmpConnect,
            "NetConnection.Connect.Rejected",
            "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
            1,
            AuthenticationNeeded,
            NotUntilChanged,
        ),
        (
            RtmpConnect,
            "NetConnection.Connect.Rejected",
            "relay loop: this stream has passed this relay before",
            1,
            RelayLoop,
            NotUntilChanged,
        ),
        (
            RtmpConnect,
            "NetConnection.Connect.Rejected",
            "too many relays: this stream has passed 16 before this one",
            1,
            TooManyRelays,
            NotUntilChanged,
        ),
        (RtmpConnect, "NetConnection.Connect.Rejected", "too many connections", 1, OverLimit, Minutes),
        (RtmpConnect, "NetConnection.Connect.Failed", "", 9, ServerTrouble, BackOff),
        (RtmpConnect, "NetConnection.Connect.AppShutdown", "", 1, ServerTrouble, BackOff),
        (RtmpConnect, "NetConnection.Call.Failed", "", 1, ServerTrouble, BackOff),
        (RtmpConnect, "", "go away", 1, ConnectRejected, BackOff),
    ] {
        let failure = Failure::refused(&peer(), Refusal { stage, code, description }, times, &[]);
        assert_eq!((failure.kind, failure.retry), (kind, retry), "{code} {description:?} {times}");
        assert_eq!(failure.stage, stage);
        assert!(failure.message.contains("`a.example:443`") && failure.message.contains(code), "{failure}");
        assert!(!failure.hint.is_empty() && !failure.hint.ends_with('.'), "{failure}");
    }
}

#[test]
fn a_refusal_reads_well_and_never_quotes_the_key() {
    let secrets = ["show?token=open-sesame", "open-sesame"];
    let refusal = Refusal {
        stage: Stage::Publish,
        code: "NetStream.Publish.Denied",
        description: "no such stream: show?token=OPEN-sesame\r\n(open-sesame)",
    };
    let failure = Failure::refused(&peer(), refusal, 1, &secrets);
    assert_eq!(
        failure.message,
        "`a.example:443` refused the stream key: NetStream.Publish.Denied, \"no such stream: … (…)\""
    );
    let ended = Failure::ended(&peer(), "NetStream.Unpublish.Success", "open-sesame is now unpublished.", &secrets);
    assert_eq!(
        ended.message,
        "`a.example:443` ended the broadcast: NetStream.Unpublish.Success, \"… is now unpublished.\""
    );
    assert_eq!((ended.kind, ended.retry, ended.stage), (Kind::BroadcastEnded, Retry::Minutes, Stage::EndedByPeer));
}

#[test]
fn an_end_without_a_word() {
    for (seconds, times, kind, retry) in [
        (4, 1, Kind::ClosedByPeer, Retry::Soon),
        (4, 2, Kind::ClosedByPeer, Retry::Soon),
        (4, 3, Kind::KeyLikelyInvalid, Retry::Minutes),
        (14, 9, Kind::KeyLikelyInvalid, Retry::Minutes),
        (15, 9, Kind::ClosedByPeer, Retry::Soon),
        (600, 3, Kind::ClosedByPeer, Retry::Soon),
    ] {
        let failure = Failure::lost_after_publish(&peer(), Stage::Sending, None, Duration::from_secs(seconds), times);
        assert_eq!((failure.kind, failure.retry), (kind, retry), "{seconds} s, {times} times");
    }
    let failure = Failure::lost_after_publish(&peer(), Stage::Sending, None, Duration::from_secs(2), 3);
    assert!(failure.message.ends_with("the stream key is likely invalid"), "{failure}");
    assert!(failure.hint.contains("copy the stream key anew"), "{failure}");
}

#[test]
fn lost_connections() {
    for (stage, error, kind, retry, message) in [
        (Stage::Sending, None, Kind::ClosedByPeer, Retry::Soon, "`a.example:443` closed the connection"),
        (
            Stage::Sending,
            Some(io::ErrorKind::UnexpectedEof),
            Kind::ClosedByPeer,
            Retry::Soon,
            "`a.example:443` closed the connection without ending TLS first (truncated)",
        ),
        (
            Stage::Sending,
            Some(io::ErrorKind::ConnectionReset),
            Kind::ResetByPeer,
            Retry::Soon,
            "`a.example:443` reset the connection",
        ),
        (
            Stage::Sending,
            Some(io::ErrorKind::TimedOut),
            Kind::ConnectionLost,
            Retry::Soon,
            "`a.example:443` has taken nothing for 8 s: it is stuck or overloaded, or the network is gone",
        ),
        (
            Stage::Handshake,
            Some(io::ErrorKind::BrokenPipe),
            Kind::ResetByPeer,
            Retry::BackOff,
            "`a.example:443` reset the connection during the RTMP handshake",
        ),
        (
            Stage::RtmpConnect,
            None,
            Kind::ClosedByPeer,
            Retry::BackOff,
            "`a.example:443` closed the connection in answer to `connect`",
        ),
        (
            Stage::Publish,
            None,
            Kind::ClosedByPeer,
            Retry::BackOff,
            "`a.example:443` closed the connection in answer to `publish`",
        ),
    ] {
        let error = error.map(io::Error::from);
        let failure = Failure::lost(&peer(), stage, error.as_ref());
        assert_eq!((failure.kind, failure.retry, failure.message.as_str()), (kind, retry, message));
    }
}

#[test]
fn silence() {
    let failure = Failure::timed_out(&peer(), Stage::Publish, Duration::from_secs(15));
    assert_eq!(failure.message, "`a.example:443` did not answer to `publish` within 15 s");
    assert_eq!(failure.kind, Kind::TimedOut);
    let failure = Failure::timed_out(&peer(), Stage::Handshake, Duration::from_secs(10));
    assert!(failure.hint.contains("rtmps://"), "{failure}");
    let failure = Failure::stalled(&peer(), Duration::from_secs(8));
    assert_eq!((failure.stage, failure.retry), (Stage::Sending, Retry::Soon));
    assert_eq!(
        failure.message,
        "`a.example:443` has taken nothing for 8 s: it is stuck or overloaded, or the network is gone"
    );
}

#[test]
fn other_protocols() {
    for (error, message, hint) in [
        (NotRtmp::HttpResponse.into(), "`a.example:443` is a web server: it answered in HTTP", "check host and port"),
        (NotRtmp::TlsAlert.into(), "`a.example:443` speaks TLS on this port", "rtmps://"),
        (
            NotRtmp::Unknown { first: b'2' }.into(),
            "`a.example:443` does not speak RTMP (it began with the byte 0x32)",
            "check host and port",
        ),
        (
            Error::Malformed("a chunk of nothing"),
            "`a.example:443` does not speak RTMP as it should: malformed RTMP: a chunk of nothing",
            "try again later",
        ),
    ] {
        let failure = Failure::protocol(&peer(), Stage::Handshake, &error);
        assert_eq!((failure.message.as_str(), failure.kind), (message, Kind::ProtocolError));
        assert_eq!(failure.retry, Retry::Slowly);
        assert!(failure.hint.contains(hint), "{failure}");
    }
}

#[test]
fn every_kind_is_in_the_guide() {
    let guide = include_str!("../../../docs/troubleshooting.md");
    let missing: Vec<_> =
        Kind::ALL.iter().map(|kind| kind.label()).filter(|kind| !guide.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
