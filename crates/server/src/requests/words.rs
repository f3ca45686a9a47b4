//! What to do about an image that could not be fetched, in both languages. Pure.

use entrepot_requests::RequestFault;

use crate::pages::words::Language;

/// A way out.
pub(super) fn hint(fault: RequestFault, language: Language) -> &'static str {
    let (english, chinese) = both(fault);
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

fn both(fault: RequestFault) -> (&'static str, &'static str) {
    match fault {
        RequestFault::NotFound => (
            "look at the spelling of name and tag; some registries also say this of what an account may not see",
            "请检查名称和标签的拼写；有些镜像站对无权查看的镜像也会这样回答",
        ),
        RequestFault::Denied => {
            ("the registry gives it only to those who log in there", "该镜像站只向登录用户提供此镜像")
        }
        RequestFault::RateLimited => ("ask for it again later", "请稍后重新请求"),
        RequestFault::Registry => {
            ("ask for it again later: what has come is kept", "请稍后重新请求，已下载的部分会保留")
        }
        RequestFault::NoPlatform => ("ask for a platform that it has", "请选择它已有的平台"),
        RequestFault::TooLarge => {
            ("ask for fewer platforms, or ask the operator of this mirror", "请减少平台，或联系本站管理员")
        }
        RequestFault::NoSpace => (
            "pull it: without space it comes through, and is not kept",
            "请直接拉取：没有空间时会直接转发，不保存",
        ),
        RequestFault::Damaged => (
            "the operator of this mirror can repair it: `entrepot cache verify`",
            "请本站管理员修复：`entrepot cache verify`",
        ),
        RequestFault::Store => ("ask for it again later", "请稍后重新请求"),
        RequestFault::Lapsed => ("ask for it again when fewer are waiting", "请在排队较少时重新请求"),
    }
}
