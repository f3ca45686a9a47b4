//! Stacks and bundles.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("a bundle of version {0}", "版本为 {0} 的离线包"),
    ("more than {MAX_FILES} files", "文件超过 {MAX_FILES} 个"),
    ("the name {name:?} {why}", "名称 {name:?} {why}"),
    ("two files would be at {0:?}", "有两个文件都写到 {0:?}"),
    ("its files of variables are not those that its other files use", "其中的变量文件与其他文件所用的不一致"),
    ("is no name of a file", "不是文件名"),
    ("leads out of the directory", "指向目录之外"),
    ("is that of a hidden file", "是隐藏文件"),
    ("has a part that begins with `-`", "有一段以 `-` 开头"),
    ("has characters that cannot be seen, or spaces at an end", "含有不可见字符，或首尾有空格"),
    ("has `\\` or `:` in it", "含有 `\\` 或 `:`"),
    // What is left to do
    ("docker login {}  # unless everybody may pull there", "docker login {}  # 如果任何人都可以拉取则不需要"),
    (
        "# built there, so what they are built from has to be there too: {}",
        "# 在那里构建，因此构建所需的内容也要在那里：{}",
    ),
    (
        "# taken from the environment here, so to be set there as well: {}",
        "# 取自此处的环境变量，在那里也要设置：{}",
    ),
];
