//! Sessions over an in-memory connection and a paused clock. The server at the other end is our own engine; real ones are
//! met in the end-to-end tests.

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::{
    destination::{failure::Kind as FailureKind, settings::Settings, testing::settings},
    rtmp::{
        handshake::{Form, RANDOM_LEN},
        message::Message as RtmpMessage,
        server::{self, Server},
    },
    stream::{
        Publish,
        testing::{inter, keyframe, live_feed},
    },
};

impl Link for DuplexStream {
    fn written(&self) -> u64 {
        0
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        None
    }

    fn cost(&self) -> u32 {
        1
    }
}

/// What a test's server saw.
#[derive(Default, Debug, PartialEq, Eq)]
struct Seen {
    media: Vec<Bytes>,
    /// When each came.
    times: Vec<Instant>,
    is_unpublished: bool,
}

/// A server at the other end of a duplex: accepts, and remembers what comes until the connection ends.
async fn serve(mut io: DuplexStream) -> Seen {
    let mut server = Server::new(&[9; RANDOM_LEN]);
    let (mut seen, mut buffer) = (Seen::default(), vec![0; 4096]);
    loop {
        let outbox = server.transmit();
        let answer = outbox.copy_to_bytes(outbox.remaining());
        if io.write_all(&answer).await.is_err() {
            return seen;
        }
        let Ok(count @ 1..) = io.read(&mut buffer).await else { return seen };
        let mut input = &buffer[..count];
        while let Some(event) = server.handle_input(&mut input).unwrap() {
            match event {
                server::Event::PublishRequested(_) => server.accept_publish(),
                server::Event::Media(RtmpMessage { payload, .. }) => {
                    seen.media.push(payload);
                    seen.times.push(Instant::now());
                }
                server::Event::Unpublished => seen.is_unpublished = true,
                server::Event::Connected(_) | server::Event::Closed => {}
            }
        }
    }
}

#[derive(Default)]
struct Told {
    accepted: u32,
    dropped: u64,
    /// When a trouble was told, what it was, and when it would be given up; and when it was told to be over, and how long it was.
    troubles: Vec<(Instant, Failure, Duration)>,
    flows: Vec<(Instant, Duration)>,
}

impl Watch for Told {
    fn accepted(&mut self) {
        self.accepted += 1;
    }

    fn dropped(&mut self, dropped: Dropped) {
        self.dropped += dropped.total();
    }

    fn troubled(&mut self, trouble: &Failure, limit: Duration) {
        self.troubles.push((Instant::now(), trouble.clone(), limit));
    }

    fn flows(&mut self, after: Duration) {
        self.flows.push((Instant::now(), after));
    }
}

/// A session of a live feed with one keyframe in it.
struct Stage {
    feed: Arc<Feed>,
    publish: Publish,
    settings: Settings,
    report: Report,
    endpoint: Endpoint,
    leave: CancellationToken,
    fail_back: Option<Instant>,
    start: Start,
    told: Told,
    /// What a test says while the session runs.
    orders: Option<watch::Receiver<Orders>>,
}

impl Stage {
    async fn set() -> Self {
        let (feed, mut publish) = live_feed().await;
        publish.append(Kind::Video, 0, keyframe(b"first")).unwrap();
        publish.wake();
        Self {
            feed,
            publish,
            settings: settings(),
            report: Report::new(State::Idle),
            endpoint: Endpoint::new("127.0.0.1", 1935),
            leave: CancellationToken::new(),
            fail_back: None,
            start: Start::Live,
            told: Told::default(),
            orders: None,
        }
    }

    /// Hands out what orders the session.
    fn orders(&mut self) -> watch::Sender<Orders> {
        let (orders, receiver) = watch::channel(Orders::new(Arc::new(self.settings.clone())));
        self.orders = Some(receiver);
        orders
    }

    /// Runs a session over `io`; closes it as a destination's task does.
    async fn run<T: Link>(&mut self, io: T, history: History) -> End {
        let context = Context {
            feed: &self.feed,
            broadcast: *self.feed.broadcast().borrow(),
            start: self.start,
            clock: Clock::FromFirstMessage,
            fail_back: self.fail_back,
            orders: Orders::new(Arc::new(self.settings.clone())),
            report: &self.report,
            url: &self.settings.url,
            endpoint: &self.endpoint,
            history,
        };
        let config = client::Config {
            app: "live".into(),
            tc_url: "rtmp://127.0.0.1/live".into(),
            stream_key: self.settings.key.clone(),
            chunk_size: 4096,
            enhanced: false,
            relay_hops: Vec::new(),
            handshake: Form::Simple,
        };
        let client = Client::new(config, &[1; RANDOM_LEN]);
        let mut session = Session::new(io, client, context);
        let mut orders = self.orders.clone().unwrap_or_else(|| watch::channel(session.context.orders.clone()).1);
        let end = session.run(&self.leave, &mut orders, &mut self.told).await;
        if matches!(end, End::Finished | End::Ordered(Change::End)) && session.accepted_for().is_some() {
            session.close().await;
        }
        end
    }
}

fn failure(end: End) -> Failure {
    match end {
        End::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_is_sent_whole_and_ended_in_order() {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let feed = Arc::clone(&stage.feed);
    let server = tokio::spawn(async move {
        let seen = serve(theirs).await;
        assert_eq!(feed.broadcast().borrow().end_of(1), Some(2));
        seen
    });
    stage.publish.append(Kind::Video, 40, inter(b"second")).unwrap();
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    let feed = Arc::clone(&stage.feed);
    let publisher = tokio::spawn(async move {
        // Longer than any patience for a stalled server: silence of the publisher is not the server's fault.
        tokio::time::sleep(Duration::from_secs(20)).await;
        publish.stop();
        drop(feed);
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    publisher.await.unwrap();
    let seen = server.await.unwrap();
    assert!(seen.is_unpublished);
    assert_eq!(seen.media.len(), 5, "three headers and two frames");
    assert_eq!(seen.media[3..], [keyframe(b"first"), inter(b"second")]);
    assert_eq!((stage.told.accepted, stage.report.sessions(), stage.report.sent_messages()), (1, 1, 5));
}

#[tokio::test(start_paused = true)]
async fn leaving_says_no_word_that_would_end_the_broadcast() {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let leave = stage.leave.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        leave.cancel();
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::Left));
    let seen = server.await.unwrap();
    assert_eq!((seen.media.len(), seen.is_unpublished), (4, false));
}

#[tokio::test(start_paused = true)]
async fn a_lost_publisher_is_held_for_and_nobody_is_told() {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    let feed = Arc::clone(&stage.feed);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(publish);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut publish = feed.publish(crate::stream::testing::publisher()).await.unwrap();
        for (kind, header) in crate::stream::testing::headers() {
            publish.append(kind, 0, Bytes::from_static(header)).unwrap();
        }
        publish.append(Kind::Video, 0, keyframe(b"back")).unwrap();
        publish.stop();
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    let seen = server.await.unwrap();
    // One session, and the headers are not announced again: they are the same.
    assert_eq!(seen.media[3..], [keyframe(b"first"), keyframe(b"back")]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_at_each_step() {
    let mut stage = Stage::set().await;
    let (ours, _theirs) = duplex(1 << 16);
    let began = Instant::now();
    let failed = failure(stage.run(ours, History::default()).await);
    assert_eq!((failed.kind, failed.stage), (FailureKind::TimedOut, super::Stage::Handshake));
    assert_eq!(began.elapsed(), limits::HANDSHAKE);
    assert_eq!(stage.told.accepted, 0);
    // Long before, whoever is to hear of it knows, and what to do.
    let [(at, trouble, limit)] = stage.told.troubles.as_slice() else { panic!("{:?}", stage.told.troubles) };
    assert_eq!((*at - began, *limit), (limits::TELL_SILENT, limits::HANDSHAKE));
    assert_eq!(trouble.message, "`127.0.0.1:1935` has not answered to the RTMP handshake for 4 s");
    assert_eq!((trouble.stage, &trouble.hint), (failed.stage, &failed.hint));
}

/// A server that takes nothing for so long, then a little every so often, or all of it, and gives what the session told of it.
async fn stalls(silences: &'static [u64], takes: usize) -> (Vec<Duration>, Vec<(Duration, Duration)>) {
    let mut stage = Stage::set().await;
    let (ours, mut theirs) = duplex(4096);
    let (accepted, when) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut server = Server::new(&[9; RANDOM_LEN]);
        let (mut buffer, mut is_accepted) = (vec![0; 1024], false);
        while !is_accepted {
            let outbox = server.transmit();
            theirs.write_all(&outbox.copy_to_bytes(outbox.remaining())).await.unwrap();
            let count = theirs.read(&mut buffer).await.unwrap();
            let mut input = &buffer[..count];
            while let Some(event) = server.handle_input(&mut input).unwrap() {
                if let server::Event::PublishRequested(_) = event {
                    server.accept_publish();
                    is_accepted = true;
                }
            }
        }
        let outbox = server.transmit();
        theirs.write_all(&outbox.copy_to_bytes(outbox.remaining())).await.unwrap();
        accepted.send(Instant::now()).unwrap();
        for silence in silences {
            tokio::time::sleep(Duration::from_secs(*silence)).await;
            let mut left = takes;
            while left > 0 {
                left -= theirs.read(&mut vec![0; left.min(1024)]).await.unwrap();
            }
        }
        while theirs.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    tokio::spawn(async move {
        let mut publish = publish;
        for frame in 1..40 * 25 {
            let payload = if frame % 50 == 0 { keyframe(&[0; 4_000]) } else { inter(&[0; 4_000]) };
            publish.append(Kind::Video, frame * 40, payload).unwrap();
            publish.wake();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        publish.stop();
    });
    let end = stage.run(ours, History::default()).await;
    assert!(matches!(end, End::Finished), "{end:?}");
    let began = when.await.unwrap();
    assert!(stage.told.troubles.iter().all(|(_, trouble, _)| trouble.kind == FailureKind::Stalled));
    let troubles = stage.told.troubles.iter().map(|(at, ..)| *at - began).collect();
    (troubles, stage.told.flows.iter().map(|(at, after)| (*at - began, *after)).collect())
}

#[tokio::test(start_paused = true)]
async fn that_a_server_takes_nothing_is_told_within_five_seconds_and_that_it_does_again() {
    let (troubles, flows) = stalls(&[6], 1).await;
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!((limits::TELL_STALLED..Duration::from_millis(4600)).contains(&troubles[0]), "{troubles:?}");
    let [(at, after)] = flows.as_slice() else { panic!("{flows:?}") };
    assert!((5..=7).contains(&after.as_secs()), "{after:?}");
    assert!((Duration::from_secs(9)..Duration::from_secs(11)).contains(at), "{at:?}");
    // What is over sooner is nobody's business.
    assert_eq!(stalls(&[3, 3, 3], 8_000).await, (vec![], vec![]));
}

/// A few frames every five seconds are no delivery: it is told once, and not that all is well.
#[tokio::test(start_paused = true)]
async fn a_server_that_takes_a_little_now_and_then_is_not_told_to_be_well() {
    let (troubles, flows) = stalls(&[5, 5, 5, 5], 8_000).await;
    assert_eq!((troubles.len(), flows.len()), (1, 1), "{troubles:?} {flows:?}");
    assert!(flows[0].0 >= Duration::from_secs(20), "{flows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_dead_after_eight_seconds() {
    let mut stage = Stage::set().await;
    let (ours, mut theirs) = duplex(4096);
    // Accepts the publish, then never reads again.
    tokio::spawn(async move {
        let mut server = Server::new(&[9; RANDOM_LEN]);
        let (mut buffer, mut is_accepted) = (vec![0; 1024], false);
        loop {
            let outbox = server.transmit();
            theirs.write_all(&outbox.copy_to_bytes(outbox.remaining())).await.unwrap();
            if is_accepted {
                std::future::pending::<()>().await;
            }
            let count = theirs.read(&mut buffer).await.unwrap();
            let mut input = &buffer[..count];
            while let Some(event) = server.handle_input(&mut input).unwrap() {
                if let server::Event::PublishRequested(_) = event {
                    server.accept_publish();
                    is_accepted = true;
                }
            }
        }
    });
    stage.publish.append(Kind::Video, 40, inter(&[0; 20_000])).unwrap();
    stage.publish.wake();
    let began = Instant::now();
    let failed = failure(stage.run(ours, History::default()).await);
    assert_eq!(failed.kind, FailureKind::Stalled);
    // Looked at once a second.
    assert!(
        (limits::STALLED..=limits::STALLED + limits::LOOK_EVERY).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_after_each_publish_means_the_key() {
    let mut stage = Stage::set().await;
    for early_ends in 0..3 {
        let (ours, theirs) = duplex(1 << 16);
        let server = tokio::spawn(async move { tokio::time::timeout(Duration::from_secs(2), serve(theirs)).await });
        let failed = failure(stage.run(ours, History { refusals: 0, early_ends }).await);
        assert!(server.await.unwrap().is_err(), "the server was cut after two seconds");
        let expected = if early_ends == 2 { FailureKind::KeyLikelyInvalid } else { FailureKind::ClosedByPeer };
        assert_eq!(failed.kind, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_failure_that_does_not_name_the_key() {
    let mut stage = Stage::set().await;
    let (ours, mut theirs) = duplex(1 << 16);
    tokio::spawn(async move {
        let mut server = Server::new(&[9; RANDOM_LEN]);
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = theirs.read(&mut buffer).await {
            let mut input = &buffer[..count];
            while let Some(event) = server.handle_input(&mut input).unwrap() {
                if let server::Event::PublishRequested(request) = event {
                    let description = format!("no such key: {}", request.stream_key.expose_secret());
                    server.refuse_publish(server::Refusal { code: server::Refusal::DENIED, description });
                }
            }
            let outbox = server.transmit();
            theirs.write_all(&outbox.copy_to_bytes(outbox.remaining())).await.unwrap();
        }
    });
    let failed = failure(stage.run(ours, History::default()).await);
    assert_eq!(failed.kind, FailureKind::KeyRefused);
    assert!(!format!("{failed} {failed:?}").contains("key-of-the-test"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_pings_is_given_up_too() {
    let mut stage = Stage::set().await;
    let (ours, mut theirs) = duplex(1 << 16);
    tokio::spawn(async move {
        let mut server = Server::new(&[9; RANDOM_LEN]);
        let mut buffer = vec![0; 4096];
        // The handshake, then pings and no answer to `connect`.
        while let Ok(Ok(count @ 1..)) = tokio::time::timeout(Duration::from_secs(1), theirs.read(&mut buffer)).await {
            let _ = server.handle_input(&mut &buffer[..count]);
            let outbox = server.transmit();
            let answer = outbox.copy_to_bytes(outbox.remaining());
            theirs.write_all(&answer[..answer.len().min(3073)]).await.unwrap();
        }
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let ping = b"\x02\0\0\0\0\0\x06\x04\0\0\0\0\0\x06\0\0\0\x01";
            if theirs.write_all(ping).await.is_err() {
                return;
            }
            let _ = theirs.read(&mut buffer).await;
        }
    });
    let began = Instant::now();
    let failed = failure(stage.run(ours, History::default()).await);
    assert_eq!(failed.kind, FailureKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_away_for_too_long_is_ended_for_this_destination() {
    let mut stage = Stage::set().await;
    stage.settings.hold = Duration::from_secs(5);
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(publish);
    });
    let began = Instant::now();
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    assert_eq!(began.elapsed().as_secs(), 6);
    assert!(server.await.unwrap().is_unpublished);
    assert_eq!(stage.feed.broadcast().borrow().phase, Phase::Held, "others wait longer");
}

#[tokio::test(start_paused = true)]
async fn it_goes_back_to_the_primary_when_it_is_time() {
    let mut stage = Stage::set().await;
    stage.fail_back = Some(Instant::now() + Duration::from_secs(30));
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let began = Instant::now();
    assert!(matches!(stage.run(ours, History::default()).await, End::FailBack));
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert!(!server.await.unwrap().is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn a_show_that_is_over_is_ended_even_while_the_relay_leaves() {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    let leave = stage.leave.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        publish.stop();
        leave.cancel();
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    assert!(server.await.unwrap().is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_that_ended_while_the_server_hesitated_is_never_sent() {
    let mut stage = Stage::set().await;
    let (ours, _theirs) = duplex(1 << 16);
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        publish.stop();
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::NotNeeded));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_show_that_is_shorter_than_its_delay_is_sent_whole() {
    let mut stage = Stage::set().await;
    stage.settings.delay = Duration::from_secs(30);
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let mut publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        publish.append(Kind::Video, 10_000, inter(b"last")).unwrap();
        publish.stop();
    });
    let began = Instant::now();
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    assert_eq!(began.elapsed().as_secs(), 40);
    let seen = server.await.unwrap();
    assert_eq!(seen.media[3..], [keyframe(b"first"), inter(b"last")]);
    assert!(seen.is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn a_session_counts_as_load_from_its_acceptance_to_its_end() {
    let mut stage = Stage::set().await;
    let feed = Arc::clone(&stage.feed);
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let leave = stage.leave.clone();
    let looking = tokio::spawn({
        let feed = Arc::clone(&feed);
        async move {
            let before = feed.load().writes();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let during = feed.load().writes();
            leave.cancel();
            (before, during)
        }
    });
    assert!(matches!(stage.run(ours, History::default()).await, End::Left));
    assert_eq!((looking.await.unwrap(), feed.load().writes()), ((0, 1), 0));
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn what_was_delayed_gathers_too_while_many_read() {
    for (readers, expected) in [(0, [0, 10, 40]), (99, [16, 16, 56])] {
        let mut stage = Stage::set().await;
        let began = Instant::now();
        // Not when the session looks at its delivery, once a second, and would find what is due.
        stage.settings.delay = Duration::from_millis(1500);
        let _others = stage.feed.load().add(readers);
        let (ours, theirs) = duplex(1 << 16);
        let server = tokio::spawn(serve(theirs));
        let mut publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
        tokio::spawn(async move {
            for (pause, millis) in [(10, 10), (30, 40)] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                publish.append(Kind::Video, millis, inter(b"next")).unwrap();
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            publish.stop();
        });
        assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
        let seen = server.await.unwrap();
        let late: Vec<_> = seen.times[3..].iter().map(|time| (*time - began).as_millis() - 1500).collect();
        assert_eq!(late, expected, "with {readers} others");
    }
}

#[tokio::test(start_paused = true)]
async fn who_catches_up_when_the_publisher_stops_catches_up_to_the_end() {
    let mut stage = Stage::set().await;
    stage.settings.resume = crate::destination::settings::Resume::CatchUp { window: Duration::from_secs(30) };
    stage.start = Start::CatchUp(0);
    for second in 1..=4u32 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.publish.append(Kind::Video, second * 1000, keyframe(&second.to_be_bytes())).unwrap();
    }
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    publish.stop();
    // The broadcast is over before the session begins to send: it serves what was there.
    stage.settings.delay = Duration::from_millis(1);
    let began = Instant::now();
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    assert!(began.elapsed() >= Duration::from_secs(2), "faster than real time, not at once: {:?}", began.elapsed());
    let seen = server.await.unwrap();
    assert_eq!((seen.media.len(), seen.is_unpublished), (3 + 5, true));
}

/// Gives orders a second after the session began, and says what the server had seen by its end.
async fn ordered(order: impl FnOnce(&mut Orders) + Send + 'static) -> (End, Seen) {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let orders = stage.orders();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        orders.send_modify(order);
        std::future::pending::<()>().await;
    });
    let end = stage.run(ours, History::default()).await;
    (end, server.await.unwrap())
}

fn edit(orders: &mut Orders, edit: impl FnOnce(&mut Settings)) {
    let mut settings = Settings::clone(&orders.settings);
    edit(&mut settings);
    orders.settings = Arc::new(settings);
}

#[tokio::test(start_paused = true)]
async fn with_another_key_what_the_old_one_showed_is_ended_in_order() {
    let (end, seen) = ordered(|orders| edit(orders, |settings| settings.key = "another".into())).await;
    assert!(matches!(end, End::Ordered(Change::End)), "{end:?}");
    assert!(seen.is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_taken_away_is_ended_in_order() {
    let (end, seen) = ordered(|orders| orders.dismissed = Some("off".to_owned())).await;
    assert!(matches!(end, End::Ordered(Change::End)), "{end:?}");
    assert!(seen.is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn a_restart_says_no_word_that_would_end_the_broadcast() {
    let (end, seen) = ordered(|orders| orders.restarts += 1).await;
    assert!(matches!(end, End::Ordered(Change::Reconnect)), "{end:?}");
    assert!(!seen.is_unpublished);
}

#[tokio::test(start_paused = true)]
async fn other_bounds_are_gone_by_in_place() {
    let mut stage = Stage::set().await;
    let (ours, theirs) = duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let orders = stage.orders();
    let publish = std::mem::replace(&mut stage.publish, live_feed().await.1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        orders.send_modify(|orders| edit(orders, |settings| settings.hold = Duration::from_secs(5)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(publish);
        std::future::pending::<()>().await;
    });
    let began = Instant::now();
    assert!(matches!(stage.run(ours, History::default()).await, End::Finished));
    assert_eq!(began.elapsed().as_secs(), 2 + 5, "the hold that came while it ran");
    assert!(server.await.unwrap().is_unpublished);
    assert_eq!(stage.told.accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn orders_do_not_wait_for_a_server_that_hesitates() {
    let mut stage = Stage::set().await;
    let (ours, _theirs) = duplex(1 << 16);
    let orders = stage.orders();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        orders.send_modify(|orders| orders.ended = 1);
        std::future::pending::<()>().await;
    });
    let began = Instant::now();
    let end = stage.run(ours, History::default()).await;
    assert!(matches!(end, End::Ordered(Change::End)), "{end:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}
