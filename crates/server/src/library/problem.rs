//! Refusals of the image library as the JSON API tells them, in both languages.

use entrepot_api::ProblemCode;
use entrepot_library::{Error, SpecFault};
use http::StatusCode;

use super::{instance_words, spec_words};
use crate::{
    sync::problem::{FieldError, Problem},
    web::revision,
};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Unknown { kind, id } => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint(format!("see what there is: `{}`", list(kind)))
                .in_chinese(format!("没有{} `{id}`", noun(kind)))
                .with_chinese_hint(format!("查看：`{}`", list(kind))),
            Error::Exists { kind, name } => Self::new(StatusCode::CONFLICT, text)
                .about("name")
                .coded(ProblemCode::Exists)
                .with_hint("give it another name")
                .in_chinese(format!("已有名为 `{name}` 的{}", noun(kind)))
                .with_chinese_hint("请换一个名称"),
            Error::InUse { kind, name, instances } => Self::new(StatusCode::CONFLICT, text)
                .with_hint("remove these instances first, or take it off the shelf")
                .in_chinese(format!("{} `{name}` 正被实例使用：{}", noun(kind), instances.join("、")))
                .with_chinese_hint("请先删除这些实例，或将其下架"),
            Error::Spec(faults) => Self::of_fields(faults.into_iter().map(spec_fault).collect()),
            Error::Instance(fault) => instance_words::problem(fault),
            Error::Stale => revision::stale(),
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写镜像库")
            }
        }
    }
}

fn spec_fault(fault: SpecFault) -> FieldError {
    FieldError { field: fault.field(), detail: fault.to_string(), chinese: spec_words::chinese(fault) }
}

fn noun(kind: &str) -> &'static str {
    match kind {
        "entry" => "镜像",
        "node" => "算力节点",
        "spec" => "产品规格",
        "instance" => "容器实例",
        "volume" => "数据卷",
        _ => "拉取任务",
    }
}

fn list(kind: &str) -> &'static str {
    match kind {
        "entry" => "entrepot library ls",
        "node" => "entrepot node ls",
        "spec" => "entrepot spec ls",
        "instance" => "entrepot ps",
        "volume" => "entrepot volumes",
        _ => "entrepot pull --list",
    }
}
