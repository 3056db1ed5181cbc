//! Reaching the node on this machine, from the socket up to the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::path::Path;

use clap::Parser;
use krog_client::cli::args::Cli;
use krog_client::cli::run;
use krog_client::socket::{SocketError, connect_unix};
use krog_proto::centre::v1::desk_server::DeskServer;
use support::OneDesk;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

fn node() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("run")).unwrap();
    std::fs::create_dir(dir.path().join("credentials")).unwrap();
    let credential = dir.path().join("credentials").join("lipa-guardian.txt");
    std::fs::write(credential, "krog-guardian-right\n").unwrap();
    dir
}

fn serve(dir: &Path) {
    let listener = UnixListener::bind(dir.join("run").join("centre.sock")).unwrap();
    tokio::spawn(
        Server::builder()
            .add_service(DeskServer::new(OneDesk))
            .serve_with_incoming(UnixListenerStream::new(listener)),
    );
}

#[tokio::test]
async fn a_command_reaches_the_centre_with_the_credential_of_its_role() {
    let dir = node();
    serve(dir.path());
    let node = dir.path().to_str().unwrap();
    let cli = Cli::try_parse_from(["krog", "whoami", "--as", "guardian", "--node", node]).unwrap();
    let answer = run(cli).await.unwrap();
    assert!(
        answer.text.starts_with("guardian of Lipa"),
        "{}",
        answer.text
    );
    assert_eq!(answer.json["network"]["status"], "absent");
}

#[tokio::test]
async fn a_call_the_node_does_not_know_is_said_so() {
    let dir = node();
    serve(dir.path());
    let node = dir.path().to_str().unwrap();
    let cli = Cli::try_parse_from(["krog", "groups", "list", "--node", node]).unwrap();
    assert!(
        run(cli)
            .await
            .unwrap_err()
            .to_string()
            .contains("older version")
    );
}

#[tokio::test]
async fn a_node_that_does_not_run_is_told_from_one_that_is_not_there() {
    let dir = node();
    let socket = dir.path().join("run").join("centre.sock");
    let error = connect_unix(&socket).await.unwrap_err();
    assert!(matches!(error, SocketError::NotThere { .. }), "{error}");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = connect_unix(&socket).await.unwrap_err();
    assert!(matches!(error, SocketError::NotServed { .. }), "{error}");
    assert!(error.to_string().contains("krogd run"));
}
