//! Refused changes of accounts, tokens and grants as the JSON API tells them, in both languages.

use entrepot_access::{ChangeError, PasswordError, SshKeyError};
use entrepot_api::ProblemCode;
use http::StatusCode;

use crate::{sync::problem::Problem, web::revision};

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let text = error.to_string();
        let field = |name, chinese: String| Self::bad(text.clone()).about(name).in_chinese(chinese);
        let conflict = |chinese: String| Self::new(StatusCode::CONFLICT, text.clone()).in_chinese(chinese);
        match &error {
            ChangeError::Name(_) => field(
                "name",
                "名称为 1 到 64 个小写字母、数字、`.`、`_`、`-`，并以字母或数字开头".to_owned(),
            ),
            ChangeError::Password(error) => field("password", password(*error).to_owned()),
            ChangeError::Scope(_) => field(
                "scopes",
                "权限范围应为 `pull:REPOSITORY`、`pull,push:REPOSITORY/**`、`sync`、`library` 或 `admin`，至少一项"
                    .to_owned(),
            ),
            ChangeError::NoPassword(name) => {
                field("password", format!("`{name}` 在此没有密码：它是机器人账号，或来自外部目录"))
            }
            ChangeError::Past => field("expires", "到期时间已过".to_owned()),
            ChangeError::EmptyGrant => field("repositories", "授权至少要有一个仓库和一个动作".to_owned()),
            ChangeError::SshKey(error) => field("key", ssh_key(*error).to_owned()),
            ChangeError::SshKeyTaken => conflict("另一个账号正在使用这个公钥".to_owned())
                .about("key")
                .coded(ProblemCode::Exists)
                .with_hint("make one of your own: `ssh-keygen -t ed25519`")
                .with_chinese_hint("请自己生成一个：`ssh-keygen -t ed25519`"),
            ChangeError::NoAccount(_)
            | ChangeError::NoSshKey(_)
            | ChangeError::NoToken(_)
            | ChangeError::NoSession(_)
            | ChangeError::NoGrant(_)
            | ChangeError::SeveralTokens(_) => not_one(&error),
            ChangeError::Exists(name) => {
                conflict(format!("账号 `{name}` 已存在")).coded(ProblemCode::Exists)
            }
            ChangeError::Conflict => conflict("期间已被修改，请重新查看".to_owned()),
            ChangeError::LastAdmin(name) => {
                conflict(format!("`{name}` 是最后一个管理员：请先把另一个账号设为管理员"))
            }
            ChangeError::GrantOfFile(id) => conflict(format!("授权 `{id}` 写在配置文件中，请在那里修改"))
                .with_hint("it is below `access.grants`")
                .with_chinese_hint("位于 `access.grants` 之下"),
            ChangeError::TooManyGrants => conflict("通过 API 建立的授权已达上限".to_owned())
                .with_hint("grant to a group or a role, or use patterns such as `local/app/**`")
                .with_chinese_hint("可以授权给组或角色，或使用 `local/app/**` 这样的模式"),
            ChangeError::Stale => revision::stale(),
            ChangeError::Busy(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .with_hint("try again soon")
                .in_chinese("同时登录过多")
                .with_chinese_hint("请稍后重试"),
            ChangeError::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写账号")
            }
        }
    }
}

// What a name does not lead to, or leads to more than once: where the names are, and in which words.
fn not_one(error: &ChangeError) -> Problem {
    let missing = |what: &str, list: &str| {
        Problem::new(StatusCode::NOT_FOUND, error.to_string())
            .with_hint(format!("see what there is: `{list}`"))
            .in_chinese(what)
            .with_chinese_hint(format!("查看：`{list}`"))
    };
    match error {
        ChangeError::NoToken(id) => missing(&format!("没有 API 令牌 `{id}`"), "entrepot token ls"),
        ChangeError::NoSession(id) => missing(&format!("没有会话 `{id}`"), "entrepot session ls"),
        ChangeError::NoGrant(id) => missing(&format!("没有授权 `{id}`"), "entrepot access grants ls"),
        ChangeError::SeveralTokens(name) => Problem::new(StatusCode::CONFLICT, error.to_string())
            .with_hint("name it by its id: `entrepot token ls`")
            .in_chinese(format!("有多个 API 令牌名为 `{name}`"))
            .with_chinese_hint("请使用 id：`entrepot token ls`"),
        ChangeError::NoSshKey(name) => Problem::new(StatusCode::NOT_FOUND, error.to_string())
            .with_hint("set one: `entrepot account key set ~/.ssh/id_ed25519.pub`")
            .in_chinese(format!("`{name}` 没有公钥"))
            .with_chinese_hint("请设置：`entrepot account key set ~/.ssh/id_ed25519.pub`"),
        ChangeError::NoAccount(name) => missing(&format!("没有账号 `{name}`"), "entrepot account ls"),
        _ => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
    }
}

fn ssh_key(error: SshKeyError) -> &'static str {
    match error {
        SshKeyError::Form => "这不是公钥：公钥形如 `ssh-ed25519 AAAA… 备注`",
        SshKeyError::Private => "这是私钥，不能交给任何人：请提交以 `.pub` 结尾的文件",
        SshKeyError::Several => "不止一个公钥，或公钥前带有选项",
        SshKeyError::Kind => "不接受这种密钥：请用 `ssh-keygen -t ed25519` 生成",
    }
}

fn password(error: PasswordError) -> &'static str {
    match error {
        PasswordError::Short => "密码至少 8 个字符",
        PasswordError::Long => "密码最长 1024 字节",
        PasswordError::Name => "密码不能与账号同名",
        PasswordError::Token => "密码不能以 `ep_` 开头，那是 API 令牌",
    }
}
