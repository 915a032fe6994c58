//! A PostgreSQL server for the tests and the benchmarks, found, started and stopped.

mod binaries;
mod cluster;
mod container;
mod programs;
mod way;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use self::cluster::Cluster;
use self::container::Container;
pub(crate) use self::programs::Programs;
use self::way::Way;

/// The variable by which tests are given the URL of the server.
pub(crate) const URL: &str = "ANNALS_POSTGRES_URL";

/// The variable by which tests are given the folder of the server's programs, for the tests that
/// kill and restart servers of their own. Empty if there is none.
pub(crate) const PROGRAMS: &str = "ANNALS_POSTGRES_BIN";

/// Settings of a server that is measured: the defaults, but for the pools of many stores, which are
/// all open for as long as their figures are compared.
const SETTINGS: [(&str, &str); 1] = [("max_connections", "600")];

const WAYS: &str = "no PostgreSQL was found. There are three ways to get one:
  - set ANNALS_POSTGRES_URL to the URL of a server, as a role that may create databases and roles;
  - install PostgreSQL 15 or newer, so that `initdb` and `postgres` are on the PATH;
  - install Docker or Podman";

/// A server that is there for as long as the value.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    programs: Option<PathBuf>,
    origin: String,
    _running: Running,
    /// What it runs from, if that is removed in the end. Dropped after it.
    _programs: Option<Programs>,
}

/// What is stopped at the end.
#[derive(Debug)]
enum Running {
    Elsewhere,
    Cluster { _stopped_when_dropped: Cluster },
    Container { _stopped_when_dropped: Container },
}

impl Server {
    /// Takes the server that a variable names; else starts one with the programs of this machine,
    /// else in a container; else installs Debian's where that is possible.
    pub(crate) fn provide() -> anyhow::Result<Self> {
        Self::provide_by(|programs| Cluster::start(programs, &[]))
    }

    /// A server to measure, with its data below `folder`. Of a version, or with a library that is
    /// loaded before its own, one is started for this; else any will do that
    /// [`Server::provide`] would take.
    pub(crate) fn to_measure(
        root: &Path,
        folder: &Path,
        version: Option<u32>,
        preload: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let start = |programs: &Path| Cluster::start_in(folder, programs, &SETTINGS, preload);
        if version.is_none() && preload.is_none() {
            return Self::provide_by(start);
        }
        let programs = Programs::find(root, version)?;
        let server = Self::start(programs.folder().to_owned(), start)?;
        Ok(Self { _programs: Some(programs), ..server })
    }

    fn provide_by(start: impl Fn(&Path) -> anyhow::Result<Cluster>) -> anyhow::Result<Self> {
        match Way::find(std::env::var(URL).ok(), binaries::find, container::engine) {
            Way::Named { url, programs } => Ok(Self {
                url,
                programs,
                origin: format!("the server that {URL} names"),
                _running: Running::Elsewhere,
                _programs: None,
            }),
            Way::Programs(programs) => Self::start(programs, start),
            Way::Container(engine) => Self::contained(engine),
            Way::Install => {
                install()?;
                match binaries::find() {
                    Some(programs) => Self::start(programs, start),
                    None => bail!("{WAYS}"),
                }
            }
        }
    }

    fn contained(engine: &'static str) -> anyhow::Result<Self> {
        let container = Container::start(engine)?;
        Ok(Self {
            url: container.url(),
            programs: None,
            origin: format!("a container of {engine}"),
            _running: Running::Container { _stopped_when_dropped: container },
            _programs: None,
        })
    }

    fn start(
        programs: PathBuf,
        start: impl Fn(&Path) -> anyhow::Result<Cluster>,
    ) -> anyhow::Result<Self> {
        let cluster = start(&programs)
            .with_context(|| format!("cannot start PostgreSQL from {}", programs.display()))?;
        Ok(Self {
            url: cluster.url(),
            origin: format!("a throwaway server of {}", programs.display()),
            programs: Some(programs),
            _running: Running::Cluster { _stopped_when_dropped: cluster },
            _programs: None,
        })
    }

    /// Starts one of this version, whatever server there is.
    pub(crate) fn of_version(root: &Path, version: u32) -> anyhow::Result<Self> {
        let programs = Programs::find(root, Some(version))?;
        let start = |programs: &Path| Cluster::start(programs, &[]);
        let server = Self::start(programs.folder().to_owned(), start)?;
        Ok(Self { _programs: Some(programs), ..server })
    }

    /// The URL, as a role that may create databases and roles.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Variables for whoever uses the server.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        let programs = self.programs.as_deref().unwrap_or(Path::new(""));
        [(URL, self.url.clone()), (PROGRAMS, programs.display().to_string())]
    }

    /// Where it came from, in words.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

/// Installs Debian's server, as root and where there is a package manager for it.
fn install() -> anyhow::Result<()> {
    let is_possible = cluster::is_root() && Path::new("/usr/bin/apt-get").exists();
    ensure!(is_possible, "{WAYS}");
    println!("no PostgreSQL was found: installing Debian's");
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--quiet", "--no-install-recommends", "postgresql"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot start apt-get")?;
    ensure!(status.success(), "apt-get cannot install postgresql ({status}), and {WAYS}");
    Ok(())
}
