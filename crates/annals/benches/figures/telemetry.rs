//! What telemetry costs: commands of a program without it, with it turned off, and exporting.
//!
//! There is one listener for a process, so each way has a process of its own. They take turns, in
//! another order each round, and what is compared are the figures of one round.

mod collector;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::ensure;

use self::collector::Collector;
use self::worker::Worker;
pub(crate) use self::worker::{Telling, work};
use crate::table::{Figure, Table};
use crate::{Arguments, FLUSH, database, flush};

/// The rows: on which store, by how many clients.
const ROWS: [(&str, &str, usize); 4] = [
    ("sqlite, 1 client", "annals sqlite", 1),
    ("sqlite, 64 clients", "annals sqlite", 64),
    ("postgres, 1 client", "annals postgres", 1),
    ("postgres, 64 clients", "annals postgres", 64),
];

/// What is compared: what the second costs beside the first.
const COMPARED: [(Telling, Telling); 2] =
    [(Telling::Without, Telling::Off), (Telling::Off, Telling::On)];

/// Measures all rows, and returns what is printed.
pub(crate) fn measure(
    arguments: &Arguments,
    folder: &Path,
    server: &str,
) -> anyhow::Result<(Table, Costs)> {
    let collector = Collector::start()?;
    let mut workers = Vec::new();
    for telling in Telling::ALL {
        eprintln!("filling: {}", telling.name());
        workers.push(Worker::start(telling, folder, server, &collector)?);
    }
    let mut table = Table::new(&Telling::ALL.map(Telling::name));
    let mut costs = Costs::default();
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}: telemetry", arguments.rounds);
        table.add_limit(FLUSH, Figure::Time(flush::median(folder)?));
        let wanted = ROWS.iter().filter(|(row, store, _)| {
            row.contains(&arguments.only) && store.contains(&arguments.subject)
        });
        for (row, store, clients) in wanted {
            let mut rates = BTreeMap::new();
            for worker in &mut workers {
                let figures = worker.run(store, *clients, arguments.seconds)?;
                rates.insert(worker.telling.name(), figures.per_second);
                table.add(row, worker.telling.name(), Figure::Rate(figures));
            }
            costs.add(row, &rates);
        }
        workers.rotate_left(1);
    }
    ensure!(collector.exports() > 0, "nothing was exported");
    let workers = workers.into_iter().map(Worker::end);
    workers.collect::<anyhow::Result<()>>()?;
    Ok((table, costs))
}

/// Removes what the workers have left on the server.
pub(crate) async fn clear(server: &str) -> anyhow::Result<()> {
    for telling in Telling::ALL {
        database::remove(server, &telling.database()).await?;
    }
    Ok(())
}

/// The parts of the throughput that are lost, of each round.
#[derive(Debug, Default)]
pub(crate) struct Costs(BTreeMap<(&'static str, &'static str, &'static str), Vec<f64>>);

impl Costs {
    fn add(&mut self, row: &'static str, rates: &BTreeMap<&'static str, f64>) {
        for (one, other) in COMPARED {
            if let (Some(before), Some(after)) = (rates.get(one.name()), rates.get(other.name())) {
                let key = (one.name(), other.name(), row);
                self.0.entry(key).or_default().push(1.0 - after / before);
            }
        }
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((one, other, row), lost) in &self.0 {
            let mut lost = lost.clone();
            lost.sort_by(f64::total_cmp);
            if let (Some(least), Some(median), Some(most)) =
                (lost.first(), lost.get(lost.len() / 2), lost.last())
            {
                let [least, median, most] = [least, median, most].map(|part| part * 100.0);
                let what = format!("{other} costs, beside {one}");
                writeln!(
                    formatter,
                    "{what:28} | {row:24} | {median:>5.1}%, from {least:.1}% to {most:.1}%"
                )?;
            }
        }
        Ok(())
    }
}
