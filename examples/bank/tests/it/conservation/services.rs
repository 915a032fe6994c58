//! The bank's own processes, as they come and go.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::home::Home;

/// Longest wait for a service to be there.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A process that serves the bank. It is killed when dropped.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts one on this log. What it complains about is added to a file of the home.
    pub(super) fn start(home: &Home, store: &str) -> Self {
        let complaints = File::options().create(true).append(true).open(home.path(COMPLAINTS));
        let mut command = home.command(&["--store", store, "serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(complaints.unwrap()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let url = loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                panic!("a service did not start: {}", complaints_of(home));
            }
            if let Some(url) = line.trim_end().strip_prefix("listening on ") {
                break url.to_owned();
            }
        };
        Self { child, url, _stdout: stdout }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it in the middle of whatever it does.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it in good order.
    pub(super) fn stop(mut self) {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Nobody has told it to end.
    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already, as the test wanted it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const COMPLAINTS: &str = "complaints.txt";

/// The last of what services complained about.
pub(super) fn complaints_of(home: &Home) -> String {
    let text = fs::read_to_string(home.path(COMPLAINTS)).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Those that clients may ask.
#[derive(Debug, Default)]
pub(super) struct Services {
    open: Mutex<Vec<Service>>,
    opened: Condvar,
}

impl Services {
    pub(super) fn add(&self, service: Service) {
        self.open.lock().unwrap().push(service);
        self.opened.notify_all();
    }

    /// Nobody asks it from now on.
    pub(super) fn remove(&self, random: &mut StdRng) -> Service {
        let mut open = self.open.lock().unwrap();
        let chosen = random.random_range(0..open.len());
        open.swap_remove(chosen)
    }

    /// The address of one of them, once there is one.
    pub(super) fn pick(&self, random: &mut StdRng) -> String {
        let open = self.open.lock().unwrap();
        let (open, waited) =
            self.opened.wait_timeout_while(open, WAIT_MAX, |open| open.is_empty()).unwrap();
        assert!(!waited.timed_out(), "no service is started any more");
        open[random.random_range(0..open.len())].url().to_owned()
    }

    pub(super) fn assert_are_running(&self, home: &Home) {
        for service in &mut *self.open.lock().unwrap() {
            assert!(service.is_running(), "a service ended by itself: {}", complaints_of(home));
        }
    }

    /// All of them. Nobody asks them from now on.
    pub(super) fn take(&self) -> Vec<Service> {
        std::mem::take(&mut *self.open.lock().unwrap())
    }
}
