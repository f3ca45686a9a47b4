//! The texts of the pages about logins by a provider and by programs, in both languages.

use super::words::Language;

/// The texts.
pub(super) struct ProviderWords {
    pub(super) not_logged_in: &'static str,
    pub(super) try_again: &'static str,
    pub(super) again: &'static str,
    pub(super) foreign: &'static str,
    pub(super) away: &'static str,
    pub(super) refused: &'static str,
    pub(super) no_claim: &'static str,
    pub(super) no_group: &'static str,
    pub(super) disabled: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) logged_out: &'static str,
    pub(super) still_there: &'static str,
    pub(super) log_out_of: &'static str,
    pub(super) device: &'static str,
    pub(super) device_lead: &'static str,
    pub(super) code: &'static str,
    pub(super) go_on: &'static str,
    pub(super) wants_in: &'static str,
    pub(super) asked_from: &'static str,
    pub(super) compare: &'static str,
    pub(super) gives: &'static str,
    pub(super) approve: &'static str,
    pub(super) deny: &'static str,
    pub(super) approved: &'static str,
    pub(super) denied: &'static str,
    pub(super) no_code: &'static str,
    pub(super) needs_account: &'static str,
}

impl ProviderWords {
    /// The texts in `language`.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

const ENGLISH: ProviderWords = ProviderWords {
    not_logged_in: "Not logged in",
    try_again: "Log in again",
    again: "Begin the login again.",
    foreign: "Begin the login again, in this browser. Cookies have to be allowed for this site.",
    away: "Whoever runs this server finds the reason in its log, and with `entrepot access test oidc`. Accounts of this server go on working.",
    refused: "Try again. If it stays so, whoever runs this server finds the reason with `entrepot access test oidc`.",
    no_claim: "The provider said nothing about groups at all. Whoever runs this server has to name the claim, `access.oidc.groups_claim`, or let the provider send it.",
    no_group: "Ask whoever runs this server which group you need, and log in again once you are in it.",
    disabled: "Somebody who manages accounts here has disabled it.",
    unavailable: "Try again in a moment. The server's log says more.",
    logged_out: "Logged out",
    still_there: "You are logged out here. Your session at the provider goes on.",
    log_out_of: "Log out of",
    device: "Log in a program",
    device_lead: "A program that has no browser shows a code. Type it here.",
    code: "Code",
    go_on: "Go on",
    wants_in: "wants to log in as you.",
    asked_from: "It asked from",
    compare: "Is this the code that it shows? If you have not begun this yourself, refuse.",
    gives: "It gets an API token for 90 days, which may do with repositories what you may, and nothing else.",
    approve: "Confirm",
    deny: "Refuse",
    approved: "Confirmed. The program goes on by itself, and you can close this page.",
    denied: "Refused. The program gets nothing.",
    no_code: "There is no login with this code, or it took too long, or it was decided already.",
    needs_account: "An API token cannot confirm a login. Log in with your account.",
};

const CHINESE: ProviderWords = ProviderWords {
    not_logged_in: "未能登录",
    try_again: "重新登录",
    again: "请重新开始登录。",
    foreign: "请在此浏览器中重新开始登录，并允许本站使用 cookie。",
    away: "管理员可以在服务器日志中，或用 `entrepot access test oidc` 查看原因。本站自己的账号不受影响。",
    refused: "请重试。如果仍然如此，管理员可以用 `entrepot access test oidc` 查看原因。",
    no_claim: "提供方没有发送任何组信息。管理员需要用 `access.oidc.groups_claim` 指定相应的声明，或让提供方发送它。",
    no_group: "请向管理员询问需要加入哪个组，加入后重新登录。",
    disabled: "管理员已停用该账号。",
    unavailable: "请稍后再试，详情见服务器日志。",
    logged_out: "已退出登录",
    still_there: "已从本站退出，在提供方的会话仍然有效。",
    log_out_of: "同时退出",
    device: "登录一个程序",
    device_lead: "没有浏览器的程序会显示一个代码，请在此输入。",
    code: "代码",
    go_on: "继续",
    wants_in: "请求以你的身份登录。",
    asked_from: "请求来自",
    compare: "程序显示的是这个代码吗？如果不是你本人发起的，请拒绝。",
    gives: "它将得到有效期 90 天的 API 令牌：对仓库的权限与你相同，除此之外什么也不能做。",
    approve: "确认",
    deny: "拒绝",
    approved: "已确认。程序会自动继续，可以关闭本页。",
    denied: "已拒绝，程序不会得到任何权限。",
    no_code: "没有使用该代码的登录，或者已超时、已处理。",
    needs_account: "API 令牌不能确认登录，请用账号登录。",
};
