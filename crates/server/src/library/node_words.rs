//! What there is to be known about a node, with a way out, in both languages. Pure.

use entrepot_engine::{EndpointError, PemError};
use entrepot_library::{ConditionCode, NodeFault};

use crate::pages::words::Language;

/// A condition, for people.
pub(super) fn condition(code: ConditionCode, language: Language) -> &'static str {
    let found = CONDITIONS.iter().find(|(known, ..)| *known == code);
    found.map_or("", |(_, english, chinese)| match language {
        Language::English => english,
        Language::Chinese => chinese,
    })
}

/// What each condition means, with a way out: English and 中文.
const CONDITIONS: [(ConditionCode, &str, &str); 21] = [
    (
        ConditionCode::Unreachable,
        "it does not answer; look whether its engine runs and a firewall is in between. What runs there keeps its cards",
        "节点没有应答：请检查容器引擎是否在运行、中间是否有防火墙。其上的实例保留各自的卡",
    ),
    (
        ConditionCode::Tls,
        "there is no trusted connection; replace the certificates: `entrepot node set NODE --ca … --cert … --key …`",
        "无法建立可信连接：请用 `entrepot node set NODE --ca … --cert … --key …` 更换证书",
    ),
    (
        ConditionCode::Sealed,
        "its certificates do not open; give them again: `entrepot node set NODE --ca … --cert … --key …`",
        "证书无法解封：请用 `entrepot node set NODE --ca … --cert … --key …` 重新提供",
    ),
    (
        ConditionCode::TooOld,
        "its engine is too old; update it to Docker 20.10 or Podman 4.3, or later",
        "容器引擎版本过旧：请升级到 Docker 20.10 或 Podman 4.3 以上",
    ),
    (
        ConditionCode::NotUsable,
        "what answers there is not understood; look at the address",
        "对方的应答无法识别：请检查地址",
    ),
    (ConditionCode::NotLinux, "it runs no Linux containers", "它不运行 Linux 容器"),
    (
        ConditionCode::CertificateEnds,
        "a certificate ends soon; replace it in time: `entrepot node set NODE --ca … --cert … --key …`",
        "证书即将到期：请及时用 `entrepot node set NODE --ca … --cert … --key …` 更换",
    ),
    (
        ConditionCode::DiskFull,
        "its disk is full; remove images or volumes that nobody needs",
        "磁盘已满：请删除不需要的镜像或数据卷",
    ),
    (
        ConditionCode::DiskNearlyFull,
        "its disk is nearly full; remove images that nobody needs",
        "磁盘将满：请删除不需要的镜像",
    ),
    (
        ConditionCode::ClockSkew,
        "its clock and ours disagree; let both follow a time server",
        "它与本机的时钟不一致：请让两者都同步时间",
    ),
    (
        ConditionCode::Rootless,
        "its engine runs without root, so some limits cannot be kept",
        "容器引擎以非 root 运行，部分限额无法生效",
    ),
    (
        ConditionCode::NoDiskQuota,
        "the disk of a container cannot be limited with this storage; overlay2 on xfs with `pquota` can",
        "此存储方式无法限制容器的磁盘用量：xfs（带 `pquota`）上的 overlay2 可以",
    ),
    (
        ConditionCode::NoCards,
        "it has NVIDIA's runtime, and no card was found; look whether the driver is installed",
        "有 NVIDIA 运行时却没有发现卡：请检查驱动是否已安装",
    ),
    (
        ConditionCode::CardsWithoutNames,
        "its cards have no names of their own; make the CDI specification again: `nvidia-ctk cdi generate`",
        "卡没有各自的名称：请用 `nvidia-ctk cdi generate` 重新生成 CDI 描述",
    ),
    (
        ConditionCode::DriverUpdated,
        "its card driver was updated: new starts will fail; restart the machine. What runs goes on",
        "显卡驱动已更新：新的启动会失败，请重启机器。正在运行的不受影响",
    ),
    (
        ConditionCode::DriverGone,
        "its card driver does not answer; look at `nvidia-smi` there",
        "显卡驱动没有应答：请在该机器上查看 `nvidia-smi`",
    ),
    (
        ConditionCode::AscendRuntimeMissing,
        "it has Ascend cards, and its engine has no runtime `ascend`; install Ascend Docker Runtime",
        "有昇腾卡，但容器引擎没有 `ascend` 运行时：请安装 Ascend Docker Runtime",
    ),
    (
        ConditionCode::MpsRuns,
        "a card takes one process only, so it is not split; set it back: `nvidia-smi -c DEFAULT`",
        "有卡只允许一个进程使用，因此不能切分：可用 `nvidia-smi -c DEFAULT` 恢复",
    ),
    (
        ConditionCode::HamiMissing,
        "HAMi-core is not in its directory, so cards are not split; put `libvgpu.so` there, or name another directory",
        "目录中没有 HAMi-core，因此不能切分：请放入 `libvgpu.so`，或指定其他目录",
    ),
    (
        ConditionCode::HamiUnknown,
        "it is not known whether HAMi-core is there; pull any image, and check again",
        "无法得知 HAMi-core 是否存在：请先拉取任意镜像，再检查一次",
    ),
    (
        ConditionCode::DriverUnproven,
        "older versions of HAMi-core hang with this driver; use a current one",
        "旧版 HAMi-core 在此驱动下会卡死：请使用新版本",
    ),
];

/// What is wrong with what is said about a node, in 中文.
pub(super) fn chinese(fault: NodeFault) -> &'static str {
    match fault {
        NodeFault::Name => "名称为 1 到 63 个字母、数字、`.`、`_`、`-`，并以字母开头",
        NodeFault::Region => "区域最多 63 个可见字符",
        NodeFault::Address(_) => "地址应为 `unix:///run/docker.sock` 或 `tcp://gpu-1.lan:2376` 的形式",
        NodeFault::Endpoint(EndpointError::WithoutTls) => "其他机器上的容器引擎只能通过 TLS 访问：请提供证书",
        NodeFault::Endpoint(EndpointError::NeedlessTls) => "套接字不需要证书",
        NodeFault::Pem(PemError::Authority) => "CA 证书不是可读的 PEM",
        NodeFault::Pem(PemError::Certificate) => "客户端证书不是可读的 PEM",
        NodeFault::Pem(PemError::Key) => "客户端私钥不是可读的 PEM；不支持带口令的私钥",
        NodeFault::Pem(PemError::Pair) => "客户端私钥与证书不匹配",
        NodeFault::PublicHost => "访问端口的主机应为主机名或 IP 地址，不含端口",
        NodeFault::MirrorUrl => "节点访问本服务的地址应为 `http://10.0.0.5:5000` 的形式，不含路径",
        NodeFault::HamiCore(_) => "HAMi-core 目录应为绝对路径，不含 `.`、`..`、`:`、`,`",
        NodeFault::AscendCards => "一个节点最多 64 张昇腾卡",
        NodeFault::AscendModel => "昇腾卡的型号为 1 到 63 个可见字符",
        NodeFault::Remark => "备注最多 1000 个字符",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_told_in_both_languages() {
        for code in ConditionCode::ALL {
            let (english, chinese) = (condition(code, Language::English), condition(code, Language::Chinese));
            assert!(english.len() > 10 && english.chars().next().unwrap().is_ascii(), "{code:?}");
            assert!(!chinese.is_ascii(), "{code:?}");
        }
    }
}
