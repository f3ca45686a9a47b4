//! The registry and its controls for tests.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use entrepot_oci::{Digest, Host, MediaType, schema1_signed_payload};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    auth::{Auth, Bearer},
    capabilities::Capabilities,
    fault::Fault,
    image::TestImage,
    log::Log,
    serve,
    state::RegistryShared,
    store::{Repository, TagTurns},
};

/// A registry on loopback, over HTTP/1.1 and HTTP/2 without TLS, in tasks of the test's runtime. It keeps everything
/// in memory and stops when dropped.
///
/// ```
/// # use entrepot_testkit::{Action, Fault, Match, TestImage, TestRegistry, client};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let registry = TestRegistry::start().await;
/// let image = TestImage::random(1, 2, 100_000);
/// registry.put_image("library/nginx", "1.27", &image);
/// registry.fault(Fault::on(Match::manifests().get()).then(Action::status(503)));
/// assert!(client::try_pull(&registry.url(), "library/nginx", "1.27").await.is_err());
/// assert_eq!(client::pull(&registry.url(), "library/nginx", "1.27").await.digest, *image.digest());
/// assert_eq!(registry.log().blob_gets().len(), 3);
/// # }
/// ```
#[derive(Debug)]
pub struct TestRegistry {
    shared: Arc<RegistryShared>,
    server: Mutex<RegistryTask>,
}

#[derive(Debug)]
enum RegistryTask {
    Running {
        task: JoinHandle<()>,
        stop: oneshot::Sender<Infallible>,
    },
    /// The socket keeps the port: it is bound but does not listen, so connections are refused.
    Stopped(TcpSocket),
    /// Between the two.
    Changing,
}

impl TestRegistry {
    /// Starts an empty registry on a free port.
    pub async fn start() -> Self {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts an empty registry on this address, which may be that of a stopped one.
    #[allow(clippy::unused_async, reason = "it needs a runtime, and a caller cannot forget one to await in")]
    pub async fn start_on(addr: SocketAddr) -> Self {
        let listener = bind(addr).listen(1024).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(RegistryShared::new(addr));
        let server = Mutex::new(run(listener, shared.clone()));
        Self { shared, server }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// `127.0.0.1:PORT`
    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// Its name for clients, `127.0.0.1:PORT`.
    pub fn host(&self) -> Host {
        self.addr().to_string().parse().unwrap()
    }

    /// Drops all connections and refuses new ones. Content, faults, log and port are kept.
    pub async fn stop(&self) {
        let server = std::mem::replace(&mut *self.server.lock().unwrap(), RegistryTask::Changing);
        let socket = match server {
            RegistryTask::Running { task, stop } => {
                drop(stop);
                task.await.unwrap();
                bind(self.addr())
            }
            RegistryTask::Stopped(socket) => socket,
            RegistryTask::Changing => panic!("one stop or restart at a time"),
        };
        *self.server.lock().unwrap() = RegistryTask::Stopped(socket);
    }

    /// Accepts connections again on the same port; open ones are dropped.
    pub async fn restart(&self) {
        self.stop().await;
        let mut server = self.server.lock().unwrap();
        if let RegistryTask::Stopped(socket) = std::mem::replace(&mut *server, RegistryTask::Changing) {
            *server = run(socket.listen(1024).unwrap(), self.shared.clone());
        }
    }

    /// Stores an image with everything it references, and tags it.
    pub fn put_image(&self, repository: &str, tag: &str, image: &TestImage) {
        self.put_untagged(repository, image);
        self.shared.state().store.repository(repository).tag(tag, *image.digest());
    }

    /// Stores an image with everything it references, without a tag, as referrers are.
    pub fn put_untagged(&self, repository: &str, image: &TestImage) {
        let mut state = self.shared.state();
        let has_referrers = state.capabilities.referrers;
        let held = state.store.repository(repository);
        held.blobs.extend(image.blobs().iter().cloned());
        for manifest in image.manifests() {
            held.put_manifest(&manifest.media_type, manifest.bytes.clone(), manifest.digest);
        }
        if let Some(subject) = image.subject().filter(|_| !has_referrers) {
            held.keep_referrers_tag(subject);
        }
    }

    /// Stores a blob.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.shared.state().store.repository(repository).blobs.insert(digest, bytes);
        digest
    }

    /// Stores a manifest with any bytes and references, and optionally tags it.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &MediaType,
        bytes: impl Into<Bytes>,
    ) -> Digest {
        let bytes = bytes.into();
        let digest =
            schema1_signed_payload(&bytes).map_or_else(|| Digest::of(&bytes), |payload| Digest::of(&payload));
        let mut state = self.shared.state();
        let held = state.store.repository(repository);
        held.put_manifest(media_type, bytes, digest);
        tag.into_iter().for_each(|tag| held.tag(tag, digest));
        digest
    }

    /// Makes a tag point to these manifests in turn, one per request.
    pub fn flip_tag(&self, repository: &str, tag: &str, digests: &[Digest]) {
        let turns = TagTurns::new(digests.to_vec());
        self.shared.state().store.repository(repository).tags.insert(tag.to_owned(), turns);
    }

    /// Deletes only the tag.
    pub fn delete_tag(&self, repository: &str, tag: &str) {
        self.shared.state().store.repository(repository).tags.remove(tag);
    }

    /// Deletes a blob from one repository.
    pub fn delete_blob(&self, repository: &str, digest: &Digest) {
        self.shared.state().store.repository(repository).blobs.remove(digest);
    }

    /// Creates an empty repository, for registries that do not create them on push.
    pub fn create_repository(&self, repository: &str) {
        self.shared.state().store.repository(repository);
    }

    /// Deletes every manifest that no tag leads to, as Quay does after a while.
    pub fn collect(&self) {
        self.shared.state().store.repositories.values_mut().for_each(Repository::collect);
    }

    /// The tags of a repository, in order.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let state = self.shared.state();
        let held = state.store.repositories.get(repository);
        held.map(|held| held.tags.keys().cloned().collect()).unwrap_or_default()
    }

    /// Deletes a repository and its content.
    pub fn delete_repository(&self, repository: &str) {
        self.shared.state().store.repositories.remove(repository);
    }

    /// A stored blob, for example after a push.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.shared.state().store.repositories.get(repository)?.blobs.get(digest).cloned()
    }

    /// The bytes of a stored manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Bytes> {
        let reference = reference.parse().unwrap();
        let mut state = self.shared.state();
        let (_, stored) = state.store.repositories.get_mut(repository)?.manifest(&reference)?;
        Some(stored.bytes)
    }

    /// The requests so far.
    pub fn log(&self) -> Log {
        self.shared.journal.read()
    }

    /// Clears the log.
    pub fn clear_log(&self) {
        self.shared.journal.clear();
    }

    /// Waits until `condition` holds for the log and returns it; fails the test after 30 s.
    pub async fn until(&self, condition: impl Fn(&Log) -> bool) -> Log {
        self.shared.journal.until(condition).await
    }

    /// Adds a fault after the existing ones.
    pub fn fault(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Removes all faults; responses that are held or stalled stay so.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Requires this user and password for every request.
    pub fn require_basic(&self, user: &str, password: &str) {
        self.shared.state().auth = Auth::basic(user, password);
    }

    /// Requires a token for every request.
    pub fn require_bearer(&self, auth: Bearer) {
        self.shared.state().auth = Auth::bearer(auth);
    }

    /// Refuses a repository to those without a login, where [`Bearer::anonymous`] gives them others. Tokens that they have
    /// for it go on working.
    pub fn make_private(&self, repository: &str) {
        self.shared.state().private.insert(repository.to_owned());
    }

    /// Gives a private repository to everybody again.
    pub fn make_public(&self, repository: &str) {
        self.shared.state().private.remove(repository);
    }

    /// Requires no authentication, which is the default.
    pub fn require_nothing(&self) {
        self.shared.state().auth = Auth::Open;
    }

    /// Revokes all tokens issued so far.
    pub fn revoke_tokens(&self) {
        self.shared.state().auth.revoke();
    }

    /// Changes its features.
    pub fn capabilities(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.shared.state().capabilities);
    }

    /// Sends every body at this many bytes per second, including current ones; `None` for full speed.
    pub fn pace(&self, bytes_per_second: Option<u64>) {
        self.shared.state().pace = bytes_per_second;
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        if let RegistryTask::Running { task, .. } =
            self.server.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
        {
            task.abort();
        }
    }
}

fn bind(addr: SocketAddr) -> TcpSocket {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}

fn run(listener: TcpListener, shared: Arc<RegistryShared>) -> RegistryTask {
    let (stop, stopped) = oneshot::channel();
    RegistryTask::Running { task: tokio::spawn(serve::accept(listener, shared, stopped)), stop }
}
