//! `entrepot serve`: runs a server until it is told to stop.

use std::{
    io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_access::{Access, Verbs};
use entrepot_library::Library;
use entrepot_mirror::{Mirror, Purpose};
use entrepot_scheduler::{Reload, Scheduler, WorkEnd};
use entrepot_secrets::SharedKeyring;
use entrepot_server::{
    ApiToken, Error, Listen, LoginProvider, ModesInForce, OIDC, Policy, PublicUrl, Server, ServerMetrics,
    ServerParts, SyncService, Top,
};
use entrepot_ssh::SshServer;
use entrepot_vault::Vault;
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    assembly::{self, Assembly},
    certifier::{self, Certifier},
    config::{self, Config, Environment, Log, Overrides, Tls},
    data::{DataDir, Lock, LockAttempt},
    failure::{self, Failure},
    fetching::Fetching,
    first_password,
    greeting::Greeting,
    housekeeping,
    log::{self, Verbosity},
    machine::{self, Monitored},
    operators::Operators,
    output,
    pull_rules::{self, Follower, SettingsInForce},
    runtime, secrets, ssh,
    syncing::{self, InForce, ReloadSource},
    traces::Traces,
};

/// The time limit for responses in progress at shutdown.
const GRACE: Duration = Duration::from_secs(30);

/// The longest socket path that is portable, in bytes.
const LONGEST_SOCKET: usize = 100;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Serve {
    /// The configuration file, if given.
    pub(crate) file: Option<PathBuf>,
    /// Settings that override the file.
    pub(crate) over: Overrides,
    /// The log verbosity.
    pub(crate) verbosity: Verbosity,
}

/// Serves until a signal arrives.
pub(crate) fn run(Serve { file, over, verbosity }: Serve) -> Result<(), Failure> {
    let (environment, since) = (Environment::of_process(), SystemTime::now());
    let loaded = config::load(file.as_deref(), &environment, over.clone())?;
    failure::warn(&loaded.warnings);
    let config = loaded.config;
    let (layer, traces) = Traces::open(config.tracing.as_ref().map(|tracing| &tracing.meant))?;
    let log = Log { level: verbosity.level(config.log.level), ..config.log };
    let _log = log::start(log, layer, &environment)?;
    match &loaded.file {
        Some(file) => tracing::info!("configured by `{}`", file.display()),
        None => tracing::info!("configured by nothing but defaults and environment"),
    }
    runtime::raise_file_limit();
    let data = DataDir::make(&config.data)?;
    let origin = ConfigOrigin { file, over, environment, since, traces };
    runtime::build()?.block_on(serve(&config, &data, origin))
}

/// The source of the configuration, and the time it was read.
struct ConfigOrigin {
    file: Option<PathBuf>,
    over: Overrides,
    environment: Environment,
    since: SystemTime,
    traces: Traces,
}

async fn serve(
    config: &Config,
    data: &DataDir,
    ConfigOrigin { file, over, environment, since, traces }: ConfigOrigin,
) -> Result<(), Failure> {
    let lock = locked(data)?;
    let signals = Signals::new()?;
    let Assembly { mirror, blobs, catalog, stored, quotas, links, events, mut registry, lock: _lock } =
        assembly::assemble(config, data, lock).await?;
    let (events, raised) = events;
    assembly::check_store(&blobs).await?;
    let only_server = syncing::ServerIdentity::claim(&catalog, since).await?;
    let registries = InForce::default();
    let source = ReloadSource { file, over, environment, catalog, events, stored, quotas, links, registries };
    let scheduler = syncing::open(config, &source, only_server, &mut registry).await?;
    let keys = secrets::open_keys(config, data, &source.catalog).await?;
    let access = secrets::open_access(config, &source.catalog, &keys).await?;
    first_password::set(&access, &source.environment).await?;
    let InFront { rules, metrics, top } =
        in_front(config, &source, (&mirror, &access), &mut registry).await?;
    let vault = secrets::open_vault(&source, &mirror, keys.clone()).await?;
    let library = library(config, &source, (&mirror, &vault, &access), keys).await?;
    let fetching = Fetching::open(config, (&source.catalog, &source.events), &mirror, &mut registry).await?;
    let operators = Operators::open(config, &source, (raised, traces), &mut registry).await?;
    let parts = ServerParts {
        mirror: mirror.clone(),
        sync: Some(SyncService::new(scheduler.clone())),
        token: config.api_token.as_ref().map(|token| ApiToken::new(token.expose_secret())),
        access: Some(access.clone()),
        vault: Some(vault),
        library: Some(library.clone()),
        requests: fetching.requests.clone(),
        keeper: Some(fetching.keeper.clone()),
        webhooks: Some(operators.webhooks.clone()),
        rules: rules.rules.clone(),
        limits: rules.settings.limits.clone(),
        modes: rules.settings.modes.clone(),
        notice: rules.settings.notice.clone(),
        top,
        policy: Policy::allow_all(),
        registry,
        metrics: metrics.clone(),
    };
    let certifier = Certifier::open(config, data.path(), rules.settings.names.subscribe()).await?;
    let running = RunningServer {
        ssh: ssh::bound(config, data, &access, &library).await?,
        server: bound(listen(config, data, certifier.as_ref()), parts).await?,
        mirror,
        scheduler,
        library,
        access,
        rules,
        metrics,
        operators,
        fetching,
        certifier,
    };
    running.rules.begin(&running.mirror).await;
    greet(config, &running.server, &running.access, &source.environment)?;
    let end = running.until_stopped(config, source, (data.path(), since), signals).await;
    tidy_up(data);
    syncing::ended(end)
}

// The next server would replace the socket if it stayed.
fn tidy_up(data: &DataDir) {
    let _ = std::fs::remove_file(data.control());
    tracing::info!("stopped");
}

/// A server that answers, with all that works beside it.
struct RunningServer {
    server: Arc<Server>,
    ssh: Option<SshServer>,
    mirror: Mirror,
    scheduler: Scheduler,
    library: Library,
    access: Access,
    rules: Follower,
    metrics: ServerMetrics,
    operators: Operators,
    fetching: Fetching,
    certifier: Option<Certifier>,
}

impl RunningServer {
    async fn until_stopped(
        self,
        config: &Config,
        source: ReloadSource,
        (data, since): (&Path, SystemTime),
        signals: Signals,
    ) -> WorkEnd {
        let stop = CancellationToken::new();
        let (server, mirror, scheduler, access) = (self.server, self.mirror, self.scheduler, self.access);
        let signals = tokio::spawn(signals.heed(stop.clone(), Arc::clone(&server), self.rules.clone()));
        let (events, pulls) = (source.events.clone(), self.rules.rules.clone());
        let modes = self.rules.settings.modes.clone();
        let load = source.loader(self.rules, self.fetching.keeper.clone());
        let reload = Reload { load, since, scheduler: scheduler.clone() };
        let house = housekeeping::keep(access.clone(), config.audit_kept_for, self.metrics, stop.clone());
        let watched = Monitored {
            modes,
            mirror: mirror.clone(),
            access: access.clone(),
            events: events.clone(),
            data: data.to_owned(),
        };
        let machine = machine::watch(watched, stop.clone());
        let served = ServerTasks { server: &server, scheduler, library: self.library, stop: stop.clone() };
        let end = work(served, async {
            let reload = reload.watch(config.rules.watched.clone(), stop.clone());
            let told = self.operators.tell(stop.clone());
            let (tend, pulls) = (secrets::tend(access, stop.clone()), pulls.record_pulls(stop.clone()));
            let ssh = ssh::work(self.ssh, stop.clone());
            let certified = certifier::work(self.certifier, &server, &events, stop.clone());
            let fetching = self.fetching.work(stop.clone());
            tokio::join!(reload, house, machine, told, tend, pulls, ssh, certified, fetching);
        });
        let end = end.await;
        mirror.shutdown().await;
        signals.abort();
        end
    }
}

/// What stands in front of pulls, and what counts them.
struct InFront {
    rules: Follower,
    metrics: ServerMetrics,
    top: Top,
}

async fn in_front(
    config: &Config,
    source: &ReloadSource,
    (mirror, access): (&Mirror, &Access),
    registry: &mut Registry,
) -> Result<InFront, Failure> {
    let reading = source.clone();
    let (catalog, events) = (source.catalog.clone(), source.events.clone());
    let modes = ModesInForce::new(config.modes.meant.clone(), mirror, catalog, events);
    let restored = modes.restore().await;
    restored.map_err(|error| Failure::because("cannot read which mode was set by hand", &error))?;
    modes.register(registry);
    let settings = SettingsInForce::new(config, modes, access.clone());
    let rules = pull_rules::open(config, move || reading.load(), settings);
    rules.remember(&source.catalog).await?;
    let (metrics, top) = (ServerMetrics::default(), Top::default());
    top.register(registry);
    rules.rules.register(registry);
    rules.settings.limits.register(registry);
    Ok(InFront { rules, metrics, top })
}

async fn bound(listen: Listen, parts: ServerParts) -> Result<Arc<Server>, Failure> {
    let mirror = parts.mirror.clone();
    match Server::bind(listen, parts).await {
        Ok(server) => Ok(Arc::new(server)),
        Err(error) => {
            mirror.shutdown().await;
            Err(not_bound(&error))
        }
    }
}

/// What runs until the end.
struct ServerTasks<'a> {
    server: &'a Server,
    scheduler: Scheduler,
    library: Library,
    stop: CancellationToken,
}

// Runs are stopped at once; responses in progress get the grace period meanwhile.
async fn work(tasks: ServerTasks<'_>, besides: impl Future<Output = ()>) -> WorkEnd {
    let ServerTasks { server, scheduler, library, stop } = tasks;
    let runs = async {
        let end = scheduler.work(stop.clone()).await;
        stop.cancel();
        end
    };
    let ((), end, (), (), ()) = tokio::join!(
        server.run(stop.clone(), GRACE),
        runs,
        besides,
        library.watch_nodes(stop.clone()),
        library.watch_instances(stop.clone())
    );
    end
}

// Where nodes reach this server if nothing else is said: by its public URL, or on this machine.
fn address_for_nodes(config: &Config) -> Option<Url> {
    let said = config.public_url.as_ref().map(PublicUrl::text);
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let listen = config.listen.to_string();
    let here = match listen.rsplit_once(':') {
        // All addresses: the one that engines take without TLS.
        Some(("0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        _ => listen,
    };
    said.unwrap_or_else(|| format!("{scheme}://{here}")).parse().ok()
}

// The library, after the end of the pulls that an earlier server left.
async fn library(
    config: &Config,
    source: &ReloadSource,
    (mirror, vault, access): (&Mirror, &Vault, &Access),
    keyring: SharedKeyring,
) -> Result<Library, Failure> {
    let library = Library::new(entrepot_library::LibraryParts {
        catalog: source.catalog.clone(),
        keys: keyring,
        vault: vault.clone(),
        mirror: mirror.on_behalf_of(Purpose::Request),
        access: access.clone(),
        address: address_for_nodes(config),
        events: source.events.clone(),
        settings: config.library.clone(),
    });
    let settled = library.settle_pulls().await;
    settled.map_err(|error| Failure::because("cannot read what was left of the library's pulls", &error))?;
    let pinned = library.settle_pins().await;
    pinned.map_err(|error| Failure::because("cannot pin the images of the library", &error))?;
    Ok(library)
}

fn locked(data: &DataDir) -> Result<Lock, Failure> {
    match data.lock()? {
        LockAttempt::Ours(lock) => Ok(lock),
        LockAttempt::Taken => Err(Failure::new(format!(
            "the data directory `{}` is in use by another process",
            data.path().display()
        ))
        .with_hint("stop the other one, or give this one a directory of its own: `--data DIR`")),
    }
}

fn login_providers(config: &Config) -> Vec<LoginProvider> {
    let oidc = config.federation.meant.oidc.iter();
    oidc.map(|oidc| LoginProvider { name: oidc.name.clone(), path: OIDC.to_owned() }).collect()
}

fn listen(config: &Config, data: &DataDir, certifier: Option<&Certifier>) -> Listen {
    let control = Some(data.control()).filter(|path| path.as_os_str().len() <= LONGEST_SOCKET);
    if control.is_none() {
        tracing::warn!(
            "the data directory's path is too long for a socket: `entrepot cache` will not reach this server"
        );
    }
    let tls = match &config.tls {
        Some(Tls::Files(files)) => Some(files.clone()),
        Some(Tls::Acme(_)) => certifier.map(|certifier| certifier.files.clone()),
        None => None,
    };
    Listen {
        addr: config.listen.to_string(),
        tls,
        control,
        challenges: certifier.map(|certifier| certifier.challenges.clone()),
        names: config.host_names(),
        public_url: config.public_url.clone(),
        networks: config.networks.clone(),
        login_providers: login_providers(config),
        is_shared: is_shared(config),
        ..Listen::default()
    }
}

// True if the configuration implies clients on other machines.
fn is_shared(config: &Config) -> bool {
    let is_named = config.mirror.domain.is_some() || config.public_url.is_some() || config.has_proxies;
    is_named || config.api_token.is_some() || config.tls.is_some()
}

fn greet(
    config: &Config,
    server: &Server,
    access: &Access,
    environment: &Environment,
) -> Result<(), Failure> {
    let rules = access.rules();
    let greeting = Greeting {
        address: server.local_addr(),
        anonymous: rules.anonymous,
        local: if server.local_counts() { rules.local } else { Verbs::NONE },
        has_logins: access.is_in_use(),
        tls: config.tls.is_some(),
        default_upstream: &config.mirror.default_upstream,
        hosted: &config.hosted,
        chinese: environment.is_chinese(),
    };
    output::print(&greeting.to_string())
}

fn not_bound(error: &Error) -> Failure {
    let hint = match error {
        Error::Listen { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there: stop it, or choose another port with `--listen`"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege: choose another one with `--listen`"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: choose one with `--listen`"
            }
            _ => "choose an address of this machine with `--listen`",
        },
        Error::Control { .. } => "the data directory must be on a file system that has sockets",
        Error::Threads { .. } => "let it have more threads and open files (`ulimit -u -n`)",
        Error::Certificate(_) => "look at `tls` in the configuration: both files are PEM",
    };
    let what = match error {
        Error::Certificate(_) => "cannot use the certificate".to_owned(),
        other => return Failure::because_of(other).with_hint(hint),
    };
    Failure::because(what, error).with_hint(hint)
}

/// The handled signals, registered before anything is opened.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|error| Failure::because("cannot wait for signals", &error));
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hangup: take(SignalKind::hangup())?,
        })
    }

    // The first stop signal starts the drain, the second one exits at once.
    async fn heed(mut self, stop: CancellationToken, server: Arc<Server>, rules: Follower) {
        loop {
            let (name, code) = tokio::select! {
                _ = self.terminate.recv() => ("SIGTERM", 143),
                _ = self.interrupt.recv() => ("SIGINT", 130),
                _ = self.hangup.recv() => {
                    tracing::info!("SIGHUP: the certificate, the rules about pulls and the limits are read again");
                    server.reload();
                    rules.reload("signal").await;
                    continue;
                }
            };
            if stop.is_cancelled() {
                tracing::warn!("{name} again: stopping at once");
                process::exit(code);
            }
            tracing::info!("{name}: finishing what is running, for at most {} s", GRACE.as_secs());
            stop.cancel();
        }
    }
}
