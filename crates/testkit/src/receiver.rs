//! A server that hears requests and answers them as it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinHandle,
};

/// How long a test waits at most for a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// Its path and query.
    pub path: String,
    /// Its headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

/// A server that hears requests, one after another on each connection.
pub struct Receiver {
    address: SocketAddr,
    heard: AsyncMutex<mpsc::UnboundedReceiver<ReceivedRequest>>,
    /// What is answered; nothing as long as it is silent.
    answer: Arc<Mutex<Option<(u16, String)>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Receiver {
    /// One that answers so.
    pub async fn start(status: u16, body: &str) -> Self {
        let receiver = Self::silent().await;
        receiver.answer(status, body);
        receiver
    }

    /// One that hears, and does not answer.
    pub async fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new(None));
        let said = Arc::clone(&answer);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone(), Arc::clone(&said)));
            }
        });
        Self { address, heard: AsyncMutex::new(heard), answer, accepting }
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = Some((status, body.to_owned()));
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next request.
    pub async fn next(&self) -> ReceivedRequest {
        let mut heard = self.heard.lock().await;
        tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap()
    }
}

async fn serve(
    stream: TcpStream,
    sender: mpsc::UnboundedSender<ReceivedRequest>,
    answer: Arc<Mutex<Option<(u16, String)>>>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(heard) = read(&mut stream).await {
        drop(sender.send(heard));
        let said = answer.lock().unwrap().clone();
        let Some((status, body)) = said else { return std::future::pending().await };
        let text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(ReceivedRequest { path, headers, body: String::from_utf8(body).ok()? })
}
