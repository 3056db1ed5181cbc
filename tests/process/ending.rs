//! Stopping.

use krog_client::centre::Credential;
use krog_client::socket::connect_unix;
use krog_proto::centre::v1 as pb;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use crate::house::{House, said, until};
use crate::world::{DECIDED, World};

fn bearer<T>(house: &House, message: T) -> Request<T> {
    let path = house.folder().credentials().join("hearth-coordinator.txt");
    assert!(Credential::read(&path).is_ok());
    let secret = std::fs::read_to_string(path).unwrap();
    let mut request = Request::new(message);
    let value = format!("Bearer {}", secret.trim()).parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Begins to add a member on this connection; the message itself is sent when `go` says so.
async fn add_slowly(
    house: &House,
    channel: Channel,
    go: oneshot::Receiver<()>,
) -> Result<pb::AddMemberResponse, tonic::Status> {
    let message = pb::AddMemberRequest {
        label: "somebody".to_owned(),
        ..Default::default()
    };
    let body = futures_util::stream::once(async move {
        go.await.unwrap();
        message
    });
    let mut calls = Grpc::new(channel);
    calls.ready().await.unwrap();
    let path = PathAndQuery::from_static("/krog.centre.v1.People/AddMember");
    let codec: ProstCodec<pb::AddMemberRequest, pb::AddMemberResponse> = ProstCodec::default();
    let answer = calls
        .client_streaming(bearer(house, body), path, codec)
        .await?;
    Ok(answer.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_node_ends() {
    let world = World::founded().await;
    let house = world.member("ours", &["Hearth"]);
    let mut serving = house.run(DECIDED).await;
    let channel = connect_unix(house.folder().centre_socket()).await.unwrap();
    let (go, wait) = oneshot::channel();
    let (begun, under_way) = (house.clone(), channel.clone());
    let adding = tokio::spawn(async move { add_slowly(&begun, under_way, wait).await });
    // Answered over the same connection, so what was begun on it before has arrived.
    let mut desk = pb::desk_client::DeskClient::new(channel);
    tokio::task::yield_now().await;
    desk.who_am_i(bearer(&house, pb::WhoAmIRequest {}))
        .await
        .unwrap();

    serving.terminate();
    until("nobody new is let in", async || {
        UnixStream::connect(house.folder().centre_socket())
            .await
            .err()
    })
    .await;
    assert_eq!(serving.ended(), None, "it waits for what is under way");
    go.send(()).unwrap();
    let member = adding.await.unwrap().expect("it was answered").member;
    assert_eq!(serving.end().await.code(), Some(0), "{}", serving.log());

    let serving = house.run(DECIDED).await;
    let coordinator = house.person("hearth", "coordinator").await;
    let members = coordinator
        .list_members(pb::ListMembersRequest {})
        .await
        .unwrap()
        .members;
    assert_eq!(
        members
            .iter()
            .map(|found| &found.member)
            .collect::<Vec<_>>(),
        [&member]
    );
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_well_at_any_moment_and_starts_again() {
    let mut world = World::founded().await;
    let house = world.member("ours", &["Hearth"]);
    let mut starting = house.spawn(house.krogd("run").args(["--today", DECIDED]));
    until("it has begun", async || {
        house.folder().exchange_socket().exists().then_some(())
    })
    .await;
    starting.terminate();
    let status = starting.end().await;
    assert!(status.code() == Some(0), "{status:?} {}", starting.log());

    let running = house.run(DECIDED).await;
    // A connection that never ends by itself.
    let _silent = UnixStream::connect(house.folder().centre_socket())
        .await
        .unwrap();
    let _stranger = tokio::net::TcpStream::connect(world.relay.listens())
        .await
        .unwrap();
    running.stop().await;
    world.relaying.terminate();
    assert_eq!(
        world.relaying.end().await.code(),
        Some(0),
        "{}",
        world.relaying.log()
    );

    let mut world = World {
        relaying: world.relay.run(DECIDED).await,
        ..world
    };
    world.relaying.terminate();
    world.relaying.terminate();
    assert_eq!(world.relaying.end().await.code(), Some(0), "told twice");
    let nobody = connect_unix(house.folder().centre_socket())
        .await
        .unwrap_err()
        .to_string();
    assert!(nobody.contains("krogd run"), "{nobody}");
    said(&mut house.krogd("network invite")).refused(&["listen"]);
}
