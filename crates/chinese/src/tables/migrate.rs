//! Moving the images of a project.

pub(super) const SENTENCES: &[(&str, &str)] =
    &[("what kind of document this is cannot be told", "无法判断文件类型")];
