//! One connection of a sink, from its first byte to its end.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::amf::{self, Value};
use super::super::behaviour::{Answer, Behaviour};
use super::super::chunks::{self, Message, Reader};
use super::{Gate, Session, Shared};
use crate::support::flv::{self, Tag};

/// What the sink announces for its own few messages.
const CHUNK_SIZE: usize = 4096;

/// Serves one connection; an error is an end like any other.
pub(super) fn serve(shared: &Arc<Shared>, socket: TcpStream, life: u64) {
    let mut session = None;
    let closing = socket.try_clone();
    let _ = converse(shared, socket, life, &mut session);
    let mut state = shared.state();
    if let Some(session) = session.and_then(|index: usize| state.sessions.get_mut(index)) {
        session.is_over = true;
    }
    if state.is_resetting {
        return;
    }
    drop(state);
    // Dropping is not enough: the list that `kill` goes through holds the socket too.
    let _ = closing.map(|socket| socket.shutdown(Shutdown::Both));
}

fn converse(shared: &Arc<Shared>, mut socket: TcpStream, life: u64, index: &mut Option<usize>) -> io::Result<()> {
    let _ = socket.set_nodelay(true);
    let gate = Gate { socket: socket.try_clone()?, shared: Arc::clone(shared), life, due: Instant::now() };
    let mut gate = BufReader::with_capacity(16 * 1024, gate);
    let mut hello = vec![0; 1537];
    gate.read_exact(&mut hello[..1])?;
    if hello[0] != 3 {
        return Err(io::Error::other("not the plain RTMP that this port speaks"));
    }
    gate.read_exact(&mut hello[1..])?;
    let mut answer = vec![3];
    answer.extend([0; 8]);
    answer.extend([7; 1528]);
    answer.extend(&hello[1..]);
    socket.write_all(&answer)?;
    gate.read_exact(&mut [0; 1536])?;

    let mut session = Session { peer: socket.peer_addr().ok().map(|peer| peer.ip()), ..Session::default() };
    let mut reader = Reader::new(gate);
    loop {
        let message = reader.read()?;
        match message.kind {
            chunks::COMMAND => {
                let values = amf::decode(&message.payload);
                note(&mut session, &values);
                let mut state = shared.state();
                state.heard.extend(session.commands.last().cloned());
                let behaviour = state.behaviour.clone();
                drop(state);
                let after = answer_command(&mut socket, &values, message.stream, &behaviour)?;
                if matches!(after, After::Publish | After::RefusedPublish) {
                    let mut state = shared.state();
                    *index = Some(state.sessions.len());
                    state.sessions.push(Session::default());
                }
                if let Some(index) = *index {
                    show(shared, index, &mut session);
                }
                match after {
                    After::RefusedPublish | After::Refused => return socket.shutdown(Shutdown::Write),
                    After::Close => return Ok(()),
                    After::Publish if behaviour.closes_after.is_some() => {
                        close_later(&socket, behaviour.closes_after.unwrap_or_default())?;
                    }
                    After::Publish | After::Other => {}
                }
            }
            flv::AUDIO | flv::VIDEO | flv::DATA => {
                let tag = Tag { kind: message.kind, timestamp: message.timestamp, payload: message.payload };
                if tag.is_media() {
                    let now = Instant::now();
                    session.first_media.get_or_insert(now);
                    session.last_media = Some(now);
                }
                session.tags.push(tag);
                if let Some(index) = *index {
                    show(shared, index, &mut session);
                }
            }
            _ => {}
        }
    }
}

/// Closes the connection after this time, whatever is going on.
fn close_later(socket: &TcpStream, after: Duration) -> io::Result<()> {
    let socket = socket.try_clone()?;
    thread::spawn(move || {
        thread::sleep(after);
        let _ = socket.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Makes what has come since the last call visible to the test.
fn show(shared: &Shared, index: usize, new: &mut Session) {
    let mut state = shared.state();
    let Some(session) = state.sessions.get_mut(index) else { return };
    session.commands.append(&mut new.commands);
    session.tags.append(&mut new.tags);
    session.peer = new.peer;
    session.first_media = session.first_media.or(new.first_media);
    session.last_media = new.last_media;
    if let Some(connect) = new.connect.take() {
        session.connect = Some(connect);
    }
    if !new.stream_key.is_empty() {
        session.stream_key = std::mem::take(&mut new.stream_key);
    }
}

fn note(session: &mut Session, values: &[Value]) {
    let name = values.first().and_then(Value::text).unwrap_or_default();
    session.commands.push(name.to_owned());
    match name {
        "connect" => session.connect = values.get(2).cloned(),
        "publish" => session.stream_key = values.get(3).and_then(Value::text).unwrap_or_default().to_owned(),
        _ => {}
    }
}

/// What is to be done after an answer.
enum After {
    Publish,
    RefusedPublish,
    Refused,
    Close,
    Other,
}

/// Answers as the behaviour says.
fn answer_command(socket: &mut TcpStream, values: &[Value], stream: u32, behaviour: &Behaviour) -> io::Result<After> {
    let name = values.first().and_then(Value::text).unwrap_or_default();
    let transaction = values.get(1).cloned().unwrap_or(Value::Null);
    match &behaviour.answer {
        Answer::Close { at } if *at == name => return Ok(After::Close),
        Answer::Silence { at } if *at == name => return Ok(After::Other),
        _ => {}
    }
    match name {
        "connect" => {
            let window = 2_500_000_u32.to_be_bytes().to_vec();
            control(socket, chunks::WINDOW_ACKNOWLEDGEMENT_SIZE, window.clone())?;
            control(socket, chunks::SET_PEER_BANDWIDTH, [window, vec![2]].concat())?;
            control(socket, chunks::USER_CONTROL, vec![0; 6])?;
            let size = u32::try_from(CHUNK_SIZE).expect("it is small");
            control(socket, chunks::SET_CHUNK_SIZE, size.to_be_bytes().to_vec())?;
            let refusal = match &behaviour.answer {
                Answer::No { at: "connect", code, description } => Some(status("error", code, description)),
                Answer::Redirect(url) => Some(redirect(url)),
                _ => None,
            };
            if let Some(refusal) = refusal {
                command(socket, 0, &["_error".into(), transaction, Value::Null, Value::Object(refusal)])?;
                return Ok(After::Refused);
            }
            let server = Value::Object(vec![("fmsVer".to_owned(), "FMS/3,0,1,123".into())]);
            let welcome = Value::Object(status("status", "NetConnection.Connect.Success", "welcome"));
            command(socket, 0, &["_result".into(), transaction, server, welcome])?;
        }
        "createStream" => command(socket, 0, &["_result".into(), transaction, Value::Null, Value::Number(1.0)])?,
        "publish" => {
            let key = values.get(3).and_then(Value::text);
            let is_wrong_key = behaviour.only_key.as_deref().is_some_and(|only| key != Some(only));
            let (answer, after) = match &behaviour.answer {
                Answer::No { at: "publish", code, description } => {
                    (status("error", code, description), After::RefusedPublish)
                }
                _ if is_wrong_key => {
                    (status("error", "NetStream.Publish.Denied", "no such key"), After::RefusedPublish)
                }
                _ => (status("status", "NetStream.Publish.Start", "said by the test's sink"), After::Publish),
            };
            let answer = ["onStatus".into(), Value::Number(0.0), Value::Null, Value::Object(answer)];
            command(socket, stream, &answer)?;
            return Ok(after);
        }
        "releaseStream" | "FCPublish" => {
            command(socket, 0, &["_result".into(), transaction, Value::Null, Value::Null])?
        }
        _ => {}
    }
    Ok(After::Other)
}

fn status(level: &str, code: &str, description: &str) -> Vec<(String, Value)> {
    [("level", level), ("code", code), ("description", description)]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec()
}

/// As SRS and ZLMediaKit say it.
fn redirect(url: &str) -> Vec<(String, Value)> {
    let mut fields = status("error", "NetConnection.Connect.Rejected", "redirected");
    let more = vec![("code".to_owned(), Value::Number(302.0)), ("redirect".to_owned(), url.into())];
    fields.push(("ex".to_owned(), Value::Object(more)));
    fields
}

fn command(socket: &mut TcpStream, stream: u32, values: &[Value]) -> io::Result<()> {
    send(socket, 3, chunks::COMMAND, stream, amf::encode(values))
}

fn control(socket: &mut TcpStream, kind: u8, payload: Vec<u8>) -> io::Result<()> {
    send(socket, 2, kind, 0, payload)
}

fn send(socket: &mut TcpStream, chunk_stream: u8, kind: u8, stream: u32, payload: Vec<u8>) -> io::Result<()> {
    let message = Message { kind, stream, timestamp: 0, payload: Bytes::from(payload) };
    // The size of one's own chunks is 128 until it is announced, and `connect` is answered after that.
    let chunk_size = if kind == chunks::COMMAND { CHUNK_SIZE } else { 128 };
    socket.write_all(&chunks::encode(chunk_stream, chunk_size, &message))
}
