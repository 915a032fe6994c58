//! Servers that a test has for itself.

use crate::cluster::Cluster;

/// The variable with the folder of PostgreSQL's programs; empty where there are none.
const PROGRAMS: &str = "ANNALS_POSTGRES_BIN";

/// A server, or `None` where only one from elsewhere is at hand: the test then says so and proves
/// nothing.
pub(crate) fn start() -> Option<Cluster> {
    let programs = std::env::var_os(PROGRAMS).unwrap_or_else(|| {
        panic!(
            "{PROGRAMS} is not set: run these tests by `cargo xtask test`, or set it to the \
             folder of PostgreSQL's programs"
        )
    });
    if programs.is_empty() {
        println!("not tested: this needs PostgreSQL's programs, to start a server of its own");
        return None;
    }
    Some(Cluster::start(programs.as_ref(), &[]).unwrap())
}
