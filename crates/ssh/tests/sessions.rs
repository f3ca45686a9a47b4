//! Clients of SSH in instances on an engine in process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "outside of test functions, but only for them"
)]

#[path = "../../library/tests/instances/yard.rs"]
#[allow(dead_code, reason = "shared with the tests of the library, which use all of it")]
mod yard;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use entrepot_access::{AccountName, AccountUpdate, Audit, Role, SshKey};
use entrepot_library::Volumes;
use entrepot_ssh::{HostKey, SshParts, SshServer};
use entrepot_testkit::{
    engine::{Dialect, ExecAnswer},
    until,
};
use russh::{
    Channel, ChannelMsg, Disconnect,
    client::{self, Handle, Msg},
    keys::{
        PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate,
        ssh_key::{LineEnding, private::Ed25519Keypair},
    },
};
use tokio_util::sync::{CancellationToken, DropGuard};
use yard::Yard;

/// How long a test waits at most for what it waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A yard with accounts, and a server of SSH in front of it.
struct Stage {
    yard: Yard,
    address: SocketAddr,
    server_key: String,
    _stop: DropGuard,
    directory: tempfile::TempDir,
}

/// A client that remembers nothing.
struct Client {
    server_key: String,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        Ok(SshKey::fingerprint_of(&key.to_bytes()?) == self.server_key)
    }
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[number; 32]))
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn by() -> Audit {
    yard::by()
}

/// What a program printed, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    output: String,
    errors: String,
    status: Option<u32>,
}

impl Stage {
    /// With the accounts `ann` and `bob`, who have the keys 1 and 2, and the operator `ops` with the key 3.
    async fn new() -> Self {
        let mut yard = Yard::new(Dialect::Docker28).await;
        let access = yard.access().clone();
        for (number, (account, role)) in
            (1..).zip([("ann", Role::User), ("bob", Role::User), ("ops", Role::Operator)])
        {
            access.create_account(&name(account), role, Some("correct horse".into()), &by()).await.unwrap();
            let line = key(number).public_key().to_openssh().unwrap();
            access.set_ssh_key(&name(account), &line.parse().unwrap(), &by()).await.unwrap();
        }
        yard.account = access.account(&name("ann")).await.unwrap().id;
        let directory = tempfile::tempdir().unwrap();
        let host = HostKey::open_or_create(&directory.path().join("key")).unwrap();
        let server_key = host.fingerprint().to_owned();
        let parts = SshParts { access, library: yard.library.clone(), key: host };
        let server = SshServer::bind("127.0.0.1:0", parts).await.unwrap();
        let (address, stop) = (server.address().unwrap(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { server.run(stopped).await });
        Self { yard, address, server_key, _stop: stop.drop_guard(), directory }
    }

    async fn connect(&self) -> Handle<Client> {
        let client = Client { server_key: self.server_key.clone() };
        client::connect(Arc::default(), self.address, client).await.unwrap()
    }

    /// Logs in with the key of that number; `None` if that is refused.
    async fn log_in(&self, number: u8, user: &str) -> Option<Handle<Client>> {
        let mut client = self.connect().await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key(number)), None);
        client.authenticate_publickey(user, key).await.unwrap().success().then_some(client)
    }

    /// Runs a command in an instance.
    async fn run(&self, number: u8, user: &str, command: &str) -> Outcome {
        let client = self.log_in(number, user).await.unwrap();
        let mut channel = client.channel_open_session().await.unwrap();
        channel.exec(true, command).await.unwrap();
        outcome(&mut channel).await
    }

    async fn shell(&self, number: u8, user: &str) -> (Handle<Client>, Channel<Msg>) {
        let client = self.log_in(number, user).await.unwrap();
        let channel = client.channel_open_session().await.unwrap();
        channel.request_pty(true, "xterm", 120, 40, 0, 0, &[]).await.unwrap();
        channel.request_shell(true).await.unwrap();
        until("the shell", || (self.yard.engine.programs() > 0).then_some(())).await;
        (client, channel)
    }
}

/// All that comes until the end of a channel.
async fn outcome(channel: &mut Channel<Msg>) -> Outcome {
    let mut outcome = Outcome::default();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    loop {
        match tokio::time::timeout(PATIENCE, channel.wait()).await.unwrap() {
            None | Some(ChannelMsg::Close) => return outcome,
            Some(ChannelMsg::Data { data }) => outcome.output.push_str(&text(&data)),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => outcome.errors.push_str(&text(&data)),
            Some(ChannelMsg::ExitStatus { exit_status }) => outcome.status = Some(exit_status),
            Some(_) => {}
        }
    }
}

/// What is printed next.
async fn printed(channel: &mut Channel<Msg>) -> Vec<u8> {
    loop {
        match tokio::time::timeout(PATIENCE, channel.wait()).await.unwrap().unwrap() {
            ChannelMsg::Data { data } => return data.to_vec(),
            ChannelMsg::Close | ChannelMsg::Eof => panic!("it has ended"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_its_streams_and_its_exit_status() {
    let stage = Stage::new().await;
    let made = stage.yard.run("train").await;
    let answer = ExecAnswer { output: b"out".to_vec(), errors: b"err".to_vec(), exit_code: 7 };
    stage.yard.engine.answer_exec("make -j 'a b'", answer);
    let wanted = Outcome { output: "out".to_owned(), errors: "err".to_owned(), status: Some(7) };
    assert_eq!(stage.run(1, "train", "make -j 'a b'").await, wanted);
    assert_eq!(stage.run(1, &made.id.to_string(), "make -j 'a b'").await, wanted, "by its id");
    let create = &stage.yard.engine.calls_of("POST", "containers/*/exec")[0].body;
    assert_eq!((&create["Tty"], &create["AttachStdin"]), (&false.into(), &true.into()));
    let audit = stage.yard.catalog.audit(&Default::default(), 10).await.unwrap().rows;
    assert_eq!((&*audit[0].entry.actor, &*audit[0].entry.action), ("account:ann", "instance.exec"));
    assert_eq!(audit[0].entry.address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_to_the_end_of_input() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let client = stage.log_in(1, "train").await.unwrap();
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "cat").await.unwrap();
    let text = "中文🚀".repeat(10_000);
    channel.data_bytes(text.clone().into_bytes()).await.unwrap();
    channel.eof().await.unwrap();
    let mut bytes = Vec::new();
    let status = loop {
        match tokio::time::timeout(PATIENCE, channel.wait()).await.unwrap() {
            Some(ChannelMsg::Data { data }) => bytes.extend_from_slice(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => break exit_status,
            None => panic!("no status"),
            Some(_) => {}
        }
    };
    assert_eq!((String::from_utf8(bytes).unwrap() == text, status), (true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_has_a_terminal_of_the_right_size_and_hears_of_others() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let (_client, mut channel) = stage.shell(1, "train").await;
    let create = &stage.yard.engine.calls_of("POST", "containers/*/exec")[0].body;
    assert_eq!(create["ConsoleSize"], serde_json::json!([40, 120]));
    assert!(create["Cmd"].to_string().contains("command -v bash"), "{create}");
    channel.window_change(200, 50, 0, 0).await.unwrap();
    let resized = || {
        let calls = stage.yard.engine.calls_of("POST", "exec/*/resize");
        calls.iter().any(|call| call.value("w") == "200" && call.value("h") == "50").then_some(())
    };
    until("the new size", resized).await;
    channel.data_bytes(&b"hello"[..]).await.unwrap();
    assert_eq!(printed(&mut channel).await, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_of_accounts_that_may_run_something_are_let_in() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    assert!(stage.log_in(9, "train").await.is_none(), "nobody has the key");
    let mut client = stage.connect().await;
    let refused = client.authenticate_password("train", "correct horse").await.unwrap();
    assert!(!refused.success(), "passwords are not asked for");
    let access = stage.yard.access();
    let viewer = AccountUpdate { role: Some(Role::Viewer), ..AccountUpdate::default() };
    access.change_account(&name("bob"), viewer, &by()).await.unwrap();
    assert!(stage.log_in(2, "train").await.is_none(), "who may run nothing");
    let disabled = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    access.change_account(&name("ann"), disabled, &by()).await.unwrap();
    assert!(stage.log_in(1, "train").await.is_none(), "whose account is disabled");
    assert!(stage.yard.engine.calls_of("POST", "containers/*/exec").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_instance_is_none() {
    let stage = Stage::new().await;
    let made = stage.yard.run("train").await;
    let none = |name: &str| Outcome {
        errors: format!("entrepot: there is no instance `{name}`\r\n"),
        status: Some(255),
        ..Outcome::default()
    };
    let id = made.id.to_string();
    for name in ["train", &id, "nothing", "99"] {
        assert_eq!(stage.run(2, name, "ls").await, none(name));
    }
    assert_eq!(stage.run(3, "train", "ls").await, none("train"), "names are everybody's own");
    stage.yard.engine.answer_exec("ls", ExecAnswer { output: b"a".to_vec(), errors: vec![], exit_code: 0 });
    assert_eq!(stage.run(3, &id, "ls").await.output, "a", "who manages all names it by its id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_account_or_key_does() {
    for case in ["disabled", "removed", "replaced", "taken away", "another role"] {
        let stage = Stage::new().await;
        stage.yard.run("train").await;
        let (_client, mut channel) = stage.shell(1, "train").await;
        let (access, ann) = (stage.yard.access(), name("ann"));
        // A change of somebody else lets it go on.
        access.remove_ssh_key(&name("bob"), &by()).await.unwrap();
        channel.data_bytes(&b"on"[..]).await.unwrap();
        assert_eq!(printed(&mut channel).await, b"on", "{case}");
        let other = key(8).public_key().to_openssh().unwrap().parse().unwrap();
        match case {
            "disabled" => {
                let change = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
                access.change_account(&ann, change, &by()).await.unwrap();
            }
            "another role" => {
                let change = AccountUpdate { role: Some(Role::Viewer), ..AccountUpdate::default() };
                access.change_account(&ann, change, &by()).await.unwrap();
            }
            "removed" => access.remove_account(&ann, &by()).await.unwrap(),
            "replaced" => access.set_ssh_key(&ann, &other, &by()).await.unwrap(),
            _ => access.remove_ssh_key(&ann, &by()).await.unwrap(),
        }
        let ended = outcome(&mut channel).await;
        assert!(ended.errors.contains("you may not go on here"), "{case}: {ended:?}");
        assert_eq!(ended.status, Some(255), "{case}");
        until("the end of the shell", || (stage.yard.engine.programs() == 0).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_ends_the_program() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let (client, channel) = stage.shell(1, "train").await;
    channel.close().await.unwrap();
    until("the end of the shell", || (stage.yard.engine.programs() == 0).then_some(())).await;
    drop(client);
    let (client, _channel) = stage.shell(1, "train").await;
    client.disconnect(Disconnect::ByApplication, "", "").await.unwrap();
    until("the end of the shell", || (stage.yard.engine.programs() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_run_says_so() {
    let stage = Stage::new().await;
    let made = stage.yard.run("train").await;
    stage.yard.library.stop_instance(yard_target(&stage, made.id), by()).await.unwrap();
    stage.yard.library.instances_settled().await;
    let stopped = stage.run(1, "train", "ls").await;
    assert!(stopped.errors.contains("stopped") && stopped.status == Some(255), "{stopped:?}");
    stage.yard.library.remove_instance(yard_target(&stage, made.id), Volumes::Remove, by()).await.unwrap();
    stage.yard.library.instances_settled().await;
    assert!(stage.run(1, "train", "ls").await.errors.contains("there is no instance `train`"));
}

fn yard_target(stage: &Stage, id: i64) -> entrepot_library::InstanceTarget {
    entrepot_library::InstanceTarget { account: Some(stage.yard.account), ..yard::target(id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forwarded_and_there_is_no_sftp() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let client = stage.log_in(1, "train").await.unwrap();
    assert!(client.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await.is_err());
    assert!(client.tcpip_forward("127.0.0.1", 8080).await.is_err());
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    let told = outcome(&mut channel).await;
    assert!(
        told.errors.starts_with("entrepot: there is no `sftp` here; copy files with `scp -O`"),
        "{told:?}"
    );
    assert_eq!(told.status, Some(255));
    assert!(stage.yard.engine.calls_of("POST", "containers/*/exec").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_strangers_are_bounded() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let client = stage.log_in(1, "train").await.unwrap();
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(client.channel_open_session().await.unwrap());
    }
    assert!(client.channel_open_session().await.is_err(), "ten at a time");

    let mut strangers = Vec::new();
    for _ in 0..10 {
        strangers.push(stage.connect().await);
    }
    let refused = client::connect(Arc::default(), stage.address, Client { server_key: String::new() }).await;
    assert!(refused.is_err(), "ten of one address wait, and no more");
    strangers.clear();
    let in_again = async {
        loop {
            let client = Client { server_key: stage.server_key.clone() };
            if client::connect(Arc::default(), stage.address, client).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, in_again).await.unwrap();
}

/// What the client of OpenSSH does that is asked like this; `None` where it is not installed.
async fn openssh(stage: &Stage, arguments: &[&str]) -> Option<(i32, String, String)> {
    let directory = stage.directory.path().to_owned();
    let port = stage.address.port().to_string();
    let host = PrivateKey::read_openssh_file(directory.join("key")).unwrap();
    let known = format!("[127.0.0.1]:{port} {}\n", host.public_key().to_openssh().unwrap());
    std::fs::write(directory.join("known_hosts"), known).unwrap();
    key(1).write_openssh_file(directory.join("id"), LineEnding::LF).unwrap();
    let mut command = std::process::Command::new("ssh");
    command.args(["-F", "none", "-p", &port, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
    command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(directory.join("id"));
    command.arg("-o").arg(format!("UserKnownHostsFile={}", directory.join("known_hosts").display()));
    command.args(arguments).stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().ok()?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some((output.status.code().unwrap(), text(output.stdout), text(output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_openssh_is_served() {
    let stage = Stage::new().await;
    stage.yard.run("train").await;
    let answer = ExecAnswer { output: b"out\n".to_vec(), errors: b"err\n".to_vec(), exit_code: 7 };
    stage.yard.engine.answer_exec("make", answer);
    let Some(ran) = openssh(&stage, &["train@127.0.0.1", "make", "it"]).await else {
        println!("skipped: there is no ssh on the path");
        return;
    };
    assert_eq!(ran, (7, "out\n".to_owned(), "err\n".to_owned()));
    let (status, output, _) = openssh(&stage, &["-tt", "train@127.0.0.1", "make"]).await.unwrap();
    assert_eq!((status, output.contains("out")), (7, true), "{output}");
    let (status, _, errors) = openssh(&stage, &["nothing@127.0.0.1", "ls"]).await.unwrap();
    assert!(status == 255 && errors.contains("there is no instance `nothing`"), "{errors}");
    let chinese = ["-o", "SetEnv=LC_ALL=zh_CN.UTF-8", "-s", "train@127.0.0.1", "sftp"];
    let (status, _, errors) = openssh(&stage, &chinese).await.unwrap();
    assert!(status == 255 && errors.contains("这里没有 `sftp`"), "{errors}");
    let (status, _, errors) =
        openssh(&stage, &["-o", "IdentityFile=none", "-o", "PubkeyAuthentication=no", "train@127.0.0.1"])
            .await
            .unwrap();
    assert!(status == 255 && errors.contains("Permission denied (publickey)"), "{errors}");
}
