//! Requests for images and keep lists, with the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::{TestImage, TestRegistry};
use serde_json::Value;
use support::Lab;

fn configuration(upstream: &TestRegistry) -> String {
    format!(
        "listen: 127.0.0.1:0\ndata: ./data\nregistries: {{docker.io: {{endpoints: [\"{}\"]}}}}\nrequests: {{}}\n\
         keep:\n  - name: base\n    images: [\"docker.io/library/b:1\"]\n    files: [mirror.txt]\n    exclude: [exclude.txt]\n",
        upstream.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_asked_for_and_kept_by_the_command_line() {
    let (lab, upstream) = (Lab::new(), TestRegistry::start().await);
    upstream.put_image("library/a", "1", &TestImage::random(1, 1, 4000));
    upstream.put_image("library/b", "1", &TestImage::random(2, 1, 4000));
    upstream.put_image("team/c", "1.2", &TestImage::random(3, 1, 4000));
    upstream.put_image("team/c", "1.2-alpha", &TestImage::random(4, 1, 4000));
    lab.write("mirror.txt", "# theirs\ndocker.io/team/c\n");
    lab.write("exclude.txt", ".*alpha.*\n");
    lab.write("entrepot.yaml", &configuration(&upstream));
    let _serving = lab.serve(&[]);
    let look = lab.run(&["request", "docker pull a:1", "--dry-run"]);
    assert!(
        look.stdout.starts_with("`docker.io/library/a:1` (linux/amd64): "),
        "{}{}",
        look.stdout,
        look.stderr
    );
    let asked = lab.run(&["request", "docker pull a:1", "--quiet"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    assert!(asked.stdout.contains("request 1 for `docker.io/library/a:1`: done, "), "{}", asked.stdout);
    let listed = lab.run(&["request", "ls", "--output", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["requests"][0]["status"], "done");
    let perhaps = lab.run(&["request", "please sync A:1"]);
    let told = "this is not exactly the name of an image; did you mean `docker.io/library/a:1`?";
    assert!(perhaps.code == 1 && perhaps.stderr.contains(told), "{}", perhaps.stderr);
    let kept = lab.run(&["keep", "run", "base", "--wait", "--quiet"]);
    assert_eq!(kept.code, 0, "{}{}", kept.stdout, kept.stderr);
    assert!(
        kept.stdout.starts_with("keep list `base`: done: 2 kept, 0 failed, 0 postponed, "),
        "{}",
        kept.stdout
    );
    let images = lab.run(&["keep", "images", "base"]).stdout;
    assert!(images.contains("docker.io/team/c:1.2 ") && !images.contains("alpha"), "{images}");
    assert!(lab.run(&["keep", "ls"]).stdout.contains("2/2"));
}

#[test]
fn a_check_says_what_patterns_are_about_and_what_is_not_mirrored() {
    let lab = Lab::new();
    lab.write("mirror.txt", "docker.io/team/c\nregistry.example.com/a/b\n");
    lab.write("c.yaml", "keep: [{images: [\"quay.io/ascend/**\"], files: [mirror.txt]}]\n");
    let checked = lab.run(&["config", "check", "c.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let pattern = "keep list `list-1`: `quay.io/ascend/**` keeps what is held of these repositories, and finds no others";
    let elsewhere = "keep list `list-1`: `registry.example.com` is not mirrored, so nothing of it is kept";
    assert!(checked.stderr.contains(pattern) && checked.stderr.contains(elsewhere), "{}", checked.stderr);
    lab.write("mirror.txt", "docker.io/team/c\nnginx\n");
    let refused = lab.run(&["config", "check", "c.yaml"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("these lines name no repository: 2"),
        "{}",
        refused.stderr
    );
    lab.write("c.yaml", "requests: {platforms: [arm]}\n");
    let refused = lab.run(&["config", "check", "c.yaml"]);
    assert!(refused.code == 2 && refused.stderr.contains("`requests.platforms.0`"), "{}", refused.stderr);
}
