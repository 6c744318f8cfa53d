//! How many instructions the core takes for one message: the same on a fast and on a slow machine, busy or idle.
//! `cargo bench --bench instructions` compares with `benches/instructions.txt`; with `-- --write` it writes that file anew.
//!
//! This program runs itself below Valgrind's cachegrind, twice for each piece of work: so many times and twice as many. The
//! difference is the work alone. Another compiler, C library or kind of processor counts differently: compare two commits on one.
//! A few percent may be no more than another way of inlining.

mod work;

use std::{collections::BTreeMap, env, fmt::Display, fs, process::Command};

use anyhow::{Context as _, bail};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// A piece of work.
struct Row {
    name: String,
    /// For how many messages or calls it counts.
    units: u64,
    prepare: Box<dyn Fn() -> Box<dyn FnMut()>>,
}

fn row<W: FnMut() + 'static>(name: impl Into<String>, units: u64, prepare: impl Fn() -> W + 'static) -> Row {
    Row { name: name.into(), units, prepare: Box::new(move || Box::new(prepare())) }
}

/// A row for each argument of the work.
fn each<A: Copy + Display + 'static, W: FnMut() + 'static, const N: usize>(
    name: &str,
    arguments: [A; N],
    units: u64,
    prepare: impl Fn(A) -> W + Copy + 'static,
) -> [Row; N] {
    arguments.map(|argument| row(format!("{name} {argument}"), units, move || prepare(argument)))
}

fn rows() -> Vec<Row> {
    const SECOND: u64 = work::MESSAGES;
    let mut rows = Vec::new();
    rows.extend(each("chunk_decode", [128, 4096, 65_536], SECOND, work::chunk_decode));
    rows.push(row("log_append", SECOND, work::log_append));
    rows.extend(each("cursors_read", [1, 10, 100, 1000], SECOND, work::cursors_read));
    rows.extend(each("policy_decide", work::POLICIES, work::DECISIONS, work::policy_decide));
    rows.push(row("playhead_read", work::PLAYHEAD_SECONDS * SECOND, work::playhead_read));
    rows.extend(each("chunk_encode", [4096, 65_536], SECOND, work::chunk_encode));
    rows.extend(each("outbox_send", [4096, 65_536], SECOND, work::outbox_send));
    rows.push(row("connect_encode", 1, work::connect_encode));
    rows.push(row("connect_decode", 1, work::connect_decode));
    rows.push(row("metadata_encode", 1, work::metadata_encode));
    rows.push(row("metadata_decode", 1, work::metadata_decode));
    rows
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [run, name, times] = &arguments[..]
        && run == "--run"
    {
        let row = rows().into_iter().find(|row| row.name == *name).context("no such work")?;
        let mut work = (row.prepare)();
        (0..times.parse::<u64>()?).for_each(|_| work());
        return Ok(());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("nothing was counted: there is no valgrind on this machine (Debian: `apt-get install valgrind`)");
        return Ok(());
    }
    let before = read();
    let mut text =
        String::from("# Instructions for each message or call: `cargo bench --bench instructions -- --write`.\n");
    println!("{:<32}{:>12}{:>12}{:>10}", "instructions for each", "now", "before", "change");
    for Row { name, units, .. } in rows() {
        let now = count(&name, units)?;
        let change = before
            .get(&name)
            .map_or_else(String::new, |before| format!("{before:>12.1}{:>+9.1}%", 100.0 * (now / before - 1.0)));
        println!("{name:<32}{now:>12.1}{change}");
        text += &format!("{name:<32}{now:>12.1}\n");
    }
    if arguments.iter().any(|argument| argument == "--write") {
        fs::write(FILE, text).context(FILE)?;
    }
    Ok(())
}

/// What was counted before, by name.
fn read() -> BTreeMap<String, f64> {
    let text = fs::read_to_string(FILE).unwrap_or_default();
    let rows = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    rows.filter_map(|(name, count)| Some((name.trim().to_owned(), count.parse().ok()?))).collect()
}

/// Instructions of the work `name` for one of its `units`.
fn count(name: &str, units: u64) -> anyhow::Result<f64> {
    // The more a run does, the fewer are needed.
    let times = (2000 / units).max(10);
    let (once, twice) = (total(name, times)?, total(name, 2 * times)?);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let per_unit = (twice - once) as f64 / (times * units) as f64;
    Ok(per_unit)
}

/// All instructions of a run of this program that does the work so many times.
fn total(name: &str, times: u64) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--run", name, &times.to_string()])
        // Whether a large copy is one instruction for each byte or for each vector is otherwise up to the processor.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1073741824")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    // ==1234== I   refs:      12,345,678
    let refs = said.lines().find_map(|line| line.split_once("refs:"));
    match refs {
        Some((_, count)) if output.status.success() => Ok(count.trim().replace(',', "").parse()?),
        _ => bail!("valgrind failed at {name}:\n{said}"),
    }
}
