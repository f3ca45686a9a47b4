//! A proxy on loopback, by HTTP and by SOCKS5 at the same port, with faults on demand.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

const PIECE: usize = 16 << 10;
const MAX_HEAD: usize = 16 << 10;

/// A proxy: HTTP (`CONNECT`, and whole URLs for plain HTTP) and SOCKS5. It stops when dropped.
#[derive(Debug)]
pub struct TestProxy {
    shared: Arc<ProxyState>,
    addr: SocketAddr,
    task: JoinHandle<()>,
}

/// What the proxy does with its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// It passes on what comes.
    Open,
    /// It keeps connections open, and passes nothing on.
    Silent,
    /// It ends all connections, and new ones as well.
    Down,
    /// It answers in place of the registry, with this status and header line.
    Answers(u16, String),
}

#[derive(Debug)]
struct ProxyState {
    mode: watch::Sender<Mode>,
    login: Mutex<Option<(String, String)>>,
    rate: AtomicU64,
    free_at: Mutex<Option<Instant>>,
    passed: AtomicU64,
    connections: AtomicUsize,
    answered: AtomicUsize,
}

impl TestProxy {
    /// Starts a proxy on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(ProxyState {
            mode: watch::channel(Mode::Open).0,
            login: Mutex::default(),
            rate: AtomicU64::new(0),
            free_at: Mutex::default(),
            passed: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { shared, addr, task }
    }

    /// `http://127.0.0.1:PORT`
    pub fn http(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// `socks5://127.0.0.1:PORT`
    pub fn socks5(&self) -> String {
        format!("socks5://{}", self.addr)
    }

    /// Wants this login from now on.
    pub fn want_login(&self, username: &str, password: &str) {
        *self.shared.login.lock().unwrap() = Some((username.to_owned(), password.to_owned()));
    }

    /// Passes on so many bytes a second from now on, over all connections together.
    pub fn set_rate(&self, bytes: u64) {
        self.shared.rate.store(bytes, Ordering::SeqCst);
    }

    /// Resets all connections, and those that come.
    pub fn go_down(&self) {
        self.shared.mode.send_replace(Mode::Down);
    }

    /// Passes nothing on any more, and ends nothing.
    pub fn fall_silent(&self) {
        self.shared.mode.send_replace(Mode::Silent);
    }

    /// Works again.
    pub fn recover(&self) {
        self.shared.mode.send_replace(Mode::Open);
    }

    /// Answers requests for plain HTTP itself, as a registry would that does not like this proxy's address. `header` is a
    /// whole line, or empty.
    pub fn answer(&self, status: u16, header: &str) {
        self.shared.mode.send_replace(Mode::Answers(status, header.to_owned()));
    }

    /// The bytes that it passed on towards clients.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }

    /// The connections that were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests that it answered in place of the registry.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.shared.mode.send_replace(Mode::Down);
        self.task.abort();
    }
}

impl ProxyState {
    // When bytes may be passed on.
    fn slot(&self, bytes: usize) -> Option<Instant> {
        let rate = self.rate.load(Ordering::SeqCst);
        if rate == 0 {
            return None;
        }
        let mut free_at = self.free_at.lock().unwrap();
        let slot = free_at.map_or_else(Instant::now, |at| at.max(Instant::now()));
        *free_at = Some(
            slot + Duration::from_secs(1) * u32::try_from(bytes).unwrap() / u32::try_from(rate).unwrap(),
        );
        Some(slot)
    }
}

async fn accept(listener: TcpListener, shared: Arc<ProxyState>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut mode = shared.mode.subscribe();
            if *mode.borrow_and_update() == Mode::Down {
                return;
            }
            let ended = async move {
                while mode.changed().await.is_ok() {
                    if matches!(*mode.borrow_and_update(), Mode::Down | Mode::Answers(..)) {
                        return;
                    }
                }
            };
            tokio::select! {
                _ = serve(client, &shared) => {}
                () = ended => {}
            }
        });
    }
}

async fn serve(mut client: TcpStream, shared: &Arc<ProxyState>) -> io::Result<()> {
    let mut first = [0];
    client.read_exact(&mut first).await?;
    let login = shared.login.lock().unwrap().clone();
    let (target, rest) = if first[0] == 5 {
        (socks5(&mut client, login).await?, Vec::new())
    } else {
        let mode = shared.mode.borrow().clone();
        match http(&mut client, login, mode).await? {
            Some(route) => route,
            None => {
                shared.answered.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
        }
    };
    let mut server = TcpStream::connect(target).await?;
    server.write_all(&rest).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        let mut mode = shared.mode.subscribe();
        let mut piece = vec![0; PIECE];
        loop {
            let length = from_server.read(&mut piece).await?;
            if length == 0 {
                return to_client.shutdown().await;
            }
            if let Some(slot) = shared.slot(length) {
                sleep_until(slot).await;
            }
            drop(mode.wait_for(|mode| *mode != Mode::Silent).await);
            to_client.write_all(&piece[..length]).await?;
            shared.passed.fetch_add(length as u64, Ordering::SeqCst);
        }
    };
    let (_, down) = tokio::join!(up, down);
    down
}

// RFC 1928, and RFC 1929 for the login.
async fn socks5(client: &mut TcpStream, login: Option<(String, String)>) -> io::Result<String> {
    let methods = client.read_u8().await?;
    let mut offered = vec![0; methods.into()];
    client.read_exact(&mut offered).await?;
    let wanted = if login.is_some() { 2 } else { 0 };
    if !offered.contains(&wanted) {
        client.write_all(&[5, 0xff]).await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.write_all(&[5, wanted]).await?;
    if let Some((username, password)) = login {
        client.read_u8().await?;
        let given = (text(client).await?, text(client).await?);
        let is_right = given == (username, password);
        client.write_all(&[1, u8::from(!is_right)]).await?;
        if !is_right {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let host = match head[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => text(client).await?,
        _ => format!("[{}]", std::net::Ipv6Addr::from(client.read_u128().await?)),
    };
    let port = client.read_u16().await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(format!("{host}:{port}"))
}

async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

// Where to connect to, and what to send there first; `None` if the proxy has answered. The first byte is gone already.
async fn http(
    client: &mut TcpStream,
    login: Option<(String, String)>,
    mode: Mode,
) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    if let Some((username, password)) = login {
        let wanted = format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")));
        let is_given = |line: &str| {
            let line = line.split_once(": ");
            line.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization") && value == wanted
            })
        };
        if !text.lines().any(is_given) {
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(answer.as_bytes()).await?;
            return Ok(None);
        }
    }
    let target = text.split(' ').nth(1).unwrap_or_default().to_owned();
    // The method without its first letter.
    if text.starts_with("ONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        return Ok(Some((target, Vec::new())));
    }
    if let Mode::Answers(status, header) = mode {
        let line = if header.is_empty() { header } else { format!("{header}\r\n") };
        let answer = format!("HTTP/1.1 {status} No\r\n{line}Content-Length: 0\r\nConnection: close\r\n\r\n");
        client.write_all(answer.as_bytes()).await?;
        return Ok(None);
    }
    let host = target.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let method = if text.starts_with("ET ") {
        b'G'
    } else if text.starts_with("EAD ") {
        b'H'
    } else {
        b'P'
    };
    // What is for the proxy is not passed on.
    let is_for_us = |line: &&str| line.to_ascii_lowercase().starts_with("proxy-authorization:");
    let kept: Vec<&str> = text.split("\r\n").filter(|line| !is_for_us(line)).collect();
    let first: Vec<u8> = std::iter::once(method).chain(kept.join("\r\n").into_bytes()).collect();
    Ok(Some((host.to_owned(), first)))
}
