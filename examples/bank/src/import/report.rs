//! What people see while an import runs.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::import::RowError;

/// Lines of one kind that are reported one by one. Who has more of them needs the count and the
/// first ones, not a screen that scrolls for minutes.
const LINES_MAX: u64 = 100;

/// Tells about progress and about lines that were not imported, on standard error.
///
/// There is a bar if that is a terminal. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct Report {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: String,
    bar: ProgressBar,
    malformed: AtomicU64,
    rejected: AtomicU64,
}

impl Report {
    /// A report on the import of `file`, which has that many bytes if that is known.
    #[must_use]
    pub fn new(file: String, bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let template = match bytes {
            Some(_) => "{bar:40} {percent:>3}% {binary_bytes_per_sec}, {eta} left",
            None => "{spinner} {binary_bytes}, {binary_bytes_per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        let (malformed, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { file, bar, malformed, rejected }) }
    }

    /// So much of the file has been read.
    pub(super) fn read_bytes(&self, bytes: u64) {
        self.inner.bar.set_position(bytes);
    }

    /// A line is no row.
    pub(super) fn malformed(&self, line: u64, reason: &RowError) {
        self.line(&self.inner.malformed, line, "malformed", reason);
    }

    /// A rule refuses a row.
    pub(super) fn rejected(&self, line: u64, reason: &dyn fmt::Display) {
        self.line(&self.inner.rejected, line, "rejected", reason);
    }

    fn line(&self, count: &AtomicU64, line: u64, kind: &str, reason: &dyn fmt::Display) {
        if count.fetch_add(1, Ordering::Relaxed) < LINES_MAX {
            self.say(format_args!("{}:{line}: {kind}: {reason}", self.inner.file));
        }
    }

    /// Removes the bar and says how many lines were not reported.
    pub fn finish(&self) {
        self.inner.bar.finish_and_clear();
        for (count, kind) in
            [(&self.inner.malformed, "malformed"), (&self.inner.rejected, "rejected")]
        {
            let more = count.load(Ordering::Relaxed).saturating_sub(LINES_MAX);
            if more > 0 {
                self.say(format_args!("{}: {more} more lines were {kind}", self.inner.file));
            }
        }
    }

    fn say(&self, text: fmt::Arguments<'_>) {
        // Whoever closed standard error does not want to hear it.
        self.inner.bar.suspend(|| writeln!(io::stderr(), "{text}").unwrap_or_default());
    }
}
