//! A real OTLP collector, and what it received.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use annals::telemetry::Metric;

/// The variable by which `cargo xtask test` names the collector's program.
const PROGRAM: &str = "ANNALS_OTLP_COLLECTOR";

/// Longest wait for something to be exported. Never reached; a test that hangs says less than one
/// that fails.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A collector on ports of its own. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Collector {
    child: Child,
    lines: Receiver<String>,
    /// All that it has printed.
    pub(crate) received: String,
    grpc: String,
    http: String,
}

/// A span as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReceivedSpan {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Traces and spans.
    pub(crate) links: Vec<(String, String)>,
}

/// One of the series of a metric as it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReceivedPoint {
    pub(crate) metric: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Of counters and gauges; of histograms how much was measured.
    pub(crate) value: f64,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let [grpc, http] = [(), ()].map(|()| free_address());
        Self::start_on(grpc, http)
    }

    fn start_on(grpc: String, http: String) -> Self {
        let program = std::env::var(PROGRAM).unwrap_or_default();
        assert!(!program.is_empty(), "run this by `cargo xtask test`, which sets {PROGRAM}");
        let mut child = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log-verbosity", "detailed"])
            .args(["traces", "metrics", "logs"].iter().flat_map(|it| ["--debug-log", it]))
            .args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, received: String::new(), grpc, http }
    }

    /// Ends it as a crash does, and gives what it had received.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// One in the same place, after it was killed.
    pub(crate) fn restart(self) -> Self {
        Self::start_on(self.grpc.clone(), self.http.clone())
    }

    /// What has a program export to it, often.
    pub(crate) fn variables(&self, protocol: &str) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.endpoint(protocol)),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
            ("OTEL_BLRP_SCHEDULE_DELAY", "20".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500".to_owned()),
            ("RUST_LOG", "info".to_owned()),
        ]
    }

    /// Waits until what was received is as it should be.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, is_there: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        while !is_there(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it has not arrived: {}", self.received)
            };
            self.received += &line;
            self.received += "\n";
            // What is printed next may belong to the same span.
            while let Ok(line) = self.lines.try_recv() {
                self.received += &line;
                self.received += "\n";
            }
        }
    }

    /// All spans that are complete.
    pub(crate) fn spans(&self) -> Vec<ReceivedSpan> {
        let mut spans: Vec<ReceivedSpan> = Vec::new();
        let mut is_span = false;
        let mut link = String::new();
        for line in self.received.lines() {
            if line.starts_with("Span #") {
                spans.push(ReceivedSpan::default());
                is_span = true;
            } else if line.starts_with("Resource") || line.starts_with("Scope") {
                is_span = false;
            }
            let Some(span) = spans.last_mut().filter(|_| is_span) else { continue };
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim().to_owned();
            match key.trim() {
                "Trace ID" => span.trace = value,
                "Parent ID" => span.parent = value,
                "ID" => span.id = value,
                "Name" => span.name = value,
                "Kind" => span.kind = value,
                "-> Trace ID" => link = value,
                "-> ID" => span.links.push((link.clone(), value)),
                "-> TraceState" | "-> DroppedAttributesCount" => {}
                key => {
                    if let Some(name) = key.strip_prefix("-> ") {
                        span.attributes.insert(name.to_owned(), value);
                    }
                }
            }
        }
        spans
    }

    /// The names of all metrics, with their units.
    pub(crate) fn metrics(&self) -> BTreeMap<String, String> {
        let mut metrics = BTreeMap::new();
        let mut name = String::new();
        let mut is_metric = false;
        for line in self.received.lines() {
            is_metric =
                line.starts_with("Metric #") || (is_metric && !line.starts_with("Resource"));
            let Some((key, value)) = line.split_once(':').filter(|_| is_metric) else { continue };
            match key.trim() {
                "-> Name" => name = value.trim().to_owned(),
                "-> Unit" => drop(metrics.insert(name.clone(), value.trim().to_owned())),
                _ => {}
            }
        }
        metrics
    }

    /// Where another program exports to, by HTTP or gRPC.
    pub(crate) fn endpoint(&self, protocol: &str) -> String {
        let address = if protocol == "grpc" { &self.grpc } else { &self.http };
        format!("http://{address}")
    }

    /// All series that are complete, as often as they were exported.
    pub(crate) fn points(&self) -> Vec<ReceivedPoint> {
        let mut points: Vec<ReceivedPoint> = Vec::new();
        let (mut metric, mut is_attribute, mut is_metric) = (String::new(), false, false);
        for line in self.received.lines() {
            is_metric =
                line.starts_with("Metric #") || (is_metric && !line.starts_with("Resource"));
            if !is_metric {
                continue;
            }
            let is_item = line.trim_start().starts_with("-> ");
            is_attribute = line.starts_with("Data point attributes") || (is_attribute && is_item);
            if line.contains("DataPoints #") {
                points.push(ReceivedPoint { metric: metric.clone(), ..ReceivedPoint::default() });
            }
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let (key, value) = (key.trim(), value.trim());
            let last = points.last_mut();
            match (key, last) {
                ("-> Name", _) if !is_attribute => value.clone_into(&mut metric),
                ("Value" | "Count", Some(last)) => last.value = value.parse().unwrap(),
                (key, Some(last)) if is_attribute && is_item => {
                    let name = key.trim_start_matches("-> ");
                    last.attributes.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        points
    }

    /// Whether a series of this metric has arrived with at least so much.
    pub(crate) fn has_measured(&self, metric: &Metric, least: f64) -> bool {
        self.points().iter().any(|point| point.metric == metric.name && point.value >= least)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have been killed already, as the test wanted it to be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
