//! The dashboard asks for what the catalogue has, and for all of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{DOCUMENT, path};
use crate::telemetry::{Kind, Metric, metric};

const DASHBOARD: &str = "examples/bank/ops/grafana/dashboards/annals.json";
const PROVISIONING: &str = "examples/bank/ops/grafana/provisioning/dashboards.yaml";

/// The source of data that the dashboard lets its reader choose.
const SOURCE: &str = "source";

/// What the language of Prometheus is used for here.
const FUNCTIONS: [&str; 4] = ["histogram_quantile", "max", "rate", "sum"];

/// As wide as Grafana makes it for the page that is looked at.
const RANGE: &str = "[$__rate_interval]";

/// What Prometheus adds to what it takes from a process.
const OF_PROCESS: [&str; 2] = ["instance", "job"];

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(DASHBOARD)).unwrap()).unwrap()
}

/// As the exporter for Prometheus names what OpenTelemetry does.
fn by_name_in_prometheus() -> BTreeMap<String, &'static Metric> {
    let mut names = BTreeMap::new();
    for metric in metric::ALL {
        let unit = if metric.unit == "s" { "_seconds" } else { "" };
        let name = metric.name.replace('.', "_") + unit;
        let parts: &[&str] = match metric.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram(_) => &["_bucket", "_sum", "_count"],
        };
        names.extend(parts.iter().map(|part| (format!("{name}{part}"), *metric)));
    }
    names
}

/// All panels, those inside of rows as well.
fn panels(of: &Value) -> Vec<&Value> {
    let inside = of["panels"].as_array().into_iter().flatten();
    inside.flat_map(|panel| [vec![panel], panels(panel)].concat()).collect()
}

fn targets(of: &Value) -> Vec<&Value> {
    let targets = panels(of).into_iter().map(|panel| &panel["targets"]);
    targets.flat_map(|targets| targets.as_array().into_iter().flatten()).collect()
}

/// What an expression names.
#[derive(Debug, Default, PartialEq)]
struct Named<'a> {
    metrics: BTreeSet<&'a str>,
    /// What its series are told apart by.
    grouped: BTreeSet<&'a str>,
    /// What it chooses series by.
    matched: BTreeSet<&'a str>,
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// The words of an expression, its texts, its ranges, and whatever else by character.
fn tokens(expression: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), expression.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.:".contains(c);
        let end = match first {
            '"' => rest.match_indices('"').nth(1).map_or(rest.len(), |(at, _)| at + 1),
            '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
            _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn named(expression: &str) -> Named<'_> {
    let mut named = Named::default();
    let mut place = "";
    for token in tokens(expression) {
        match (place, token) {
            ("", "by" | "{") => place = token,
            ("by", ")") | ("{", "}") => place = "",
            ("by", word) if is_word(word) => drop(named.grouped.insert(word)),
            ("{", word) if is_word(word) => drop(named.matched.insert(word)),
            ("", word) if is_word(word) && !FUNCTIONS.contains(&word) => {
                named.metrics.insert(word);
            }
            (_, range) if range.starts_with('[') => assert_eq!(range, RANGE, "{expression}"),
            _ => {}
        }
    }
    named
}

#[test]
fn what_an_expression_names_is_found() {
    let expression = "sum by (le, a_b) (rate(m_bucket{job=~\"by {x}\", c!=\"\"}[$__rate_interval]))
        / max(other) * 2.5";
    let found = Named {
        metrics: BTreeSet::from(["m_bucket", "other"]),
        grouped: BTreeSet::from(["a_b", "le"]),
        matched: BTreeSet::from(["c", "job"]),
    };
    assert_eq!(named(expression), found);
    let nested = serde_json::json!({ "panels": [{ "panels": [{ "targets": [1] }] }] });
    assert_eq!(targets(&nested), [&Value::from(1)]);
}

#[test]
fn the_dashboard_asks_only_for_what_the_catalogue_has() {
    let (dashboard, metrics) = (dashboard(), by_name_in_prometheus());
    for target in targets(&dashboard) {
        let expression = target["expr"].as_str().unwrap();
        let named = named(expression);
        assert!(!named.metrics.is_empty(), "{expression}");
        for name in named.metrics {
            let metric = metrics.get(name).unwrap_or_else(|| panic!("{name} in {expression}"));
            let attributes = metric.attributes.iter().map(|it| it.name.replace('.', "_"));
            let mut known: BTreeSet<String> = attributes.collect();
            known.extend(OF_PROCESS.map(str::to_owned));
            if name.ends_with("_bucket") {
                known.insert("le".to_owned());
            }
            for word in named.grouped.union(&named.matched) {
                assert!(known.contains(*word), "{name} has no {word}, as in {expression}");
            }
        }
    }
}

/// A name that is not grouped by is empty; series grouped by what has no name look the same.
#[test]
fn series_are_named_by_what_they_are_told_apart_by() {
    let dashboard = dashboard();
    for target in targets(&dashboard) {
        let legend = target["legendFormat"].as_str().unwrap();
        let names = legend.split("{{").skip(1).map(|name| name.split_once("}}").unwrap().0);
        let mut grouped = named(target["expr"].as_str().unwrap()).grouped;
        grouped.remove("le");
        assert_eq!(names.collect::<BTreeSet<_>>(), grouped, "{target}");
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let (dashboard, metrics) = (dashboard(), by_name_in_prometheus());
    let expressions =
        targets(&dashboard).into_iter().map(|target| target["expr"].as_str().unwrap());
    let shown: BTreeSet<&str> = expressions
        .flat_map(|expression| named(expression).metrics)
        .filter_map(|name| metrics.get(name).map(|metric| metric.name))
        .collect();
    let all: BTreeSet<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}

#[test]
fn panels_ask_the_source_that_is_chosen_and_have_ids_of_their_own() {
    let dashboard = dashboard();
    let source = &dashboard["templating"]["list"][0];
    assert_eq!((&source["name"], &source["type"]), (&SOURCE.into(), &"datasource".into()));
    let chosen = Value::from(format!("${{{SOURCE}}}"));
    let charts: Vec<_> = panels(&dashboard).into_iter().filter(|it| it["type"] != "row").collect();
    for asking in charts.iter().copied().chain(targets(&dashboard)) {
        assert_eq!(asking["datasource"]["uid"], chosen, "{asking}");
    }
    let ids = panels(&dashboard).into_iter().map(|panel| panel["id"].as_u64().unwrap());
    let ids: Vec<u64> = ids.collect();
    assert_eq!(BTreeSet::from_iter(&ids).len(), ids.len(), "{ids:?}");
}

/// A program exports once in a minute. Over less than that, a rate has nothing to be computed from.
#[test]
fn rates_are_over_no_less_than_what_is_exported() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        let targets = panel["targets"].as_array().into_iter().flatten();
        let mut expressions = targets.map(|target| target["expr"].as_str().unwrap());
        if expressions.any(|expression| expression.contains(RANGE)) {
            assert_eq!(panel["interval"], "1m", "{}", panel["title"]);
        }
    }
}

/// By a provider that reads files, from the folder that the document has them copied to.
#[test]
fn the_dashboard_is_provisioned_from_where_it_is_copied_to() {
    let text = std::fs::read_to_string(path(PROVISIONING)).unwrap();
    let settings: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_start_matches([' ', '-']).split_once(": "))
        .collect();
    assert_eq!((settings["apiVersion"], settings["type"]), ("1", "file"));
    let document = std::fs::read_to_string(path(DOCUMENT)).unwrap();
    assert!(document.contains(&format!("`{}`", settings["path"])), "{settings:?}");
    let dashboard = dashboard();
    for what in ["uid", "title"] {
        assert!(dashboard[what].as_str().is_some_and(|text| !text.is_empty()), "{what}");
    }
}
