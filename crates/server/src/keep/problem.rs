//! Refusals about keep lists, in both languages. Pure.

use entrepot_keep::Error;
use http::StatusCode;

use crate::sync::problem::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Unknown(name) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("all lists: `entrepot keep ls`")
                .in_chinese(format!("没有常驻列表 `{name}`"))
                .with_chinese_hint("全部列表：`entrepot keep ls`"),
            Error::Idle(name) => {
                Self::new(StatusCode::CONFLICT, text).in_chinese(format!("常驻列表 `{name}` 没有在运行"))
            }
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写常驻列表的记录")
            }
        }
    }
}
