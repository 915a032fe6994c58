//! Who may depend on whom, by name.
//!
//! The shape of the workspace is a promise: the vocabulary stays free of runtimes and databases,
//! the runtime works on any store, and nobody ships test code. A dependency that creeps in through
//! a third crate breaks it just as much as a direct one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::Finding;
use crate::cargo;

/// Every member and the members it may depend on, for development aside. A new crate gets its line
/// here together with its paragraph in `ARCHITECTURE.md`.
const MEMBERS: &[(&str, &[&str])] = &[
    ("annals-core", &[]),
    ("annals-derive", &[]),
    ("annals-http", &["annals-core", "annals-derive", "annals-runtime"]),
    ("annals-otel", &["annals-core"]),
    ("annals-runtime", &["annals-core"]),
    ("annals-postgres", &["annals-core"]),
    ("annals-sqlite", &["annals-core"]),
    ("annals-sqlx", &["annals-core"]),
    ("annals-testing", &["annals-core", "annals-derive", "annals-runtime"]),
    (
        "annals",
        &[
            "annals-core",
            "annals-derive",
            "annals-otel",
            "annals-postgres",
            "annals-runtime",
            "annals-sqlite",
            "annals-sqlx",
        ],
    ),
    ("bank", &["annals", "annals-http"]),
    ("xtask", &[]),
];

/// What a member must not contain, however deep below it.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "annals-core",
        &["tokio", "sqlx", "rusqlite", "axum", "opentelemetry"],
        "the vocabulary has no runtime and no I/O library",
    ),
    (
        "annals-runtime",
        &["annals-sqlite", "annals-postgres", "rusqlite", "sqlx"],
        "the runtime works on any store and names none",
    ),
    (
        "annals-http",
        &["annals-sqlite", "annals-postgres", "rusqlite", "sqlx"],
        "HTTP works on any store and names none",
    ),
    ("annals-derive", &["opentelemetry"], ONLY_OTEL),
    ("annals-http", &["opentelemetry"], ONLY_OTEL),
    ("annals-postgres", &["opentelemetry"], ONLY_OTEL),
    ("annals-runtime", &["opentelemetry"], ONLY_OTEL),
    ("annals-sqlite", &["opentelemetry"], ONLY_OTEL),
    ("annals-sqlx", &["opentelemetry"], ONLY_OTEL),
    ("annals-testing", &["opentelemetry"], ONLY_OTEL),
];

/// Why nobody else has it.
const ONLY_OTEL: &str = "only annals-otel knows how telemetry is exported";

/// Only ever a dependency for development.
const FOR_TESTS: &str = "annals-testing";

/// What `cargo metadata` says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `dev`, `build` or nothing.
    kind: Option<String>,
}

impl Dependency {
    fn is_shipped(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

impl Metadata {
    /// Asks cargo, with all features on, so that optional dependencies count.
    pub(super) fn of_workspace(root: &Path) -> anyhow::Result<Self> {
        let answer = cargo::command(root)
            .args(["metadata", "--format-version", "1", "--all-features"])
            .output()
            .context("cannot start cargo metadata")?;
        ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_slice(&answer.stdout).context("cargo metadata has an unknown form")
    }

    fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    fn names(&self) -> BTreeMap<&str, &str> {
        self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect()
    }

    /// What each package is shipped with, by ids.
    fn shipped(&self) -> BTreeMap<&str, Vec<&str>> {
        self.resolve
            .nodes
            .iter()
            .map(|node| {
                let shipped = node.deps.iter().filter(|dependency| dependency.is_shipped());
                (node.id.as_str(), shipped.map(|dependency| dependency.pkg.as_str()).collect())
            })
            .collect()
    }
}

/// Finds dependencies that the plan of the workspace does not allow.
pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let graph = Graph { names: metadata.names(), shipped: metadata.shipped() };
    let mut findings = Vec::new();
    for member in metadata.members() {
        let problems = folder_problem(member)
            .into_iter()
            .chain(graph.direct_problems(member, metadata))
            .chain(graph.deep_problems(member));
        let path = manifest_path(member);
        findings
            .extend(problems.map(|problem| Finding::new(&path, 1, format!("graph: {problem}"))));
    }
    findings
}

struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    shipped: BTreeMap<&'a str, Vec<&'a str>>,
}

impl Graph<'_> {
    fn name(&self, id: &str) -> &str {
        self.names.get(id).copied().unwrap_or_default()
    }

    fn direct_problems(&self, member: &Package, metadata: &Metadata) -> Vec<String> {
        let Some((_, allowed)) = MEMBERS.iter().find(|(name, _)| *name == member.name) else {
            return vec![format!(
                "{} is not among the members that xtask/src/tidy/graph.rs knows",
                member.name
            )];
        };
        let direct = self.shipped.get(member.id.as_str()).into_iter().flatten();
        direct
            .filter(|id| metadata.workspace_members.contains(**id))
            .map(|id| self.name(id))
            .filter_map(|name| match name {
                FOR_TESTS => Some(format!("{FOR_TESTS} is for [dev-dependencies] only")),
                _ if allowed.contains(&name) => None,
                _ => Some(format!("{} must not depend on {name}", member.name)),
            })
            .collect()
    }

    fn deep_problems(&self, member: &Package) -> Vec<String> {
        let own = FORBIDDEN.iter().filter(|(name, ..)| *name == member.name);
        own.flat_map(|(_, forbidden, reason)| {
            let ways = forbidden.iter().filter_map(|name| self.way(&member.id, name));
            ways.map(move |way| format!("{reason}, but: {}", way.join(" -> ")))
        })
        .collect()
    }

    /// The names on a shortest way from one package to another, both included.
    fn way(&self, from: &str, to_name: &str) -> Option<Vec<String>> {
        let mut known = BTreeSet::from([from]);
        let mut ways = VecDeque::from([vec![from]]);
        while let Some(way) = ways.pop_front() {
            let end = *way.last()?;
            if self.name(end) == to_name {
                return Some(way.iter().map(|id| self.name(id).to_owned()).collect());
            }
            for next in self.shipped.get(end).into_iter().flatten() {
                if known.insert(next) {
                    ways.push_back(way.iter().copied().chain([*next]).collect());
                }
            }
        }
        None
    }
}

fn folder(member: &Package) -> &str {
    let folder = Path::new(&member.manifest_path).parent().and_then(Path::file_name);
    folder.and_then(|name| name.to_str()).unwrap_or_default()
}

fn folder_problem(member: &Package) -> Option<String> {
    let folder = folder(member);
    (folder != member.name).then(|| format!("{} lives in a folder called {folder}", member.name))
}

/// The manifest as it is written in findings: the last three parts of its path at most.
fn manifest_path(member: &Package) -> String {
    let manifest = Path::new(&member.manifest_path);
    let above = manifest.parent().and_then(Path::parent).and_then(Path::file_name);
    match above.and_then(|name| name.to_str()) {
        Some(above @ ("crates" | "examples")) => format!("{above}/{}/Cargo.toml", folder(member)),
        _ => format!("{}/Cargo.toml", folder(member)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A package with its dependencies and their kinds.
    type Shape = (&'static str, &'static [(&'static str, Option<&'static str>)]);

    fn problems(packages: &[Shape]) -> Vec<String> {
        let is_member = |name: &str| MEMBERS.iter().any(|(m, _)| *m == name) || name == "stray";
        let metadata = json!({
            "packages": packages
                .iter()
                .map(|(name, _)| json!({
                    "id": format!("id of {name}"),
                    "name": name,
                    "manifest_path": format!("/tree/crates/{name}/Cargo.toml"),
                }))
                .collect::<Vec<_>>(),
            "workspace_members": packages
                .iter()
                .filter(|(name, _)| is_member(name))
                .map(|(name, _)| format!("id of {name}"))
                .collect::<Vec<_>>(),
            "resolve": { "nodes": packages
                .iter()
                .map(|(name, deps)| json!({
                    "id": format!("id of {name}"),
                    "deps": deps
                        .iter()
                        .map(|(dep, kind)| json!({
                            "pkg": format!("id of {dep}"),
                            "dep_kinds": [{ "kind": kind }],
                        }))
                        .collect::<Vec<_>>(),
                }))
                .collect::<Vec<_>>() },
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        check(&metadata).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_planned_edges_are_allowed() {
        let found = problems(&[
            ("annals-core", &[("annals-testing", Some("dev")), ("serde", None)]),
            ("annals-sqlite", &[("annals-core", None), ("rusqlite", None)]),
            ("annals-testing", &[("annals-core", None)]),
            ("serde", &[]),
            ("rusqlite", &[]),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_forbidden_library_is_found_however_deep() {
        let found = problems(&[
            ("annals-core", &[("a", None)]),
            ("a", &[("b", Some("build"))]),
            ("b", &[("tokio", None)]),
            ("tokio", &[]),
        ]);
        let reason = "the vocabulary has no runtime and no I/O library";
        assert_eq!(found, [format!("graph: {reason}, but: annals-core -> a -> b -> tokio")]);
    }

    #[test]
    fn a_forbidden_library_may_serve_development() {
        let found = problems(&[("annals-core", &[("tokio", Some("dev"))]), ("tokio", &[])]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_is_measured_does_not_know_how_it_is_exported() {
        let found = problems(&[
            ("annals-http", &[("tracing-opentelemetry", None)]),
            ("tracing-opentelemetry", &[("opentelemetry", None)]),
            ("opentelemetry", &[]),
        ]);
        let way = "annals-http -> tracing-opentelemetry -> opentelemetry";
        assert_eq!(found, [format!("graph: {ONLY_OTEL}, but: {way}")]);
    }

    #[test]
    fn a_runtime_that_names_a_store_is_refused() {
        let found =
            problems(&[("annals-runtime", &[("annals-sqlite", None)]), ("annals-sqlite", &[])]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&"graph: annals-runtime must not depend on annals-sqlite".into()));
    }

    #[test]
    fn test_code_is_never_shipped() {
        let found = problems(&[("bank", &[("annals-testing", None)]), ("annals-testing", &[])]);
        assert_eq!(found, ["graph: annals-testing is for [dev-dependencies] only"]);
    }

    #[test]
    fn a_crate_nobody_planned_is_refused() {
        let found = problems(&[("stray", &[])]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
