//! The program as a server.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use ureq::http::Request;

use crate::client::{Answer, send, try_send};
use crate::home::Home;

/// A server on a port of its own. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// What it said before the first empty line, and after it.
    pub(crate) greeting: Vec<String>,
    stderr: BufReader<ChildStderr>,
    _stdout: BufReader<ChildStdout>,
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

impl Server {
    /// On the log of the home.
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_by(home.command(&SERVE))
    }

    pub(crate) fn start_on(home: &Home, store: &str) -> Self {
        Self::start_by(home.command(&[&["--store", store], &SERVE[..]].concat()))
    }

    /// On the log of the home, with more arguments.
    pub(crate) fn start_with_args(home: &Home, args: &[&str]) -> Self {
        Self::start_with_all(home, args, &[])
    }

    /// With variables of its environment.
    pub(crate) fn start_with(home: &Home, variables: &[(&str, String)]) -> Self {
        Self::start_with_all(home, &[], variables)
    }

    /// With more arguments, and with variables of its environment.
    pub(crate) fn start_with_all(home: &Home, args: &[&str], variables: &[(&str, String)]) -> Self {
        let mut command = home.command(&[&SERVE[..], args].concat());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Self::start_by(command)
    }

    /// By a command of the test's own.
    pub(crate) fn start_by(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut greeting = Vec::new();
        // The last line of the greeting says how to stop.
        while !greeting.last().is_some_and(|line: &String| line.contains("Ctrl-C")) {
            greeting.push(next_line(&mut stdout));
        }
        let listening = greeting.iter().find_map(|line| line.strip_prefix("listening on "));
        let url = listening.unwrap().to_owned();
        Self { child, url, greeting, stderr, _stdout: stdout }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url));
        send(request.body(Vec::new()).unwrap())
    }

    /// With an API key.
    pub(crate) fn get_with(&self, path: &str, key: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url));
        send(request.header("authorization", format!("Bearer {key}")).body(Vec::new()).unwrap())
    }

    /// A request without a body, by any method.
    pub(crate) fn send(&self, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        send(request.body(Vec::new()).unwrap())
    }

    pub(crate) fn post(&self, path: &str, json: &str) -> Answer {
        self.post_with(path, json, &[])
    }

    pub(crate) fn post_with(&self, path: &str, json: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_post_with(path, json, headers).unwrap()
    }

    /// Posts to a server that may not live to answer it.
    pub(crate) fn try_post_with(
        &self,
        path: &str,
        json: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::post(format!("{}{path}", self.url));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_send(request.body(json.into()).unwrap())
    }

    /// Address and port.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// Asks it to stop.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The next line it says on standard error.
    pub(crate) fn next_error_line(&mut self) -> String {
        next_line(&mut self.stderr)
    }

    /// Has it stop as it should, and gives what it has left to say on standard error.
    pub(crate) fn end(&mut self) -> String {
        self.signal("TERM");
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_eq!(self.wait(), Some(0), "{said}");
        said
    }

    /// Waits for its end and gives the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

fn next_line(input: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert_ne!(input.read_line(&mut line).unwrap(), 0, "the program has ended");
    line.trim_end().to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, as the test wanted it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
