//! The service, tried by a program that knows nothing of it but its description.

use std::path::PathBuf;
use std::process::Command;

use crate::home::{Finished, Home};
use crate::server::Server;

/// The variable with the folder of the program's Python packages.
const FOLDER: &str = "ANNALS_SCHEMATHESIS";

/// What it may find all the same, and why.
const CONFIG: &str = include_str!("schemathesis.toml");

/// Requests it makes up for each operation in each of its phases. More of them find little more,
/// and take the time of everybody who runs the tests.
const EXAMPLES: &str = "15";

#[test]
fn nobody_finds_an_answer_that_is_not_described() {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from).unwrap_or_else(|| {
        panic!(
            "{FOLDER} is not set: run these tests by `cargo xtask test`, which installs \
             schemathesis, or set it to a folder where pip has installed it"
        )
    });
    let home = Home::new();
    home.write("schemathesis.toml", CONFIG);
    let all = ["keys", "create", "all", "--role", "teller", "--role", "operator"];
    let all = home.bank(&[&all[..], &["--format", "json"]].concat()).json();
    let server = Server::start_with_args(&home, &["--requests-per-second", "1000000"]);
    let finished = Finished::of(
        Command::new("python3")
            .args(["-m", "schemathesis.cli", "--config-file"])
            .arg(home.path("schemathesis.toml"))
            .arg("run")
            .arg(format!("{}/openapi.json", server.url))
            .args(["--seed", "1", "--max-examples", EXAMPLES])
            .args(["--workers", "1", "--continue-on-failure", "--no-color"])
            .args(["--header", &format!("Authorization: Bearer {}", all["key"].as_str().unwrap())])
            .env("PYTHONPATH", folder)
            .current_dir(home.path("")),
    );
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
}
