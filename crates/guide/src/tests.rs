//! The guide of the first seed, made of rules.

use std::time::{Duration, SystemTime};

use entrepot_sync::rules::RuleSection;

use super::*;

const RULES: &str = r#"[
  {"name":"sglang","title":"SGLANG 发行镜像","from":"docker.io/lmsysorg/sglang",
   "tags":{"match":"cann|CANN","ignore_case":true,"latest":3},"schedule":"@hourly",
   "usage":["**国内**：使用华为云 SWR 西南2 地址。"],"notes":"仅包含 **CANN 相关标签**。",
   "to":[{"repository":"swr.cn-southwest-2.myhuaweicloud.com/base_image/dockerhub/lmsysorg/sglang","format":"docker"},
         {"repository":"quay.io/ascend/sglang","note":"Quay.io Ascend 组织同步仓库"}]},
  {"name":"ascend-base","from":"quay.io/ascend/{cann,python}",
   "to":["swr.cn-southwest-2.myhuaweicloud.com/base_image/ascend-ci/{name}/{name}"]}
]"#;

fn rules() -> RuleSet {
    let sections: Vec<RuleSection> = serde_json::from_str(RULES).unwrap();
    RuleSet::check(&sections).unwrap()
}

fn may() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_593_600)
}

#[test]
fn the_guide_has_the_shape_of_the_first_seed() {
    let standing = RuleStanding { at: may(), in_sync: 5, wanted: 6 };
    let standing = RuleStandings { rules: [("sglang".to_owned(), standing)].into() };
    let text = guide(&rules(), &standing, GuideLanguage::Chinese, may());
    let expected = include_str!("expected.zh.md");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn it_is_there_in_english() {
    let text = guide(&rules(), &RuleStandings::default(), GuideLanguage::English, may());
    for part in [
        "# Where to pull images from, by project",
        "### 3 addresses",
        "matching `cann\\|CANN` in either case, the newest 3",
        "### Quay.io (source)",
        "### Huawei Cloud SWR cn-southwest-2 (copy)",
        "| `ascend-base` | by hand | not yet |  |",
        "*Last updated: 2026-05-01*",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("同步状态"), "{text}");
}

#[test]
fn rules_of_one_category_stand_together() {
    let json = r#"[
      {"name":"a","category":"Base","title":"A","from":"quay.io/x/a","to":["docker.io/x/a"]},
      {"name":"b","from":"quay.io/x/b","to":["docker.io/x/b"]},
      {"name":"c","category":"Base","title":"C","from":"quay.io/x/c","to":["docker.io/x/c"]}]"#;
    let sections: Vec<RuleSection> = serde_json::from_str(json).unwrap();
    let text =
        guide(&RuleSet::check(&sections).unwrap(), &RuleStandings::default(), GuideLanguage::English, may());
    let headings: Vec<&str> =
        text.lines().filter(|line| line.starts_with("## ") || line.starts_with("### ")).collect();
    assert_eq!(headings[..5], ["## 1. Base", "### A", "### C", "## 2. b (from Quay.io)", "### 2 addresses"]);
}
