//! The way back from a backup costs nothing while there is nothing to go back to.

use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::relay::Relay;
use crate::support::wire::Sink;

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(10);

/// It is not left for a primary that is still away: the broadcast goes on there without a gap of its own making.
#[test]
fn the_backup_keeps_the_broadcast_while_the_primary_is_still_away() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let (primary, backup) = (Sink::start(), Sink::start());
    primary.kill();
    let more = format!("backup_url = \"{}\"\nbackup_after = 1\nfailback = \"10s\"\n", backup.url());
    relay.destination("victim", &primary.url(), &more);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    backup.wait_for("media at the backup", START, |session| session.tags.len() > 20);
    bystanders.wait_for_more(14_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    backup.wait_for("the end at the backup", END, |session| session.is_over);
    assert_eq!(backup.sessions().len(), 1, "it was left, and came to again");
}
