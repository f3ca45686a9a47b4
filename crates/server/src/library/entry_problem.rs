//! What is refused about entries, as the JSON API tells it, in both languages.

use entrepot_api::ProblemCode;
use entrepot_catalog::EntryUse;
use entrepot_library::{AddressFault, EntryError, EntryFault, Field, FieldFault};
use entrepot_vault::Error as VaultError;
use http::StatusCode;

use crate::{
    sync::problem::{FieldError, Problem},
    web::revision,
};

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        let text = error.to_string();
        match error {
            EntryError::Unknown(id) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("see what there is: `entrepot library ls`")
                .in_chinese(format!("没有镜像库条目 `{id}`"))
                .with_chinese_hint("查看所有条目：`entrepot library ls`"),
            EntryError::Several { name, ids } => several(text, &name, &ids),
            EntryError::Stale => revision::stale(),
            EntryError::Faults(faults) => of_faults(faults),
            EntryError::InUse { entry, by } => in_use(text, entry, &by),
            EntryError::Login(cause) => of_login(text, cause),
            EntryError::Mirror(cause) => cause.into(),
            EntryError::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写镜像库")
            }
        }
    }
}

fn several(text: String, name: &str, ids: &[i64]) -> Problem {
    let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Problem::new(StatusCode::CONFLICT, text)
        .with_hint(format!("name it by its id: {ids}"))
        .in_chinese(format!("有多个条目名为 `{name}`"))
        .with_chinese_hint(format!("请使用 id：{ids}"))
}

fn in_use(text: String, entry: i64, by: &[EntryUse]) -> Problem {
    let named = |one: &EntryUse| format!("`{}`（{}，id {}）", one.name, one.owner, one.id);
    let used_by = by.iter().map(named).collect::<Vec<_>>().join("、");
    Problem::new(StatusCode::CONFLICT, text)
        .with_hint("delete the instances first, or take the entry off the shelf: nobody can run it then")
        .in_chinese(format!("条目 `{entry}` 正被容器实例使用：{used_by}"))
        .with_chinese_hint("请先删除这些容器实例，或将条目下架：下架后无法再创建容器")
}

fn of_faults(faults: Vec<EntryFault>) -> Problem {
    let hints = faults.first().map(|first| hint(&first.fault));
    let told = |one: EntryFault| FieldError {
        field: one.field.as_str(),
        detail: one.to_string(),
        chinese: format!("`{}`：{}", one.field.as_str(), chinese(&one.fault)),
    };
    let problem = Problem::of_fields(faults.into_iter().map(told).collect());
    match hints {
        Some((hint, chinese)) => problem.with_hint(hint).with_chinese_hint(chinese),
        None => problem,
    }
}

/// What is wrong with a field, in 中文.
pub(super) fn chinese(fault: &FieldFault) -> String {
    match fault {
        FieldFault::NoName => "名字不能为空".to_owned(),
        FieldFault::Long { most } => format!("超过 {most} 个字符"),
        FieldFault::Control => "含有无法显示的字符".to_owned(),
        FieldFault::Address(fault) => match fault {
            AddressFault::Empty => "地址不能为空".to_owned(),
            AddressFault::Long => "地址超过 500 个字符".to_owned(),
            AddressFault::Scheme => "镜像地址不带 `https://`".to_owned(),
            AddressFault::Login => "`@` 之前应为 `用户名:密码`".to_owned(),
            AddressFault::Unescaped => "用户名或密码中的 `/` 和 `@` 须写成 `%2F` 和 `%40`".to_owned(),
            AddressFault::NoRegistry => "账号须属于某个镜像仓库，而地址中没有写明".to_owned(),
            AddressFault::Image(_) => "这不是镜像地址".to_owned(),
        },
    }
}

fn hint(fault: &FieldFault) -> (&'static str, &'static str) {
    match fault {
        FieldFault::Address(_) => (
            "such as `nginx:1.27`, `registry.example.com/team/app:1.0` or `user:password@registry.example.com/team/app:1.0`",
            "例如 `nginx:1.27`、`registry.example.com/team/app:1.0` 或 `user:password@registry.example.com/team/app:1.0`",
        ),
        FieldFault::NoName => ("give it a name that people find it by", "请填写便于查找的名字"),
        FieldFault::Long { .. } => ("make it shorter", "请缩短"),
        FieldFault::Control => ("write it again by hand", "请重新输入"),
    }
}

fn of_login(text: String, cause: VaultError) -> Problem {
    match cause {
        cause @ VaultError::Fault(_) => {
            let problem = Problem::from(cause);
            let hint = problem.hint.unwrap_or_else(|| {
                "store the account by itself: `entrepot credentials add`, and give the address without it"
                    .to_owned()
            });
            Problem::bad(text)
                .about(Field::Address.as_str())
                .with_hint(hint)
                .in_chinese("地址中的账号无法保存")
                .with_chinese_hint("请用 `entrepot credentials add` 单独保存账号，地址中不写账号")
        }
        cause @ (VaultError::Exists(_) | VaultError::Conflict) => {
            Problem::from(cause).coded(ProblemCode::Conflict)
        }
        cause => cause.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_field_and_a_way_out() {
        let fault = |field, fault| EntryFault { field, fault };
        let problem = Problem::from(EntryError::Faults(vec![
            fault(Field::Name, FieldFault::NoName),
            fault(Field::Address, FieldFault::Address(AddressFault::Scheme)),
        ]));
        assert_eq!(problem.field, Some("name"));
        assert_eq!(
            problem.detail,
            "`name`: an entry needs a name; `address`: the address of an image has no `https://`"
        );
        assert_eq!(problem.hint.as_deref(), Some("give it a name that people find it by"));
    }

    #[test]
    fn an_entry_in_use_names_the_instances() {
        let by = vec![EntryUse { id: 3, name: "train".to_owned(), owner: "ann".to_owned() }];
        let problem = Problem::from(EntryError::InUse { entry: 7, by });
        assert_eq!(problem.status, StatusCode::CONFLICT);
        assert_eq!(problem.detail, "the entry `7` is in use by instance `train` of ann (id 3)");
    }
}
