//! Why an image cannot be asked for, in both languages. Pure.

use entrepot_oci::ImageRefError;
use entrepot_requests::{Error, Image, ImageMeaning, listed};
use http::StatusCode;

use crate::sync::problem::Problem;

/// A text may mean one of these images.
pub(super) fn doubtful(images: &[Image]) -> Problem {
    let names: Vec<String> = images.iter().map(Image::explicit).collect();
    let told = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    Problem::bad(format!("this is not exactly the name of an image; did you mean {}?", told.join(" or ")))
        .about("image")
        .with_hint("send one of these")
        .in_chinese(format!("这不完全是镜像名，您指的是 {} 吗？", told.join("、")))
        .with_chinese_hint("请选择其中之一")
        .suggesting(names)
}

/// A text means no image that is mirrored here.
pub(super) fn no_name(meaning: &ImageMeaning) -> Problem {
    let (detail, hint, chinese, chinese_hint) = match meaning {
        ImageMeaning::Elsewhere(host) => {
            return Problem::bad(format!("this mirror does not serve `{host}`"))
                .about("image")
                .with_hint("see what it serves on its first page, or ask its operator for this registry")
                .in_chinese(format!("本站没有代理 `{host}`"))
                .with_chinese_hint("可用的上游见首页，需要新增请联系本站管理员");
        }
        ImageMeaning::OnlyPlatform => (
            "this names a platform, and no image",
            "write the image too: `nginx:1.27`",
            "这里只写了平台，没有镜像",
            "请同时写上镜像名，例如 `nginx:1.27`",
        ),
        ImageMeaning::Invalid(ImageRefError::Tag(_)) => (
            "the tag is not one",
            "a tag has letters, digits, `_`, `.` and `-`, at most 128 of them",
            "标签有误",
            "标签由字母、数字、`_`、`.` 和 `-` 组成，最多 128 个字符",
        ),
        ImageMeaning::Invalid(ImageRefError::Digest(_)) => (
            "the digest is not one",
            "a digest is `sha256:` and 64 digits of 0–9 and a–f",
            "摘要有误",
            "摘要形如 `sha256:` 加 64 位十六进制数字（小写）",
        ),
        _ => (
            "this is not the name of an image",
            "it is written like `nginx:1.27` or `quay.io/prometheus/busybox`, in lower case",
            "这不是镜像名",
            "镜像名形如 `nginx:1.27` 或 `quay.io/prometheus/busybox`，只用小写字母",
        ),
    };
    Problem::bad(detail).about("image").with_hint(hint).in_chinese(chinese).with_chinese_hint(chinese_hint)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Unknown(id) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("see yours: `entrepot request ls`")
                .in_chinese(format!("没有请求 `{id}`"))
                .with_chinese_hint("查看自己的请求：`entrepot request ls`"),
            Error::Ended(id) => {
                Self::new(StatusCode::CONFLICT, text).in_chinese(format!("请求 `{id}` 已结束"))
            }
            Error::Hosted(image) => Self::new(StatusCode::CONFLICT, text)
                .about("image")
                .with_hint("pull it")
                .in_chinese(format!("`{image}` 是推送到本站的，无需请求"))
                .with_chinese_hint("直接拉取即可"),
            Error::Full(limit) => Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .with_hint("try again later, or pull it: that works without a request")
                .in_chinese(format!("排队中的请求已有 {limit} 个，暂不接受新的请求"))
                .with_chinese_hint("请稍后再试，或直接拉取（无需请求）")
                .after(60),
            Error::TooManyOpen(limit) => Self::new(StatusCode::TOO_MANY_REQUESTS, text)
                .with_hint("wait until one has ended, or take one back")
                .in_chinese(format!("您有 {limit} 个请求尚未完成，已达上限"))
                .with_chinese_hint("请等待其中一个完成，或取消一个")
                .after(60),
            Error::TooManyToday { limit, after } => Self::new(StatusCode::TOO_MANY_REQUESTS, text)
                .with_hint("wait, or log in: an account has its own limit")
                .in_chinese(format!("24 小时内您已请求 {limit} 次，已达上限"))
                .with_chinese_hint("请稍后再试，或登录：每个账号单独计数")
                .after(after.as_secs().saturating_add(1)),
            Error::TooLarge { image, size, limit } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, text)
                .about("image")
                .with_hint("ask for fewer platforms, or ask the operator of this mirror")
                .in_chinese(format!(
                    "`{image}` 有 {}，超过单个镜像的上限 {}",
                    crate::pages::html::size(size),
                    crate::pages::html::size(limit)
                ))
                .with_chinese_hint("请减少平台，或联系本站管理员"),
            Error::NoPlatform { image, absent, offered } => Self::bad(text)
                .about("platforms")
                .with_hint("ask for one of these")
                .in_chinese(format!("`{image}` 没有 {}，现有 {}", listed(&absent), listed(&offered)))
                .with_chinese_hint("请选择现有的平台"),
            Error::Mirror(error) => error.into(),
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写请求")
            }
        }
    }
}
