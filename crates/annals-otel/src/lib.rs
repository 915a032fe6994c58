//! Traces, metrics and logs of Annals by OTLP, and log lines that name their trace.
//!
//! [`start`] is called once, at the start of a program, with what it was configured with:
//!
//! ```no_run
//! # fn main() -> Result<(), annals_otel::StartError> {
//! use annals_otel::{Lines, Options, Settings};
//!
//! let settings = Settings::from_variables(|name| std::env::var(name).ok())?;
//! let options = Options { service: "bank", version: "1.0.0", lines: Lines::Json, filter: "warn" };
//! let telemetry = annals_otel::start(&settings, &options)?;
//! // ... the program ...
//! telemetry.shut_down();
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! - No export makes a command wait. What is to be exported goes into bounded queues, and threads
//!   of their own empty them; what does not fit is dropped and counted. (Log lines are written at
//!   once: whoever reads standard error must keep up.)
//! - A collector that is away is tried again with every batch.
//! - [`Running::shut_down`] flushes, and takes [`SHUTDOWN_WAIT_MAX`] at most.
//! - As long as no variable asks for an export, nothing is exported, nothing is traced and nothing
//!   is measured.
//!
//! # Traces
//!
//! `tracing` spans of the target [`TARGET`](annals_core::telemetry::TARGET), and those of the
//! application down to the level `INFO`, become spans of OpenTelemetry. The fields in
//! [`field`](annals_core::telemetry::span::field) say what else they are. Which traces are kept is
//! decided by [`Sampling`].

mod conversation;
mod delivery;
mod exporter;
mod fields;
mod http_client;
mod lines;
mod listener;
mod logs;
mod propagation;
mod sampling;
mod series;
mod settings;
mod spans;
mod start;
mod traced;

pub use lines::Lines;
pub use propagation::{Header, outgoing};
pub use sampling::{Sampling, TRACES_PER_SECOND};
pub use settings::{Export, Protocol, Settings, SettingsError, Signal};
pub use start::{Options, Running, SHUTDOWN_WAIT_MAX, StartError, start};
