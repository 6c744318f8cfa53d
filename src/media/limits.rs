//! Every limit of this module. Payloads are already bounded by the limit on a message; these bound the work and
//! the memory that the bytes of one payload can cause.

/// NAL units looked at to find out whether a picture is disposable. Real pictures have a handful, with many
/// slices some dozens; one with more than this counts as referenced, which is always safe.
pub const NAL_UNITS: usize = 256;

/// ModEx packets ahead of one message. One kind is defined so far; a longer chain is not read.
pub const MOD_EX_PACKETS: usize = 16;

/// Tracks of one multitrack message: as many as a track id of eight bits can tell apart.
pub const TRACKS: usize = 256;

/// Properties of `onMetaData` looked at for what it says of picture and sound. Encoders write some twenty.
pub const PROPERTIES: usize = 128;
