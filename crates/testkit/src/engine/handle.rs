//! The engine and its controls for tests.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use entrepot_oci::ImageRef;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{
    call::EngineCall,
    dialect::Dialect,
    fault::EngineFault,
    offer::{PullableImage, Refusal},
    program::ExecAnswer,
    record::Record,
    serve::{self, Listener},
    state::EngineShared,
    tls::TestCertificates,
    usage::TestUsage,
};
use crate::patience::until;

/// A container engine in tasks of the test's runtime. It keeps everything in memory and stops when dropped.
///
/// ```
/// # use entrepot_testkit::engine::{Dialect, PullableImage, TestEngine};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = TestEngine::start(Dialect::Docker28).await;
/// engine.offer("registry.example/app:1", PullableImage::of_layers(&[1000, 2000]));
/// assert!(engine.address().starts_with("unix://"));
/// assert!(engine.calls().is_empty());
/// # }
/// ```
#[derive(Debug)]
pub struct TestEngine {
    shared: Arc<EngineShared>,
    address: String,
    server: Mutex<Option<EngineTask>>,
    listener: EngineListener,
}

#[derive(Debug)]
struct EngineTask {
    task: JoinHandle<()>,
    stop: oneshot::Sender<Infallible>,
}

#[derive(Debug)]
enum EngineListener {
    Socket(TempDir),
    Tcp(Option<TestCertificates>),
}

impl TestEngine {
    /// Starts an engine on a socket.
    #[allow(clippy::unused_async, reason = "it needs a runtime, and a caller cannot forget one to await in")]
    pub async fn start(dialect: Dialect) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix://{}", directory.path().join("engine.sock").display());
        Self::begin(dialect, address, EngineListener::Socket(directory))
    }

    /// Starts an engine on loopback, without TLS.
    pub async fn start_on_loopback(dialect: Dialect) -> Self {
        Self::begin(dialect, free_address().await, EngineListener::Tcp(None))
    }

    /// Starts an engine on loopback, with these certificates: it wants one of the client too.
    pub async fn start_with_tls(dialect: Dialect, certificates: &TestCertificates) -> Self {
        Self::begin(dialect, free_address().await, EngineListener::Tcp(Some(certificates.clone())))
    }

    fn begin(dialect: Dialect, address: String, listener: EngineListener) -> Self {
        let engine = Self {
            shared: Arc::new(EngineShared::new(dialect)),
            address,
            server: Mutex::new(None),
            listener,
        };
        engine.restart();
        engine
    }

    /// `unix:///…` or `tcp://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Whose words it speaks.
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    /// Drops all connections and takes no new ones. What it keeps stays.
    pub async fn stop(&self) {
        let server = self.server.lock().unwrap().take();
        if let Some(EngineTask { task, stop }) = server {
            drop(stop);
            task.await.unwrap();
        }
    }

    /// Takes connections again, at the same address.
    pub fn restart(&self) {
        let listener = self.listen();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve::accept(listener, Arc::clone(&self.shared), stopped));
        let before = self.server.lock().unwrap().replace(EngineTask { task, stop });
        assert!(before.is_none(), "it runs already");
    }

    fn listen(&self) -> Listener {
        match &self.listener {
            EngineListener::Socket(directory) => {
                let path = directory.path().join("engine.sock");
                if path.exists() {
                    std::fs::remove_file(&path).unwrap();
                }
                Listener::Unix(UnixListener::bind(path).unwrap())
            }
            EngineListener::Tcp(certificates) => {
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.set_reuseaddr(true).unwrap();
                socket.bind(self.address.trim_start_matches("tcp://").parse().unwrap()).unwrap();
                let listener = socket.listen(1024).unwrap();
                match certificates {
                    None => Listener::Tcp(listener),
                    Some(certificates) => {
                        Listener::Tls(listener, TlsAcceptor::from(Arc::new(certificates.server_config())))
                    }
                }
            }
        }
    }

    // ---- what it has ----

    /// Lets it pull an image by this name.
    pub fn offer(&self, reference: &str, image: PullableImage) {
        self.shared.state().offers.insert(full(reference), Ok(image));
    }

    /// Lets pulls of this name fail.
    pub fn refuse(&self, reference: &str, refusal: Refusal) {
        self.shared.state().offers.insert(full(reference), Err(refusal));
    }

    /// Gives it an image without a pull.
    pub fn put_image(&self, reference: &str, image: PullableImage) {
        self.shared.state().images.insert(full(reference), image);
    }

    /// Whether it has an image.
    pub fn has_image(&self, reference: &str) -> bool {
        self.shared.state().images.contains_key(&full(reference))
    }

    /// The names of its images.
    pub fn images(&self) -> Vec<String> {
        self.shared.state().images.keys().cloned().collect()
    }

    /// Sets a field of what it says of itself, such as `Runtimes`.
    pub fn set_info(&self, field: &str, value: Value) {
        self.shared.state().info.insert(field.to_owned(), value);
    }

    /// Takes a path from its machine: it cannot be mounted.
    pub fn lose_path(&self, path: &str) {
        self.shared.state().missing_paths.insert(path.to_owned());
    }

    /// The directories that it made because something wanted to mount them.
    pub fn made_paths(&self) -> Vec<String> {
        self.shared.state().made_paths.iter().cloned().collect()
    }

    /// The names of its volumes.
    pub fn volumes(&self) -> Vec<String> {
        self.shared.state().volumes.keys().cloned().collect()
    }

    /// The names of its containers, each with what it does.
    pub fn containers(&self) -> Vec<(String, &'static str)> {
        let state = self.shared.state();
        state.containers.iter().map(|record| (record.name.clone(), record.life.status.word())).collect()
    }

    // ---- what happens to containers without us ----

    /// The container's process ends by itself. Panics if there is no such container.
    pub fn end(&self, name: &str, exit_code: i64) {
        let now_ms = self.shared.state().now_ms();
        self.change(name, |record| record.end(exit_code, now_ms));
        self.tell(name, "die");
    }

    /// The container's process is ended because it used too much memory.
    pub fn end_by_memory(&self, name: &str) {
        let now_ms = self.shared.state().now_ms();
        self.change(name, |record| {
            record.end(137, now_ms);
            record.life.oom_killed = true;
        });
        self.tell(name, "oom");
        self.tell(name, "die");
    }

    /// Nothing ends this container any more.
    pub fn make_stuck(&self, name: &str) {
        self.change(name, |record| record.life.is_stuck = true);
    }

    /// Somebody else removes the container.
    pub fn remove(&self, name: &str) {
        self.tell(name, "destroy");
        self.shared.state().containers.retain(|record| !record.is_called(name));
    }

    /// The container prints this to a stream: 1 is its output, 2 its errors.
    pub fn print(&self, name: &str, stream: u8, text: impl AsRef<[u8]>) {
        let printed = (stream, Bytes::copy_from_slice(text.as_ref()));
        self.change(name, |record| record.life.printed.push(printed));
    }

    /// The container prints without an end, as fast as it is read.
    pub fn print_forever(&self, name: &str) {
        self.change(name, |record| record.life.prints_forever = true);
    }

    /// The container uses so much.
    pub fn set_usage(&self, name: &str, usage: TestUsage) {
        self.change(name, |record| record.life.usage = usage);
    }

    /// Programs whose command has this part answer so; the first that fits counts. Others repeat what they read.
    pub fn answer_exec(&self, part: &str, answer: ExecAnswer) {
        self.shared.state().answers.push((part.to_owned(), answer));
    }

    /// Its containers have no shell.
    pub fn lose_shell(&self) {
        self.shared.state().has_no_shell = true;
    }

    /// How many programs run in its containers.
    pub fn programs(&self) -> usize {
        self.shared.state().execs.iter().filter(|exec| exec.is_running).count()
    }

    fn tell(&self, name: &str, action: &str) {
        self.shared.state().tell(name, action, self.shared.dialect);
        self.shared.changed();
    }

    /// The container has another id from now on.
    pub fn change_id(&self, name: &str) {
        let id = self.shared.state().next_id();
        self.change(name, |record| record.id = id);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Record)) {
        change(self.shared.state().container(name).unwrap());
        self.shared.changed();
    }

    /// Its machine starts anew: nothing runs any more.
    pub fn reboot(&self) {
        let mut state = self.shared.state();
        let now_ms = state.now_ms();
        for record in &mut state.containers {
            if record.life.status == super::record::RecordStatus::Running {
                record.end(255, now_ms);
            }
        }
    }

    /// Its clock goes ahead.
    pub fn advance(&self, time: Duration) {
        self.shared.state().ahead_ms += i64::try_from(time.as_millis()).unwrap();
    }

    // ---- how it misbehaves ----

    /// Misbehaves in this way.
    pub fn fault(&self, fault: EngineFault) {
        self.shared.state().faults.push(fault);
    }

    /// Forgets cards when a container starts, without a word.
    pub fn drop_devices(&self) {
        self.shared.state().drops_devices = true;
    }

    /// Forgets limits when a container is made, without a word.
    pub fn drop_limits(&self) {
        self.shared.state().drops_limits = true;
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Bytes of endless answers that went out so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    // ---- what it was asked ----

    /// All that it was asked so far.
    pub fn calls(&self) -> Vec<EngineCall> {
        self.shared.state().calls.clone()
    }

    /// What it was asked by this method and path; `*` in the path is any segment.
    pub fn calls_of(&self, method: &str, path: &str) -> Vec<EngineCall> {
        self.calls().into_iter().filter(|call| call.is(method, path)).collect()
    }

    /// Waits until it has been asked so often by this method and path.
    pub async fn asked(&self, method: &str, path: &str, times: usize) -> Vec<EngineCall> {
        until(&format!("{method} {path}, {times} times"), || {
            Some(self.calls_of(method, path)).filter(|calls| calls.len() >= times)
        })
        .await
    }
}

async fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    format!("tcp://{}", listener.local_addr().unwrap())
}

fn full(reference: &str) -> String {
    reference.parse::<ImageRef>().unwrap().to_string()
}
