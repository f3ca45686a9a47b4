//! `entrepot relay --scripts`: what is written runs, again and again.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on ends, and says why")]

#[path = "support/stage.rs"]
mod stage;
mod support;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use stage::Stage;

/// A program that stands for docker and skopeo: it keeps what was pulled and pushed as files, and notes how it was called.
const FAKE: &str = r#"#!/bin/bash
echo "${0##*/} $*" >> "$STATE/calls"
last=${*: -1}
mark=${last#docker://}
mark=$STATE/${mark//\//_}
case $1-$2 in
image-inspect) [ -e "$mark.here" ] && echo linux/amd64 ;;
manifest-inspect | inspect-*) [ -e "$mark.there" ] ;;
pull-*) [ "$last" != "$BROKEN" ] && touch "$mark.here" ;;
tag-*) [ -e "$STATE/${2//\//_}.here" ] ;;
push-* | copy-* | --override-os-*) [ "$last" != "$BROKEN" ] && touch "$mark.there" ;;
*) exit 9 ;;
esac
"#;

const PINNED: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Scripts for three images, one of them named by its digest, and the programs that they call.
async fn written(platform: &[&str]) -> Stage {
    let stage = Stage::new().await;
    let compose = format!(
        "services:\n  a: {{image: \"nginx:1.27\"}}\n  b: {{image: quay.io/team/app}}\n  c: {{image: \"redis@{PINNED}\"}}\n  d: {{build: .}}\n"
    );
    stage.lab.write("it's a stack.yaml", &compose);
    let arguments =
        [&["relay", "it's a stack.yaml", "--to", "private.test/ns", "--scripts", "out"], platform].concat();
    let ran = stage.run(&arguments).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told = "3 images to private.test/ns, 1 built here\nout/pull-images.sh: written\nout/push-images.sh: written\n\
                out/it's a stack-mirror.yaml: written\n";
    assert_eq!(ran.stdout, told);
    assert_eq!(stage.origin.log().len() + stage.private.log().len(), 0, "nothing is copied");
    let mirror = compose
        .replace("nginx", "private.test/ns/nginx")
        .replace("quay.io/team/app", "private.test/ns/team-app")
        .replace("redis", "private.test/ns/redis");
    assert_eq!(stage.read("out/it's a stack-mirror.yaml").unwrap(), mirror);
    fs::create_dir(stage.lab.path().join("bin")).unwrap();
    fs::create_dir(stage.lab.path().join("state")).unwrap();
    for program in ["docker", "skopeo"] {
        let path = stage.lab.write(&format!("bin/{program}"), FAKE);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    stage
}

/// Runs a script; its exit code and the last line that it prints.
fn run(stage: &Stage, script: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let root = stage.lab.path();
    let mut command = Command::new(root.join("out").join(script));
    command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", root.join("bin").display()));
    command.env("STATE", root.join("state")).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text.lines().last().unwrap_or_default().to_owned())
}

fn calls(stage: &Stage, word: &str) -> Vec<String> {
    let text = stage.read("state/calls").unwrap_or_default();
    text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_pulls_and_pushes_what_is_missing() {
    let stage = written(&["--platform", "linux/amd64"]).await;
    assert_eq!(
        run(&stage, "pull-images.sh", &[("BROKEN", "quay.io/team/app:latest")]),
        (1, "2 pulled, 0 here already, 1 failed".to_owned())
    );
    assert_eq!(run(&stage, "pull-images.sh", &[]), (0, "1 pulled, 2 here already, 0 failed".to_owned()));
    assert_eq!(run(&stage, "pull-images.sh", &[]), (0, "0 pulled, 3 here already, 0 failed".to_owned()));
    let pulls = calls(&stage, "docker pull");
    assert_eq!(pulls.len(), 4);
    assert_eq!(pulls[0], "docker pull --platform linux/amd64 docker.io/library/nginx:1.27");
    // What is here is for another platform.
    let other = run(&stage, "pull-images.sh", &[("PLATFORM", "linux/arm64")]);
    assert_eq!(other, (0, "3 pulled, 0 here already, 0 failed".to_owned()));

    // A digest is kept by skopeo only.
    let pushed = run(&stage, "push-images.sh", &[("TOOL", "docker")]);
    assert_eq!(pushed, (1, "2 pushed, 0 there already, 1 failed".to_owned()));
    assert_eq!(
        calls(&stage, "docker tag"),
        [
            "docker tag docker.io/library/nginx:1.27 private.test/ns/nginx:1.27",
            "docker tag quay.io/team/app:latest private.test/ns/team-app:latest"
        ]
    );
    let again = run(&stage, "push-images.sh", &[("TOOL", "docker")]);
    assert_eq!(again, (1, "0 pushed, 2 there already, 1 failed".to_owned()));
    let elsewhere =
        run(&stage, "push-images.sh", &[("TOOL", "docker"), ("REGISTRY", "other.test"), ("NAMESPACE", "")]);
    assert_eq!(elsewhere, (1, "2 pushed, 0 there already, 1 failed".to_owned()));
    assert_eq!(calls(&stage, "docker push").last().unwrap(), "docker push other.test/team-app:latest");
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_from_registry_to_registry() {
    let stage = written(&[]).await;
    assert_eq!(run(&stage, "push-images.sh", &[]), (0, "3 pushed, 0 there already, 0 failed".to_owned()));
    assert_eq!(
        calls(&stage, "skopeo copy")[0],
        "skopeo copy --all --preserve-digests docker://docker.io/library/nginx:1.27 docker://private.test/ns/nginx:1.27"
    );
    assert_eq!(run(&stage, "push-images.sh", &[]), (0, "0 pushed, 3 there already, 0 failed".to_owned()));
    assert!(calls(&stage, "docker ").is_empty());
    let one = run(&stage, "push-images.sh", &[("PLATFORM", "linux/arm/v7"), ("FORCE", "1")]);
    assert_eq!(one, (0, "3 pushed, 0 there already, 0 failed".to_owned()));
    assert_eq!(
        calls(&stage, "--override-os")[0],
        "skopeo --override-os linux --override-arch arm --override-variant v7 copy docker://docker.io/library/nginx:1.27 \
         docker://private.test/ns/nginx:1.27"
    );
    // What is named by its digest is copied whole.
    let whole = format!("docker://docker.io/library/redis@{PINNED} docker://private.test/ns/redis@{PINNED}");
    assert_eq!(calls(&stage, &whole).len(), 2);
}

// What is in a script is what it is made of, and nothing of that is run: not the name of a file, not what it would fill in.
#[tokio::test(flavor = "multi_thread")]
async fn no_name_of_a_file_becomes_a_command() {
    let stage = Stage::new().await;
    // A line that a placeholder would make of a name begins with this command.
    let command = stage.lab.path().join("docker.io/library");
    fs::create_dir_all(&command).unwrap();
    for name in ["redis:7", "redis:7.yaml", "redis:7-mirror.yaml"] {
        fs::write(command.join(name), "#!/bin/sh\ntouch PWNED\n").unwrap();
        fs::set_permissions(command.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for name in [
        "a@IMAGES@.yaml",
        "@FILES@@PLATFORM@@REGISTRY@@NAMESPACE@@IMAGES@",
        "x\ntouch PWNED\n.yaml",
        "x\rtouch PWNED\r.yaml",
        "x\u{2028}touch PWNED",
        "$(touch PWNED) `touch PWNED` ${IFS}",
        "'; touch PWNED; '\"; touch PWNED; \"",
        "-x.yaml",
    ] {
        let compose = "services:\n  a: {image: \"nginx:1\"}\n  b: {image: \"redis:7\"}\n";
        stage.lab.write(name, compose);
        let path = format!("./{name}");
        let arguments = ["relay", &path, "--to", "private.test/ns", "--scripts", "out", "--kind", "compose"];
        let ran = stage.run(&arguments).await;
        assert_eq!(ran.code, 0, "{name:?}: {}", ran.stderr);
        for (shell, script) in
            [("bash", "pull-images.sh"), ("bash", "push-images.sh"), ("sh", "pull-images.sh")]
        {
            let mut command = Command::new(shell);
            command
                .arg(format!("out/{script}"))
                .current_dir(stage.lab.path())
                .env("DOCKER", "true")
                .env("TOOL", "true");
            let output = command.output().unwrap();
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(!stage.lab.path().join("PWNED").exists(), "{name:?} runs in {script}: {said}");
            assert!(
                shell == "sh" || output.status.success() && said.contains("[2/2] "),
                "{name:?} breaks {script}: {said}"
            );
        }
        let text = stage.read("out/pull-images.sh").unwrap();
        assert_eq!(text.matches("docker.io/library/redis:7").count(), 1, "{text}");
        assert!(
            text.lines()
                .nth(1)
                .is_some_and(|line| line.starts_with("# Pulls ") && line.ends_with("can push them."))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shellcheck_finds_nothing() {
    let stage = written(&["--platform", "linux/amd64"]).await;
    if !Path::new("/usr/bin/shellcheck").exists() {
        println!("skipped: shellcheck is not installed");
        return;
    }
    let mut command = Command::new("/usr/bin/shellcheck");
    command.args(["pull-images.sh", "push-images.sh"]).current_dir(stage.lab.path().join("out"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
