//! What would be better about an entry, in words of both languages. Pure.

use entrepot_api::{EntryAdvice, Timestamp};
use entrepot_catalog::SplitCheck;
use entrepot_library::Advice;

use crate::pages::words::Language;

/// A fact and what to do about it.
struct AdviceTexts(String, &'static str);

pub(super) fn told(advice: &Advice, language: Language) -> EntryAdvice {
    let AdviceTexts(detail, hint) = match language {
        Language::English => english(advice),
        Language::Chinese => chinese(advice),
    };
    EntryAdvice { code: advice.code().to_owned(), detail, hint: hint.to_owned() }
}

fn english(advice: &Advice) -> AdviceTexts {
    let text = |fact: &str, hint| AdviceTexts(fact.to_owned(), hint);
    match advice {
        Advice::NoTag => {
            text("the address has no tag, which means `latest`", "name a version: `image:1.2.3`")
        }
        Advice::Latest => {
            text("`latest` is another image from time to time", "name a version: `image:1.2.3`")
        }
        Advice::NoVersion(tag) => {
            AdviceTexts(format!("the tag `{tag}` has no version in it"), "name a version: `image:1.2.3`")
        }
        Advice::Moved => text(
            "the tag leads to another image than before",
            "running instances keep theirs; make an entry of its own for each version",
        ),
        Advice::Large(bytes) => AdviceTexts(
            format!("the image has {} GiB, compressed", bytes >> 30),
            "a smaller base image and builds in stages make starts faster; fetch it to the nodes beforehand",
        ),
        Advice::Old(built) => AdviceTexts(
            format!("the image was built on {}", date(*built)),
            "look for a newer version, which has what was mended since",
        ),
        Advice::NoUsualPlatform => text(
            "there is no image for Linux on amd64 or arm64",
            "nodes with other processors alone can run it",
        ),
        Advice::CannotSplit(fault) => AdviceTexts(
            format!("the memory of cards cannot be split for it: {}", split_english(*fault)),
            "take `memory_split` away, or use an image of a distribution with glibc and CUDA",
        ),
        Advice::SplitUnknown => text(
            "it is not known whether the memory of cards can be split for it",
            "check it with `fetch`, which reads all layers",
        ),
        Advice::NewCuda(major) => AdviceTexts(
            format!("it brings CUDA {major}, whose memory the splitting library may count wrong"),
            "try it on a node before others rely on it, or use an image with CUDA 12",
        ),
        Advice::Sshd => text(
            "it has an SSH server, and the split does not count in sessions that lose the environment",
            "set nodes to strict splitting, or log in through this server",
        ),
        Advice::LittleQuota { remaining, limit } => AdviceTexts(
            format!("its registry allows {remaining} of {limit} pulls more"),
            "store an account of that registry: `entrepot credentials add`",
        ),
    }
}

fn chinese(advice: &Advice) -> AdviceTexts {
    let text = |fact: &str, hint| AdviceTexts(fact.to_owned(), hint);
    match advice {
        Advice::NoTag => text("地址没有写标签，等同于 `latest`", "请写明版本，如 `image:1.2.3`"),
        Advice::Latest => text("`latest` 指向的镜像会变化", "请写明版本，如 `image:1.2.3`"),
        Advice::NoVersion(tag) => {
            AdviceTexts(format!("标签 `{tag}` 中没有版本号"), "请写明版本，如 `image:1.2.3`")
        }
        Advice::Moved => {
            text("标签指向的镜像与之前不同", "已创建的容器实例不受影响；建议为每个版本建立单独的条目")
        }
        Advice::Large(bytes) => AdviceTexts(
            format!("镜像压缩后有 {} GiB", bytes >> 30),
            "更小的基础镜像和多阶段构建能加快启动；可提前拉取到节点",
        ),
        Advice::Old(built) => {
            AdviceTexts(format!("镜像构建于 {}", date(*built)), "请查看是否有修复了问题的新版本")
        }
        Advice::NoUsualPlatform => {
            text("没有适用于 Linux amd64 或 arm64 的镜像", "只有其他架构的节点可以运行它")
        }
        Advice::CannotSplit(fault) => AdviceTexts(
            format!("该镜像无法切分显存：{}", split_chinese(*fault)),
            "请关闭 `memory_split`，或改用带有 glibc 和 CUDA 的镜像",
        ),
        Advice::SplitUnknown => text("尚不清楚该镜像能否切分显存", "请使用 `fetch` 检查，这会读取所有层"),
        Advice::NewCuda(major) => AdviceTexts(
            format!("镜像带有 CUDA {major}，切分库对它的显存统计可能有误"),
            "请先在节点上试用，或改用 CUDA 12 的镜像",
        ),
        Advice::Sshd => text(
            "镜像中有 SSH 服务，丢失环境变量的会话不受显存切分限制",
            "请在节点上启用严格切分，或经本服务器登录",
        ),
        Advice::LittleQuota { remaining, limit } => AdviceTexts(
            format!("其镜像仓库的拉取额度仅剩 {remaining}/{limit}"),
            "请保存该仓库的账号：`entrepot credentials add`",
        ),
    }
}

fn split_english(fault: SplitCheck) -> &'static str {
    match fault {
        SplitCheck::Musl => "its C library is musl, as on Alpine",
        SplitCheck::Static => "it has no C library",
        SplitCheck::OldGlibc => "its glibc is older than 2.17",
        SplitCheck::NoCuda => "it has no CUDA",
        SplitCheck::Unknown | SplitCheck::Fits => "nobody has looked",
    }
}

fn split_chinese(fault: SplitCheck) -> &'static str {
    match fault {
        SplitCheck::Musl => "C 库是 musl（如 Alpine）",
        SplitCheck::Static => "没有 C 库",
        SplitCheck::OldGlibc => "glibc 早于 2.17",
        SplitCheck::NoCuda => "没有 CUDA",
        SplitCheck::Unknown | SplitCheck::Fits => "尚未检查",
    }
}

fn date(time: std::time::SystemTime) -> String {
    Timestamp::from(time).to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn everything_is_said_in_both_languages() {
        let all = [
            Advice::NoTag,
            Advice::Latest,
            Advice::NoVersion("stable".to_owned()),
            Advice::Moved,
            Advice::Large(12 << 30),
            Advice::Old(SystemTime::UNIX_EPOCH),
            Advice::NoUsualPlatform,
            Advice::CannotSplit(SplitCheck::Musl),
            Advice::SplitUnknown,
            Advice::NewCuda(13),
            Advice::Sshd,
            Advice::LittleQuota { remaining: 3, limit: 100 },
        ];
        for one in &all {
            let (english, chinese) = (told(one, Language::English), told(one, Language::Chinese));
            assert_eq!(english.code, chinese.code);
            assert!(english.detail.is_ascii() && english.hint.is_ascii(), "{english:?}");
            assert!(!chinese.detail.is_ascii() && !chinese.hint.is_ascii(), "{chinese:?}");
        }
        assert_eq!(
            told(&all[4], Language::English),
            EntryAdvice {
                code: "large".to_owned(),
                detail: "the image has 12 GiB, compressed".to_owned(),
                hint: "a smaller base image and builds in stages make starts faster; fetch it to the nodes beforehand"
                    .to_owned(),
            }
        );
        assert_eq!(told(&all[5], Language::Chinese).detail, "镜像构建于 1970-01-01");
    }
}
