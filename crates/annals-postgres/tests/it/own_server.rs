//! Servers that a test has for itself.

use std::path::{Path, PathBuf};

use crate::cluster::{Cluster, succeed};

/// The variable with the folder of PostgreSQL's programs; empty where there are none.
const PROGRAMS: &str = "ANNALS_POSTGRES_BIN";

/// A server with these settings, or `None` where only a server from elsewhere is at hand: the test
/// then says so and proves nothing.
pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Cluster> {
    let programs = programs()?;
    Some(Cluster::start(&programs, settings).expect("a server can be started"))
}

/// A server that follows `primary`, and shows itself to it as `standby`.
pub(crate) fn start_standby(primary: &Cluster) -> Cluster {
    let programs = programs().expect("the primary has been started with them");
    let settings = [("cluster_name", "standby")];
    Cluster::empty(&std::env::temp_dir(), &programs, &settings)
        .and_then(|standby| {
            standby.start_from(|standby| {
                let mut backup = standby.program("pg_basebackup");
                backup.arg("-d").arg(primary.url()).arg("-D").arg(standby.data());
                succeed(backup.args(["--checkpoint=fast", "--no-sync"]))?;
                // What pg_basebackup would write can be too new for a libpq of the system.
                let follows = format!("primary_conninfo = '{}'\n", primary.url());
                standby.put("data/postgresql.auto.conf", &follows)?;
                standby.put("data/standby.signal", "").map(drop)
            })
        })
        .expect("a standby can be made")
}

/// Makes a standby the primary.
pub(crate) fn promote(standby: &Cluster) {
    let mut promote = standby.program("pg_ctl");
    promote.arg("-D").arg(standby.data()).args(["-w", "-s", "promote"]);
    succeed(&mut promote).expect("a standby can be promoted");
}

fn programs() -> Option<PathBuf> {
    let programs = std::env::var(PROGRAMS).unwrap_or_else(|_| {
        panic!(
            "{PROGRAMS} is not set: run these tests by `cargo xtask test`, or set it to the \
             folder of PostgreSQL's programs"
        )
    });
    if programs.is_empty() {
        println!("not tested: this needs PostgreSQL's programs, to start a server of its own");
        return None;
    }
    Some(programs.into())
}

/// Puts a copy of a folder of the server where another one may be.
pub(crate) fn copy(server: &Cluster, from: &Path, to: &Path) {
    succeed(server.as_user("rm").arg("-rf").arg(to)).expect("it can be removed");
    succeed(server.as_user("cp").arg("-a").arg(from).arg(to)).expect("it can be copied");
}
