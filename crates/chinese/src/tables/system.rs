//! What the operating system says.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("No such file or directory (os error 2)", "文件或目录不存在（os error 2）"),
    ("Permission denied (os error 13)", "权限不足（os error 13）"),
    ("File exists (os error 17)", "文件已存在（os error 17）"),
    ("Not a directory (os error 20)", "不是目录（os error 20）"),
    ("Is a directory (os error 21)", "是目录（os error 21）"),
    ("Too many open files (os error 24)", "打开的文件过多（os error 24）"),
    ("No space left on device (os error 28)", "磁盘空间不足（os error 28）"),
    ("Read-only file system (os error 30)", "文件系统只读（os error 30）"),
    ("Too many levels of symbolic links (os error 40)", "符号链接层数过多（os error 40）"),
    ("Address already in use (os error 98)", "地址已被占用（os error 98）"),
    ("Cannot assign requested address (os error 99)", "本机没有该地址（os error 99）"),
    ("Connection reset by peer (os error 104)", "连接被对方重置（os error 104）"),
    ("Connection refused (os error 111)", "连接被拒绝（os error 111）"),
    ("Disk quota exceeded (os error 122)", "超出磁盘配额（os error 122）"),
    ("stream did not contain valid UTF-8", "不是 UTF-8 文本"),
];
