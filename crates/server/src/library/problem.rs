//! Refusals of the image library as the JSON API tells them, in both languages.

use entrepot_api::ProblemCode;
use entrepot_library::{Error, NodeFault, SpecFault};
use http::StatusCode;

use super::{instance_words, node_words, spec_words};
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
                .with_hint("remove these instances first")
                .in_chinese(format!("{} `{name}` 正被实例使用：{}", noun(kind), instances.join("、")))
                .with_chinese_hint("请先删除这些实例"),
            Error::HoldsData { node, volumes } => Self::new(StatusCode::CONFLICT, text)
                .with_hint("remove these volumes first, if nobody needs them")
                .in_chinese(format!("节点 `{node}` 上还有数据卷：{}", volumes.join("、")))
                .with_chinese_hint("确认无人需要后，请先删除这些数据卷"),
            Error::Drained { node } => Self::new(StatusCode::CONFLICT, text)
                .with_hint(format!("let it take something again: `entrepot node undrain {node}`"))
                .in_chinese(format!("节点 `{node}` 已停止接收新任务"))
                .with_chinese_hint(format!("恢复：`entrepot node undrain {node}`")),
            Error::EmptyRegion { region } => Self::new(StatusCode::NOT_FOUND, text)
                .about("region")
                .with_hint("see what there is: `entrepot node ls`")
                .in_chinese(format!("区域 `{region}` 中没有可用的节点"))
                .with_chinese_hint("查看：`entrepot node ls`"),
            Error::Ended { kind, id } => {
                Self::new(StatusCode::CONFLICT, text).in_chinese(format!("{} `{id}` 已结束", noun(kind)))
            }
            Error::NotAnImage(_) => Self::bad(text)
                .about("image")
                .with_hint("write it like `docker.io/library/nginx:1.27`")
                .in_chinese("这不是镜像地址")
                .with_chinese_hint("写法如 `docker.io/library/nginx:1.27`"),
            Error::Node(faults) => Self::of_fields(faults.into_iter().map(node_fault).collect()),
            Error::Sealed(_) => Self::new(StatusCode::CONFLICT, text)
                .with_hint("give the certificates of the node again, or put the key back that sealed them")
                .in_chinese("节点的证书无法解封")
                .with_chinese_hint("请重新提供节点的证书，或恢复当时使用的密钥"),
            Error::Spec(faults) => Self::of_fields(faults.into_iter().map(spec_fault).collect()),
            Error::Instance(fault) => instance_words::problem(fault),
            Error::NobodyListens => Self::new(StatusCode::CONFLICT, text)
                .with_hint("an operator can add one to the configuration, as `webhooks`")
                .in_chinese("没有 Webhook 接收 `card.free`，空闲时无人会得知")
                .with_chinese_hint("管理员可在配置的 `webhooks` 中添加"),
            Error::Stale => revision::stale(),
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).in_chinese("暂时无法读写镜像库")
            }
        }
    }
}

fn node_fault(fault: NodeFault) -> FieldError {
    let chinese = node_words::chinese(fault).to_owned();
    FieldError { field: fault.field(), detail: fault.to_string(), chinese }
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
        _ => "entrepot pulls ls",
    }
}
