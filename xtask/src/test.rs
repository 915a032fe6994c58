//! The whole test run, in the order in which it finds mistakes soonest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::cargo;
use crate::collector;
use crate::node;
use crate::postgres::Server;
use crate::schemathesis;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only formatting, the rules of the tree and unit tests: no lints, no docs, no integration
    /// tests, no doc tests.
    #[arg(long)]
    quick: bool,

    /// Only the tests that need PostgreSQL, on servers of these versions. One that is not on this
    /// machine is installed from PyPI, into the target folder.
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',', conflicts_with = "quick")]
    postgres: Vec<u32>,

    /// Arguments for `cargo test`.
    #[arg(last = true)]
    cargo_test: Vec<String>,
}

/// Packages whose tests need a PostgreSQL server.
const WITH_SERVER: [&str; 4] = ["annals", "annals-postgres", "annals-sqlx", "bank"];

/// Packages whose tests need an OTLP collector, a tester of HTTP APIs, and what makes clients.
const WITH_TOOLS: [&str; 1] = ["bank"];

/// One part of the run: a cargo command that must succeed.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: &'static str,
    arguments: Vec<String>,
    /// Variables for this step, e.g. flags of rustdoc.
    environment: Vec<(&'static str, &'static str)>,
    /// The version of PostgreSQL to run on, if not on any.
    postgres: Option<u32>,
}

impl Step {
    fn new(name: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name, arguments, environment: Vec::new(), postgres: None }
    }

    fn with_environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Whether it runs tests of whoever works with PostgreSQL. Unit tests never do.
    fn needs_server(&self) -> bool {
        self.is_meant_for(&WITH_SERVER)
    }

    /// Whether it runs tests that need programs of others.
    fn needs_tools(&self) -> bool {
        self.is_meant_for(&WITH_TOOLS)
    }

    fn is_meant_for(&self, packages: &[&str]) -> bool {
        let has = |argument: &str| self.arguments.iter().any(|own| own == argument);
        let is_theirs = |own: &String| {
            let own = own.trim_start_matches("--package=").trim_start_matches("-p");
            packages.contains(&own)
        };
        let is_meant = has("--workspace") || self.arguments.iter().any(is_theirs);
        has("test") && !has("--lib") && is_meant
    }

    /// What to type to run this step alone.
    fn command_line(&self) -> String {
        let mut line = String::new();
        if let Some(version) = self.postgres {
            line += &format!("(PostgreSQL {version}) ");
        }
        for (name, value) in &self.environment {
            line += &format!("{name}='{value}' ");
        }
        line += "cargo";
        for argument in &self.arguments {
            line += " ";
            line += argument;
        }
        line
    }

    fn run(&self, root: &Path) -> anyhow::Result<()> {
        let server = match self.postgres {
            Some(version) => Some(Server::of_version(root, version)?),
            None if self.needs_server() => Some(Server::provide()?),
            None => None,
        };
        if let Some(server) = &server {
            println!("PostgreSQL: {}", server.origin());
        }
        let tools = if self.needs_tools() { tools(root)? } else { Vec::new() };
        let status = cargo::command(root)
            .args(&self.arguments)
            .envs(self.environment.iter().copied())
            .envs(tools)
            .envs(server.iter().flat_map(Server::environment))
            .status()
            .context("cannot start cargo")?;
        ensure!(status.success(), "{status}");
        Ok(())
    }
}

/// The programs of others that tests need, by the variables that say where they are.
fn tools(root: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    Ok(vec![
        (collector::PROGRAM, collector::provide(root)?),
        (node::FOLDER, node::provide(root)?),
        (schemathesis::FOLDER, schemathesis::provide(root)?),
    ])
}

/// Runs the steps one after the other and stops at the first that fails.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let times = run_each(steps(options), |step| {
        println!("\n==> {}: {}", step.name, step.command_line());
        step.run(root)
    })?;
    println!("\nAll passed: {}", summary(&times));
    Ok(())
}

/// How long each step took.
fn run_each(
    steps: Vec<Step>,
    mut run: impl FnMut(&Step) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<(&'static str, Duration)>> {
    let mut times = Vec::new();
    for step in steps {
        let start = Instant::now();
        run(&step).with_context(|| format!("{} failed: {}", step.name, step.command_line()))?;
        times.push((step.name, start.elapsed()));
    }
    Ok(times)
}

fn steps(options: &Options) -> Vec<Step> {
    if !options.postgres.is_empty() {
        let versions = options.postgres.iter();
        return versions.map(|version| tests_on_postgres(*version, options)).collect();
    }
    let mut steps = vec![
        Step::new("format", &["fmt", "--all", "--check"]),
        Step::new("tidy", &["xtask", "tidy"]),
    ];
    if !options.quick {
        let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        steps.push(Step::new("lints", &lints));
        // The smallest build must not lean on what a feature happens to bring in.
        let bare = ["check", "--package", "annals", "--no-default-features"];
        steps.push(Step::new("without features", &bare));
        let docs = ["doc", "--workspace", "--no-deps"];
        steps.push(Step::new("docs", &docs).with_environment("RUSTDOCFLAGS", "-D warnings"));
    }
    steps.push(tests(options));
    steps
}

fn tests(options: &Options) -> Step {
    let mut step = Step::new("tests", &["test"]);
    let names_packages = options.cargo_test.iter().any(|argument| is_package(argument));
    if !names_packages {
        step.arguments.push("--workspace".to_owned());
    }
    if options.quick {
        step.arguments.extend(["--lib", "--bins"].map(str::to_owned));
    }
    step.arguments.extend(options.cargo_test.iter().cloned());
    step
}

/// Every test of whoever works with PostgreSQL, on a server of this version.
fn tests_on_postgres(version: u32, options: &Options) -> Step {
    let mut step = Step::new("tests on PostgreSQL", &["test"]);
    if !options.cargo_test.iter().any(|argument| is_package(argument)) {
        let packages = WITH_SERVER.iter().flat_map(|package| ["--package", package]);
        step.arguments.extend(packages.map(str::to_owned));
    }
    step.arguments.extend(options.cargo_test.iter().cloned());
    step.postgres = Some(version);
    step
}

/// Whether an argument of `cargo test` chooses packages, which `--workspace` would overrule.
fn is_package(argument: &str) -> bool {
    argument.starts_with("-p") || argument.starts_with("--package")
}

fn summary(times: &[(&str, Duration)]) -> String {
    let parts: Vec<String> = times
        .iter()
        .map(|(name, duration)| format!("{name} {:.1} s", duration.as_secs_f64()))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(quick: bool, cargo_test: &[&str]) -> Options {
        let cargo_test = cargo_test.iter().map(|a| (*a).to_owned()).collect();
        Options { quick, postgres: Vec::new(), cargo_test }
    }

    fn lines(options: &Options) -> Vec<String> {
        steps(options).iter().map(Step::command_line).collect()
    }

    #[test]
    fn the_whole_run_formats_tidies_lints_documents_and_tests() {
        assert_eq!(
            lines(&options(false, &[])),
            [
                "cargo fmt --all --check",
                "cargo xtask tidy",
                "cargo clippy --workspace --all-targets -- -D warnings",
                "cargo check --package annals --no-default-features",
                "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
                "cargo test --workspace",
            ]
        );
    }

    #[test]
    fn a_quick_run_keeps_only_what_answers_soon() {
        assert_eq!(
            lines(&options(true, &[])),
            ["cargo fmt --all --check", "cargo xtask tidy", "cargo test --workspace --lib --bins"]
        );
    }

    #[test]
    fn a_chosen_package_is_not_overruled_by_the_workspace() {
        let step = tests(&options(false, &["-p", "annals-core", "racers"]));
        assert_eq!(step.command_line(), "cargo test -p annals-core racers");
        let step = tests(&options(false, &["racers"]));
        assert_eq!(step.command_line(), "cargo test --workspace racers");
    }

    #[test]
    fn a_server_is_there_only_for_those_who_need_it() {
        let needs_server = |quick, arguments: &[&str]| {
            steps(&options(quick, arguments)).iter().any(Step::needs_server)
        };
        assert!(needs_server(false, &[]));
        assert!(needs_server(false, &["-p", "annals-postgres", "racers"]));
        assert!(needs_server(false, &["-p", "bank"]));
        assert!(!needs_server(false, &["-p", "annals-core"]));
        assert!(!needs_server(true, &[]));
    }

    #[test]
    fn chosen_versions_of_postgresql_run_one_after_the_other_and_nothing_else_does() {
        let options = Options { postgres: vec![17, 18], ..options(false, &["racers"]) };
        let lines = lines(&options);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with(
                "(PostgreSQL 17) cargo test --package annals --package annals-postgres"
            )
        );
        assert!(
            lines[1].starts_with(
                "(PostgreSQL 18) cargo test --package annals --package annals-postgres"
            )
        );
        assert!(lines.iter().all(|line| line.ends_with(" racers")), "{lines:?}");
    }

    #[test]
    fn nothing_runs_after_a_failure_and_the_error_says_how_to_repeat_it() {
        let mut started = Vec::new();
        let error = run_each(steps(&options(true, &[])), |step| {
            started.push(step.name);
            ensure!(step.name != "tidy", "exit status: 1");
            Ok(())
        });
        assert_eq!(started, ["format", "tidy"]);
        let text = format!("{:#}", error.unwrap_err());
        assert_eq!(text, "tidy failed: cargo xtask tidy: exit status: 1");
    }
}
