//! What one message costs in the core: chunks in, log, cursors, policies, chunks out. `cargo bench --bench core`.
//!
//! Times of one machine say little; compare two commits on the same one, or count with `cargo bench --bench instructions`.

mod work;

use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};

fn main() {
    divan::main();
}

fn seconds(bencher: Bencher<'_, '_>, seconds: u64, work: impl FnMut()) {
    let bytes = BytesCount::new(seconds * work::one_second_bytes() as u64);
    bencher.counter(bytes).counter(ItemsCount::new(seconds * work::MESSAGES)).bench_local(work);
}

#[divan::bench(args = [4096, 65_536])]
fn chunk_encode(bencher: Bencher<'_, '_>, chunk_size: u32) {
    seconds(bencher, 1, work::chunk_encode(chunk_size));
}

#[divan::bench(args = [4096, 65_536])]
fn outbox_send(bencher: Bencher<'_, '_>, chunk_size: u32) {
    seconds(bencher, 1, work::outbox_send(chunk_size));
}

#[divan::bench(args = [128, 4096, 65_536])]
fn chunk_decode(bencher: Bencher<'_, '_>, chunk_size: u32) {
    seconds(bencher, 1, work::chunk_decode(chunk_size));
}

#[divan::bench]
fn log_append(bencher: Bencher<'_, '_>) {
    seconds(bencher, 1, work::log_append());
}

#[divan::bench(args = [1, 10, 100, 1000])]
fn cursors_read(bencher: Bencher<'_, '_>, cursors: u64) {
    seconds(bencher, cursors, work::cursors_read(cursors));
}

#[divan::bench]
fn playhead_read(bencher: Bencher<'_, '_>) {
    seconds(bencher, work::PLAYHEAD_SECONDS, work::playhead_read());
}

#[divan::bench(args = work::POLICIES)]
fn policy_decide(bencher: Bencher<'_, '_>, policy: &str) {
    bencher.counter(ItemsCount::new(work::DECISIONS)).bench_local(work::policy_decide(policy));
}

#[divan::bench]
fn connect_encode(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::connect_encode());
}

#[divan::bench]
fn connect_decode(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::connect_decode());
}

#[divan::bench]
fn metadata_encode(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::metadata_encode());
}

#[divan::bench]
fn metadata_decode(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::metadata_decode());
}
