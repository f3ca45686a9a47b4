//! Examples of the commands about instances.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "run",
        &[
            example(
                "entrepot run torch --spec a100-20g",
                "Run with a part of a card",
                "用一张卡的一部分运行",
            ),
            example(
                "entrepot run torch --spec a100 --name train -p 8888 --stop-after 8h",
                "Publish a port, and stop after eight hours",
                "发布一个端口，八小时后自动停止",
            ),
            example(
                "entrepot run torch --spec a100 -e HF_HOME=/data/hf -- python train.py",
                "Start a program of one's own",
                "运行自己的程序",
            ),
        ],
    ),
    (
        "ps",
        &[
            example("entrepot ps", "List one's instances", "列出自己的实例"),
            example(
                "entrepot ps --all --output json",
                "List all of them for a program",
                "以 JSON 列出所有人的实例",
            ),
        ],
    ),
    ("logs", &[example("entrepot logs train -f", "Follow what an instance prints", "持续查看实例的日志")]),
    (
        "exec",
        &[
            example("entrepot exec train", "Open a shell", "打开 shell"),
            example("entrepot exec train -it top", "Run a program with a terminal", "在终端中运行程序"),
            example(
                "entrepot exec train -i tar x -C /data < data.tar",
                "Let a program read a file",
                "让程序读取文件",
            ),
        ],
    ),
    ("stats", &[example("entrepot stats train", "See what an instance uses", "查看实例占用的资源")]),
    (
        "start",
        &[
            example("entrepot start train", "Start it with its cards", "带卡启动"),
            example("entrepot start train --no-cards", "Start it to copy data", "无卡启动，用于拷贝数据"),
        ],
    ),
    ("stop", &[example("entrepot stop train", "Stop it, and free its cards", "停止并释放卡")]),
    ("restart", &[example("entrepot restart train", "Restart it", "重启")]),
    ("rename", &[example("entrepot rename train train-2", "Give it another name", "改名")]),
    (
        "reimage",
        &[example("entrepot reimage train torch-2.6", "Go on with another image", "换一个镜像继续使用")],
    ),
    (
        "commit",
        &[example(
            "entrepot commit train my-torch:1 --entry my-torch",
            "Save an instance, and offer it to others",
            "保存实例并加入镜像库",
        )],
    ),
    (
        "extend",
        &[
            example("entrepot extend train --stop-after 4h", "Stop it four hours from now", "四小时后停止"),
            example("entrepot extend train --stop-after never", "Let it run on", "不再自动停止"),
        ],
    ),
    (
        "rm",
        &[
            example("entrepot rm train --volumes keep", "Remove it, and keep its data", "删除实例，保留数据"),
            example("entrepot rm train --volumes remove", "Remove it with its data", "连同数据一起删除"),
        ],
    ),
    (
        "free",
        &[
            example("entrepot free --region east", "See what is free in a region", "查看一个地域的空闲资源"),
            example(
                "entrepot free --notify A100-20g",
                "Have the team's chat told when there is a card",
                "有空闲的卡时，在团队群聊中通知",
            ),
        ],
    ),
    ("volumes", &[example("entrepot volumes", "List volumes with data", "列出数据卷")]),
];
