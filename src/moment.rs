//! Moments of the wall clock as people write and read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment as RFC 3339 writes it, with the offset from UTC: `2026-12-01T20:00:00+01:00`. `None` where it is not one, or lies
/// before 1970.
#[must_use]
pub fn parse(text: &str) -> Option<SystemTime> {
    let moment = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
    let seconds = u64::try_from(moment.unix_timestamp()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A moment for people, to the second and in UTC: `2026-12-01 19:00:00 UTC`.
#[must_use]
pub fn show(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    let (date, (hour, minute, second)) = (moment.date(), moment.to_hms());
    format!("{date} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A moment as [`parse`] reads it, to the second.
#[must_use]
pub fn rfc3339(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    // Only a year of five digits has no such form.
    whole.format(&Rfc3339).unwrap_or_default()
}

/// A moment for machines, as RFC 3339 writes it in UTC, to the millisecond: `2026-12-01T19:00:00.250Z`.
#[must_use]
pub fn rfc3339_millis(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    let (date, (hour, minute, second, millisecond)) = (moment.date(), moment.to_hms_milli());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Seconds since 1970; 0 before.
#[must_use]
pub fn unix_seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_offset_and_shown_in_utc() {
        for (text, shown) in [
            ("1970-01-01T00:00:00Z", Some("1970-01-01 00:00:00 UTC")),
            ("2026-12-01T20:00:00+01:00", Some("2026-12-01 19:00:00 UTC")),
            ("2026-12-01T20:00:00.75-08:00", Some("2026-12-02 04:00:00 UTC")),
            (" 2024-02-29T12:00:00Z ", Some("2024-02-29 12:00:00 UTC")),
            // Without an offset nobody knows when that is.
            ("2026-12-01T20:00:00", None),
            ("2026-12-01", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-02-30T00:00:00Z", None),
            ("tomorrow", None),
        ] {
            assert_eq!(parse(text).map(show).as_deref(), shown, "{text}");
            assert_eq!(parse(text).map(rfc3339).and_then(|text| parse(&text)), parse(text), "{text}");
        }
    }

    #[test]
    fn moments_for_machines_are_read_back() {
        for text in ["1970-01-01T00:00:00.000Z", "2026-12-01T19:00:00.250Z"] {
            let moment = OffsetDateTime::parse(text, &Rfc3339).unwrap();
            assert_eq!(rfc3339_millis(moment.into()), text);
        }
    }
}
