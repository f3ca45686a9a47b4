//! Why something is not done with an instance, for people, in both languages. Pure.

use entrepot_api::ProblemCode;
use entrepot_catalog::InstancePhase;
use entrepot_library::{
    InstanceFault, NoPlace, QuotaFault, RunFault,
    placement::{CardRefusal, Misfit},
    split::EnvironmentFault,
};
use http::StatusCode;

use crate::sync::problem::{FieldError, Problem};

/// How many nodes are named that have no room.
const NAMED: usize = 5;

/// What is answered.
pub(super) fn problem(fault: InstanceFault) -> Problem {
    let text = fault.to_string();
    match fault {
        InstanceFault::Request(faults) => Problem::of_fields(faults.iter().map(field_error).collect()),
        InstanceFault::OffShelf { kind, name } => Problem::new(StatusCode::CONFLICT, text)
            .about(kind)
            .coded(ProblemCode::Conflict)
            .with_hint("choose another one, or have an operator put it on the shelf")
            .in_chinese(format!("`{name}` 已下架"))
            .with_chinese_hint("请换一个，或请运维上架"),
        InstanceFault::Unchecked(name) => Problem::new(StatusCode::CONFLICT, text)
            .about("entry")
            .coded(ProblemCode::Conflict)
            .with_hint("see what the check says: `entrepot library check`")
            .in_chinese(format!("镜像库条目 `{name}` 尚未检查通过，找不到对应的镜像"))
            .with_chinese_hint("请查看检查结果：`entrepot library check`"),
        InstanceFault::NameTaken(name) => Problem::new(StatusCode::CONFLICT, text)
            .about("name")
            .coded(ProblemCode::Exists)
            .with_hint("give it another name, or remove the other one first")
            .in_chinese(format!("已有名为 `{name}` 的容器实例"))
            .with_chinese_hint("请换一个名称，或先删除已有的实例"),
        InstanceFault::NoPorts => Problem::new(StatusCode::CONFLICT, text)
            .about("ports")
            .coded(ProblemCode::Conflict)
            .with_hint("publish fewer ports, or choose another node")
            .in_chinese("节点上没有空闲端口了")
            .with_chinese_hint("请少发布一些端口，或换一个节点"),
        InstanceFault::NoPlace(no) => no_place(&no, text),
        InstanceFault::Volume(name) => no_volume(&name, text),
        InstanceFault::VolumeInUse(name) => volume_in_use(&name, text),
        InstanceFault::NodeSilent(name) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
            .with_hint("look at the node: `entrepot node ls`")
            .in_chinese(format!("节点 `{name}` 现在无法完成这个操作"))
            .with_chinese_hint("查看节点：`entrepot node ls`"),
        InstanceFault::NotStarted(said) => not_started(&said, text),
        InstanceFault::TooManyPrograms(most) => Problem::new(StatusCode::CONFLICT, text)
            .with_hint("end some of them first")
            .in_chinese(format!("容器中已经运行着 {most} 个程序"))
            .with_chinese_hint("请先结束其中一些"),
        InstanceFault::NotHosted(prefixes) => not_hosted(&prefixes, text),
        InstanceFault::BeingSaved => Problem::new(StatusCode::CONFLICT, text)
            .with_hint("wait until that is done")
            .in_chinese("容器实例正在保存为镜像")
            .with_chinese_hint("请等待完成"),
        InstanceFault::NotBeingSaved => Problem::new(StatusCode::NOT_FOUND, text)
            .with_hint("save it: `entrepot commit`")
            .in_chinese("容器实例没有在保存为镜像")
            .with_chinese_hint("保存：`entrepot commit`"),
        InstanceFault::NotSaved(why) => not_saved(&why, text),
        InstanceFault::Phase(phase) => Problem::new(StatusCode::CONFLICT, text)
            .with_hint("see how it is: `entrepot ps`")
            .in_chinese(format!("容器实例当前为“{}”", phase_word(phase)))
            .with_chinese_hint("查看状态：`entrepot ps`"),
    }
}

fn no_volume(name: &str, text: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, text)
        .about("volume")
        .coded(ProblemCode::Conflict)
        .with_hint("see what there is: `entrepot volumes`")
        .in_chinese(format!("没有可用的数据卷 `{name}`"))
        .with_chinese_hint("查看：`entrepot volumes`")
}

fn volume_in_use(name: &str, text: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, text)
        .with_hint("remove the instance first, and keep its volumes")
        .in_chinese(format!("数据卷 `{name}` 正被实例使用"))
        .with_chinese_hint("请先删除实例并保留其数据卷")
}

fn not_started(said: &str, text: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, text)
        .with_hint("it needs a shell in the container, and the user that is named")
        .in_chinese(format!("程序无法在容器中启动：{said}"))
        .with_chinese_hint("容器中需要有 shell，并且指定的用户存在")
}

fn not_hosted(prefixes: &str, text: String) -> Problem {
    Problem::bad(text)
        .about("image")
        .with_hint("write it like `local/app:1`")
        .in_chinese(format!("镜像须保存在可推送的名称下，并带标签，以 {prefixes} 开头"))
        .with_chinese_hint("写法如 `local/app:1`")
}

fn not_saved(why: &str, text: String) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, text)
        .with_hint("see whether the node reaches this server, and has room: `entrepot node check`")
        .in_chinese(format!("容器实例保存失败：{why}"))
        .with_chinese_hint("请检查节点能否访问本服务、磁盘是否有空间：`entrepot node check`")
}

fn no_place(no: &NoPlace, text: String) -> Problem {
    let conflict = |text: String| Problem::new(StatusCode::CONFLICT, text);
    match no {
        NoPlace::NoNode => conflict(text)
            .with_hint("name another node or region; operators see why: `entrepot node ls`")
            .in_chinese("没有可用的算力节点")
            .with_chinese_hint("请换一个节点或地域；运维可用 `entrepot node ls` 查看原因"),
        NoPlace::NoRoom(nodes) => {
            let told = |word: fn(&Misfit) -> String, between: &str| {
                let all = nodes.iter().take(NAMED).map(|(id, misfit)| format!("{id}: {}", word(misfit)));
                all.collect::<Vec<_>>().join(between)
            };
            conflict(format!("{text} (node {})", told(misfit_english, "; node ")))
                .with_hint("wait until something is free, choose a smaller spec, or start without cards: `entrepot free`")
                .in_chinese(format!("没有节点能放下它（节点 {}）", told(misfit_chinese, "；节点 ")))
                .with_chinese_hint("请等待资源空闲、选择更小的规格，或不带卡启动：`entrepot free`")
        }
        NoPlace::Quota(fault) => conflict(format!("your quota does not allow it: {text}"))
            .with_hint("stop or remove an instance, or ask an operator for more")
            .in_chinese(format!("超出配额：{}", quota_chinese(*fault)))
            .with_chinese_hint("请停止或删除实例，或请运维提高配额"),
    }
}

fn misfit_english(misfit: &Misfit) -> String {
    match misfit {
        Misfit::NotOffered => "it offers no such cards".to_owned(),
        Misfit::Cpu { left_milli } => format!("{left_milli} thousandths of a core are left"),
        Misfit::Memory { left_mib } => format!("{left_mib} MiB of memory are left"),
        Misfit::NoSuchCard => "it has no such card".to_owned(),
        Misfit::Cards { fitting, wanted, first } => {
            let why = first.as_ref().map(|(uuid, why)| match why {
                CardRefusal::Unusable => format!(", `{uuid}` cannot be used"),
                CardRefusal::Taken => format!(", `{uuid}` is taken"),
                CardRefusal::InUse { used_mib } => {
                    format!(", somebody else uses {used_mib} MiB of `{uuid}`")
                }
                CardRefusal::UnknownMemory => format!(", `{uuid}` does not say how much memory it has"),
            });
            format!("{fitting} of {wanted} cards have room{}", why.unwrap_or_default())
        }
    }
}

fn misfit_chinese(misfit: &Misfit) -> String {
    match misfit {
        Misfit::NotOffered => "不提供这样的卡".to_owned(),
        Misfit::Cpu { left_milli } => format!("只剩 {left_milli} 毫核"),
        Misfit::Memory { left_mib } => format!("只剩 {left_mib} MiB 内存"),
        Misfit::NoSuchCard => "没有这样的卡".to_owned(),
        Misfit::Cards { fitting, wanted, first } => {
            let why = first.as_ref().map(|(uuid, why)| match why {
                CardRefusal::Unusable => format!("，`{uuid}` 不可用"),
                CardRefusal::Taken => format!("，`{uuid}` 已被占用"),
                CardRefusal::InUse { used_mib } => format!("，`{uuid}` 上有其他程序占用 {used_mib} MiB"),
                CardRefusal::UnknownMemory => format!("，`{uuid}` 没有报告显存"),
            });
            format!("需要 {wanted} 张卡，只有 {fitting} 张有空间{}", why.unwrap_or_default())
        }
    }
}

fn quota_chinese(fault: QuotaFault) -> String {
    match fault {
        QuotaFault::Instances { have, most } => format!("最多 {most} 个实例，已有 {have} 个"),
        QuotaFault::Cards { have, most, wanted } => {
            format!("最多 {most} 张卡，已用 {have} 张，还要 {wanted} 张")
        }
        QuotaFault::Hours { most } => format!("本月 {most} 卡时已用完"),
    }
}

fn field_error(fault: &RunFault) -> FieldError {
    FieldError { field: fault.field(), detail: fault.to_string(), chinese: run_chinese(fault) }
}

fn run_chinese(fault: &RunFault) -> String {
    match fault {
        RunFault::Name => "名称为 1 到 63 个字母、数字、`-`、`_`，以字母或数字开头".to_owned(),
        RunFault::RequestKey => "请求键为 1 到 128 个可见字符".to_owned(),
        RunFault::NoEnvironment => "这里不允许设置环境变量".to_owned(),
        RunFault::Environment(fault) => environment_chinese(fault),
        RunFault::NoCommand => "这里不允许替换镜像的启动命令".to_owned(),
        RunFault::Command => "命令为 1 到 256 个词，总长不超过 32 KiB，不含零字节".to_owned(),
        RunFault::TooManyPorts(most) => format!("最多发布 {most} 个端口"),
        RunFault::Port => "端口为 1 到 65535，且不重复".to_owned(),
        RunFault::Data => "数据卷应挂在绝对路径上，且不能覆盖系统目录，例如 `/data`".to_owned(),
        RunFault::Past(_) => "时间已过".to_owned(),
        RunFault::NotSplit { spec, entry } => format!("规格 `{spec}` 使用显存切分，镜像 `{entry}` 不支持"),
    }
}

fn environment_chinese(fault: &EnvironmentFault) -> String {
    match fault {
        EnvironmentFault::Name(name) => format!("`{name}` 不是变量名"),
        EnvironmentFault::Twice(name) => format!("`{name}` 设置了两次"),
        EnvironmentFault::Value(name) => format!("`{name}` 的值超过 8 KiB，或含有零字节"),
        EnvironmentFault::TooMany => "变量超过 100 个".to_owned(),
        EnvironmentFault::Ours(name) => format!("`{name}` 由系统设置：它决定容器能看到哪些卡、能用多少"),
        EnvironmentFault::ImagePreload(path) => {
            format!("镜像把 `LD_PRELOAD` 设为 `{path}`，这不是它自己的绝对路径")
        }
    }
}

fn phase_word(phase: InstancePhase) -> &'static str {
    match phase {
        InstancePhase::Queued => "排队中",
        InstancePhase::Pulling => "拉取镜像中",
        InstancePhase::Creating => "创建中",
        InstancePhase::Starting => "启动中",
        InstancePhase::Running => "运行中",
        InstancePhase::Stopping => "停止中",
        InstancePhase::Stopped => "已停止",
        InstancePhase::Restarting => "重启中",
        InstancePhase::Deleting => "删除中",
        InstancePhase::Failed => "失败",
        InstancePhase::Lost => "已丢失",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_card_and_who_uses_it() {
        let first = Some(("GPU-1".to_owned(), CardRefusal::InUse { used_mib: 80_000 }));
        let nodes = vec![(1.try_into().unwrap(), Misfit::Cards { fitting: 0, wanted: 1, first })];
        let problem = problem(InstanceFault::NoPlace(NoPlace::NoRoom(nodes)));
        assert_eq!(problem.status, StatusCode::CONFLICT);
        assert_eq!(
            problem.detail,
            "no node has room for it (node 1: 0 of 1 cards have room, somebody else uses 80000 MiB of `GPU-1`)"
        );
    }

    // The bounds are written out in both languages: they say the same.
    #[test]
    fn both_languages_name_the_same_numbers() {
        let numbers = |text: &str| {
            let found = text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty());
            found.map(str::to_owned).collect::<Vec<_>>()
        };
        for fault in [
            RunFault::Name,
            RunFault::RequestKey,
            RunFault::Command,
            RunFault::TooManyPorts(8),
            RunFault::Port,
            RunFault::Environment(EnvironmentFault::TooMany),
            RunFault::Environment(EnvironmentFault::Value("A".to_owned())),
        ] {
            assert_eq!(numbers(&fault.to_string()), numbers(&run_chinese(&fault)), "{fault}");
        }
        let hours = QuotaFault::Hours { most: 40 };
        assert_eq!(numbers(&hours.to_string()), numbers(&quota_chinese(hours)));
    }
}
