//! Dialling a node that is known by the hash of its key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use krog_client::call::CallError;
use krog_client::centre::{CentreClient, Credential};
use krog_client::tls::{DialError, connect_pinned};
use krog_proto::centre::v1::WhoAmIRequest;
use support::{Keys, serve_tls};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn credential(text: &str) -> Credential {
    Credential::parse(text).unwrap()
}

#[tokio::test]
async fn the_right_key_is_answered() {
    let node = Keys::new();
    let address = serve_tls(node.open_config()).await;
    let channel = connect_pinned(&address, &[Keys::new().pin(), node.pin()], None)
        .await
        .unwrap();
    let centre = CentreClient::new(channel.clone(), credential("krog-guardian-right"));
    assert_eq!(
        centre.who_am_i(WhoAmIRequest {}).await.unwrap().centre,
        "Lipa"
    );
    let stranger = CentreClient::new(channel, credential("krog-guardian-wrong"));
    let error = stranger.who_am_i(WhoAmIRequest {}).await.unwrap_err();
    assert!(matches!(error, CallError::NotAccepted));
}

#[tokio::test]
async fn another_key_is_named_and_nothing_is_sent() {
    let node = Keys::new();
    let address = serve_tls(node.open_config()).await;
    let error = connect_pinned(&address, &[Keys::new().pin()], None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, DialError::OtherKey { found, .. } if *found == node.pin()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("has another key than the one you were given")
    );
}

#[tokio::test]
async fn the_certificate_without_its_key_is_not_enough() {
    let node = Keys::new();
    let address = serve_tls(Keys::new().impostor_config(&node)).await;
    let error = connect_pinned(&address, &[node.pin()], None)
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::NotProved { .. }), "{error}");
}

#[tokio::test]
async fn a_node_that_knows_the_callers_key_answers_and_another_caller_is_refused() {
    let (node, member, stranger) = (Keys::new(), Keys::new(), Keys::new());
    let address = serve_tls(node.closed_config(member.pin())).await;
    connect_pinned(&address, &[node.pin()], Some(&member.identity()))
        .await
        .unwrap();
    for identity in [Some(stranger.identity()), None] {
        let error = connect_pinned(&address, &[node.pin()], identity.as_ref())
            .await
            .unwrap_err();
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_node_is_said_to_be_none() {
    for greeting in [&b"220 mail.example.org ESMTP\r\n"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let _ = tcp.write_all(greeting).await;
            let _ = tcp.shutdown().await;
            let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
        });
        let error = connect_pinned(&address, &[Keys::new().pin()], None)
            .await
            .unwrap_err();
        assert!(matches!(error, DialError::NotANode { .. }), "{error}");
    }
}

#[tokio::test]
async fn tls_without_http2_is_no_node() {
    let node = Keys::new();
    let mut config = node.open_config();
    config.alpn_protocols.clear();
    let address = serve_tls(config).await;
    let error = connect_pinned(&address, &[node.pin()], None)
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::NotANode { .. }), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = connect_pinned(&address, &[Keys::new().pin()], None)
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("nothing listens there"));
}

#[tokio::test]
async fn what_is_no_address_is_not_dialled() {
    let pin = [Keys::new().pin()];
    for address in [
        "",
        "localhost",
        "http://localhost:1",
        "user@localhost:1",
        ":1",
        "a b:1",
    ] {
        let error = connect_pinned(address, &pin, None).await.unwrap_err();
        assert!(
            matches!(error, DialError::Address { .. }),
            "{address}: {error}"
        );
    }
    let error = connect_pinned("localhost:1", &[], None).await.unwrap_err();
    assert!(matches!(error, DialError::Setup(_)), "{error}");
}
