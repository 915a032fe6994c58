//! Servers that a test has for itself.

use std::path::Path;

use crate::cluster::{Cluster, succeed};

/// The variable with the folder of PostgreSQL's programs; empty where there are none.
const PROGRAMS: &str = "ANNALS_POSTGRES_BIN";

/// A server with these settings, or `None` where only a server from elsewhere is at hand: the test
/// then says so and proves nothing.
pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Cluster> {
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
    Some(Cluster::start(Path::new(&programs), settings).expect("a server can be started"))
}

/// Puts a copy of a folder of the server where another one may be.
pub(crate) fn copy(server: &Cluster, from: &Path, to: &Path) {
    succeed(server.as_user("rm").arg("-rf").arg(to)).expect("it can be removed");
    succeed(server.as_user("cp").arg("-a").arg(from).arg(to)).expect("it can be copied");
}
