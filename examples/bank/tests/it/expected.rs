//! What an import must come to, computed from the file in another way.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Figures of a file that has no malformed lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) balances: HashMap<String, i64>,
}

impl Expected {
    /// Row after row, without commands and events.
    pub(crate) fn of(text: &str) -> Self {
        let mut expected = Self { rows: 0, rejected: 0, balances: HashMap::new() };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(';').map(|field| field.trim_matches('"')).collect();
            let amount: i64 = fields[5].replace('.', "").parse().unwrap();
            let balance = expected.balances.entry(fields[1].to_owned()).or_default();
            expected.rows += 1;
            match fields[3] {
                "PRIJEM" => *balance += amount,
                _ if *balance < amount => expected.rejected += 1,
                _ => *balance -= amount,
            }
        }
        expected
    }

    /// The summary of an import with this many duplicates.
    pub(crate) fn summary(&self, duplicates: u64) -> Value {
        json!({
            "accounts": self.balances.len(),
            "rows": self.rows,
            "recorded": self.rows - self.rejected - duplicates,
            "duplicates": duplicates,
            "rejected": self.rejected,
            "malformed": 0,
            "total_balance_minor": self.balances.values().sum::<i64>(),
        })
    }
}

/// A summary without the time it took.
pub(crate) fn without_seconds(summary: &Value) -> Value {
    let mut summary = summary.clone();
    let seconds = summary.as_object_mut().unwrap().remove("seconds").unwrap();
    assert!(seconds.as_f64().is_some_and(|seconds| seconds > 0.0), "{seconds}");
    summary
}
