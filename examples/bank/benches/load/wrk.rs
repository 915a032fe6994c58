//! Requests by `wrk`, which costs less than any client that is written here would.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::ACCOUNTS;
use crate::program::Program;

/// What is asked for, of any of the accounts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// The account, as the log has it.
    Account,
    /// The account, as the read model has it.
    Summary,
    /// Something is paid in.
    Deposit,
}

impl Script {
    /// In the language of `wrk`.
    fn text(self) -> String {
        let account =
            format!("'/accounts/' .. string.format('a%05d', math.random(0, {}))", { ACCOUNTS - 1 });
        let request = match self {
            Self::Account => format!("wrk.format('GET', {account})"),
            Self::Summary => format!("wrk.format('GET', {account} .. '/summary')"),
            Self::Deposit => format!(
                "wrk.format('POST', {account} .. '/deposits', \
                 {{['content-type'] = 'application/json'}}, '{{\"amount\": 100}}')"
            ),
        };
        // Each thread would begin with the same numbers.
        format!(
            "local threads = 0\n\
             function setup(thread) threads = threads + 1; thread:set('seed', threads) end\n\
             function init() math.randomseed(seed) end\n\
             function request() return {request} end\n"
        )
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// That there is a `wrk`.
pub(crate) fn check() -> anyhow::Result<()> {
    Command::new("wrk")
        .arg("--version")
        .output()
        .context("the requests are made by wrk, which is not there: apt-get install wrk")?;
    Ok(())
}

/// Lets `connections` ask for `seconds`. Every answer must be a success.
pub(crate) fn run(
    program: &Program,
    script: Script,
    connections: usize,
    seconds: u64,
    folder: &Path,
) -> anyhow::Result<Measured> {
    let path = folder.join(format!("{script:?}.lua"));
    std::fs::write(&path, script.text())?;
    let output = Command::new("wrk")
        .args(["--threads", "2", "--latency", "--timeout", "30s"])
        .args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s")])
        .arg("--script")
        .arg(&path)
        .arg(&program.url)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
    for trouble in ["Non-2xx", "Socket errors"] {
        ensure!(!text.contains(trouble), "{script:?}: {text}");
    }
    measured(&text).with_context(|| format!("not what wrk writes: {text}"))
}

fn measured(text: &str) -> Option<Measured> {
    let after =
        |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in"))?.0;
    Some(Measured {
        requests: requests.parse().ok()?,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50: time(after("50%")?).ok()?,
        p99: time(after("99%")?).ok()?,
    })
}

/// Such as `1.23ms`.
fn time(text: &str) -> anyhow::Result<Duration> {
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => bail!("{text} is no time"),
    };
    Ok(Duration::from_secs_f64(number.parse::<f64>()? * seconds))
}
