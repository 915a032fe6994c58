//! The physical limit: how long the disk takes to make 4 KiB durable.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const FLUSHES: usize = 500;

/// The median time of `fdatasync` after appending 4 KiB to a file in `folder`.
pub(crate) fn median(folder: &Path) -> anyhow::Result<Duration> {
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let block = [7_u8; 4096];
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        file.write_all(&block)?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort();
    times.get(FLUSHES / 2).copied().ok_or_else(|| anyhow::anyhow!("nothing was flushed"))
}
