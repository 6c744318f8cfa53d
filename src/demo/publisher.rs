//! The demo's encoder: publishes the clip through a real RTMP socket, at the pace of a camera.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::Buf as _;
use secrecy::SecretString;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};

use super::{clip::Clip, record::Fingerprint};
use crate::{
    media::{Kind, flv::Tag},
    net::duplex::{Duplex, Step},
    rtmp::{
        client::{self, Client, Event, Stage},
        handshake::{Form, RANDOM_LEN, Random},
        message::MessageType,
    },
};

/// A publisher that is connected and may send.
pub struct Publisher {
    io: Duplex<TcpStream>,
    client: Client,
}

impl Publisher {
    /// Connects to the relay at `address` and publishes with `key`.
    ///
    /// # Errors
    /// Where the relay cannot be reached or refuses.
    pub async fn connect(address: SocketAddr, key: SecretString) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("the demo's publisher cannot reach the relay")?;
        stream.set_nodelay(true)?;
        let mut random: Random = [0; RANDOM_LEN];
        getrandom::fill(&mut random).context("the system gives no random bytes")?;
        let config = client::Config {
            app: "live".into(),
            tc_url: format!("rtmp://{address}/live").into(),
            stream_key: key,
            chunk_size: 4096,
            enhanced: false,
            relay_hops: Vec::new(),
            handshake: Form::Simple,
        };
        let mut publisher = Self { io: Duplex::new(stream), client: Client::new(config, &random) };
        while publisher.client.stage() != Stage::Publishing {
            publisher.step().await?;
        }
        Ok(publisher)
    }

    /// Publishes the clip in a loop until `end`, then stops in order. Gives the fingerprints of the frames that it sent; each
    /// one is in `published` before it is on the wire.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub async fn publish(mut self, clip: &Clip, end: Instant, published: &mut Vec<Fingerprint>) -> anyhow::Result<()> {
        for tag in &clip.headers {
            self.send(tag);
        }
        let start = Instant::now();
        for (due, tag) in clip.frames() {
            let due = start + due;
            if due >= end {
                break;
            }
            self.wait_until(due).await?;
            published.push(Fingerprint::of(tag.kind, &tag.payload));
            self.send(&tag);
        }
        self.client.unpublish();
        while self.client.transmit().has_remaining() {
            self.step().await?;
        }
        self.io.shutdown().await?;
        Ok(())
    }

    fn send(&mut self, tag: &Tag) {
        let message_type = match tag.kind {
            Kind::Audio => MessageType::AUDIO,
            Kind::Video => MessageType::VIDEO,
            Kind::Data => MessageType::DATA_AMF0,
        };
        self.client.send_media(message_type, tag.timestamp, tag.payload.clone());
    }

    async fn wait_until(&mut self, due: Instant) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                stepped = self.step() => stepped?,
                () = sleep_until(due) => return Ok(()),
            }
        }
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        match self.io.step(self.client.transmit()).await? {
            Step::Closed => bail!("the relay closed the demo publisher's connection"),
            Step::Sent(_) | Step::Flushed => Ok(()),
            Step::Received => {
                let mut input = self.io.received();
                while let Some(event) = self.client.handle_input(&mut input)? {
                    if let Event::Refused(refused) = event {
                        bail!("the relay refused the demo's publisher: {}", refused.description);
                    }
                }
                Ok(())
            }
        }
    }
}
