//! What telemetry costs: commands of a program without it, with it turned off, and exporting.
//!
//! There is one listener for a process, so each way has a process of its own. They take turns every
//! half second, each turn in another order, and what is compared are the figures of one turn: what
//! else the machine does changes more in a minute than telemetry costs. Throughput moves all the
//! same; the time of processors that a command takes in its process hardly does, and where
//! processors are what throughput is bound by, it can lose no more than that.

mod collector;
mod costs;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use self::collector::Collector;
use self::costs::{Costs, Taken};
use self::worker::{SLICE, Worker};
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
    let slices = Duration::from_secs_f64(arguments.seconds).as_millis() / SLICE.as_millis();
    let turns = usize::try_from(slices)?.max(1) * arguments.rounds;
    for turn in 1..=turns {
        eprintln!("turn {turn} of {turns}: telemetry");
        table.add_limit(FLUSH, Figure::Time(flush::median(folder)?));
        let wanted = ROWS.iter().filter(|(row, store, _)| {
            row.contains(&arguments.only) && store.contains(&arguments.subject)
        });
        for (row, store, clients) in wanted {
            let mut taken = BTreeMap::new();
            for worker in &mut workers {
                let slice = worker.run(store, *clients)?;
                taken.insert(worker.telling, Taken::of(&slice));
                table.add(row, worker.telling.name(), Figure::Rate(slice.figures));
            }
            costs.add(row, taken);
        }
        workers.rotate_left(1);
        if turn % workers.len() == 0 {
            // All six orders, because each leaves the disk to the next as it does.
            workers.reverse();
        }
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
