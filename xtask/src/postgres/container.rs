//! A server in a container.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const ENGINES: [&str; 2] = ["docker", "podman"];

/// The image: the newest version that the store was tried with.
const IMAGE: &str = "docker.io/library/postgres:18";

/// How long a server may take to accept connections, its image being there.
const START_MAX: Duration = Duration::from_secs(60);

/// A container, removed with the value.
#[derive(Debug)]
pub(super) struct Container {
    engine: &'static str,
    id: String,
    address: String,
}

/// An engine that works, if there is one.
pub(super) fn engine() -> Option<&'static str> {
    let works = |engine: &&str| {
        Command::new(engine).arg("info").output().is_ok_and(|info| info.status.success())
    };
    ENGINES.into_iter().find(works)
}

impl Container {
    /// Starts one.
    pub(super) fn start(engine: &'static str) -> anyhow::Result<Self> {
        // Only this machine reaches it, so that it needs no password.
        let id = say(
            engine,
            &[
                "run",
                "--detach",
                "--rm",
                "--publish=127.0.0.1::5432",
                "--env=POSTGRES_HOST_AUTH_METHOD=trust",
                IMAGE,
                "-c",
                "max_connections=300",
            ],
        )?;
        let mut container = Self { engine, id, address: String::new() };
        container.address = say(engine, &["port", &container.id, "5432/tcp"])?;
        container.wait()?;
        Ok(container)
    }

    /// The image starts its server twice, the first time without a network: being asked through
    /// the network tells them apart.
    fn wait(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        let question = ["exec", &self.id, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"];
        while say(self.engine, &question).is_err() {
            if start.elapsed() > START_MAX {
                bail!("the server in the container is not ready after {START_MAX:?}");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = say(self.engine, &["rm", "--force", &self.id]);
    }
}

/// The first line that the engine answers with.
fn say(engine: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let answer = Command::new(engine)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {engine}"))?;
    ensure!(
        answer.status.success(),
        "{engine} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&answer.stderr).trim()
    );
    let text = String::from_utf8_lossy(&answer.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
