//! What every member's manifest must say.
//!
//! Versions stand in the workspace manifest alone, so that two members never pull in two of the
//! same library; lints are inherited, so that no crate is without `forbid(unsafe_code)`.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

const ROOT: &str = "Cargo.toml";

/// Finds versions and lints outside the workspace manifest.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(ROOT) {
        let problems = match text.parse::<Table>() {
            Ok(manifest) if path == ROOT => root_problems(&manifest),
            // A workspace of its own inherits nothing.
            Ok(manifest) if manifest.contains_key("workspace") => Vec::new(),
            Ok(manifest) => member_problems(&manifest),
            Err(error) => vec![error.message().to_owned()],
        };
        findings.extend(problems.into_iter().map(|problem| Finding::new(path, 1, problem)));
    }
    findings
}

fn root_problems(manifest: &Table) -> Vec<String> {
    let forbids_unsafe = at(manifest, &["workspace", "lints", "rust", "unsafe_code"])
        .is_some_and(|level| level.as_str() == Some("forbid"));
    let problem = (!forbids_unsafe).then(|| "the lint unsafe_code is not `forbid`".to_owned());
    problem.into_iter().collect()
}

fn member_problems(manifest: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    if !is_true(at(manifest, &["lints", "workspace"])) {
        problems.push("lints are not inherited: [lints] workspace = true".to_owned());
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !is_true(at(manifest, &["package", key, "workspace"])) {
            problems.push(format!("the package's {key} is not inherited: {key}.workspace = true"));
        }
    }
    let mut tables = vec![manifest];
    let targets = manifest.get("target").and_then(Value::as_table);
    tables.extend(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = table.get(kind).and_then(Value::as_table);
            for (name, dependency) in dependencies.into_iter().flatten() {
                let own = dependency.as_table().and_then(|dependency| dependency.get("workspace"));
                if !is_true(own) {
                    problems.push(format!(
                        "{name} is not taken from [workspace.dependencies]: {name}.workspace = true"
                    ));
                }
            }
        }
    }
    problems
}

fn at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (first, rest) = keys.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { at(value.as_table()?, rest) }
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: &str = "[package]\nname = \"x\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n";

    fn problems(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_manifest_that_inherits_everything_is_right() {
        let text = format!(
            "{MEMBER}[lints]\nworkspace = true\n[dependencies]\na.workspace = true\n\
             b = {{ workspace = true, features = [\"c\"] }}\n"
        );
        assert!(problems("crates/x/Cargo.toml", &text).is_empty());
    }

    #[test]
    fn a_version_of_its_own_is_refused_in_every_kind_of_dependency() {
        for kind in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.build-dependencies"] {
            let text = format!("{MEMBER}[lints]\nworkspace = true\n[{kind}]\na = \"1\"\n");
            let found = problems("crates/x/Cargo.toml", &text);
            assert_eq!(found.len(), 1, "{kind}: {found:?}");
        }
    }

    #[test]
    fn lints_that_are_not_inherited_are_refused() {
        assert_eq!(
            problems("crates/x/Cargo.toml", MEMBER),
            ["lints are not inherited: [lints] workspace = true"]
        );
    }

    #[test]
    fn unsafe_code_is_forbidden_for_the_whole_workspace() {
        let text = "[workspace.lints.rust]\nunsafe_code = \"deny\"\n";
        assert_eq!(problems("Cargo.toml", text).len(), 1);
        assert!(problems("Cargo.toml", &text.replace("deny", "forbid")).is_empty());
    }
}
