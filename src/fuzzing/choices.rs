//! Bytes as a row of choices, for targets that need more than one.

/// Reads choices off the front. Where nothing is left, every choice is zero: any bytes are a whole set of choices.
pub(super) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// So many bytes, or as many as are left.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// How a stream of bytes is cut: four lengths, one after the other and again from the first.
    pub(super) fn cuts(&mut self) -> Cuts {
        Cuts(self.array())
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.take(N);
        let mut array = [0; N];
        array[..taken.len()].copy_from_slice(taken);
        array
    }
}

/// The lengths of the pieces in which bytes arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cuts([u8; 4]);

impl Cuts {
    /// All at once.
    pub(super) const NONE: Self = Self([u8::MAX; 4]);

    /// The pieces of `bytes`; none of them is empty.
    pub(super) fn pieces(self, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut lengths = self.0.into_iter().cycle().map(|length| match length {
            u8::MAX => usize::MAX,
            // From one byte to a large read, short ones more often.
            length => 1 + usize::from(length) * usize::from(length),
        });
        std::iter::from_fn(move || {
            let length = lengths.next()?.min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            bytes = rest;
            (!piece.is_empty()).then_some(piece)
        })
    }
}
