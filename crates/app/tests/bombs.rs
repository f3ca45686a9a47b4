//! Documents made to take memory, time or the stack: each is read or refused, and takes no more than what is said here.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fmt::Write as _;

use serde_json::Value;
use support::{Lab, Ran, within};

const MIB: u64 = 1 << 20;
/// What a variable may cost above what the program takes by itself.
const ABOVE: u64 = 64 * MIB;
/// Where the document itself is long or deep.
const MOST: u64 = 300 * MIB;
/// How often something is doubled: a tebibyte of it.
const DOUBLED: usize = 40;

/// Lines that make each variable of two of the one before; `%` is its number and `#` that of the one before.
fn doubling(line: &str) -> String {
    let of = |number: usize| line.replace('%', &number.to_string()).replace('#', &(number - 1).to_string());
    (1..DOUBLED).map(of).collect()
}

/// Runs a command that must come to an end by itself, whatever it says.
fn ends(lab: &Lab, arguments: &[&str], memory: u64) -> Ran {
    let ran = within(lab.command(arguments), memory);
    assert!(matches!(ran.code, 0..=2), "{arguments:?}: {} {}", ran.code, ran.stderr);
    assert!(
        !ran.stderr.contains("panicked") && !ran.stderr.contains("overflow"),
        "{arguments:?}: {}",
        ran.stderr
    );
    ran
}

fn bombs(lab: &Lab) {
    lab.write(
        "gl.yml",
        &format!("variables:\n  A0: nginx\n{}job:\n  image: $A39\n", doubling("  A%: $A#$A#\n")),
    );
    lab.write(
        "flat.yml",
        &format!("variables:\n  A: {}\njob:\n  image: {}\n", "a".repeat(4000), "$A".repeat(50_000)),
    );
    lab.write(
        "gh.yml",
        &format!(
            "env:\n  A0: nginx\n{}jobs:\n  a:\n    runs-on: x\n    container: ${{{{ env.A39 }}}}\n",
            doubling("  A%: ${{ env.A# }}${{ env.A# }}\n")
        ),
    );
    let matrix = "a/b,".repeat(5000);
    let services: String = (0..5000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "      s{number}: {{image: '${{{{ matrix.i }}}}'}}");
        text
    });
    lab.write(
        "matrix.yml",
        &format!("jobs:\n  a:\n    strategy: {{matrix: {{i: [{matrix}]}}}}\n    services:\n{services}"),
    );
    lab.write("dev.json", r#"{"image":"${A}"}"#);
    let parameters = doubling("{name: a%, default: \"$(params.a#)$(params.a#)\"},");
    lab.write("t.yaml", &format!("apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  params: [{parameters}{{name: a0, default: nginx}}]\n  steps: [{{image: $(params.a39)}}]\n"));
    let images: String =
        (0..5000).map(|number| format!("a{number}: {{image: {{repository: b, tag: '1'}}}}\n")).collect();
    lab.write("values.yaml", &format!("global: {{imageRegistry: {}}}\n{images}", "$A".repeat(2000)));
    lab.write("compose.yaml", "services: {a: {image: '${A}'}}\n");
    lab.write(".env", &format!("A0=nginx\n{}A=${{A39}}\n", doubling("A%=${A#}${A#}\n")));
    lab.write("Dockerfile", &format!("ARG A0=nginx\n{}FROM ${{A39}}\n", doubling("ARG A%=${A#}${A#}\n")));
    let twelve =
        (1..13).map(|number| format!("ARG A{number}=$A{}$A{}\n", number - 1, number - 1)).collect::<String>();
    lab.write(
        "many.Dockerfile",
        &format!("ARG A0=a\n{twelve}{}{}", "ARG B=$A12\n".repeat(5000), "FROM $A12\n".repeat(5000)),
    );
}

// A08
#[test]
fn variables_that_double_take_no_memory() {
    let lab = Lab::new();
    bombs(&lab);
    lab.write("plain.yaml", "services: {a: {image: nginx}}\n");
    let own = support::peak(lab.command(&["rewrite", "--to", "r.lan/x", "plain.yaml"]));
    for file in [
        "gl.yml",
        "flat.yml",
        "gh.yml",
        "matrix.yml",
        "dev.json",
        "t.yaml",
        "values.yaml",
        "compose.yaml",
        ".env",
        "Dockerfile",
        "many.Dockerfile",
    ] {
        let kind = match file {
            "gl.yml" | "flat.yml" => "gitlab",
            "gh.yml" | "matrix.yml" => "github",
            "dev.json" => "devcontainer",
            "t.yaml" => "kubernetes",
            "values.yaml" => "helm",
            "compose.yaml" => "compose",
            ".env" => "env",
            _ => "dockerfile",
        };
        for arguments in [
            vec!["images", "--kind", kind, file],
            vec!["rewrite", "--kind", kind, "--to", "r.lan/x", file],
            vec!["relay", "--kind", kind, "--to", "r.lan/x", "--dry-run", file],
        ] {
            ends(&lab, &arguments, own + ABOVE);
        }
    }
}

#[test]
fn what_is_too_long_for_a_name_is_told() {
    let lab = Lab::new();
    bombs(&lab);
    let told = "is left: it stands for more than 4 KiB of text, and no image name is that long; write the name out\n";
    let ran = lab.run(&["images", "Dockerfile"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, format!("note: Dockerfile:41:6: `${{A39}}` {told}"));
    let ran = lab.run(&["relay", "compose.yaml", "--to", "r.lan/x", "--dry-run"]);
    assert_eq!(ran.stderr, format!("note: compose.yaml:1:23: `${{A}}` {told}"));
    let ran = lab.run(&["images", "Dockerfile", "--output", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["left"][0]["reason"], "too-long");
}

#[test]
fn depth_and_length_end_in_an_answer() {
    let lab = Lab::new();
    let deep = 300_000;
    for (name, text) in [
        ("list.json", "[".repeat(deep) + &"]".repeat(deep)),
        ("object.json", "{\"a\":".repeat(deep) + "1" + &"}".repeat(deep)),
        ("flow.yaml", format!("services: {}", "[".repeat(deep))),
        ("block.yaml", "- ".repeat(deep)),
        ("keys.yaml", "? ".repeat(deep)),
        (
            "defaults.yaml",
            format!("services: {{a: {{image: '{}x{}'}}}}\n", "${A:-".repeat(20_000), "}".repeat(20_000)),
        ),
        ("open.yaml", format!("services: {{a: {{image: '{}'}}}}\n", "${".repeat(100_000))),
        ("merges.yaml", {
            let chain: String = (1..20_000)
                .map(|number| format!("  s{number}: &m{number} {{<<: *m{}}}\n", number - 1))
                .collect();
            format!("services:\n  s0: &m0 {{image: a}}\n{chain}")
        }),
        ("laughs.yaml", {
            let lists: String = (1..30)
                .map(|number| format!("a{number}: &a{number} [*a{},*a{}]\n", number - 1, number - 1))
                .collect();
            format!("a0: &a0 [x]\n{lists}services: *a29\n")
        }),
        ("aliases.yaml", {
            let volumes = "{type: image, source: a},".repeat(2000);
            let services: String = (0..2000).map(|number| format!("  s{number}: *s\n")).collect();
            format!("services:\n  s: &s {{image: a, volumes: [{volumes}]}}\n{services}")
        }),
    ] {
        lab.write(name, &text);
        for arguments in [
            vec!["images", "--kind", "compose", name],
            vec!["images", "--kind", "kubernetes", name],
            vec!["rewrite", "--kind", "gitlab", "--to", "r.lan/x", name],
            vec!["rewrite", "--kind", "devcontainer", "--to", "r.lan/x", name],
            vec!["relay", "--to", "r.lan/x", "--dry-run", name],
        ] {
            ends(&lab, &arguments, MOST);
        }
    }
    let ran = lab.run(&["images", "--kind", "compose", "aliases.yaml"]);
    let told = "error: aliases.yaml:1:1: its aliases and merge keys expand to too much\n";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
}

#[test]
fn circles_of_variables_end() {
    let lab = Lab::new();
    lab.write("compose.yaml", "services: {a: {image: '${A}'}, b: {image: '${C:-x}'}}\n");
    lab.write(".env", "A=${B}\nB=${A}\nC=${C}\n");
    let ran = ends(&lab, &["relay", "compose.yaml", "--to", "r.lan/x", "--dry-run"], MOST);
    assert!(ran.stderr.contains("`${A}` is left: "), "{}", ran.stderr);
    assert!(ran.stdout.contains("docker.io/library/x"), "{}", ran.stdout);
}

#[test]
fn long_documents_are_done_whole() {
    let lab = Lab::new();
    let many = 5000;
    let numbered =
        |line: &str| (0..many).map(|number| line.replace('%', &number.to_string())).collect::<String>();
    let stages: String = (1..many).map(|number| format!("FROM a{} AS a{number}\n", number - 1)).collect();
    for (name, kind, text, images) in [
        ("c.yaml", "compose", format!("services:\n{}", numbered("  s%: {image: a/b%}\n")), many),
        ("stages", "dockerfile", format!("FROM x AS a0\n{stages}"), 1),
        ("lines", "dockerfile", format!("FROM {}x\n", "\\\n".repeat(300_000)), 1),
        ("k.yaml", "kubernetes", format!("{}a: 1\n", "---\n".repeat(200_000)), 0),
        ("pods.yaml", "kubernetes", numbered("---\nkind: Pod\nspec: {containers: [{image: a/b%}]}\n"), many),
        ("h.yaml", "helm", numbered("k%: {image: {registry: a.io, repository: b/c%, tag: '1'}}\n"), many),
        ("l.txt", "list", numbered("a/b%\n"), many),
    ] {
        lab.write(name, &text);
        let ran = ends(&lab, &["images", "-q", "--kind", kind, name], MOST);
        assert_eq!(ran.stdout.lines().count(), images, "{name}: {}", ran.stderr);
        let ran = ends(&lab, &["rewrite", "-q", "--kind", kind, "--to", "r.lan/x", name], MOST);
        assert_eq!(ran.stdout.matches("r.lan/x").count(), images, "{name}");
        assert_eq!(ran.stdout.lines().count(), text.lines().count(), "{name}");
    }
}

#[test]
fn patterns_of_many_stars_end() {
    let lab = Lab::new();
    lab.write(
        "stars",
        &(0..50).map(|number| format!("{}{}\n", "*".repeat(2000), "a".repeat(number))).collect::<String>(),
    );
    lab.write("pairs", &format!("{}b\n", "*a".repeat(200)));
    lab.write(
        "long.yaml",
        &format!(
            "services: {{a: {{image: '{}a:1'}}, b: {{image: 'q.io/{}:1'}}}}\n",
            "x/".repeat(60),
            "a".repeat(200)
        ),
    );
    let nested = "{a,".repeat(20_000) + "b" + &"}".repeat(20_000);
    lab.write("nested", &format!("{nested}\n"));
    for ignore in ["stars", "pairs", "nested"] {
        ends(&lab, &["relay", "long.yaml", "--to", "r.lan/x", "--dry-run", "--ignore", ignore], MOST);
    }
    lab.write(
        "migrate.yaml",
        &format!(
            "migrate:\n  from: docker.io/a\n  to: ghcr.io/b\n  repositories: [x]\n  documents: ['{nested}']\n"
        ),
    );
    let ran = ends(&lab, &["migrate", "rewrite", "migrate.yaml"], MOST);
    assert!(
        ran.stderr.contains("a pattern of `documents` is too long or nested too deeply\nhint: "),
        "{}",
        ran.code
    );
    lab.write(
        "rules.yaml",
        &format!(
            "sync:\n  - {{name: a, from: docker.io/a/b, to: [x.test/y], tags: {{include: '{nested}'}}}}\n"
        ),
    );
    let ran = ends(&lab, &["sync", "rules.yaml", "--dry-run"], MOST);
    assert!(ran.stderr.contains("is not a pattern"), "{}", ran.code);
}
