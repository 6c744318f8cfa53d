//! What the figures were measured on.

use std::{fs, process::Command};

/// The machine and the versions of what was compared, a line each.
pub(crate) fn description() -> Vec<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|known| known == flag);
    let extensions: Vec<&str> = ["aes", "vaes", "avx2", "avx512f"].into_iter().filter(|flag| has(flag)).collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    vec![
        format!(
            "{cores} cores of {} ({}), {} GB of memory",
            model.trim_start_matches([' ', '\t', ':']),
            extensions.join(", "),
            kib / 1_000_000
        ),
        format!("Linux {}, loopback", kernel.trim()),
        [first_line("/usr/sbin/nginx", "-v"), first_line("stunnel4", "-version"), first_line("ffmpeg", "-version")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
    ]
}

fn first_line(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| line.contains("version") || line.contains("stunnel"))?;
    Some(line.split(" Copyright").next().unwrap_or(line).trim_start_matches("[ ] ").to_owned())
}
