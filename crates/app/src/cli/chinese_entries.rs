//! The help texts of the image library's entries in 中文.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Manage the image library: images that may be run", "管理镜像库：可以运行的镜像"),
    ("List entries: images that may be run", "列出镜像库条目"),
    ("Only entries with this in their name or image", "只列出名字或镜像地址含有此文字的条目"),
    ("Only entries that are offered, or that are not", "只列出已上架或已下架的条目"),
    ("Add an image: one that the mirror has, or any other", "添加镜像：本站已有的或任何其他镜像"),
    (
        "Change an entry; instances keep the image that they were made of",
        "修改条目；已有实例仍使用创建时的镜像",
    ),
    ("Offer an entry, or stop offering it", "上架或下架条目"),
    ("The entry, by its id, or its name if no other has it", "条目的 id；名字唯一时也可用名字"),
    ("Remove an entry that no instance uses", "删除没有实例使用的条目"),
    (
        "Look at an entry's image: is it there, how large is it, can memory be split; the exit code is 1 if it is not there",
        "检查条目的镜像：是否存在、多大、能否切分显存；不存在时退出码为 1",
    ),
    ("Fetch layers that the mirror does not hold, to look into them", "下载本站没有的层，以便检查其内容"),
    (
        "Add and change entries by a file; nothing is stored if anything in it is wrong",
        "从文件新增和修改条目；有任何错误则全部不导入",
    ),
    ("The file, in CSV or JSON", "CSV 或 JSON 文件"),
    ("Its form, if its name does not say that", "文件格式，文件名看不出时使用"),
    ("Only say what would be done, and what is wrong", "只显示将要做什么以及哪里有误"),
    ("Write all entries as a document, without logins", "导出所有条目，不含账号密码"),
    ("The form", "格式"),
    (
        "The image, such as `nginx:1.27` or `registry.example.com/team/app:1.0`",
        "镜像，如 `nginx:1.27` 或 `registry.example.com/team/app:1.0`",
    ),
    ("Its name [default: the last part of the image, with its tag]", "名字 [默认：镜像名的最后一段及标签]"),
    ("The memory of cards may be split for it", "支持显存切分"),
    ("Its new image", "新的镜像地址"),
    ("Whether the memory of cards may be split for it", "是否支持显存切分"),
    ("What it is", "描述"),
    ("Where it comes from", "来源"),
    (
        "The account at the image's registry; its password is prompted for and stored as a credential",
        "镜像仓库的账号；会提示输入密码，并保存为凭据",
    ),
];
