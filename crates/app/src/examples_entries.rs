//! Examples of the commands about entries of the image library.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    ("library ls", &[example("entrepot library ls --search torch", "Find entries", "查找条目")]),
    (
        "library add",
        &[
            example("entrepot library add nginx:1.27", "Add an image in one step", "一步添加镜像"),
            example(
                "entrepot library add registry.example.com/ml/torch:2.4 --name PyTorch --memory-split -u robot",
                "Add a private image, and be asked for the password",
                "添加私有镜像，并输入密码",
            ),
        ],
    ),
    (
        "library set",
        &[example(
            "entrepot library set PyTorch --image registry.example.com/ml/torch:2.5",
            "Offer another version from now on",
            "之后提供另一个版本",
        )],
    ),
    (
        "library shelf",
        &[example("entrepot library shelf PyTorch off", "Stop offering an image", "下架一个镜像")],
    ),
    ("library rm", &[example("entrepot library rm 7", "Remove an entry", "删除一个条目")]),
    (
        "library check",
        &[example(
            "entrepot library check PyTorch --fetch",
            "See whether memory can be split for an image",
            "查看镜像能否切分显存",
        )],
    ),
    (
        "library import",
        &[example(
            "entrepot library import entries.csv --dry-run",
            "See what a file would do",
            "查看文件将做的修改",
        )],
    ),
    (
        "library export",
        &[example(
            "entrepot library export > entries.csv",
            "Edit all entries in a spreadsheet",
            "用电子表格编辑所有条目",
        )],
    ),
];
