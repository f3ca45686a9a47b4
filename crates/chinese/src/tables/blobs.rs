//! Stored bytes.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("there is no space left on the data directory's file system", "数据目录所在的文件系统空间不足"),
    ("cannot {what} a file in the data directory", "数据目录中的文件操作失败（{what}）"),
    ("the object store failed", "对象存储出错"),
    (
        "{digest} has {size} bytes, more than the limit of {limit}",
        "{digest} 有 {size} 字节，超过上限 {limit}",
    ),
    ("the content has digest {actual}, not {expected}", "内容的摘要为 {actual}，应为 {expected}"),
    ("the stored blob {digest} is damaged", "已存储的镜像层 {digest} 已损坏"),
    ("the staged file {id} can no longer be changed", "临时文件 {id} 已不能再修改"),
    ("the object was removed from the bucket, or replaced", "存储桶中的对象已被删除或替换"),
    ("the staged file {id} is being read and cannot be truncated", "临时文件 {id} 正在被读取，不能截断"),
    ("the process is shutting down", "进程正在退出"),
];
