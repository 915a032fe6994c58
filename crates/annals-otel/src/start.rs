//! Starting all that tells, and ending it.

use std::io::{self, IsTerminal};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{mem, thread};

use annals_core::telemetry;
use opentelemetry::KeyValue;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{self, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, ShouldSample,
};
use thiserror::Error;
use tokio::runtime::{self, Runtime};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};
use uuid::Uuid;

use crate::conversation::{self, Conversations};
use crate::delivery::{Counted, Room};
use crate::exporter;
use crate::lines::{LineFields, LineFormat, Lines};
use crate::listener::Listener;
use crate::logs::Logs;
use crate::settings::{Settings, SettingsError, Signal};
use crate::spans::{Spans, exported, is_of_export};

/// How long [`Running::shut_down`] takes at most.
///
/// Long enough for a collector that is there to take what waits, short enough for a process that is
/// told to end by an impatient supervisor.
pub const SHUTDOWN_WAIT_MAX: Duration = Duration::from_secs(5);

/// The name under which spans, metrics and records are exported.
const SCOPE: &str = "annals";

/// What a program says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The name of the service, unless a variable names it.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// How log lines look, on standard error.
    pub lines: Lines,
    /// What is logged, in lines and exported: a level, or directives as `RUST_LOG` has them.
    pub filter: &'a str,
}

/// Telemetry cannot be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A variable is wrong. Mend it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An exporter cannot be made: the source says which variable to mend.
    #[error("telemetry cannot be exported")]
    Exporter(#[from] ExporterBuildError),
    /// The thread of the exporter cannot be started.
    #[error("the thread that exports telemetry cannot be started")]
    Thread(#[source] io::Error),
    /// Something else in this process listens already. Start it once.
    #[error("telemetry was started before")]
    Twice,
}

/// What was started. Ends with [`Running::shut_down`]; dropped, it ends too, but nobody waits for
/// what is still to be exported.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Running {
    exports: Exports,
}

#[derive(Debug, Default)]
struct Exports {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    /// Where connections live. Not the application's, which may have ended when the last batch is
    /// sent.
    runtime: Option<Runtime>,
}

/// Starts log lines, and what `settings` ask to be exported.
///
/// # Errors
///
/// [`StartError`], whose variants say what to mend.
pub fn start(settings: &Settings, options: &Options<'_>) -> Result<Running, StartError> {
    // From here on, whatever goes wrong ends what was started until then.
    let mut running = Running { exports: Exports::default() };
    let exports = &mut running.exports;
    let (sampler, budget) = settings.sampling.sampler();
    if !settings.is_off() {
        exports.start(settings, options, sampler)?;
    }
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .fmt_fields(LineFields(options.lines))
        .event_format(LineFormat::new(options.lines))
        .with_filter(EnvFilter::builder().parse_lossy(options.filter));
    let spans = exports
        .traces
        .as_ref()
        .map(|provider| Spans::new(provider.tracer(SCOPE), budget).with_filter(exported()));
    let logs = exports.logs.as_ref().map(|provider| {
        let is_ours = filter_fn(|metadata| !is_of_export(metadata.target()));
        let filter = EnvFilter::builder().parse_lossy(options.filter);
        Logs::new(provider.logger(SCOPE)).with_filter(filter.and(is_ours))
    });
    let conversations =
        (options.lines == Lines::Json).then(|| Conversations.with_filter(conversation::requests()));
    let subscriber =
        tracing_subscriber::registry().with(spans).with(conversations).with(logs).with(lines);
    subscriber.try_init().map_err(|_| StartError::Twice)?;
    if !settings.is_off() {
        let meter = exports.metrics.as_ref().map(|provider| provider.meter(SCOPE));
        telemetry::install(Listener::new(meter.as_ref())).map_err(|_| StartError::Twice)?;
    }
    Ok(running)
}

fn export_runtime() -> Result<Runtime, StartError> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("annals-export")
        .enable_all()
        .build()
        .map_err(StartError::Thread)
}

impl Exports {
    fn start(
        &mut self,
        settings: &Settings,
        options: &Options<'_>,
        sampler: Box<dyn ShouldSample>,
    ) -> Result<(), StartError> {
        let resource = resource(settings, options);
        let _entered = self.runtime.insert(export_runtime()?).enter();
        if let Some(export) = settings.metrics {
            let inner = exporter::metrics(export)?;
            let exporter = Counted { inner, room: Room::new(Signal::Metrics, 1) };
            let builder = SdkMeterProvider::builder().with_resource(resource.clone());
            self.metrics = Some(builder.with_periodic_exporter(exporter).build());
        }
        if let Some(export) = settings.traces {
            let room = Room::new(Signal::Traces, settings.spans_max);
            let exporter = Counted { inner: exporter::spans(export)?, room: room.clone() };
            let config = BatchConfigBuilder::default().with_max_queue_size(settings.spans_max);
            let inner =
                BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
            let builder = SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_sampler(sampler)
                .with_span_processor(Counted { inner, room });
            self.traces = Some(builder.build());
        }
        if let Some(export) = settings.logs {
            let room = Room::new(Signal::Logs, settings.records_max);
            let exporter = Counted { inner: exporter::logs(export)?, room: room.clone() };
            let config =
                logs::BatchConfigBuilder::default().with_max_queue_size(settings.records_max);
            let inner =
                BatchLogProcessor::builder(exporter).with_batch_config(config.build()).build();
            let builder = SdkLoggerProvider::builder().with_resource(resource);
            self.logs = Some(builder.with_log_processor(Counted { inner, room }).build());
        }
        Ok(())
    }

    /// Exports what waits, for as long as [`SHUTDOWN_WAIT_MAX`].
    fn end(self) {
        let Self { traces, metrics, logs, runtime } = self;
        let deadline = Instant::now() + SHUTDOWN_WAIT_MAX;
        let (ended, ends) = mpsc::channel();
        // All at once, because one that hangs would take the time of the others. What has not ended
        // by the deadline ends with the process.
        let begin = |end: Box<dyn FnOnce() + Send>| {
            let ended = ended.clone();
            thread::spawn(move || {
                end();
                let _ = ended.send(());
            });
        };
        if let Some(traces) = traces {
            begin(Box::new(move || drop(traces.shutdown_with_timeout(SHUTDOWN_WAIT_MAX))));
        }
        if let Some(logs) = logs {
            begin(Box::new(move || drop(logs.shutdown_with_timeout(SHUTDOWN_WAIT_MAX))));
        }
        if let Some(metrics) = metrics {
            begin(Box::new(move || drop(metrics.shutdown_with_timeout(SHUTDOWN_WAIT_MAX))));
        }
        drop(ended);
        while ends.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

/// Who exports. What variables say is in it already.
fn resource(settings: &Settings, options: &Options<'_>) -> Resource {
    let mut builder =
        Resource::builder().with_attribute(KeyValue::new("service.version", options.version));
    if !settings.has_instance_id {
        // Processes of one service must not write to the same series.
        let id = Uuid::now_v7().to_string();
        builder = builder.with_attribute(KeyValue::new("service.instance.id", id));
    }
    if !settings.has_service_name {
        builder = builder.with_service_name(options.service);
    }
    builder.build()
}

impl Running {
    /// Exports what waits, and ends. Takes [`SHUTDOWN_WAIT_MAX`] at most; what is not exported by
    /// then is lost.
    pub fn shut_down(mut self) {
        mem::take(&mut self.exports).end();
    }
}

impl Drop for Running {
    /// Waits for nothing, so that it may be dropped anywhere: in a task, by an error on its way out
    /// of `main`.
    fn drop(&mut self) {
        let exports = mem::take(&mut self.exports);
        if exports.runtime.is_some() {
            thread::spawn(move || exports.end());
        }
    }
}
