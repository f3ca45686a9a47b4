//! What an upstream gives only to our account is not for everybody.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_access::{Access, AccountUpdate, Role, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_oci::Digest;
use entrepot_secrets::Keyring;
use entrepot_testkit::{
    Action, Bearer, Fault, Gate, Log, Match, RefusalStyle, ResourceKind, TestImage, client::Response, until,
    until_answer,
};
use futures_util::future::join_all;
use support::{
    Rig, Setup, UpstreamAccount,
    account::{AWAY, PASSWORD, basic, by, grant, name},
    code, noise,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const HUB: UpstreamAccount = UpstreamAccount { user: "hub", password: "hub password", namespace: None };
const EVERY_WAY: [RefusalStyle; 4] =
    [RefusalStyle::EmptyToken, RefusalStyle::NoToken, RefusalStyle::OpaqueToken, RefusalStyle::NotFound];

/// A server with an account at its upstream, which has the repositories `library/a`, for everybody, and `acme/app`.
struct Yard {
    rig: Rig,
    access: Access,
    public: TestImage,
    private: TestImage,
    _directory: tempfile::TempDir,
}

fn rules() -> Rules {
    let grants = vec![
        grant("account:alice", "docker.io/acme/**", "pull"),
        grant("account:alice", "local/**", "pull,push"),
        grant("account:bob", "local/**", "pull,push"),
    ];
    Rules { grants, local: "push".parse().unwrap(), ..Rules::default() }
}

impl Yard {
    async fn new(refusing: RefusalStyle) -> Self {
        Self::with(refusing, rules(), vec![HUB]).await
    }

    async fn with(refusing: RefusalStyle, rules: Rules, accounts: Vec<UpstreamAccount>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
        for account in ["alice", "bob"] {
            let password = Some(PASSWORD.into());
            access.create_account(&name(account), Role::User, password, &by()).await.unwrap();
        }
        let setup = Setup { access: Some(access.clone()), accounts, ..Setup::default() };
        let rig = Rig::start_with(setup).await;
        rig.upstream.require_bearer(Bearer::new().user(HUB.user, HUB.password).anonymous(refusing));
        rig.upstream.make_private("acme/app");
        // Registries give nobody what does not exist.
        rig.upstream.make_private("acme/none");
        let (public, private) =
            (TestImage::layers([noise(1, 100)]), TestImage::layers([noise(2, 200_000), noise(3, 100)]));
        rig.upstream.put_image("library/a", "1", &public);
        rig.upstream.put_image("acme/app", "1", &private);
        Self { rig, access, public, private, _directory: directory }
    }

    async fn restart(self, accounts: Vec<UpstreamAccount>) -> Self {
        let Self { rig, access, public, private, _directory } = self;
        let setup = Setup { access: Some(access.clone()), accounts, ..Setup::default() };
        Self { rig: rig.restart(setup).await, access, public, private, _directory }
    }

    async fn send(&self, method: &str, path: &str, user: Option<&str>) -> Response {
        let mut headers = vec![AWAY];
        let sent = user.map(basic);
        headers.extend(sent.as_deref().map(|value| ("authorization", value)));
        self.rig.send(method, path, &headers, "").await
    }

    async fn status(&self, path: &str, user: Option<&str>) -> u16 {
        self.send("GET", path, user).await.status.as_u16()
    }

    /// Everything of a repository that can be read.
    fn paths(&self, repository: &str) -> Vec<String> {
        let (digest, blob) = (self.private.digest(), self.private.blobs()[0].0);
        let rests = [
            "manifests/1".to_owned(),
            format!("manifests/{digest}"),
            format!("blobs/{blob}"),
            "tags/list".to_owned(),
            format!("referrers/{digest}"),
            // Signatures and their like.
            format!("manifests/sha256-{}.sig", digest.hex()),
            format!("manifests/sha256-{}", digest.hex()),
        ];
        rests.iter().map(|rest| format!("/v2/{repository}/{rest}")).collect()
    }

    /// Whatever is asked of a repository, the answer is that of one that does not exist.
    async fn looks_absent(&self, repository: &str, user: Option<&str>) {
        let absent = repository.replace("acme/app", "acme/none");
        for (there, absent) in self.paths(repository).iter().zip(self.paths(&absent)) {
            for method in ["GET", "HEAD"] {
                let refused = self.send(method, there, user).await;
                assert_eq!(refused.status, 401, "{user:?} {method} {there}: {}", refused.text());
                assert_eq!(said(&refused), said(&self.send(method, &absent, user).await), "{there}");
            }
        }
    }

    async fn pull_as_alice(&self) {
        for path in [
            "/v2/acme/app/manifests/1".to_owned(),
            format!("/v2/acme/app/manifests/{}", self.private.digest()),
            format!("/v2/acme/app/blobs/{}", self.private.blobs()[0].0),
            "/v2/acme/app/tags/list".to_owned(),
            format!("/v2/acme/app/referrers/{}", self.private.digest()),
        ] {
            assert_eq!(self.status(&path, Some("alice")).await, 200, "{path}");
        }
    }
}

/// What an answer says, whatever the repository is called.
fn said(response: &Response) -> (u16, String, Option<String>) {
    let text = |text: &str| text.replace("acme/none", "acme/app");
    (response.status.as_u16(), text(&response.text()), response.header("www-authenticate").map(text))
}

// M05
#[tokio::test(flavor = "multi_thread")]
async fn what_only_our_account_gets_is_refused_to_those_who_were_not_granted_it() {
    for refusing in EVERY_WAY {
        let yard = Yard::new(refusing).await;
        for cached in [false, true] {
            if cached {
                yard.pull_as_alice().await;
            }
            for user in [None, Some("bob")] {
                for repository in ["acme/app", "docker.io/acme/app"] {
                    yard.looks_absent(repository, user).await;
                }
            }
            yard.looks_absent("index.docker.io/acme/app", Some("somebody of another registry")).await;
        }
        assert_eq!(yard.status("/v2/acme/app/manifests/1?ns=docker.io", Some("bob")).await, 401);
        assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200, "{refusing:?}");
        assert_eq!(yard.status("/v2/library/a/manifests/1", Some("bob")).await, 200);
        yard.pull_as_alice().await;
    }
}

/// The requests that say who we are, by password or by a token that was got with it.
fn with_account(log: &Log) -> Log {
    log.matching(|request| request.authorization.as_deref().is_some_and(|sent| sent.starts_with("Basic")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_is_asked_without_the_account_and_costs_no_pull() {
    for refusing in EVERY_WAY {
        let yard = Yard::new(refusing).await;
        for path in yard.paths("acme/app") {
            assert_eq!(yard.status(&path, None).await, 401, "{refusing:?} {path}");
        }
        let log = yard.rig.upstream.log();
        assert_eq!(with_account(&log).len(), 0, "{refusing:?}");
        assert_eq!((log.manifest_gets().len(), log.blob_gets().len()), (0, 0), "{refusing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_is_asked_for_once_however_many_wait() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    let gate = Gate::new();
    yard.rig.upstream.fault(Fault::on(Match::manifests().head()).then(Action::Gate(gate.clone())));
    let pulls = join_all((0..20).map(|_| yard.status("/v2/library/a/manifests/1", None)));
    let opened = async {
        gate.reached(1).await;
        assert_eq!(yard.rig.upstream.log().blob_gets().len(), 0);
        gate.open();
    };
    let (statuses, ()) = tokio::join!(pulls, opened);
    assert_eq!(statuses, [200; 20]);
    // Each question gets a token of its own.
    let questions = || {
        let tokens = yard.rig.upstream.log().kind(ResourceKind::Token);
        tokens.matching(|request| request.authorization.is_none()).len()
    };
    assert_eq!(questions(), 1);
    for path in ["/v2/library/a/manifests/1", "/v2/library/a/tags/list"] {
        assert_eq!(yard.status(path, Some("bob")).await, 200);
    }
    assert_eq!(questions(), 1, "and not again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_for_somebody_else_gives_nobody_a_right() {
    let yard = Yard::new(RefusalStyle::EmptyToken).await;
    assert_eq!(yard.status("/v2/acme/app/manifests/1", Some("alice")).await, 200);
    let (blob, bytes) = yard.private.blobs()[0].clone();
    let gate = Gate::new();
    yard.rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(1000, gate.clone())));
    let path = format!("/v2/acme/app/blobs/{blob}");
    let pulled = yard.send("GET", &path, Some("alice"));
    let others = async {
        gate.reached(1).await;
        for user in [None, Some("bob")] {
            for method in ["GET", "HEAD"] {
                assert_eq!(yard.send(method, &path, user).await.status, 401, "{user:?} {method}");
            }
        }
        gate.open();
    };
    let (pulled, ()) = tokio::join!(pulled, others);
    assert_eq!(pulled.body, bytes);
    assert_eq!(yard.rig.upstream.log().blob_gets().matching(|request| request.status == 200).len(), 1);
}

// C06
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_ends_during_a_download_ends_with_the_next_request() {
    let yard = Yard::new(RefusalStyle::EmptyToken).await;
    let (blob, bytes) = yard.private.blobs()[0].clone();
    let gate = Gate::new();
    yard.rig.upstream.fault(Fault::on(Match::blobs().get()).then(Action::GateAfter(1000, gate.clone())));
    let path = format!("/v2/acme/app/blobs/{blob}");
    let pulled = yard.send("GET", &path, Some("alice"));
    let ended = async {
        gate.reached(1).await;
        let disable = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
        yard.access.change_account(&name("alice"), disable, &by()).await.unwrap();
        assert_eq!(yard.status(&path, Some("alice")).await, 401);
        gate.open();
    };
    let (pulled, ()) = tokio::join!(pulled, ended);
    assert_eq!(pulled.body, bytes, "what had begun is finished");
    assert_eq!(yard.status(&path, Some("alice")).await, 401, "also from the cache");
}

// H16
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_from_what_is_private_is_an_upload_like_any_other() {
    let yard = Yard::new(RefusalStyle::EmptyToken).await;
    yard.pull_as_alice().await;
    let (blob, absent) = (yard.private.blobs()[0].0, Digest::of(b"absent"));
    let mount = async |digest: &Digest, user: &str| {
        let path = format!("/v2/local/x/blobs/uploads/?mount={digest}&from=acme/app");
        let answer = yard.send("POST", &path, Some(user)).await;
        (answer.status.as_u16(), answer.header("location").unwrap().contains("/uploads/"))
    };
    assert_eq!((mount(&blob, "bob").await, mount(&absent, "bob").await), ((202, true), (202, true)));
    assert_eq!((mount(&blob, "alice").await, mount(&absent, "alice").await), ((201, false), (202, true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tag_of_a_public_repository_closes_nothing() {
    for refusing in EVERY_WAY {
        let yard = Yard::new(refusing).await;
        let missing = yard.send("GET", "/v2/library/a/manifests/none", None).await;
        assert_eq!((missing.status.as_u16(), code(&missing).as_str()), (404, "MANIFEST_UNKNOWN"));
        assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
        // Not even where lists of tags are kept from everybody.
        let yard = Yard::new(refusing).await;
        let no_lists = Action::status_with(403, &[], r#"{"errors":[{"code":"DENIED"}]}"#);
        yard.rig.upstream.fault(Fault::on(Match::tags()).always().then(no_lists));
        assert_ne!(yard.status("/v2/library/a/manifests/none", None).await, 200);
        assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200, "{refusing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_verdict_counts_through_outages_and_restarts_for_as_long_as_content_does() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    let blob = format!("/v2/library/a/blobs/{}", yard.public.blobs()[0].0);
    for path in ["/v2/library/a/manifests/1", &blob] {
        assert_eq!(yard.status(path, None).await, 200);
    }
    yard.pull_as_alice().await;
    let private = format!("/v2/acme/app/manifests/{}", yard.private.digest());
    assert_eq!(yard.status(&private, None).await, 401);
    yard.rig.upstream.stop().await;
    for _ in 0..2 {
        yard.rig.clock.advance(DAY);
        assert_eq!((yard.status(&blob, None).await, yard.status(&private, None).await), (200, 401));
    }
    let yard = yard.restart(vec![HUB]).await;
    assert_eq!((yard.status(&blob, None).await, yard.status(&private, None).await), (200, 401));

    yard.rig.clock.advance(7 * DAY);
    for path in [&blob, &private] {
        let unknown = yard.send("GET", path, None).await;
        assert_eq!((unknown.status.as_u16(), unknown.header("retry-after")), (503, Some("5")), "{path}");
        assert!(unknown.text().contains("it is not known whether"), "{}", unknown.text());
        assert_eq!(unknown.header("www-authenticate"), None, "no login would help");
    }
    assert_eq!(yard.status(&private, Some("alice")).await, 200, "whoever was granted it needs no verdict");

    yard.rig.upstream.restart().await;
    let is_back = async || (yard.status(&blob, None).await == 200).then_some(());
    until_answer("the upstream to be asked again", is_back).await;
    assert_eq!(yard.status(&private, None).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_and_no_answer_is_503_with_the_time_to_come_back() {
    for (status, headers, wait) in
        [(503, &[][..], "5"), (500, &[], "5"), (429, &[("retry-after", "17")], "17")]
    {
        for on in [Match::token(), Match::manifests().head()] {
            let yard = Yard::new(RefusalStyle::OpaqueToken).await;
            yard.rig.upstream.fault(Fault::on(on).then(Action::status_with(status, headers, "")));
            let unknown = yard.send("GET", "/v2/library/a/manifests/1", None).await;
            assert_eq!(unknown.status, 503, "{status}: {}", unknown.text());
            assert_eq!(unknown.header("retry-after"), Some(wait), "{status}");
        }
    }
}

// The budget of our address may be used up by others behind it: that is what accounts are for.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_says_that_everybody_may_pull_is_enough() {
    let yard = Yard::new(RefusalStyle::EmptyToken).await;
    let limited = Action::status_with(429, &[("retry-after", "600")], "");
    yard.rig.upstream.fault(Fault::on(Match::manifests().head()).then(limited));
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewalls_page_closes_nothing() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
    yard.rig.clock.advance(3 * HOUR);
    let page = Action::status_with(403, &[("content-type", "text/html")], "<html>blocked</html>");
    yard.rig.upstream.fault(Fault::on(Match::manifests()).always().then(page));
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_private_upstream_is_closed_and_what_becomes_public_opens() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    let path = format!("/v2/library/a/manifests/{}", yard.public.digest());
    for path in ["/v2/library/a/manifests/1", &path] {
        assert_eq!(yard.status(path, None).await, 200);
    }
    yard.rig.upstream.make_private("library/a");
    assert_eq!(yard.status(&path, None).await, 200, "asked a moment ago");
    yard.rig.clock.advance(61 * MINUTE);
    assert_eq!(yard.status(&path, None).await, 200, "the verdict so far counts while it is renewed");
    let is_closed = async || (yard.status(&path, None).await == 401).then_some(());
    until_answer("the next verdict", &is_closed).await;

    yard.rig.upstream.make_public("library/a");
    assert_eq!(yard.status(&path, None).await, 401);
    yard.rig.clock.advance(61 * Duration::from_secs(1));
    let is_open = async || (yard.status(&path, None).await == 200).then_some(());
    until_answer("the end of the minute that a refusal counts", is_open).await;

    // One that nobody has asked about for long.
    yard.rig.upstream.make_private("library/a");
    yard.rig.clock.advance(3 * HOUR);
    until_answer("the verdict after that", &is_closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_account_nothing_is_asked() {
    let namespace = UpstreamAccount { namespace: Some("acme"), ..HUB };
    let yard = Yard::with(RefusalStyle::OpaqueToken, rules(), vec![namespace]).await;
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
    let heads = yard.rig.upstream.log().manifests().heads();
    assert_eq!(heads.matching(|request| request.status == 200).len(), 1, "the pull's own");
    yard.pull_as_alice().await;
    assert_eq!(yard.status("/v2/acme/app/manifests/1", None).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_brought_stays_private_when_the_account_is_gone() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    yard.pull_as_alice().await;
    let yard = yard.restart(Vec::new()).await;
    for path in yard.paths("acme/app") {
        assert_eq!(yard.status(&path, None).await, 401, "{path}");
    }
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
    let blob = format!("/v2/acme/app/blobs/{}", yard.private.blobs()[0].0);
    assert_eq!(yard.status(&blob, Some("alice")).await, 200);
}

// The newcomer who gives the mirror an account, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn without_settings_programs_on_this_machine_pull_what_the_account_gets() {
    let yard = Yard::with(RefusalStyle::OpaqueToken, Rules::default(), vec![HUB]).await;
    for path in ["/v2/acme/app/manifests/1", "/v2/acme/app/tags/list"] {
        assert_eq!(yard.rig.get(path).await.status, 200, "{path}");
    }
    let asked = yard.rig.upstream.log().manifests().heads().matching(|request| request.status == 200);
    assert_eq!(asked.len(), 1, "the pull's own: the verdict is of no importance");
    assert_eq!(yard.status("/v2/acme/app/manifests/1", None).await, 401, "others do not");
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
    // Where somebody says what local programs may, it is that.
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    assert_eq!(yard.rig.get("/v2/acme/app/manifests/1").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_in_front_is_told_what_is_not_for_all() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    let held = async |repository: &str, image: &TestImage, user| {
        let path = format!("/v2/{repository}/blobs/{}", image.blobs()[0].0);
        yard.send("GET", &path, user).await.header("cache-control").unwrap().to_owned()
    };
    assert_eq!(held("library/a", &yard.public, None).await, "max-age=31536000, immutable");
    let private = held("acme/app", &yard.private, Some("alice")).await;
    assert_eq!(private, "private, max-age=31536000, immutable");
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_renewed_once_while_the_upstream_is_slow() {
    let yard = Yard::new(RefusalStyle::OpaqueToken).await;
    assert_eq!(yard.status("/v2/library/a/manifests/1", None).await, 200);
    let path = format!("/v2/library/a/manifests/{}", yard.public.digest());
    assert_eq!(yard.status(&path, None).await, 200);
    let before = yard.rig.upstream.log().manifests().heads().len();
    yard.rig.clock.advance(61 * MINUTE);
    let gate = Gate::new();
    yard.rig.upstream.fault(Fault::on(Match::manifests().head()).then(Action::Gate(gate.clone())));
    for _ in 0..10 {
        assert_eq!(yard.status(&path, None).await, 200);
    }
    gate.reached(1).await;
    gate.open();
    let answered = |log: &Log| log.manifests().heads().len() - before;
    until("the renewed verdict", || (answered(&yard.rig.upstream.log()) >= 2).then_some(())).await;
    assert_eq!(yard.status(&path, None).await, 200);
    assert_eq!(answered(&yard.rig.upstream.log()), 2, "a challenge and its answer");
}
