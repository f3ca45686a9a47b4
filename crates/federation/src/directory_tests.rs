//! What can be shown without a directory; `e2e/ldap.sh` has a real one.

use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::*;

async fn directory(url: &str) -> Directory {
    Directory::new(DirectorySettings {
        url: url.parse().unwrap(),
        start_tls: false,
        ca: None,
        bind: Some(("cn=reader,dc=example,dc=org".to_owned(), "secret".into())),
        base: "dc=example,dc=org".to_owned(),
        filter: FilterTemplate::new("(uid={user})").unwrap(),
        name_attribute: "uid".to_owned(),
        groups_attribute: "memberOf".to_owned(),
        groups: None,
    })
    .unwrap()
}

// Row 65 of the traps: a bind with an empty password succeeds and proves nothing.
#[tokio::test]
async fn an_empty_password_is_refused_before_any_packet() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = directory(&format!("ldap://{}", listener.local_addr().unwrap())).await;
    assert_eq!(directory.authenticate("alice", &"".into()).await, Ok(None));
    assert_eq!(directory.authenticate("", &"secret".into()).await, Ok(None));
    let connected = async { listener.accept().await.map(drop) };
    tokio::select! {
        biased;
        _ = connected => panic!("something was sent"),
        () = tokio::task::yield_now() => {}
    }
}

// Row 39 of the traps.
#[tokio::test]
async fn a_directory_that_is_away_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let directory = directory(&format!("ldap://{address}")).await;
    let answered = async {
        // It hangs up on everybody.
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
    };
    let password = "secret".into();
    let (told, ()) = tokio::join!(directory.authenticate("alice", &password), answered);
    assert!(matches!(told, Err(DirectoryError::Unreachable { .. })), "{told:?}");
    drop(listener);
    let told = directory.authenticate("alice", &password).await;
    assert!(matches!(told, Err(DirectoryError::Unreachable { .. })), "{told:?}");
}

// inejge/ldap3#135: the library gives up with a panic.
#[tokio::test]
async fn what_is_no_ldap_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = directory(&format!("ldap://{}", listener.local_addr().unwrap())).await;
    for answer in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0x30, 0x03, 0x02, 0x01, 0x01], &[0x30, 0x02, 0x0a, 0x00]]
    {
        let answered = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer).await.unwrap();
            drop(stream);
        };
        let password = "secret".into();
        let (told, ()) = tokio::join!(directory.authenticate("alice", &password), answered);
        assert!(matches!(told, Err(DirectoryError::Unreachable { .. })), "{told:?}");
    }
}

#[test]
fn results_say_what_to_look_at() {
    let result = |rc, text: &str| LdapResult {
        rc,
        matched: String::new(),
        text: text.to_owned(),
        refs: Vec::new(),
        ctrls: Vec::new(),
    };
    assert_eq!(told(&result(49, "")), "result 49: name or password are wrong");
    assert_eq!(told(&result(80, "internal\nerror")), "result 80: internal\u{fffd}error");
    assert_eq!(
        told(&result(13, "TLS required")),
        "result 13: it wants TLS (confidentialityRequired); TLS required"
    );
    assert_eq!(told(&result(2, "")), "result 2");
}
