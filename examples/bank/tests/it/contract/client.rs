//! A client that is made from the description and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::{Finished, Home};
use crate::server::Server;

/// The variable with the folder of the packages that make it, and of the program that runs them.
const FOLDER: &str = "ANNALS_NODE_PACKAGES";

const SOURCES: [&str; 3] = ["package.json", "tsconfig.json", "scenario.ts"];

#[test]
fn a_client_made_from_the_description_compiles_and_does_its_work() {
    let packages = std::env::var_os(FOLDER).map(PathBuf::from).unwrap_or_else(|| {
        panic!(
            "{FOLDER} is not set: run these tests by `cargo xtask test`, which installs what is \
             needed, or set it to a folder with `node` where npm has installed the packages"
        )
    });
    let home = Home::new();
    let create = ["keys", "create", "teller", "--role", "teller", "--format", "json"];
    let teller = home.bank(&create).json();
    let server = Server::start(&home);
    home.write("openapi.json", server.get("/openapi.json").body);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    for name in SOURCES {
        std::fs::copy(sources.join(name), home.path(name)).unwrap();
    }
    std::os::unix::fs::symlink(packages.join("node_modules"), home.path("node_modules")).unwrap();
    let run = |arguments: &[&str]| {
        let mut node = Command::new(packages.join("node"));
        let finished = Finished::of(node.args(arguments).current_dir(home.path("")));
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    };
    run(&["node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output", "bank.d.ts"]);
    run(&["node_modules/typescript/bin/tsc", "--project", "."]);
    run(&["scenario.js", &server.url, teller["key"].as_str().unwrap()]);
}
