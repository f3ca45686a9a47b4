//! The commands that work on documents: `images` and `rewrite`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        process::CommandExt as _,
    },
    process::Command,
};

use entrepot_testkit::{TestImage, TestRegistry};
use serde_json::Value;
use support::{Lab, Ran, typed};

const COMPOSE: &str = "\
services:
  web:
    image: nginx:1.27 # the door
    ports: [80]
  api: {image: \"ghcr.io/team/api:${TAG:-2}\"}
  own:
    build: .
  twin: {image: nginx:1.27}
";

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

fn piped(lab: &Lab, arguments: &[&str], input: &str) -> Ran {
    typed(lab.command(arguments), input)
}

#[test]
fn images_are_listed_once_each() {
    let lab = Lab::new();
    lab.write("compose.yaml", COMPOSE);
    let ran = lab.run(&["images", "compose.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "docker.io/library/nginx:1.27\nghcr.io/team/api:2\n"));
    assert_eq!(
        ran.stderr,
        "note: compose.yaml:7:12: `.` is left: the service is built here and names no image\n"
    );
    let ran = lab.run(&["images", "compose.yaml", "--output", "json"]);
    let told = json(&ran);
    assert_eq!(ran.stderr, "");
    assert_eq!(told["images"][0]["image"], "docker.io/library/nginx:1.27");
    assert_eq!(told["images"][0]["places"].as_array().unwrap().len(), 2);
    assert_eq!(told["images"][0]["places"][1]["path"], "services.twin.image");
    assert_eq!(told["left"][0]["reason"], "build-only");
}

#[test]
fn what_is_ignored_is_not_listed() {
    let lab = Lab::new();
    lab.write("compose.yaml", COMPOSE);
    lab.write("ignore-images.txt", "# no\nnginx\n");
    let ran = lab.run(&["-q", "images", "compose.yaml", "--ignore", "ignore-images.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "ghcr.io/team/api:2\n", ""));
    let ran = lab.run(&["images", "compose.yaml", "--ignore", "none.txt"]);
    let expected = "error: cannot read none.txt: No such file or directory (os error 2)\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, expected));
}

#[test]
fn a_document_goes_through_a_pipe() {
    let lab = Lab::new();
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx # c";
    let ran = piped(&lab, &["rewrite", "--to", "m.daocloud.io"], pod);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, pod.replace("nginx", "m.daocloud.io/docker.io/library/nginx"));
    let ran = piped(&lab, &["rewrite", "--to", "m.daocloud.io", "--naming", "alias", "-"], pod);
    assert_eq!(ran.stdout, pod.replace("nginx", "docker.m.daocloud.io/library/nginx"));
    let ran = piped(&lab, &["rewrite", "--to", "m.daocloud.io"], "hello: world\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.stderr,
        "error: standard input: what kind of document this is cannot be told\n\
         hint: say it: `--kind` compose, kubernetes, helm, kustomize, dockerfile, github, gitlab, woodpecker, circleci, bitbucket, devcontainer, quadlet, hcl, bake, ansible, script, env, list; `--kind script` lists what looks like an image\n\
         error: the document was not done\n"
    );
}

#[test]
fn files_are_changed_in_place_and_keep_what_they_are() {
    let lab = Lab::new();
    let file = lab.write("real.yaml", COMPOSE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, lab.path().join("compose.yaml")).unwrap();
    let arguments = ["-q", "rewrite", "-i", "compose.yaml", "--to", "r.test/ns", "--naming", "flatten"];
    let ran = lab.run(&arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, "compose.yaml: 3 images renamed, 1 left\n");
    let expected = COMPOSE
        .replace("nginx:1.27", "r.test/ns/nginx:1.27")
        .replace("ghcr.io/team/api", "r.test/ns/team-api");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(lab.path().join("compose.yaml")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(lab.path()).unwrap().count(), 2);
    assert_eq!(lab.run(&arguments).stdout, "compose.yaml: 0 images renamed, 4 left\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn what_a_changed_file_cannot_keep_is_told() {
    let lab = Lab::new();
    let file = lab.write("compose.yaml", COMPOSE);
    fs::hard_link(&file, lab.path().join("twin.yaml")).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(&file, Some(12_345), Some(54_321)).unwrap();
    }
    let ran = lab.run(&["rewrite", "--to", "m.test", "-i", "compose.yaml"]);
    let told = "warning: compose.yaml is a file of its own now: its other name, a hard link, keeps the old content\nhint: link them \
                again if they are to be one file: `ln -f`\n";
    assert!(ran.code == 0 && ran.stderr.ends_with(told), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(lab.path().join("twin.yaml")).unwrap(), COMPOSE);
    let owner =
        |name: &str| fs::metadata(lab.path().join(name)).map(|known| (known.uid(), known.gid())).unwrap();
    assert_eq!(owner("compose.yaml"), owner("twin.yaml"));
    if !is_root {
        return;
    }
    // Who is not root cannot give a file away.
    fs::set_permissions(lab.path(), fs::Permissions::from_mode(0o777)).unwrap();
    lab.write("theirs.yaml", COMPOSE);
    fs::set_permissions(lab.path().join("theirs.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    let mut command = lab.command(&["rewrite", "--to", "m.test", "-i", "theirs.yaml"]);
    command.uid(12_345).gid(12_345);
    let Ok(output) = command.output() else { return };
    let told = "warning: theirs.yaml belongs to this user now, and did to 0:0\nhint: root can give it back: `chown 0:0`\n";
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.ends_with(told), "{said}");
    assert_eq!(owner("theirs.yaml"), (12_345, 12_345));
}

#[test]
fn a_bad_file_does_not_keep_the_others() {
    let lab = Lab::new();
    lab.write("a.compose.yaml", "services: {a: {image: nginx}}\n");
    lab.write("docker-compose.yaml", "services:\n  a: [1\n  b: c\n");
    lab.write("compose.yaml", "services: {b: {image: redis}}\n");
    let files = ["docker-compose.yaml", "compose.yaml", "a.compose.yaml"];
    let mut arguments = vec!["rewrite", "-i", "--kind", "compose", "--to", "m.test"];
    arguments.extend(files);
    let ran = lab.run(&arguments);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.stderr,
        "error: docker-compose.yaml:3:4: illegal placement of ':' indicator\nerror: 1 of 3 documents were not done\n"
    );
    assert_eq!(
        ran.stdout,
        "compose.yaml: 1 image renamed, 0 left\na.compose.yaml: 1 image renamed, 0 left\n"
    );
    let text = |name: &str| fs::read_to_string(lab.path().join(name)).unwrap();
    assert_eq!(text("docker-compose.yaml"), "services:\n  a: [1\n  b: c\n");
    assert_eq!(text("compose.yaml"), "services: {b: {image: m.test/docker.io/library/redis}}\n");
}

#[test]
fn nothing_is_written_where_names_collide() {
    let lab = Lab::new();
    let (one, other) = ("services: {a: {image: quay.io/a/b}}\n", "services: {a: {image: ghcr.io/a/b}}\n");
    lab.write("compose.yaml", one);
    lab.write("compose.other.yaml", other);
    let call =
        ["rewrite", "-i", "compose.yaml", "compose.other.yaml", "--to", "r.test/n", "--naming", "flatten"];
    let ran = lab.run(&call);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.stderr,
        "error: `quay.io/a/b` and `ghcr.io/a/b` would both be `r.test/n/a-b`\n\
         hint: give one of them a name of its own: `--map ghcr.io/a/b=NEW`; nothing was written\n"
    );
    assert_eq!(fs::read_to_string(lab.path().join("compose.yaml")).unwrap(), one);
    assert_eq!(fs::read_to_string(lab.path().join("compose.other.yaml")).unwrap(), other);
    let mapped: Vec<&str> = call.into_iter().chain(["--map", "ghcr.io/a/b=r.test/n/b2"]).collect();
    assert_eq!(lab.run(&mapped).code, 0);
    assert_eq!(
        fs::read_to_string(lab.path().join("compose.other.yaml")).unwrap(),
        "services: {a: {image: r.test/n/b2}}\n"
    );
}

#[test]
fn what_changes_is_shown() {
    let lab = Lab::new();
    lab.write("Dockerfile", "FROM nginx AS a\nRUN x\n");
    let ran = lab.run(&["rewrite", "--diff", "Dockerfile", "--to", "m.test"]);
    let expected = "--- Dockerfile\n+++ Dockerfile\n@@ -1,2 +1,2 @@\n-FROM nginx AS a\n\
                    +FROM m.test/docker.io/library/nginx AS a\n RUN x\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, expected));
    assert_eq!(fs::read_to_string(lab.path().join("Dockerfile")).unwrap(), "FROM nginx AS a\nRUN x\n");
    let ran = lab.run(&["rewrite", "Dockerfile", "--to", "m.test", "--output", "json"]);
    let told = &json(&ran)["documents"][0];
    assert_eq!(
        (&told["kind"], &told["changes"][0]["to"]),
        (&"dockerfile".into(), &"m.test/docker.io/library/nginx".into())
    );
    assert_eq!(told["text"], "FROM m.test/docker.io/library/nginx AS a\nRUN x\n");
}

#[test]
fn a_wrong_call_is_told_before_anything_is_read() {
    let lab = Lab::new();
    for (arguments, message) in [
        (
            &["a", "b", "--to", "m.test"][..],
            "several documents cannot be printed as one\nhint: `--in-place` changes the files, `--diff` shows what would change",
        ),
        (
            &["-i", "--to", "m.test"],
            "standard input cannot be changed in place\nhint: name files, or leave out `--in-place`",
        ),
        (&["a"], "where the new names begin is not said\nhint: say it: `--to m.daocloud.io`"),
        (&["a", "--naming", "map"], "`--naming map` without a name\nhint: give some: `--map OLD=NEW`"),
        (
            &["a", "--to", "m.test/ns", "--naming", "alias"],
            "`m.test/ns` has a namespace, and aliases stand in front of a domain\nhint: leave it out: `--to m.test`",
        ),
        (&["a", "--map", "nginx"], "`nginx` is not `OLD=NEW`"),
    ] {
        let ran = lab.run(&[&["rewrite"], arguments].concat());
        assert_eq!((ran.code, ran.stderr), (2, format!("error: {message}\n")), "{arguments:?}");
    }
    for arguments in [&["--naming", "flat"][..], &["--to", "nowhere"], &["--kind", "terraform"]] {
        assert_eq!(lab.run(&[&["rewrite", "a"], arguments].concat()).code, 2, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_are_asked_for_the_images() {
    let registry = TestRegistry::start().await;
    let image = TestImage::random(1, 2, 100);
    registry.put_image("team/app", "1", &image);
    let host = registry.url().split_once("://").unwrap().1.to_owned();
    let lab = Lab::new();
    lab.write("images.txt", &format!("{host}/team/app:1\n{host}/team/none:1\n"));
    let ran = tokio::task::block_in_place(|| {
        let mut command = lab.command(&["images", "images.txt", "--resolve", "--output", "json"]);
        command.env("HOME", lab.path());
        support::ran(command)
    });
    let told = json(&ran);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error: 1 image could not be resolved\n"));
    let there = &told["images"][0]["resolved"];
    assert!(there["digest"].as_str().unwrap().starts_with("sha256:"), "{there}");
    assert!(there["platforms"][0]["size"].as_u64().unwrap() >= 200, "{there}");
    assert!(told["images"][1]["resolved"]["error"].as_str().unwrap().contains("is not there"));
}

// Writes a file and the directories above it.
fn put(lab: &Lab, name: &str, text: &str) {
    fs::create_dir_all(lab.path().join(name).parent().unwrap()).unwrap();
    lab.write(name, text);
}

#[test]
fn a_directory_stands_for_the_documents_in_it() {
    let lab = Lab::new();
    put(&lab, "app/compose.yaml", "services: {a: {image: nginx}}\n");
    put(&lab, "app/.github/workflows/x.yml", "on: push\njobs: {a: {container: redis}}\n");
    put(&lab, "app/.gitignore", "out/\n");
    put(&lab, "app/out/compose.yaml", "services: {a: {image: nginx}}\n");
    put(&lab, "app/notes.txt", "nginx\n");
    put(&lab, "app/main.go", "package main\n");
    put(&lab, "app/other.yaml", "url: quay.io/a/b:1\n");
    put(&lab, "app/templates/x.yaml", "apiVersion: v1\nkind: Pod\n{{- if .Values.x }}\n{{- end }}\n");
    let ran = lab.run(&["rewrite", "-i", "app", "--to", "m.test"]);
    let told = "note: app/other.yaml:1: `quay.io/a/b:1` looks like an image, but what kind of document this is cannot be told; \
                `--kind` says it\n";
    assert!(ran.code == 0 && ran.stderr.contains(told), "{} {}", ran.code, ran.stderr);
    assert!(ran.stderr.contains("note: app/templates/x.yaml:3:"), "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "app/.github/workflows/x.yml: 1 image renamed, 0 left\napp/compose.yaml: 1 image renamed, 0 left\n\
         7 files: 2 documents, 4 of no known kind, 1 unreadable: 2 images renamed, 0 left\n"
    );
    let text = |name: &str| fs::read_to_string(lab.path().join(name)).unwrap();
    assert_eq!(text("app/out/compose.yaml"), "services: {a: {image: nginx}}\n");
    assert_eq!(text("app/notes.txt"), "nginx\n");
    let ran = lab.run(&["rewrite", "app", "--to", "m.test"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let ran = lab.run(&["-q", "images", "app"]);
    assert_eq!(ran.stdout, "m.test/docker.io/library/redis:latest\nm.test/docker.io/library/nginx:latest\n");
}

#[test]
fn kustomizations_find_what_their_resources_become() {
    let lab = Lab::new();
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx:1}]}\n";
    let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [pod.yaml]\n";
    let prod = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\nimages:\n- name: nginx\n  newTag: '2'\n";
    put(&lab, "k/base/pod.yaml", pod);
    put(&lab, "k/base/kustomization.yaml", base);
    put(&lab, "k/prod/kustomization.yaml", prod);
    let call = [
        "rewrite",
        "-i",
        "k/base/pod.yaml",
        "k/base/kustomization.yaml",
        "k/prod/kustomization.yaml",
        "--to",
        "m.test",
    ];
    let ran = lab.run(&call);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let text = |name: &str| fs::read_to_string(lab.path().join(name)).unwrap();
    assert_eq!(text("k/prod/kustomization.yaml"), prod.replace("nginx", "m.test/docker.io/library/nginx"));
    assert_eq!(text("k/base/pod.yaml"), pod.replace("nginx", "m.test/docker.io/library/nginx"));
    // What kustomize makes of it, where it is installed.
    if let Ok(built) = Command::new("kubectl").args(["kustomize", "k/prod"]).current_dir(lab.path()).output()
    {
        let built = String::from_utf8_lossy(&built.stdout).into_owned();
        assert!(built.contains("image: m.test/docker.io/library/nginx:2"), "{built}");
    }
    // The kustomization alone: its resources keep their names.
    put(&lab, "k/base/pod.yaml", pod);
    put(&lab, "k/prod/kustomization.yaml", prod);
    lab.run(&["rewrite", "-i", "k/prod/kustomization.yaml", "--to", "m.test"]);
    let added = prod.replace("  newTag", "  newName: m.test/docker.io/library/nginx\n  newTag");
    assert_eq!(text("k/prod/kustomization.yaml").lines().count(), added.lines().count());
    // A resource without its kustomization.
    let ran = lab.run(&["rewrite", "-i", "k/base/pod.yaml", "--to", "m.test"]);
    let told = "note: k/base/kustomization.yaml is not among the documents: if its `images` name any that changed, name it as well\n";
    assert_eq!(ran.stderr, told);
}
