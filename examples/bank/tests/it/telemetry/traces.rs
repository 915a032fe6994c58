//! How spans hang together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::CALLER;
use crate::collector::ReceivedSpan;

/// Spans, and how they hang together.
pub(super) struct Traces {
    pub(super) spans: Vec<ReceivedSpan>,
    /// What the caller's request has led to, however far.
    followed: BTreeSet<String>,
}

impl Traces {
    pub(super) fn of(spans: Vec<ReceivedSpan>) -> Self {
        let mut later: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for span in &spans {
            let links = span.links.iter().map(|(_, id)| id.as_str());
            for before in links.chain([span.parent.as_str()]) {
                later.entry(before).or_default().push(&span.id);
            }
        }
        let mut followed = BTreeSet::new();
        let mut ways = VecDeque::from([CALLER]);
        while let Some(before) = ways.pop_front() {
            for next in later.get(before).into_iter().flatten() {
                if followed.insert((*next).to_owned()) {
                    ways.push_back(next);
                }
            }
        }
        Self { followed, spans }
    }

    /// Those that the caller's request has led to.
    pub(super) fn all_of_caller(&self, name: &str) -> impl Iterator<Item = &ReceivedSpan> {
        self.spans.iter().filter(move |span| span.name == name && self.followed.contains(&span.id))
    }

    /// The one that the caller's request has led to.
    pub(super) fn of_caller(&self, name: &str) -> Option<&ReceivedSpan> {
        let mut found = self.all_of_caller(name);
        let first = found.next();
        assert!(found.next().is_none(), "more than one {name}: {:#?}", self.spans);
        first
    }

    /// What it has led to in a read model, by the link: a batch is also about events of others.
    pub(super) fn processed<'a>(
        &'a self,
        (projection, event): &'a (&str, &str),
    ) -> impl Iterator<Item = &'a ReceivedSpan> {
        let (name, projection) = (format!("process {event}"), format!("Str({projection})"));
        self.spans.iter().filter(move |span| {
            span.name == name
                && span.attributes.get("cqrs.projection") == Some(&projection)
                && span.links.iter().any(|(_, id)| self.followed.contains(id))
        })
    }
}
