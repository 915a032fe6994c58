//! A throwaway server in a temporary folder.
//!
//! The tests of the store take this file in as it is, for servers that they kill and restart.

use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use tempfile::{NamedTempFile, TempDir};

/// Users that a server may run as when this process is root, which PostgreSQL refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Sessions of a server: every test has a few, and they run at the same time.
const CONNECTIONS_MAX: &str = "300";

/// A server. It is stopped, and its folder removed, with the value.
#[derive(Debug)]
pub(crate) struct Cluster {
    programs: PathBuf,
    /// Whom the server's programs run as, if not as this process does.
    user: Option<&'static str>,
    folder: TempDir,
    port: u16,
    password: String,
    settings: Vec<String>,
    /// A library that is loaded into the server before its own.
    preload: Option<PathBuf>,
}

impl Cluster {
    /// Starts a server with these settings on top of PostgreSQL's own: it flushes like any other.
    pub(crate) fn start(programs: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_in(&std::env::temp_dir(), programs, settings, None)
    }

    /// As [`Cluster::start`], on the disk of `parent`, and with a library that is loaded into the
    /// server before its own.
    pub(crate) fn start_in(
        parent: &Path,
        programs: &Path,
        settings: &[(&str, &str)],
        preload: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut cluster = Self::empty(parent, programs, settings)?;
        cluster.preload = preload.map(Path::to_owned);
        cluster.start_from(Self::init)
    }

    /// A server without data, and not started.
    pub(crate) fn empty(
        parent: &Path,
        programs: &Path,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("annals-postgres-").tempdir_in(parent)?;
        let user = if is_root() { Some(user()?) } else { None };
        if let Some(user) = user {
            succeed(Command::new("chown").arg(user).arg(folder.path()))?;
        }
        let settings = settings.iter().map(|(name, value)| format!("{name}={value}"));
        Ok(Self {
            programs: programs.to_owned(),
            user,
            folder,
            port: free_port()?,
            password: random_text(),
            settings: settings.collect(),
            preload: None,
        })
    }

    /// Starts a server whose data `init` makes.
    pub(crate) fn start_from(
        self,
        init: impl FnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        init(&self)?;
        self.start_again()?;
        Ok(self)
    }

    fn init(&self) -> anyhow::Result<()> {
        let password_file = self.put("password", &self.password)?;
        let data = self.data();
        succeed(self.program("initdb").arg("-D").arg(data).arg("--pwfile").arg(password_file).args(
            [
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        ))
    }

    /// Starts the server that [`Cluster::stop`] stopped.
    pub(crate) fn start_again(&self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let mut options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections={CONNECTIONS_MAX}",
            self.port,
            folder.display()
        );
        for setting in &self.settings {
            options += &format!(" -c {setting}");
        }
        let log = folder.join("server.log");
        let mut start = self.program("pg_ctl");
        start.arg("-D").arg(self.data()).args(["-w", "-s", "-o", &options, "-l"]).arg(&log);
        if let Some(library) = &self.preload {
            start.env("LD_PRELOAD", library);
        }
        succeed(start.arg("start")).with_context(|| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            format!("the server's log says:\n{log}")
        })
    }

    /// Stops the server: `fast` in good order, `immediate` like a crash.
    pub(crate) fn stop(&self, mode: &str) -> anyhow::Result<()> {
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-w", "-s", "-m", mode]);
        succeed(stop.arg("stop"))
    }

    /// The URL of the server, as its superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// The folder of the server's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Puts a file beside the server's data, for the server alone to read.
    pub(crate) fn put(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        succeed(Command::new("chmod").arg("600").arg(&path))?;
        if let Some(user) = self.user {
            succeed(Command::new("chown").arg(user).arg(&path))?;
        }
        Ok(path)
    }

    /// A program of the server, as the user the server runs as.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.as_user(self.programs.join(name))
    }

    /// A command as the user the server runs as.
    pub(crate) fn as_user(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        // A folder that the other user cannot enter would be complained about.
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be stopped already; its folder goes in any case.
        let _ = self.stop("immediate");
    }
}

/// Runs a command to its end. What it prints is shown only if it fails.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    // Into a file and not a pipe: the server that `pg_ctl` starts keeps what it inherits, and a
    // pipe would not end before the server does.
    let output = NamedTempFile::new()?;
    let writer = output.reopen()?;
    let status = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let said = std::fs::read_to_string(output.path()).unwrap_or_default();
    ensure!(status.success(), "{command:?} failed ({status}): {}", said.trim());
    Ok(())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The user that a server runs as when this process is root.
pub(crate) fn user() -> anyhow::Result<&'static str> {
    let exists = |user: &&str| {
        Command::new("id").arg(user).output().is_ok_and(|output| output.status.success())
    };
    USERS.into_iter().find(exists).context("there is no user to run a server as")
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Text that nobody can guess.
fn random_text() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}
