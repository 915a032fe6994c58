//! What instances do, tried in every way that somebody might want to break them.

mod compensation;
mod ending;
mod history;
mod limits;
mod outcomes;
mod random;
mod sample;
mod timers;
