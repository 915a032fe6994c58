//! The processes that answer.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use serde_json::Value;

/// A server on a port of its own. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Where it listens: `http://ADDRESS:PORT`.
    pub(crate) url: String,
}

impl Program {
    /// The bank on a log that is a file, as it is built for users.
    pub(crate) fn bank(log: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
        let store = format!("sqlite:{}", log.display());
        command.args(["--store", &store, "serve", "--listen", "127.0.0.1:0"]);
        Self::start(command)
    }

    /// This program, as a server that says hello.
    pub(crate) fn hello() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--say-hello");
        Self::start(command)
    }

    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = BufReader::new(child.stdout.take().context("it has no output")?);
        let mut url = None;
        for line in stdout.lines() {
            let line = line?;
            url = url.or_else(|| Some(line.strip_prefix("listening on ")?.to_owned()));
            // The last line of the greeting.
            if line.contains("Ctrl-C") {
                break;
            }
        }
        let url = url.with_context(|| format!("{command:?} does not say where it listens"))?;
        Ok(Self { child, url })
    }

    /// Memory that it holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")).context(path)?;
        Ok(kilobytes.trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The position of the last event of a bank's log.
pub(crate) fn head(bank: &Program) -> anyhow::Result<u64> {
    let text = ureq::get(format!("{}/admin/log", bank.url)).call()?.body_mut().read_to_string()?;
    let log: Value = serde_json::from_str(&text)?;
    log.get("head").and_then(Value::as_u64).with_context(|| text)
}
