//! An encoder made by hand: it publishes the tags it is given, with the timestamps it is given, and measures whether its
//! server ever makes it wait.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::amf::{self, Value};
use super::chunks::{self, Message, Reader};
use crate::support::flv::Tag;
use crate::support::wait;

const CHUNK_SIZE: usize = 4096;
const REPLY: Duration = Duration::from_secs(10);
/// Small, so that a server that stops reading is felt at once.
const SEND_BUFFER: usize = 64 * 1024;

/// A live publish. Dropping it closes the connection without a word, as a crash does.
pub(crate) struct Publisher {
    socket: TcpStream,
    stream: u32,
    key: String,
    discarding: Option<JoinHandle<()>>,
    /// The first of what the server has said since the publish was accepted.
    heard: Arc<Mutex<Vec<u8>>>,
    longest_write: Duration,
}

impl Publisher {
    /// Publishes `key` to the application `live` of a server on this machine, in the order that OBS uses.
    ///
    /// # Errors
    /// The code of the refusal, such as `NetStream.Publish.Denied`.
    pub(crate) fn connect(port: u16, key: &str) -> Result<Self, String> {
        Self::connect_eagerly(port, key, &[])
    }

    /// The same, with these tags right behind the request, before its answer is there.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(crate) fn connect_eagerly(port: u16, key: &str, tags: &[Tag]) -> Result<Self, String> {
        Self::connect_to(port, "live", key, tags)
    }

    /// An encoder that follows a request to reconnect, and says so (`capsEx`, Enhanced RTMP v2).
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(crate) fn connect_that_reconnects(port: u16, key: &str) -> Result<Self, String> {
        Self::connect_with(port, "live", key, &[], vec![("capsEx".to_owned(), Value::Number(1.0))])
    }

    /// The same, to another application: the path and the query of the server's URL, into which people put their key.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(crate) fn connect_to(port: u16, app: &str, key: &str, tags: &[Tag]) -> Result<Self, String> {
        Self::connect_with(port, app, key, tags, Vec::new())
    }

    fn connect_with(
        port: u16,
        app: &str,
        key: &str,
        tags: &[Tag],
        abilities: Vec<(String, Value)>,
    ) -> Result<Self, String> {
        let io = |error: io::Error| error.to_string();
        let mut socket = TcpStream::connect(("127.0.0.1", port)).map_err(io)?;
        socket.set_nodelay(true).map_err(io)?;
        SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER).map_err(io)?;
        socket.set_read_timeout(Some(REPLY)).map_err(io)?;
        shake_hands(&mut socket).map_err(io)?;
        let mut reader = Reader::new(socket.try_clone().map_err(io)?);
        let longest_write = Duration::ZERO;
        let heard = Arc::default();
        let mut publisher = Self { socket, stream: 0, key: key.to_owned(), discarding: None, heard, longest_write };

        let size = u32::try_from(CHUNK_SIZE).expect("it is small");
        publisher.control(chunks::SET_CHUNK_SIZE, size.to_be_bytes().to_vec()).map_err(io)?;
        let fields = [
            ("app", app.to_owned()),
            ("type", "nonprivate".to_owned()),
            ("tcUrl", format!("rtmp://127.0.0.1:{port}/{app}")),
        ];
        let mut fields = fields.map(|(name, value)| (name.to_owned(), Value::String(value))).to_vec();
        fields.extend(abilities);
        publisher.command("connect", 1.0, Value::Object(fields), &[]).map_err(io)?;
        expect(&mut reader, "_result", 1.0)?;

        publisher.command("releaseStream", 2.0, Value::Null, &[key.into()]).map_err(io)?;
        publisher.command("FCPublish", 3.0, Value::Null, &[key.into()]).map_err(io)?;
        publisher.command("createStream", 4.0, Value::Null, &[]).map_err(io)?;
        let reply = expect(&mut reader, "_result", 4.0)?;
        let id = reply.get(3).and_then(Value::number).ok_or("createStream was answered without a number")?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "stream ids are small whole numbers"
        )]
        let id = id as u32;
        publisher.stream = id;

        publisher.command("publish", 5.0, Value::Null, &[key.into(), "live".into()]).map_err(io)?;
        for tag in tags {
            publisher.send(tag).map_err(io)?;
        }
        let reply = expect(&mut reader, "onStatus", 0.0)?;
        let code = reply.get(3).and_then(|status| status.field("code")).and_then(Value::text).unwrap_or_default();
        if code != "NetStream.Publish.Start" {
            return Err(code.to_owned());
        }
        publisher.discarding = Some(discard(&publisher.socket, &publisher.heard).map_err(io)?);
        Ok(publisher)
    }

    /// Sends one tag at once.
    pub(crate) fn send(&mut self, tag: &Tag) -> io::Result<()> {
        let message =
            Message { kind: tag.kind, stream: self.stream, timestamp: tag.timestamp, payload: tag.payload.clone() };
        // Audio and video on chunk streams of their own.
        let bytes = chunks::encode(4 + tag.kind % 4, CHUNK_SIZE, &message);
        let start = Instant::now();
        self.socket.write_all(&bytes)?;
        self.longest_write = self.longest_write.max(start.elapsed());
        Ok(())
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// How long the server has made it wait at most, for one message.
    pub(crate) fn longest_write(&self) -> Duration {
        self.longest_write
    }

    /// Has the server ended the connection?
    pub(crate) fn is_over(&self) -> bool {
        self.discarding.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until the server has said this code.
    #[track_caller]
    pub(crate) fn wait_for_status(&self, code: &str, limit: Duration) {
        wait::until(code, limit, || {
            let heard = self.heard.lock().expect("nobody panics with it");
            heard.windows(code.len()).any(|part| part == code.as_bytes()).then_some(())
        });
    }

    /// Sends tags at the pace of their timestamps.
    pub(crate) fn send_paced(&mut self, tags: &[Tag]) -> io::Result<()> {
        let start = Instant::now();
        let Some(first) = tags.first() else { return Ok(()) };
        for tag in tags {
            // Audio may stand a few milliseconds before the first video; nothing else steps back.
            let due = Duration::from_millis(tag.timestamp.saturating_sub(first.timestamp).into());
            thread::sleep(due.saturating_sub(start.elapsed()));
            self.send(tag)?;
        }
        Ok(())
    }

    /// Ends the publish as a user who presses Stop does.
    pub(crate) fn unpublish(mut self) -> io::Result<()> {
        let key = self.key.clone();
        self.command("FCUnpublish", 6.0, Value::Null, &[key.as_str().into()])?;
        let stream = f64::from(self.stream);
        self.command("deleteStream", 7.0, Value::Null, &[Value::Number(stream)])?;
        match self.socket.shutdown(Shutdown::Write) {
            // A server that drains closes as soon as it has heard the end: it may have been quicker.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            done => done?,
        }
        // To close while an answer is on its way would reset the connection, and a reset may overtake what we said.
        if let Some(discarding) = self.discarding.take() {
            wait::until("the server to close after the publish", REPLY, || discarding.is_finished().then_some(()));
        }
        Ok(())
    }

    /// Resets the connection (RST), as the death of a machine's network or of its program can.
    pub(crate) fn crash(mut self) {
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        // Says nothing to the peer: it only wakes the reader, and the reset goes out with the last hold on the socket.
        let _ = self.socket.shutdown(Shutdown::Read);
        if let Some(discarding) = self.discarding.take() {
            let _ = discarding.join();
        }
    }

    fn command(&mut self, name: &str, transaction: f64, object: Value, arguments: &[Value]) -> io::Result<()> {
        let mut values = vec![name.into(), Value::Number(transaction), object];
        values.extend_from_slice(arguments);
        let stream = if name == "publish" { self.stream } else { 0 };
        let message = Message { kind: chunks::COMMAND, stream, timestamp: 0, payload: amf::encode(&values).into() };
        self.socket.write_all(&chunks::encode(3, CHUNK_SIZE, &message))
    }

    fn control(&mut self, kind: u8, payload: Vec<u8>) -> io::Result<()> {
        let message = Message { kind, stream: 0, timestamp: 0, payload: payload.into() };
        self.socket.write_all(&chunks::encode(2, CHUNK_SIZE, &message))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // A publisher that resets its connection has no reader left, and says no good-bye.
        if self.discarding.is_some() {
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// The simple form: C2 is S1 as it came.
fn shake_hands(socket: &mut TcpStream) -> io::Result<()> {
    let mut hello = vec![3];
    hello.extend([0; 8]);
    hello.extend((0..1528).map(|index: u32| index.to_le_bytes()[0].wrapping_mul(31)));
    socket.write_all(&hello)?;
    let mut answer = vec![0; 1 + 1536 + 1536];
    socket.read_exact(&mut answer)?;
    assert_eq!(answer[0], 3, "the server speaks version 3");
    assert!(answer[1537..] == hello[1..], "S2 is not C1 as it was");
    socket.write_all(&answer[1..1537])
}

/// Reads until the named command with this transaction.
fn expect(reader: &mut Reader<TcpStream>, name: &str, transaction: f64) -> Result<Vec<Value>, String> {
    loop {
        let message = reader.read().map_err(|error| format!("no {name}: {error}"))?;
        if message.kind != chunks::COMMAND {
            continue;
        }
        let values = amf::decode(&message.payload);
        let found = values.first().and_then(Value::text).unwrap_or_default();
        if found == "_error" {
            return Err(format!("_error instead of {name}: {values:?}"));
        }
        if found == name && values.get(1).and_then(Value::number) == Some(transaction) {
            return Ok(values);
        }
    }
}

/// What the server says while we publish is taken off the socket and not looked at, as OBS does; the beginning is kept.
fn discard(socket: &TcpStream, heard: &Arc<Mutex<Vec<u8>>>) -> io::Result<JoinHandle<()>> {
    socket.set_read_timeout(None)?;
    let (mut socket, heard) = (socket.try_clone()?, Arc::clone(heard));
    Ok(thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut buffer) {
            let mut heard = heard.lock().expect("nobody panics with it");
            if heard.len() < SEND_BUFFER {
                heard.extend_from_slice(&buffer[..count]);
            }
        }
    }))
}
