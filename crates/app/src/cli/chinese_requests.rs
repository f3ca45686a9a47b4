//! The help texts of requests for images and of keep lists in 中文.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    (
        "Ask a server to fetch all of an image before anybody pulls it, and show how far it is",
        "请服务器提前完整同步一个镜像，并显示进度",
    ),
    (
        "The image, as people write or copy it: `nginx:1.27`, `docker pull nginx`, the address of its page",
        "镜像，可以是镜像名、拉取命令或网址：`nginx:1.27`、`docker pull nginx`",
    ),
    (
        "A platform to fetch, such as `linux/arm64`; may be repeated [default: those of the server's configuration]",
        "要同步的平台，例如 `linux/arm64`；可重复 [默认：服务器配置的平台]",
    ),
    (
        "Only show what there is to it, and how many requests would come before it",
        "只显示镜像的大小，以及排在前面的请求数",
    ),
    ("List requests: your own, or all if you may inspect the server", "列出自己的请求；有查看权限时列出全部"),
    ("Only requests of this status", "只列出此状态的请求"),
    ("Maximum number of requests", "最多列出的条数"),
    ("Show a request", "显示一个请求"),
    (
        "Take a request back; it is stopped if nobody else asks for the image",
        "取消自己的请求；没有其他人请求同一镜像时即停止",
    ),
    ("Show and run keep lists: images that are always here", "查看和运行常驻列表：始终保存在本站的镜像"),
    ("List keep lists, and how much of each is here", "列出常驻列表及同步率"),
    (
        "List the images of a keep list, and why some are not as their registry has them",
        "列出常驻列表中的镜像，以及未能更新的原因",
    ),
    ("The list's name", "列表的名称"),
    ("Only images that stand so", "只列出此状态的镜像"),
    ("Run a keep list now", "立即运行常驻列表"),
    (
        "Show progress until the run ends; exit code 1 if anything is not kept",
        "显示进度直到结束；有镜像未保存时退出码为 1",
    ),
    ("Stop the run of a keep list; what has come stays", "停止运行常驻列表，已下载的部分会保留"),
    ("The request's id, as listed by `entrepot request ls`", "请求的 id，见 `entrepot request ls`"),
];
