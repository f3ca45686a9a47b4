//! What commands print where the terminal speaks 中文: tables, totals, ages and reports; and what stays as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::{TestImage, TestRegistry};
use serde_json::Value;
use support::{Lab, Ran};

const CHINESE: [(&str, &str); 1] = [("LANG", "zh_CN.UTF-8")];

async fn run(lab: &Lab, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = lab.command(arguments);
    command.env("HOME", lab.path()).envs(variables.iter().copied());
    tokio::task::block_in_place(|| support::ran(command))
}

/// The output of a command that succeeds.
async fn told(lab: &Lab, arguments: &[&str]) -> String {
    let ran = run(lab, &CHINESE, arguments).await;
    assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    ran.stdout
}

fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_told() {
    let lab = Lab::with("data: data\n");
    std::fs::create_dir(lab.path().join("data")).unwrap();
    assert_eq!(told(&lab, &["cache", "ls"]).await, "没有保存任何内容\n");
    let counts = "0 个仓库\n0 个标签\n0 个清单\n0 个镜像层\n0 B\n";
    assert_eq!(told(&lab, &["cache", "stat"]).await, counts);
    assert_eq!(told(&lab, &["cache", "verify"]).await, "已比对 0 个已存储的镜像层和 0 条记录，0 处问题\n");
    // A reason is somebody's own words, also where they are words of ours.
    let image = format!("docker.io/library/never@sha256:{}", "ab".repeat(32));
    let pinned = told(&lab, &["cache", "pin", &image, "--reason", "nothing is held", "--for", "3d"]).await;
    let lines: Vec<_> = pinned.lines().map(cells).collect();
    assert_eq!(lines[0], ["镜像", "来源", "持有者", "起始时间", "到期", "原因"]);
    assert_eq!(lines[1], [&*image, "hand", "owner", "刚刚", "3 天后", "nothing is held"]);
    let listed = run(&lab, &[], &["cache", "pins"]).await.stdout;
    assert!(
        listed.starts_with("IMAGE ") && listed.contains("just now") && listed.contains("in 3 days"),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_told_and_names_stay() {
    let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("never/failed", "unknown", &TestImage::random(1, 1, 2_000));
    let lab = Lab::new();
    let (from, to) =
        (format!("{}/never/failed:unknown", source.host()), format!("{}/copied/left:waiting", target.host()));
    let planned = told(&lab, &["copy", &from, &to, "--dry-run"]).await;
    let lines: Vec<_> = planned.lines().map(cells).collect();
    assert_eq!(lines, [["来源", "目标", "将执行"], [&*from, &*to, "复制"]]);
    let ran = run(&lab, &CHINESE, &["copy", &from, &to]).await;
    let lines: Vec<_> = ran.stdout.lines().map(cells).collect();
    assert_eq!(lines[..2], [["来源", "目标", "状态"], [&*from, &*to, "已复制"]], "{}", ran.stdout);
    assert!(ran.stdout.contains("\n已复制 1；写入 "), "{}", ran.stdout);
    assert!(ran.stderr.starts_with(&format!("已复制：{from} 到 {to}，")), "{}", ran.stderr);
    assert!(told(&lab, &["copy", &from, &to]).await.ends_with("\n已是最新 1；写入 0 B\n"));
    // What programs read is the same in every language.
    let json = told(&lab, &["copy", &from, &to, "--output", "json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["up_to_date"], &json["images"][0]["state"]), (&1.into(), &"up-to-date".into()));
    let tags = told(&lab, &["tags", &format!("{}/never/failed", source.host())]).await;
    assert_eq!(tags, "unknown\n");
    let inspected = told(&lab, &["inspect", &from]).await;
    assert!(inspected.contains("\n摘要      sha256:") && inspected.contains("\n平台  "), "{inspected}");
    let english = run(&lab, &[], &["copy", &from, &to]).await.stdout;
    assert!(english.ends_with("\n1 up to date; 0 B written\n"), "{english}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_and_migrations_are_told() {
    let (hub, ghcr) = (TestRegistry::start().await, TestRegistry::start().await);
    for tag in ["1", "2"] {
        hub.put_image("team/app", tag, &TestImage::random(tag.parse().unwrap(), 1, 2_000));
    }
    let lab = Lab::new();
    let registries = format!(
        "registries:\n  docker.io: {{endpoints: [\"{}\"]}}\n  ghcr.io: {{endpoints: [\"{}\"]}}\n",
        hub.url(),
        ghcr.url()
    );
    lab.write(
        "rules.yaml",
        &format!(
            "sync:\n  - {{name: app, from: docker.io/team/app, to: [ghcr.io/copies/app]}}\n{registries}"
        ),
    );
    lab.write(
        "migrate.yaml",
        &format!("migrate: {{from: docker.io/team, to: ghcr.io/team, repositories: [app]}}\n{registries}"),
    );
    let planned = told(&lab, &["sync", "rules.yaml", "--dry-run"]).await;
    assert_eq!(cells(planned.lines().next().unwrap()), ["规则", "来源", "目标", "将执行"]);
    assert!(planned.ends_with("\n待复制 2；需读取 2 个镜像\n"), "{planned}");
    let report = told(&lab, &["sync", "rules.yaml"]).await;
    let lines: Vec<_> = report.lines().map(cells).collect();
    assert_eq!(lines[0], ["规则", "已复制", "已是最新", "保留", "多余", "已删除", "失败", "剩余"]);
    assert_eq!(lines[1], ["app", "2", "0", "0", "0", "0", "0", "0"]);
    assert!(report.contains("\n已复制 2；写入 ") && report.ends_with(" 秒\n"), "{report}");
    let plan = told(&lab, &["migrate", "plan"]).await;
    assert!(
        plan.starts_with("# 从 docker.io/team 到 ghcr.io/team\n\n1 个仓库，2 个标签，指向 2 个镜像："),
        "{plan}"
    );
    for part in [
        "\n待复制 2，已到位 0，目标处已有其他内容 0。\n",
        "\n## 仓库\n\n| 来源 | 目标 |",
        "\n## 手动步骤\n\n- [ ] ",
    ] {
        assert!(plan.contains(part), "{part} in {plan}");
    }
    let status = run(&lab, &CHINESE, &["migrate", "status"]).await;
    let expected = "从 docker.io/team 到 ghcr.io/team\n已到位 0/2 个标签\n下一步：用 `entrepot migrate check` 验证权限，\
                    用 `entrepot migrate apply` 复制\n";
    assert_eq!((status.code, status.stdout.as_str()), (1, expected));
    assert!(
        status.stderr.starts_with("正在查看 `docker.io/team` 和 `ghcr.io/team`\n错误: "),
        "{}",
        status.stderr
    );
    told(&lab, &["migrate", "apply"]).await;
    assert_eq!(told(&lab, &["migrate", "verify"]).await, "摘要一致 2\n");
    let checked = told(&lab, &["migrate", "check"]).await;
    assert_eq!(cells(checked.lines().next().unwrap()), ["仓库", "步骤", "权限", "说明"]);
    assert!(checked.contains("  访问  是  ") && checked.contains("\n权限齐全；"), "{checked}");
}
