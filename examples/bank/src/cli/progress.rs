//! A bar while read models are built or caught up with.

use std::time::Duration;

use annals::ProjectionStatus;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Tells how far read models are, on standard error if that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{bar:40} {percent:>3}% {human_pos}/{human_len} {msg}";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        Self { bar }
    }

    /// Shows the one of these that is furthest behind.
    pub(super) fn tell<'a>(&self, all: impl IntoIterator<Item = &'a ProjectionStatus>) {
        let Some(last) = all.into_iter().max_by_key(|status| status.lag_events) else { return };
        self.bar.set_length(last.head.get());
        self.bar.set_position(last.position.get());
        let left = last.seconds_left.and_then(|left| Duration::try_from_secs_f64(left).ok());
        let left = left.map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
        self.bar.set_message(format!("{}{left}", last.generation.key.projection));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
