//! The reference of all names, and who else uses them.

mod dashboard;

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Attribute, Kind, Values, attribute, metric, span};

const DOCUMENT: &str = "docs/observability.md";

/// Where the part begins that is made from the catalogue.
const BEGIN: &str =
    "<!-- From here on made from the catalogue in crates/annals-core/src/telemetry. -->\n";

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

fn names(attributes: &[Attribute]) -> String {
    let names: Vec<String> = attributes.iter().map(|one| format!("`{}`", one.name)).collect();
    names.join(", ")
}

fn reference() -> String {
    let mut text = String::from("\n## Spans\n");
    for span in span::ALL {
        let (name, role) = (span.name, span.role.as_str());
        let attributes = names(span.attributes);
        let _ = write!(text, "\n### `{name}` ({role})\n\n{}\n\n", span.description);
        let _ = writeln!(text, "Attributes: {attributes}.");
    }
    text += "\n## Metrics\n";
    for metric in metric::ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter".to_owned(),
            Kind::Gauge => "gauge".to_owned(),
            Kind::Histogram(buckets) => {
                let buckets: Vec<String> = buckets.iter().map(f64::to_string).collect();
                format!("histogram, buckets up to {}", buckets.join(", "))
            }
        };
        let (name, unit) = (metric.name, metric.unit);
        let _ = write!(text, "\n### `{name}`\n\n{}\n\n", metric.description);
        let _ = writeln!(text, "Unit `{unit}`; {kind}.");
        if !metric.attributes.is_empty() {
            let _ = writeln!(text, "Attributes: {}.", names(metric.attributes));
        }
    }
    text += "\n## Attributes\n\n| Name | Values | Example | What it says |\n|---|---|---|---|\n";
    for Attribute { name, values, example, description } in attribute::ALL {
        let values = match values {
            Values::Few => "few",
            Values::FewNumbers => "few numbers",
            Values::Many => "many",
        };
        let _ = writeln!(text, "| `{name}` | {values} | `{example}` | {description} |");
    }
    text
}

/// After a change of the catalogue: `UPDATE_REFERENCE=1 cargo test -p annals-core reference`.
#[test]
fn the_reference_is_that_of_the_catalogue() {
    let document = std::fs::read_to_string(path(DOCUMENT)).unwrap();
    let (written, found) = document.split_once(BEGIN).unwrap();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(path(DOCUMENT), format!("{written}{BEGIN}{}", reference())).unwrap();
        return;
    }
    assert!(found == reference(), "run this test with UPDATE_REFERENCE=1 and look at the change");
}
