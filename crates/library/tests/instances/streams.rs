//! What instances print and use.

use entrepot_engine::{Decoders, LogRequest};
use entrepot_library::{Error, InstanceFault, InstanceTarget};
use entrepot_testkit::engine::{Dialect, TestUsage};

use crate::yard::{ANN, Yard, target};

const ALL: LogRequest = LogRequest { tail: None, since_ms: None, follow: false, timestamps: false };

#[tokio::test]
async fn what_it_printed_is_read_whole() {
    for dialect in Dialect::ALL {
        let yard = Yard::new(dialect).await;
        let instance = yard.run("a").await;
        let text = "中文🚀\n".as_bytes();
        for byte in text {
            yard.engine.print("entrepot-1", 1, [*byte]);
        }
        let mut logs = yard.library.instance_logs(target(instance.id), ALL).await.unwrap();
        let (mut decoders, mut read) = (Decoders::default(), String::new());
        while let Some(chunk) = logs.next().await.unwrap() {
            read.push_str(&decoders.push(&chunk));
        }
        assert_eq!(read, "中文🚀\n", "{dialect:?}");
    }
}

#[tokio::test]
async fn processors_are_counted_between_two_questions() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let used = TestUsage { cpu_ns: 1_000_000_000, memory: 100 << 20, inactive_file: 30 << 20 };
    yard.engine.set_usage("entrepot-1", used);
    let usage = yard.library.instance_usage(target(instance.id)).await.unwrap().unwrap();
    assert_eq!(usage.cores, None, "the first time nobody knows");
    assert_eq!(usage.memory, 70 << 20, "without files that could be forgotten");
    assert!(usage.memory_limit <= 1024 << 20);
    yard.engine.end("entrepot-1", 0);
    assert_eq!(yard.library.instance_usage(target(instance.id)).await.unwrap(), None);
}

#[tokio::test]
async fn others_read_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let other = InstanceTarget { account: Some(ANN + 1), ..target(instance.id) };
    let refused = yard.library.instance_logs(other, ALL).await;
    assert!(matches!(refused, Err(Error::Unknown { kind: "instance", .. })));
    assert!(matches!(yard.library.instance_usage(other).await, Err(Error::Unknown { .. })));
    yard.engine.stop().await;
    let silent = yard.library.instance_usage(target(instance.id)).await;
    assert!(matches!(silent, Err(Error::Instance(InstanceFault::NodeSilent(_)))));
}
