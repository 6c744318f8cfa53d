//! One connection to one server, up to the answer to `connect`.

use std::time::SystemTime;

use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Limits, Own,
    finding::{Outcome, Seen, Subject},
    limits,
};
use crate::{
    destination::{
        dialler::{self, Dialler},
        failure::{Failure, Refusal, Stage},
        redirect,
        route::Server,
        session::stage,
        settings::Settings,
    },
    net::{
        Endpoint, TcpInfo, Timeouts, Transport,
        duplex::{Duplex, Step},
    },
    rtmp::{
        client::{self, Client, Event, Refused},
        secret::SecretText,
    },
};

/// Connects to the server once, and ends the connection in order. A server that sends its publishers on is followed, as by the
/// destination itself. Nothing is over later than `deadline`.
pub(super) async fn probe(subject: &Subject, limits: Limits, own: &Own, deadline: Instant) -> (Outcome, Seen) {
    let began = Instant::now();
    let mut seen = Seen::default();
    let connected = timeout_at(deadline, connect(subject, limits, own, &mut seen)).await;
    seen.took = began.elapsed();
    let outcome = match connected {
        Ok(Ok(io)) => {
            // Whatever comes of that, the answer was yes.
            let _ = timeout_at(deadline, close(io)).await;
            Outcome::Ready
        }
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(_) => Outcome::NotReached(seen.stage(&subject.server.url)),
    };
    (outcome, seen)
}

async fn connect(subject: &Subject, limits: Limits, own: &Own, seen: &mut Seen) -> Result<Duplex<Transport>, Failure> {
    let Limits { step, .. } = limits;
    let mut dialler = Dialler::with(Timeouts { resolve: step, connect: step, tls: step });
    let mut server = subject.server.clone();
    let mut hops = 0;
    loop {
        let begun = Attempt::begin(&subject.settings, &server, limits, &mut dialler, seen).await;
        // Whatever the relay would have said to itself.
        if let Some(listener) = seen.steps.ends.and_then(|ends| own.listener(ends)) {
            return Err(Failure::own(&server.endpoint(&subject.settings), &listener));
        }
        let mut attempt = begun?;
        let answer = attempt.converse(seen).await;
        seen.round_trip = TcpInfo::of(attempt.io.get_ref().tcp()).map(|info| info.round_trip);
        let Some(to) = answer? else { return Ok(attempt.io) };
        close(attempt.io).await;
        server.url = redirect::follow(&server.url, to.expose_secret(), hops)?;
        hops += 1;
        *seen = Seen { sent_on: Some(server.url.clone()), ..Seen::default() };
    }
}

/// Our end, then a moment for the server's.
async fn close(mut io: Duplex<Transport>) {
    let closing = async {
        if io.shutdown().await.is_ok() {
            while let Ok(Step::Received | Step::Sent(_) | Step::Flushed) = io.step(&mut bytes::Bytes::new()).await {}
        }
    };
    let _ = timeout(limits::CLOSE, closing).await;
}

/// One connection with a server.
struct Attempt<'a> {
    io: Duplex<Transport>,
    client: Client,
    endpoint: Endpoint,
    settings: &'a Settings,
    server: &'a Server,
    limits: Limits,
}

impl<'a> Attempt<'a> {
    /// Name, TCP and TLS.
    async fn begin(
        settings: &'a Settings,
        server: &'a Server,
        limits: Limits,
        dialler: &mut Dialler,
        seen: &mut Seen,
    ) -> Result<Self, Failure> {
        let endpoint = server.endpoint(settings);
        let dialled = dialler.dial_timed(settings, server, &endpoint, &mut seen.steps).await;
        seen.chain = seen.steps.refused.take();
        let transport = dialled?;
        seen.protection = transport.protection();
        seen.chain = transport.chain(SystemTime::now());
        // There is no stream yet: the call is as OBS makes it, and there is no relay that it has passed.
        let client = dialler::client(settings, server, false, Vec::new())
            .map_err(|error| Failure::lost(&endpoint, Stage::Handshake, Some(&error)))?;
        Ok(Self { io: Duplex::narrow(transport, limits::READ_BYTES), client, endpoint, settings, server, limits })
    }

    /// The handshake and `connect`. `None`: it was accepted; what the client would say next is never sent. Else where the server
    /// sends its publishers.
    async fn converse(&mut self, seen: &mut Seen) -> Result<Option<SecretText>, Failure> {
        let limit = self.limits.step;
        let mut began = Instant::now();
        loop {
            let before = stage(self.client.stage());
            let stepped = timeout_at(began + limit, self.io.step(self.client.transmit())).await;
            match stepped.map_err(|_| Failure::timed_out(&self.endpoint, before, limit))? {
                Ok(Step::Sent(_) | Step::Flushed) => continue,
                Ok(Step::Received) => {}
                Ok(Step::Closed) => return Err(Failure::lost(&self.endpoint, before, None)),
                Err(error) => return Err(Failure::lost(&self.endpoint, before, Some(&error))),
            }
            let mut input = self.io.received();
            loop {
                let before = self.client.stage();
                let event = self.client.handle_input(&mut input);
                let event = event.map_err(|error| Failure::protocol(&self.endpoint, stage(before), &error))?;
                if seen.handshake.is_none() && self.client.stage() != client::Stage::Handshake {
                    seen.handshake = Some(began.elapsed());
                    // The next step has its own time.
                    began = Instant::now();
                }
                match event {
                    None => break,
                    Some(Event::Connected) => {
                        seen.rtmp_connect = Some(began.elapsed());
                        return Ok(None);
                    }
                    Some(Event::Refused(Refused { redirect: Some(to), .. })) => return Ok(Some(to)),
                    Some(Event::Refused(refused)) => return Err(self.refused(&refused)),
                    Some(Event::ReconnectRequested(_)) => return Err(Failure::asked_to_reconnect(&self.endpoint)),
                    // What belongs to a publish cannot come before there is one.
                    Some(Event::Status(_) | Event::Publishing | Event::Ended(_)) => {}
                }
            }
        }
    }

    fn refused(&self, refused: &Refused) -> Failure {
        let refusal = Refusal { stage: stage(refused.stage), code: &refused.code, description: &refused.description };
        let secrets = client::secrets(self.settings.key.expose_secret(), self.server.url.expose_app());
        Failure::refused(&self.endpoint, refusal, 1, &secrets)
    }
}
