//! A registry, or a proxy, that says whatever it is told to.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    /// With the query; to a proxy, the whole address.
    pub(crate) path: String,
    /// Line by line, names in lower case.
    pub(crate) headers: String,
    /// By whom.
    pub(crate) by: SocketAddr,
}

impl Heard {
    pub(crate) fn is_authorized(&self) -> bool {
        self.headers.contains("\nauthorization: ")
    }
}

/// What is answered.
pub(crate) struct Said {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

/// An answer.
pub(crate) fn say(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Said {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Said { status, headers, body: body.into() }
}

type Play = dyn Fn(&Heard) -> Said + Send + Sync;

/// A running server; it ends with the test's process.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Heard>>>,
}

impl Script {
    pub(crate) fn start(play: impl Fn(&Heard) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (log, play): (Arc<Mutex<Vec<Heard>>>, Arc<Play>) = (Arc::default(), Arc::new(play));
        let script = Self { address, log: Arc::clone(&log) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, play) = (Arc::clone(&log), Arc::clone(&play));
                // Whoever leaves in the middle is none of the test's business.
                thread::spawn(move || drop(answer(&stream, &log, &*play)));
            }
        });
        script
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn log(&self) -> Vec<Heard> {
        self.log.lock().unwrap().clone()
    }
}

// One request for each connection.
fn answer(stream: &TcpStream, log: &Mutex<Vec<Heard>>, play: &Play) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut headers, mut length) = ("\n".to_owned(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or_default();
        }
        headers += &format!("{}: {value}\n", name.to_ascii_lowercase());
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let heard = Heard { method, path, headers, by: stream.local_addr()? };
    log.lock().unwrap().push(heard.clone());
    let Said { status, headers, body } = play(&heard);
    let mut stream = stream;
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n")?;
    if heard.method != "HEAD" {
        stream.write_all(&body)?;
    }
    Ok(())
}
