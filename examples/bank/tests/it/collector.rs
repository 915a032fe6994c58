//! A real OTLP collector.

mod received;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use annals::telemetry::Metric;

pub(crate) use self::received::{
    Attributes, ReceivedMetric, ReceivedPoint, ReceivedRecord, ReceivedSpan, attribute,
};

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
    /// All that it has printed, as far as it was waited for.
    pub(crate) received: String,
    grpc: String,
    http: String,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let [grpc, http] = [(), ()].map(|()| free_address());
        Self::start_on(grpc, http)
    }

    /// One that takes connections.
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
        let deadline = Instant::now() + WAIT_MAX;
        while [&grpc, &http].into_iter().any(|it| TcpStream::connect(it).is_err()) {
            assert!(Instant::now() < deadline, "it does not listen");
        }
        Self { child, lines, received: String::new(), grpc, http }
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// One in the same place, after it was killed.
    pub(crate) fn restart(self) -> Self {
        Self::start_on(self.grpc.clone(), self.http.clone())
    }

    /// Ends it when it has printed all that it has received: what is not there then has not come.
    pub(crate) fn end(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        self.wait();
    }

    /// Waits for its end, and takes what it has printed.
    fn wait(&mut self) {
        let deadline = Instant::now() + WAIT_MAX;
        while self.take_line(deadline) {}
        assert!(Instant::now() < deadline, "it does not end");
        self.child.wait().unwrap();
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

    /// Waits until what was received is as it should be. The last of it may be there in parts.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, is_there: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        while !is_there(self) {
            assert!(self.take_line(deadline), "it has not arrived: {}", self.received);
            // What is printed next may belong to the same span.
            self.take_what_is_there();
        }
    }

    /// Takes what has been printed by now.
    pub(crate) fn take_what_is_there(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.take(&line);
        }
    }

    /// Takes a line, and says whether there was one: before the deadline, and before its end.
    fn take_line(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left);
        line.inspect(|line| self.take(line)).is_ok()
    }

    fn take(&mut self, line: &str) {
        self.received += line;
        self.received += "\n";
    }

    /// Where a program exports to, by HTTP or gRPC.
    pub(crate) fn endpoint(&self, protocol: &str) -> String {
        let address = if protocol == "grpc" { &self.grpc } else { &self.http };
        format!("http://{address}")
    }

    pub(crate) fn spans(&self) -> Vec<ReceivedSpan> {
        received::spans(&self.received)
    }

    pub(crate) fn metrics(&self) -> BTreeSet<ReceivedMetric> {
        received::metrics(&self.received)
    }

    /// All series, as often as they were exported.
    pub(crate) fn points(&self) -> Vec<ReceivedPoint> {
        received::points(&self.received)
    }

    pub(crate) fn records(&self) -> Vec<ReceivedRecord> {
        received::records(&self.received)
    }

    /// Who has exported, for each export.
    pub(crate) fn resources(&self) -> Vec<Attributes> {
        received::resources(&self.received)
    }

    /// Whether a series of this metric has arrived, whatever its value.
    pub(crate) fn has(&self, metric: &Metric) -> bool {
        self.metrics().iter().any(|it| it.name == metric.name)
    }

    /// Whether a series of this metric has arrived with at least so much.
    pub(crate) fn has_measured(&self, metric: &Metric, least: f64) -> bool {
        self.points().iter().any(|point| point.metric == metric.name && point.value >= least)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended already, as the test wanted it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
