//! What to do about a pull that failed, in both languages. Pure.

use entrepot_library::PullFault;

use crate::pages::words::Language;

/// A way out.
pub(super) fn hint(fault: PullFault, language: Language) -> &'static str {
    let (english, chinese) = both(fault);
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

fn both(fault: PullFault) -> (&'static str, &'static str) {
    match fault {
        PullFault::NotFound => (
            "look at the spelling of name and tag; some registries also say this of what an account may not see",
            "请检查名称和标签的拼写；有些镜像站对无权查看的镜像也会这样回答",
        ),
        PullFault::Denied => (
            "store a login for the registry that may pull it: `entrepot credentials add`",
            "请保存有权拉取的登录：`entrepot credentials add`",
        ),
        PullFault::NoLogin => (
            "the node asks the registry itself, without the logins that are stored here: let it pull through this server, \
             `entrepot node set NODE --pull-via mirror`, or log its engine in",
            "该节点直接访问镜像站，不使用这里保存的登录：请改为经由本服务拉取，`entrepot node set NODE --pull-via mirror`，\
             或在节点的容器引擎上登录",
        ),
        PullFault::RateLimited => (
            "wait, or store a login with a higher limit: `entrepot credentials add`",
            "请稍候，或保存限额更高的登录：`entrepot credentials add`",
        ),
        PullFault::Tls => (
            "the node does not trust the registry: give its engine the certificate authority, or name it in \
             `insecure-registries` for plain HTTP",
            "节点不信任该镜像站：请为容器引擎配置 CA 证书，使用明文 HTTP 时写入 `insecure-registries`",
        ),
        PullFault::DiskFull => {
            ("remove images or volumes from the node that nobody needs", "请删除节点上不需要的镜像或数据卷")
        }
        PullFault::PlatformMismatch => (
            "use an image for the node's platform: `entrepot inspect IMAGE` lists those that there are",
            "请使用适合该节点平台的镜像：`entrepot inspect IMAGE` 可列出有哪些平台",
        ),
        PullFault::RegistryError => ("the registry fails; try again later", "镜像站出错：请稍后重试"),
        PullFault::Network => (
            "the node does not reach it: look at its name server, proxy and firewall, and at `mirror_url` of the node",
            "节点无法访问：请检查域名解析、代理和防火墙，以及节点的 `mirror_url`",
        ),
        PullFault::Stalled => (
            "nothing has come for a long time: look at the network of the node, and try again",
            "长时间没有数据：请检查节点的网络后重试",
        ),
        PullFault::Unreachable => (
            "the node's engine does not answer: `entrepot node check NODE` says why",
            "节点的容器引擎没有应答：可用 `entrepot node check NODE` 查看原因",
        ),
        PullFault::NodeUnusable => (
            "say where the node reaches this server: `public_url` in the configuration, or `mirror_url` of the node",
            "请说明节点如何访问本服务：配置中的 `public_url`，或节点的 `mirror_url`",
        ),
        PullFault::Interrupted => {
            ("start it again; layers that are there stay", "请重新开始；已有的层会保留")
        }
        PullFault::Engine => (
            "the engine says something that is not known here: its log may say more",
            "容器引擎的回答无法识别：可查看它的日志",
        ),
    }
}
