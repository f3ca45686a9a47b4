//! The command line as people meet it: help, messages, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use support::{Lab, ran};

const HELP: &str = "tests/help.txt";

fn commands() -> Vec<Vec<&'static str>> {
    vec![
        vec![],
        vec!["serve"],
        vec!["config"],
        vec!["config", "check"],
        vec!["config", "show"],
        vec!["cache"],
        vec!["cache", "ls"],
        vec!["cache", "stat"],
        vec!["cache", "verify"],
        vec!["cache", "rm"],
        vec!["sync"],
        vec!["sync", "run"],
        vec!["sync", "runs"],
        vec!["sync", "cancel"],
        vec!["sync", "import"],
        vec!["check"],
        vec!["guide"],
        vec!["list"],
        vec!["list", "fmt"],
        vec!["copy"],
        vec!["tags"],
        vec!["inspect"],
        vec!["digest"],
        vec!["login"],
        vec!["logout"],
        vec!["images"],
        vec!["rewrite"],
        vec!["relay"],
        vec!["load"],
        vec!["migrate"],
        vec!["migrate", "plan"],
        vec!["migrate", "check"],
        vec!["migrate", "apply"],
        vec!["migrate", "verify"],
        vec!["migrate", "rewrite"],
        vec!["migrate", "status"],
        vec!["completions"],
        vec!["man"],
        vec!["help"],
        vec!["version"],
    ]
}

/// Written anew with `UPDATE_SNAPSHOTS=1`.
#[test]
fn help_is_as_written() {
    let lab = Lab::new();
    let mut help = String::new();
    for command in commands() {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let ran = lab.run(&arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        help += &format!("$ entrepot {}\n{}\n", arguments.join(" "), ran.stdout);
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(HELP, &help).unwrap();
    }
    assert_eq!(help, fs::read_to_string(HELP).unwrap());
}

#[test]
fn the_version_is_one_line() {
    let ran = Lab::new().run(&["--version"]);
    assert_eq!((ran.code, ran.stdout.clone()), (0, format!("entrepot {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(Lab::new().run(&["version"]).stdout, ran.stdout);
}

#[test]
fn help_is_a_command_too() {
    let lab = Lab::new();
    for (as_command, as_option) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "sync", "run"], &["sync", "run", "--help"]),
        (&["help", "copy"], &["copy", "--help"]),
    ] {
        let ran = lab.run(as_command);
        assert_eq!((ran.code, ran.stdout), (0, lab.run(as_option).stdout), "{as_command:?}");
    }
    let ran = lab.run(&["help", "frobnicate"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("frobnicate"), "{}", ran.stderr);
}

#[test]
fn the_terminal_says_the_language() {
    let lab = Lab::with("tls: {cert: a}\n");
    let said = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.envs(variables.iter().copied());
        ran(command)
    };
    for variables in [
        &[("LANG", "zh_CN.UTF-8")][..],
        &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW.UTF-8")],
        &[("LC_ALL", "zh_HK"), ("LANG", "C"), ("LC_MESSAGES", "C")],
    ] {
        let help = said(variables, &["sync", "run", "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{variables:?}");
        for part in [
            "用法: entrepot sync run",
            "让服务器立即执行一条规则",
            "示例:",
            "选项:",
            "（环境变量：ENTREPOT_SERVER）",
        ] {
            assert!(help.stdout.contains(part), "{part} in {}", help.stdout);
        }
        let failed = said(variables, &["config", "check", "entrepot.yaml"]);
        assert_eq!(failed.code, 2);
        assert!(
            failed.stderr.contains(": 有 `cert` 而没有 `key`\n提示: TLS 需要两个文件\n")
                && failed.stderr.starts_with("错误: "),
            "{}",
            failed.stderr
        );
        let wrong = said(variables, &["copy", "--all-tag", "A:b:c", "d"]);
        assert_eq!(wrong.code, 2);
        for part in ["错误: 多余的参数 '--all-tag'\n", "提示: 是否想写 '--all-tags'\n", "用法: entrepot copy"]
        {
            assert!(wrong.stderr.contains(part), "{part} in {}", wrong.stderr);
        }
        let missing = said(variables, &["sync", "missing.yaml"]);
        assert!(missing.stderr.starts_with("错误: missing.yaml: 没有这个文件"), "{}", missing.stderr);
    }
    for variables in [&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")][..], &[("LANG", "de_DE.UTF-8")]] {
        assert!(said(variables, &["--help"]).stdout.contains("Usage: entrepot"), "{variables:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let lab = Lab::with("listen: nowhere\nmirror: {segments: 0}\ntls: {cert: no.crt, key: no.key}\n");
    let told = lab.run(&["config", "check", "entrepot.yaml"]);
    assert_eq!((told.code, told.stdout.as_str()), (2, ""));
    let errors: Vec<&str> = told.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 3, "{}", told.stderr);
    for (error, part) in errors.iter().zip(["entrepot.yaml:1:9: `listen`", "entrepot.yaml:2:", "`no.crt`"]) {
        assert!(error.contains(part), "{error}");
    }
    let told = lab.run(&["config", "check", "entrepot.yaml", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &json["ok"], json["faults"].as_array().unwrap().len()), (2, &false.into(), 3));
    assert_eq!(told.stderr, "error: entrepot.yaml: 3 mistakes\n");
}

#[test]
fn a_password_may_be_an_argument_and_that_is_warned_of() {
    let ran = Lab::new().run(&["login", "127.0.0.1:1", "-u", "u", "-p", "canary"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with("warning: a password among the arguments is seen by other users"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--password-stdin") && !ran.stderr.contains("canary"), "{}", ran.stderr);
    for arguments in [
        &["login", "quay.io", "-p", "x"][..],
        &["login", "quay.io", "-u", "u", "-p", "x", "--password-stdin"],
    ] {
        assert_eq!(Lab::new().run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_wrong_call_is_2() {
    let lab = Lab::new();
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["serve", "--port", "1"],
        &["serve", "--listen", "5000"],
        &["cache", "rm", "NGINX"],
        &["cache", "ls", "a:b"],
        &["cache", "ls", "a", "--prefix", "b"],
        &["completions", "tcsh"],
        &["-q", "-v", "man"],
    ] {
        assert_eq!(lab.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_good_configuration_is_ok() {
    let lab = Lab::with("registries: {quay.io: {insecure: true}, lab.test: {mirror: true}}\n");
    let ran = lab.run(&["config", "check", "entrepot.yaml"]);
    let expected = "entrepot.yaml: ok
listens on 127.0.0.1:5000, mirrors 10 registries, takes pushes to local/
blobs: ./data; records: SQLite
";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, expected, ""));
    let ran = lab.run(&["config", "check", "entrepot.yaml", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["ok"], json["upstreams"].as_array().unwrap().len()), (&true.into(), 10));
}

#[test]
fn the_example_is_ok() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../entrepot.example.yaml");
    assert_eq!(Lab::new().run(&["config", "check", example]).code, 0);
}

#[test]
fn a_bad_configuration_is_2_and_says_where() {
    let lab = Lab::with("mirror:\n  freshnes: 1h\n");
    let told =
        "error: entrepot.yaml:2:3: `mirror`: unknown key `freshnes`\nhint: did you mean `freshness`?\n";
    for arguments in
        [&["config", "check", "entrepot.yaml"][..], &["config", "show"], &["serve"], &["cache", "stat"]]
    {
        let ran = lab.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (2, "", told), "{arguments:?}");
    }
    let ran = lab.run(&["config", "check", "nowhere.yaml"]);
    let told =
        "error: nowhere.yaml: there is no such file\nhint: without `--config`, the defaults are used\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
}

#[test]
fn the_environment_counts() {
    let lab = Lab::new();
    let mut command = lab.command(&["config", "show"]);
    command
        .env("ENTREPOT_MIRROR__FRESHNESS", "10m")
        .env("ENTREPOT_CONFIG", lab.write("other.yaml", "listen: 127.0.0.1:7"));
    let shown = ran(command).stdout;
    assert!(shown.contains("freshness: 10m\n") && shown.contains("listen: 127.0.0.1:7\n"), "{shown}");
    let mut command = lab.command(&["config", "show"]);
    let ran = ran({
        command.env("ENTREPOT_MIRROR__FRESHNES", "10m");
        command
    });
    let told = "error: `ENTREPOT_MIRROR__FRESHNES`: `mirror`: unknown key `freshnes`\nhint: did you mean `freshness`?\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
}

#[test]
fn what_is_shown_has_no_secrets() {
    let lab = Lab::with("registries: {quay.io: {credentials: [{username: u, password: \"file:secret\"}]}}\n");
    let secret = lab.write("secret", "canary\n");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    for form in ["text", "json"] {
        let ran = lab.run(&["config", "show", "--output", form]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains("\"***\"") && !ran.stdout.contains("canary"), "{}", ran.stdout);
    }
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let told = "warning: secret file `secret` can be read by others\nhint: run `chmod 600 secret`\n";
    assert_eq!(lab.run(&["config", "show"]).stderr, told);
}

#[test]
fn completions_are_scripts() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = lab.run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("entrepot") && ran.stdout.contains("cache"), "{shell}");
    }
}

#[test]
fn manual_pages_are_pages() {
    let lab = Lab::new();
    assert!(lab.run(&["man"]).stdout.contains(".TH entrepot 1"));
    assert_eq!(lab.run(&["man", "--out", "pages"]).code, 0);
    for page in ["entrepot.1", "entrepot-serve.1", "entrepot-cache-rm.1", "entrepot-config-check.1"] {
        let text = fs::read_to_string(lab.path().join("pages").join(page)).unwrap();
        for part in [".SH SYNOPSIS", ".SH EXAMPLES", ".SH \"EXIT STATUS\"", ".SH FILES"] {
            assert!(text.contains(part), "{part} in {page}: {text}");
        }
    }
}

#[test]
fn no_data_directory_is_told() {
    let ran = Lab::new().run(&["cache", "stat"]);
    let told = "error: there is no data directory `./data`\nhint: say where it is: `--data DIR`, or `--config FILE`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, told));
}

#[test]
fn what_serve_cannot_use_is_told() {
    let lab = Lab::new();
    lab.write("data", "a file");
    let ran = lab.run(&["-q", "serve"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error: cannot use the data directory `./data`: "), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with("\nhint: it must be a directory that this user may read and write\n"),
        "{}",
        ran.stderr
    );

    let lab = Lab::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = lab.run(&["-q", "serve", "--listen", &address]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with(&format!("error: cannot listen on `{address}`: ")), "{}", ran.stderr);
    let hint = "\nhint: another process listens there: stop it, or choose another port with `--listen`\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.stderr);

    let lab = Lab::with("tls: {cert: no.crt, key: no.key}\n");
    let ran = lab.run(&["-q", "serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("`no.crt`") && ran.stderr.contains("\nhint: look at `tls`"),
        "{}",
        ran.stderr
    );

    let lab = Lab::with("database: postgres://u:canary@127.0.0.1:1/d\n");
    let ran = lab.run(&["-q", "serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with("error: cannot open the catalog: ") && !ran.stderr.contains("canary"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_log_filter_that_cannot_be_read_is_told() {
    let lab = Lab::new();
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("ENTREPOT_LOG", "a=b=c");
    let ran = ran(command);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: `ENTREPOT_LOG`: "), "{}", ran.stderr);
}
