//! What is exported to: it takes everything, and looks at nothing.
//!
//! A real collector runs elsewhere; here it would take its share of the processors that are
//! measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Context;

/// A collector by HTTP. It ends with the process.
#[derive(Debug)]
pub(super) struct Collector {
    address: SocketAddr,
    exports: Arc<AtomicU64>,
}

impl Collector {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let collector = Self { address: listener.local_addr()?, exports: Arc::default() };
        let exports = Arc::clone(&collector.exports);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let exports = Arc::clone(&exports);
                // It ends when the exporter goes away, which is no trouble of ours.
                thread::spawn(move || take(&stream, &exports).is_ok());
            }
        });
        Ok(collector)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that were taken.
    pub(super) fn exports(&self) -> u64 {
        self.exports.load(Ordering::Relaxed)
    }
}

/// Takes one request after the other.
fn take(stream: &TcpStream, exports: &AtomicU64) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut bytes = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            let read = reader.read_line(&mut line)?;
            (read > 0).then_some(()).context("the exporter has gone")?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                bytes = value.trim().parse()?;
            }
        }
        std::io::copy(&mut reader.by_ref().take(bytes), &mut std::io::sink())?;
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        exports.fetch_add(1, Ordering::Relaxed);
    }
}
