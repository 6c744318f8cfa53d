//! Reads numbers and slices off the front of a byte slice; `None` where too few are left.

/// A cursor over borrowed bytes. Every length is checked here, and only here.
#[derive(Clone, Copy, Debug)]
pub(super) struct BytesReader<'a> {
    rest: &'a [u8],
}

impl<'a> BytesReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two numbers of four bits, the upper one first.
    pub(super) fn nibbles(&mut self) -> Option<(u8, u8)> {
        self.u8().map(|byte| (byte >> 4, byte & 0x0F))
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// A length of `size` bytes (1 to 4), big-endian.
    pub(super) fn length(&mut self, size: usize) -> Option<usize> {
        self.take(size).map(|bytes| bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_big_endian_and_stops_at_the_end() {
        let mut reader = BytesReader::new(&[0x12, 1, 2, 0, 1, 0, 9, 9, 0, 0, 3]);
        assert_eq!(reader.nibbles(), Some((1, 2)));
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.u24(), Some(0x00_0100));
        assert_eq!(reader.take(2), Some(&[9, 9][..]));
        assert_eq!(reader.array::<4>(), None);
        assert_eq!(reader.length(3), Some(3));
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), None);
    }

    #[test]
    fn what_is_too_long_leaves_the_rest_untouched() {
        let mut reader = BytesReader::new(&[1, 2]);
        assert_eq!(reader.take(3), None);
        assert_eq!(reader.rest(), [1, 2]);
    }
}
