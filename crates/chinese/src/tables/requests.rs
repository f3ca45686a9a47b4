//! Requests for images.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("there is no request `{0}`", "没有请求 `{0}`"),
    ("request `{0}` has ended", "请求 `{0}` 已结束"),
    ("`{0}` was pushed here: all of it is here", "`{0}` 是推送到本站的，无需请求"),
    ("{0} requests are open, and no more are taken", "排队中的请求已有 {0} 个，暂不接受新的请求"),
    ("you have {0} open requests, and may have no more at a time", "您有 {0} 个请求尚未完成，已达上限"),
    (
        "you have made {limit} requests in 24 hours, and may make no more",
        "24 小时内您已请求 {limit} 次，已达上限",
    ),
    ("`{image}` has {}, and images may have {}", "`{image}` 有 {}，超过单个镜像的上限 {}"),
    ("`{image}` is not for {}; it is for {}", "`{image}` 没有 {}，现有 {}"),
    ("the requests cannot be read or written", "暂时无法读写请求"),
    ("this names one platform at least", "至少要写一个平台"),
    ("this is 1 at least", "应至少为 1"),
];
