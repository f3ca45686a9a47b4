//! `entrepot relay`, from compose files to a registry and files that name it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on ends, and says why")]

#[path = "support/stage.rs"]
mod stage;
mod support;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use entrepot_testkit::TestImage;
use hyper::Method;
use serde_json::Value;
use stage::Stage;
use support::Ran;

const COMPOSE: &str = "\
services:
  web:
    image: nginx:1.27 # the door
  api: {image: \"ghcr.io/team/api:${TAG:-2}\"}
  own:
    build: .
  twin: {image: nginx:1.27}
";

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

fn case(file: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(file);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: the real files are not at {}", path.display());
    }
    text
}

fn changed_lines(old: &str, new: &str) -> Vec<(String, String)> {
    assert_eq!(old.lines().count(), new.lines().count());
    let pairs = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
    pairs.map(|(old, new)| (old.to_owned(), new.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_goes_to_a_registry_and_its_file_names_it_there() {
    let stage = Stage::new().await;
    let (nginx, api) = (stage.put("library/nginx", "1.27", 1), stage.put("team/api", "2", 2));
    let file = stage.lab.write("docker-compose.yaml", COMPOSE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let ran = stage.run(&["relay", "--to", "private.test/ns", "docker-compose.yaml"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(stage.is_there("ns/nginx", "1.27", &nginx) && stage.is_there("ns/team-api", "2", &api));
    let expected = COMPOSE
        .replace("nginx:1.27", "private.test/ns/nginx:1.27")
        .replace("ghcr.io/team/api", "private.test/ns/team-api");
    assert_eq!(stage.read("docker-compose-mirror.yaml").unwrap(), expected);
    let mode =
        fs::metadata(stage.lab.path().join("docker-compose-mirror.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(
        ran.stderr.contains("note: docker-compose.yaml:6:12: `.` is left: the service is built here"),
        "{}",
        ran.stderr
    );
    let plan = "IMAGE                         TARGET                      NAMED BY
docker.io/library/nginx:1.27  private.test/ns/nginx:1.27  web, twin
ghcr.io/team/api:2            private.test/ns/team-api:2  api

2 images to private.test/ns, 1 built here
";
    assert!(ran.stdout.starts_with(plan), "{}", ran.stdout);
    let steps = "
docker-compose-mirror.yaml: 3 images renamed

what is left to do:
  docker login private.test  # unless everybody may pull there
  scp -- ./docker-compose-mirror.yaml SERVER:DIR/
  docker compose -f ./docker-compose-mirror.yaml pull
  docker compose -f ./docker-compose-mirror.yaml up -d
  # built there, so what they are built from has to be there too: own
";
    assert!(ran.stdout.ends_with(steps), "{}", ran.stdout);
    let digests = format!("private.test/ns/nginx:1.27  copied  {}\n", nginx.digest());
    assert!(ran.stdout.contains(&digests), "{}", ran.stdout);
    assert!(ran.stdout.contains("2 of 2 have the digest of their source\n"), "{}", ran.stdout);

    // What is there is the state: one HEAD on each side, and nothing else.
    [&stage.origin, &stage.private].iter().for_each(|registry| registry.clear_log());
    let again = stage.run(&["relay", "--to", "private.test/ns", "--output", "json"]).await;
    let report = json(&again);
    assert_eq!((&report["up_to_date"], &report["copied"]), (&2.into(), &0.into()), "{report}");
    assert_eq!(report["written"][0], "docker-compose-mirror.yaml");
    for registry in [&stage.origin, &stage.private] {
        assert_eq!((registry.log().len(), registry.log().heads().len()), (2, 2), "{:?}", registry.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_image_fails_no_file_is_written_and_the_next_run_goes_on() {
    let stage = Stage::new().await;
    stage.put("library/nginx", "1.27", 1);
    stage.lab.write("docker-compose.yaml", COMPOSE);
    let before = stage.files();
    let arguments = ["relay", "docker-compose.yaml", "--to", "private.test/ns"];
    let ran = stage.run(&arguments).await;
    assert_eq!(ran.code, 1);
    assert_eq!(stage.files(), before);
    assert!(ran.stdout.contains("private.test/ns/team-api:2: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nhint: "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("no file was written: it would name what is not there\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().last(), Some("error: 1 image could not be copied"));
    let api = stage.put("team/api", "2", 2);
    stage.private.clear_log();
    let ran = stage.run(&arguments).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(stage.is_there("ns/team-api", "2", &api));
    // Of what was there nothing is sent again.
    assert_eq!(stage.private.log().manifest_puts().len(), 1);
    assert!(stage.read("docker-compose-mirror.yaml").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_what_compose_takes_them_for() {
    let stage = Stage::new().await;
    let (mysql, api, tool) =
        (stage.put("library/mysql", "8", 1), stage.put("team/api", "3", 2), stage.put("team/tool", "7", 3));
    let compose = "services:\n  db: {image: \"${DB_IMAGE:-postgres:15}\"}\n  api: {image: \"ghcr.io/team/api:${TAG:-2}\"}\n  \
                   tool: {image: \"${REGISTRY}/team/tool:${TOOL}\"}\n  gone: {image: \"quay.io/a/b:${NOPE}\"}\n";
    stage.lab.write("docker-compose.yaml", compose);
    let env = "# c\nDB_IMAGE=mysql:8\nPASSWORD=canary\nTAG=2.5\nREGISTRY=quay.io\nOTHER_IMAGE=redis\n";
    stage.lab.write(".env", env);
    let variables = [("TAG", "3"), ("TOOL", "7")];
    let ran = stage.run_with(&["relay", "--to", "private.test/ns"], &variables).await;
    // One image is left behind.
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let told = "error: 1 name could not be brought to private.test/ns: `quay.io/a/b:${NOPE}`\nhint: set their variables in \
                `.env` or the environment, write them out, or put them on an `--ignore` list\n";
    assert!(ran.stderr.ends_with(told), "{}", ran.stderr);
    assert!(stage.is_there("ns/mysql", "8", &mysql) && stage.is_there("ns/team-api", "3", &api));
    assert!(stage.is_there("ns/team-tool", "7", &tool));
    assert_eq!(stage.read(".env").unwrap(), env);
    assert_eq!(stage.read(".env-mirror").unwrap(), env.replace("mysql", "private.test/ns/mysql"));
    let expected = compose
        .replace("ghcr.io/team/api", "private.test/ns/team-api")
        .replace("${REGISTRY}/team/tool", "private.test/ns/team-tool");
    assert_eq!(stage.read("docker-compose-mirror.yaml").unwrap(), expected);
    for told in [
        "db (DB_IMAGE in .env)",
        "api (TAG in the environment)",
        "tool (REGISTRY in .env, TOOL in the environment)",
        "  docker compose --env-file ./.env-mirror -f ./docker-compose-mirror.yaml up -d\n",
        "  # taken from the environment here, so to be set there as well: TAG, TOOL\n",
        ".env-mirror: 1 image renamed\n",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }
    let left = "`quay.io/a/b:${NOPE}` is left: its tag comes from `NOPE`, which is not set\n";
    assert!(ran.stderr.contains(left), "{}", ran.stderr);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));

    let ran = stage.run_with(&["relay", "--to", "private.test/ns", "-i"], &variables).await;
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(stage.read("docker-compose.yaml").unwrap(), expected);
    assert_eq!(stage.read(".env").unwrap(), env.replace("mysql", "private.test/ns/mysql"));
}

/// Calls that come to nothing, how they end and what is said.
const WRONG: [(&[&str], i32, &str); 9] = [
    (
        &["a.compose.yaml", "--to", "private.test/ns"],
        1,
        "error: `quay.io/a/b` and `docker.io/library/a-b` would both be `private.test/ns/a-b`\nhint: give one of them a \
         name of its own: `--map docker.io/library/a-b=NEW`; nothing was written\n",
    ),
    (
        &["b.compose.yaml", "--to", "docker.io/ns/more"],
        1,
        "error: `quay.io/a/b:1` cannot be `docker.io/ns/more/a-b:1`: `ns/more/a-b` has 3 parts, and Docker Hub holds names \
         of exactly 2\nhint: write `docker.io/NAMESPACE/NAME`; `--to` says where names begin, `--naming` and `--map` how \
         they go on; nothing was copied\n",
    ),
    (
        &["b.compose.yaml", "d.compose.yaml", "--to", "private.test", "--out", "x.yaml"],
        2,
        "error: 2 files cannot be written to x.yaml\nhint: leave out `--out`: each is written beside its own\n",
    ),
    (
        &["b.compose.yaml", "--to", "private.test", "--out", "b.compose.yaml"],
        2,
        "error: b.compose.yaml is one of the files that are read\nhint: `--in-place` changes the files themselves\n",
    ),
    (
        &["none.yaml", "--to", "private.test"],
        1,
        "error: cannot read none.yaml: No such file or directory (os error 2)\n",
    ),
    (
        &["e.yaml", "--to", "private.test"],
        1,
        "error: e.yaml names no image\nhint: `--kind` says what it is; it was taken for a compose file\n",
    ),
    (
        &["--to", "private.test"],
        2,
        "error: there is no compose file in this directory\nhint: name it: `entrepot relay FILE`\n",
    ),
    (
        &["b.compose.yaml", "--to", "private.test", "--ignore", "none.txt"],
        2,
        "error: cannot read none.txt: No such file or directory (os error 2)\n",
    ),
    (
        &["b.compose.yaml", "--to", "private.test", "--env-file", "none"],
        2,
        "error: cannot read none: No such file or directory (os error 2)\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_before_anything_is_asked() {
    let stage = Stage::new().await;
    stage.lab.write("a.compose.yaml", "services: {a: {image: quay.io/a/b:1}, b: {image: a-b:1}}\n");
    stage.lab.write("b.compose.yaml", "services: {a: {image: quay.io/a/b:1}}\n");
    stage.lab.write("c.compose.yaml", "services: {a: [1\n");
    stage.lab.write("d.compose.yaml", "services: {a: {image: quay.io/a/b:2}}\n");
    stage.lab.write("e.yaml", "hello: world\n");
    let before = stage.files();
    for (arguments, code, told) in WRONG {
        let ran = stage.run(&[&["relay"][..], arguments].concat()).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (code, told), "{arguments:?}");
    }
    let ran = stage.run(&["relay", "c.compose.yaml", "b.compose.yaml", "--to", "private.test"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error: c.compose.yaml:1:15: "), "{}", ran.stderr);
    assert_eq!(stage.files(), before);
    assert_eq!(stage.origin.log().len() + stage.private.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_in_a_file_is_kept_whole() {
    let stage = Stage::new().await;
    let platforms = ["linux/amd64", "linux/arm64"];
    let several = |seed| {
        TestImage::index(
            platforms
                .iter()
                .zip(seed..)
                .map(|(text, seed)| TestImage::random(seed, 1, 1_000).with_platform(text)),
        )
    };
    let (old, new) = (several(1), several(11));
    stage.origin.put_image("library/nginx", "1.27", &old);
    stage.origin.put_image("library/nginx", "1.27", &new);
    let compose = format!(
        "services:\n  a: {{image: \"nginx:1.27@{0}\"}}\n  b: {{image: nginx:1.27}}\n  c: {{image: \"nginx@{0}\"}}\n",
        old.digest()
    );
    stage.lab.write("compose.yaml", &compose);
    let ran = stage.run(&["relay", "--to", "private.test/ns", "--platform", "linux/amd64"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let digest = old.digest().to_string();
    assert_eq!(stage.private.manifest("ns/nginx", &digest).unwrap(), *old.bytes());
    // The tag is that of the image that is named by nothing else, in the form that was asked for.
    let tagged = stage.private.manifest("ns/nginx", "1.27").unwrap();
    assert!(tagged != *old.bytes() && tagged != *new.bytes());
    assert!(
        stage.read("compose-mirror.yaml").unwrap().contains(&format!("private.test/ns/nginx:1.27@{digest}"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dify_is_relayed_whole() {
    let (Some(compose), Some(ignore), Some(seed)) = (
        case("yarnovo-dify-docker-compose.yaml"),
        case("yarnovo-dify-ignore-images.txt"),
        case("yarnovo-dify-docker-compose-mirror.yaml"),
    ) else {
        return;
    };
    let stage = Stage::new().await;
    stage.lab.write("docker-compose.yaml", &compose);
    stage.lab.write("ignore-images.txt", &ignore);
    let to = "private.test/yarnb-docker-mirrors";
    let arguments =
        ["relay", "docker-compose.yaml", "--to", to, "--ignore", "ignore-images.txt", "--output", "json"];
    let plan = json(&stage.run(&[&arguments[..], &["--dry-run"]].concat()).await);
    assert_eq!(stage.origin.log().len() + stage.private.log().len(), 0);
    let left: Vec<&str> =
        plan["left"].as_array().unwrap().iter().map(|left| left["reason"].as_str().unwrap()).collect();
    assert_eq!(left, ["build-only", "ignored"]);
    let mut images = Vec::new();
    for (image, number) in plan["images"].as_array().unwrap().iter().zip(0..) {
        let (name, tag) = image["source"].as_str().unwrap().rsplit_once(':').unwrap();
        let (_, repository) = name.split_once('/').unwrap();
        images.push((image["target"].as_str().unwrap().to_owned(), stage.put(repository, tag, number)));
    }
    assert_eq!(images.len(), 27);
    let report = json(&stage.run(&arguments).await);
    assert_eq!((&report["copied"], &report["failed"]), (&27.into(), &0.into()), "{report}");
    for (target, image) in &images {
        let (name, tag) = target.rsplit_once(':').unwrap();
        assert!(stage.is_there(name.strip_prefix("private.test/").unwrap(), tag, image), "{target}");
    }
    let new = stage.read("docker-compose-mirror.yaml").unwrap();
    let changed = changed_lines(&compose, &new);
    assert_eq!(changed.len(), 29);
    assert!(changed.iter().all(|(old, new)| old.contains("image:") && new.contains(to)), "{changed:?}");
    assert!(new.contains("    image: vastdata/vastbase-vector\n"));
    // What the seed's own script wrote, but for a tag that was not there and the image that is ignored.
    let seed = seed.replace("registry.cn-heyuan.aliyuncs.com", "private.test");
    let differing: Vec<String> = changed_lines(&seed, &new).into_iter().map(|(_, new)| new).collect();
    let certbot = format!("    image: {to}/certbot-certbot");
    assert_eq!(differing, [certbot, "    image: vastdata/vastbase-vector".to_owned()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn real_stacks_are_planned_without_asking_anybody() {
    const SENTRY: &str = "SENTRY_IMAGE=ghcr.io/getsentry/sentry:nightly\nSNUBA_IMAGE=ghcr.io/getsentry/snuba:nightly\n\
                          RELAY_IMAGE=ghcr.io/getsentry/relay:nightly\nSYMBOLICATOR_IMAGE=ghcr.io/getsentry/symbolicator:nightly\n\
                          TASKBROKER_IMAGE=ghcr.io/getsentry/taskbroker:nightly\nLAUNCHPAD_IMAGE=ghcr.io/getsentry/launchpad:nightly\n\
                          VROOM_IMAGE=ghcr.io/getsentry/vroom:nightly\nUPTIME_CHECKER_IMAGE=ghcr.io/getsentry/uptime-checker:nightly\n";
    for (file, env, images, changed) in [
        ("getsentry-self-hosted-docker-compose.yml", SENTRY, 15, [8, 7]),
        ("langfuse-langfuse-docker-compose.yml", "", 6, [6, 0]),
        ("nextcloud-docker-with-nginx-proxy-postgres-fpm-compose.yaml", "", 5, [6, 0]),
    ] {
        let Some(compose) = case(file) else { return };
        let stage = Stage::new().await;
        stage.lab.write("docker-compose.yml", &compose);
        stage.lab.write(".env", env);
        let arguments = ["relay", "--to", "private.test/ns", "--dry-run", "--output", "json"];
        let plan = json(&stage.run(&arguments).await);
        assert_eq!(plan["images"].as_array().unwrap().len(), images, "{file}: {plan:#}");
        let files = plan["files"].as_array().unwrap();
        let counts =
            [0, 1].map(|number| files.get(number).map_or(0, |file| file["changed"].as_u64().unwrap()));
        assert_eq!(counts, changed, "{file}: {files:?}");
        assert_eq!(stage.origin.log().len() + stage.private.log().len(), 0);
        assert_eq!(stage.origin.log().count(Method::HEAD, ""), 0);
    }
}
