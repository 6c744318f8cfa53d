//! The message streams that a publisher has created.

use super::Error;
use crate::rtmp::limits::MESSAGE_STREAMS;

/// Numbers in use, in the order of their creation. Media is not tied to them: encoders publish on a stream that they
/// never created.
#[derive(Debug, Default)]
pub(super) struct MessageStreams(Vec<u32>);

impl MessageStreams {
    /// The lowest free number: 1, as a rule, which some clients take for granted. 2 is left out, as a number that some
    /// mistake for a chunk stream.
    pub(super) fn create(&mut self) -> Result<u32, Error> {
        if self.0.len() >= MESSAGE_STREAMS {
            return Err(Error::Limit { what: "message streams of a connection", limit: MESSAGE_STREAMS as u64 });
        }
        let number = (1..).find(|number| *number != 2 && !self.0.contains(number)).unwrap_or(1);
        self.0.push(number);
        Ok(number)
    }

    pub(super) fn delete(&mut self, number: u32) {
        self.0.retain(|used| *used != number);
    }

    pub(super) fn delete_newest(&mut self) {
        self.0.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let mut streams = MessageStreams::default();
        let created: Vec<_> = (0..MESSAGE_STREAMS).map(|_| streams.create()).collect();
        assert_eq!(created, [1, 3, 4, 5, 6, 7, 8, 9].map(Ok));
        assert!(matches!(streams.create(), Err(Error::Limit { limit: 8, .. })));
        streams.delete(4);
        streams.delete(2);
        streams.delete_newest();
        assert_eq!([streams.create(), streams.create()], [Ok(4), Ok(9)]);
    }
}
