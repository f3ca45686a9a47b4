//! The texts of the page about requests for images, in both languages.

use entrepot_api::ImageRequestStatus;

use super::words::Language;

/// The texts.
pub(super) struct RequestWords {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) image: &'static str,
    pub(super) image_hint: &'static str,
    pub(super) platforms: &'static str,
    pub(super) platforms_hint: &'static str,
    pub(super) look: &'static str,
    pub(super) ask: &'static str,
    pub(super) did_you_mean: &'static str,
    pub(super) size: &'static str,
    pub(super) missing: &'static str,
    pub(super) ahead: &'static str,
    pub(super) all_here: &'static str,
    pub(super) yours: &'static str,
    pub(super) none: &'static str,
    pub(super) take_back: &'static str,
    pub(super) pull_it: &'static str,
    pub(super) renews: &'static str,
    pub(super) needs_login: &'static str,
    pub(super) log_in: &'static str,
    pub(super) off: &'static str,
    pub(super) off_hint: &'static str,
    pub(super) forbidden: &'static str,
    pub(super) forbidden_hint: &'static str,
    pub(super) broken_form: &'static str,
    pub(super) seconds_left: &'static str,
    statuses: [&'static str; 5],
}

impl RequestWords {
    /// The texts in `language`.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    /// How far a request is.
    pub(super) fn status(&self, status: ImageRequestStatus) -> &'static str {
        let [queued, running, done, failed, canceled] = self.statuses;
        match status {
            ImageRequestStatus::Queued => queued,
            ImageRequestStatus::Running => running,
            ImageRequestStatus::Done => done,
            ImageRequestStatus::Failed => failed,
            ImageRequestStatus::Canceled => canceled,
        }
    }
}

const ENGLISH: RequestWords = RequestWords {
    title: "Request an image",
    lead: "Ask for an image, and all of it is fetched before you pull it. A pull works without a request, too: it is only slower the first time.",
    image: "Image",
    image_hint: "A name, a pull command, or the address of its page: `nginx:1.27`, `docker pull nginx`",
    platforms: "Platforms",
    platforms_hint: "Such as `linux/amd64, linux/arm64`. Without them, the usual ones of this mirror, as far as the image has them.",
    look: "Look it up",
    ask: "Request it",
    did_you_mean: "Did you mean one of these?",
    size: "Size",
    missing: "Missing here",
    ahead: "Requests before it",
    all_here: "All of it is here: pull it.",
    yours: "Your requests",
    none: "You have not asked for anything yet.",
    take_back: "Take back",
    pull_it: "Pull it",
    renews: "This page renews itself while something is under way.",
    needs_login: "Requests need a login.",
    log_in: "Log in",
    off: "Images cannot be asked for here.",
    off_hint: "Pull them: that works without a request. The operator can write `requests: {}` in the configuration.",
    forbidden: "Your account may not ask for images.",
    forbidden_hint: "An admin can grant it: the right is called `request`.",
    broken_form: "The form did not arrive whole. Send it again.",
    seconds_left: "s left",
    statuses: ["waiting", "under way", "done", "failed", "taken back"],
};

const CHINESE: RequestWords = RequestWords {
    title: "请求同步镜像",
    lead: "提交请求后，本站会优先把镜像完整地同步过来，再拉取就很快。不提交也可以直接拉取，只是首次较慢。",
    image: "镜像",
    image_hint: "镜像名、拉取命令，或它的网址：`nginx:1.27`、`docker pull nginx`",
    platforms: "平台",
    platforms_hint: "例如 `linux/amd64, linux/arm64`。不填则使用本站的默认平台（以镜像已有的为准）。",
    look: "查询",
    ask: "提交请求",
    did_you_mean: "您指的是下面的哪一个？",
    size: "大小",
    missing: "本站缺少",
    ahead: "排在前面的请求",
    all_here: "本站已有完整的镜像，可以直接拉取。",
    yours: "我的请求",
    none: "还没有请求。",
    take_back: "取消",
    pull_it: "拉取",
    renews: "有请求进行时，本页会自动刷新。",
    needs_login: "提交请求需要先登录。",
    log_in: "登录",
    off: "本站未开放镜像请求。",
    off_hint: "可以直接拉取，无需请求。管理员可在配置中写上 `requests: {}`。",
    forbidden: "您的账号没有请求镜像的权限。",
    forbidden_hint: "请管理员授权，权限名为 `request`。",
    broken_form: "表单没有完整送达，请重新提交。",
    seconds_left: "秒后完成",
    statuses: ["排队中", "进行中", "已完成", "失败", "已取消"],
};
