//! Examples of the commands about nodes, specs and pulls.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "node ls",
        &[example("entrepot node ls --region beijing", "List the nodes of a region", "列出一个区域的节点")],
    ),
    ("node show", &[example("entrepot node show gpu-1", "Show a node with its cards", "显示节点和它的卡")]),
    (
        "node add",
        &[
            example(
                "entrepot node add here unix:///run/docker.sock",
                "The engine of the server's own machine",
                "服务器本机的容器引擎",
            ),
            example(
                "entrepot node add gpu-1 tcp://gpu-1.lan:2376 --ca ca.pem --cert cert.pem --key key.pem --region beijing",
                "An engine on another machine, with certificates",
                "另一台机器上的容器引擎，使用证书",
            ),
        ],
    ),
    ("node check", &[example("entrepot node check gpu-1", "Look at a node now", "立即检查节点")]),
    ("node drain", &[example("entrepot node drain gpu-1", "Before a machine is serviced", "维护机器之前")]),
    ("node undrain", &[example("entrepot node undrain gpu-1", "After that", "维护之后")]),
    (
        "node set",
        &[
            example(
                "entrepot node set gpu-1 --ca ca.pem --cert cert.pem --key key.pem",
                "Replace its certificates in place",
                "原地更换证书",
            ),
            example(
                "entrepot node set gpu-1 --mirror-url http://10.0.0.5:5000",
                "Say where it reaches this server",
                "说明它如何访问本服务",
            ),
        ],
    ),
    (
        "node release",
        &[example("entrepot node release gpu-1 GPU-5c2f", "A card works again", "卡已恢复正常")],
    ),
    ("node rm", &[example("entrepot node rm gpu-1", "Remove a node", "删除节点")]),
    (
        "pull",
        &[
            example(
                "entrepot pull gpu-1 docker.io/library/nginx:1.27",
                "Pull an image, with bars",
                "拉取镜像，显示进度条",
            ),
            example(
                "entrepot pull --region beijing quay.io/ascend/cann:8.0",
                "Have an image on all nodes of a region before it is needed",
                "提前把镜像拉取到一个区域的所有节点",
            ),
        ],
    ),
    (
        "pulls ls",
        &[example(
            "entrepot pulls ls --node gpu-1",
            "See what is on its way to a node",
            "查看节点正在拉取的镜像",
        )],
    ),
    ("pulls cancel", &[example("entrepot pulls cancel 7", "Stop a pull", "取消一个拉取任务")]),
    (
        "spec ls",
        &[example(
            "entrepot spec ls --vendor nvidia",
            "List specs with NVIDIA cards",
            "列出使用 NVIDIA 卡的规格",
        )],
    ),
    (
        "spec add",
        &[
            example(
                "entrepot spec add A100x8 --cpus 64 --memory 512GiB --gpus 8 --gpu-model NVIDIA-A100 --price 80",
                "Eight whole cards",
                "八张整卡",
            ),
            example(
                "entrepot spec add A100-quarter --cpus 8 --memory 64GiB --gpu-memory 20GiB --gpu-cores 25",
                "A part of one card",
                "一张卡的四分之一",
            ),
        ],
    ),
    (
        "spec set",
        &[example("entrepot spec set A100x8 --price 72.5 --unset shm", "Another price", "修改价格")],
    ),
    ("spec shelf", &[example("entrepot spec shelf A100x8 off", "Stop offering a spec", "下架规格")]),
    ("spec rm", &[example("entrepot spec rm A100x8", "Remove a spec", "删除规格")]),
];
