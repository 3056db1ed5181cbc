//! What strangers can do at the listener for other nodes, and what it costs the others.

use std::net::SocketAddr;
use std::time::Duration;

use krog_client::tls::{Identity, client_config, connect_pinned};
use krog_proto::federation::v1 as pb;
use krogd::limits;
use krogd::tls::TlsIdentity;
use pb::Refusal;
use pb::exchange_client::ExchangeClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;
use tonic::transport::Channel;

use crate::house::{House, until};
use crate::world::{DECIDED, World, identity_of, until_it_may_sign};

/// Within this an honest node is served while strangers do what they can.
const SOON: Duration = Duration::from_secs(12);

/// A network with one member besides the relay, seen from the member.
struct Member {
    world: World,
    house: House,
    network: Vec<u8>,
}

impl Member {
    async fn of_a_network() -> Self {
        let world = World::founded().await;
        let house = world.member("ours", &["Hearth"]);
        let serving = house.run(DECIDED).await;
        let person = house.person("hearth", "coordinator").await;
        until_it_may_sign(&person).await;
        let network = person
            .who_am_i(Default::default())
            .await
            .unwrap()
            .network_id;
        let network = data_encoding::HEXLOWER.decode(network.as_bytes()).unwrap();
        let member = Self {
            world,
            house,
            network,
        };
        until("the relay knows the member", async || {
            member.served().await.then_some(())
        })
        .await;
        serving.stop().await;
        member
    }

    fn relay(&self) -> SocketAddr {
        self.world.relay.listens()
    }

    async fn dial(
        &self,
        address: SocketAddr,
        identity: &Identity,
    ) -> Option<ExchangeClient<Channel>> {
        let pins = [self.world.relay.tls().pin()];
        let channel = connect_pinned(&address.to_string(), &pins, Some(identity))
            .await
            .ok()?;
        Some(ExchangeClient::new(channel))
    }

    async fn heads(&self, address: SocketAddr, identity: &Identity) -> Option<Refusal> {
        let request = pb::ListHeadsRequest {
            network: self.network.clone(),
            after_writer: Vec::new(),
        };
        let heads = self
            .dial(address, identity)
            .await?
            .list_heads(request)
            .await
            .ok()?;
        Some(heads.into_inner().refusal())
    }

    /// Whether the relay answers the member.
    async fn served(&self) -> bool {
        self.heads(self.relay(), &identity_of(&self.house)).await == Some(Refusal::Unspecified)
    }

    async fn served_soon(&self) {
        timeout(
            SOON,
            until("the member is served", async || {
                self.served().await.then_some(())
            }),
        )
        .await
        .expect("strangers do not keep members out");
    }

    /// A TLS connection by a stranger who says nothing on it.
    async fn shake_hands(&self, identity: &Identity) -> Option<TlsStream<TcpStream>> {
        let config = client_config(&[self.world.relay.tls().pin()], Some(identity)).unwrap();
        let tcp = TcpStream::connect(self.relay()).await.ok()?;
        TlsConnector::from(config)
            .connect("krog.invalid".try_into().unwrap(), tcp)
            .await
            .ok()
    }
}

fn stranger() -> Identity {
    let folder = tempfile::tempdir().unwrap();
    let pem = TlsIdentity::create(&folder.path().join("tls.pem"))
        .unwrap()
        .pem()
        .to_owned();
    Identity::from_pem(&pem, &pem).unwrap()
}

/// Passes connections on from another loopback address, as if they came from another machine.
async fn from_another_machine(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            tokio::spawn(async move {
                let mut far = socket.connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_connections_that_say_nothing_keep_nobody_out() {
    let member = Member::of_a_network().await;
    let elsewhere = from_another_machine(member.relay()).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(member.relay()).await.unwrap());
    }
    let answer = timeout(
        limits::HANDSHAKE,
        member.heads(elsewhere, &identity_of(&member.house)),
    )
    .await;
    assert_eq!(
        answer.unwrap(),
        Some(Refusal::Unspecified),
        "another address is served at once"
    );
    member.served_soon().await;
    let mut closed = [0; 1];
    for stream in &mut silent {
        let read = timeout(SOON, stream.read(&mut closed))
            .await
            .expect("it was closed");
        assert!(matches!(read, Ok(0) | Err(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_shake_hands_and_then_say_nothing_keep_nobody_out() {
    let member = Member::of_a_network().await;
    let (stranger, mut silent) = (stranger(), Vec::new());
    for _ in 0..limits::CONNECTIONS_PER_ADDRESS {
        silent.extend(member.shake_hands(&stranger).await);
    }
    assert_eq!(silent.len(), limits::CONNECTIONS_PER_ADDRESS);
    member.served_soon().await;
}

/// Dialling depends on it: a TLS 1.3 client knows that its key was accepted only when the other side has spoken.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_greets_before_the_caller_has_said_anything() {
    let member = Member::of_a_network().await;
    let mut silent = member.shake_hands(&stranger()).await.unwrap();
    let mut greeting = [0; 1];
    let read = timeout(SOON, silent.read(&mut greeting)).await.unwrap();
    assert_eq!(read.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_told_that_it_is_no_member_over_a_sound_connection() {
    let member = Member::of_a_network().await;
    let stranger = stranger();
    let mut client = member.dial(member.relay(), &stranger).await.unwrap();
    let network = member.network.clone();
    let hello = pb::HelloRequest {
        network: network.clone(),
        node: vec![7; 32],
        protocol_min: 1,
        protocol_max: 1,
    };
    for network in [network.clone(), vec![9; 32]] {
        let hello = pb::HelloRequest {
            network: network.clone(),
            ..hello.clone()
        };
        assert_eq!(
            client.hello(hello).await.unwrap().into_inner().refusal(),
            Refusal::NotAMember
        );
        let heads = pb::ListHeadsRequest {
            network: network.clone(),
            after_writer: Vec::new(),
        };
        let heads = client.list_heads(heads).await.unwrap().into_inner();
        assert_eq!(
            (heads.refusal(), heads.heads.len()),
            (Refusal::NotAMember, 0)
        );
        let fetch = pb::FetchEntriesRequest {
            network: network.clone(),
            writer: vec![1; 32],
            ..Default::default()
        };
        assert_eq!(
            client
                .fetch_entries(fetch)
                .await
                .unwrap()
                .into_inner()
                .refusal(),
            Refusal::NotAMember
        );
        let push = pb::PushEntriesRequest {
            network,
            entries: Vec::new(),
        };
        assert_eq!(
            client
                .push_entries(push)
                .await
                .unwrap()
                .into_inner()
                .refusal(),
            Refusal::NotAMember
        );
    }
    let admit = client.admit(pb::AdmitRequest::default()).await;
    assert_eq!(admit.unwrap_err().code(), Code::InvalidArgument);
    assert!(member.served().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_allowed_is_refused_and_the_connection_goes_on() {
    let member = Member::of_a_network().await;
    let mut client = member
        .dial(member.relay(), &identity_of(&member.house))
        .await
        .unwrap()
        .max_encoding_message_size(usize::MAX);
    let entry = pb::Entry {
        payload: Some(vec![0; 64 * 1024]),
        ..Default::default()
    };
    let entries = vec![entry; krog_federation::limits::REQUEST_BYTES / (64 * 1024) + 1];
    let push = pb::PushEntriesRequest {
        network: member.network.clone(),
        entries,
    };
    let refused = client.push_entries(push).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    let many = vec![pb::Entry::default(); krog_federation::limits::BATCH_ENTRIES + 1];
    let push = pb::PushEntriesRequest {
        network: member.network.clone(),
        entries: many,
    };
    assert_eq!(
        client
            .push_entries(push)
            .await
            .unwrap()
            .into_inner()
            .refusal(),
        Refusal::TooLarge
    );
    let heads = pb::ListHeadsRequest {
        network: member.network.clone(),
        after_writer: Vec::new(),
    };
    assert_eq!(
        client
            .list_heads(heads)
            .await
            .unwrap()
            .into_inner()
            .refusal(),
        Refusal::Unspecified
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_or_no_http_is_closed_and_forgotten() {
    let mut member = Member::of_a_network().await;
    let mut read = Vec::new();
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: krog\r\n\r\n"[..],
        &[0xff; 4096],
        &[0x16, 3, 1, 0xff, 0xff, 0, 0],
    ] {
        let mut stream = TcpStream::connect(member.relay()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let _ = timeout(SOON, stream.read_to_end(&mut read))
            .await
            .expect("it was closed");
    }
    let mut stream = member.shake_hands(&stranger()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: krog\r\n\r\n")
        .await
        .unwrap();
    let _ = timeout(SOON, stream.read_to_end(&mut read))
        .await
        .expect("it was closed");
    assert!(member.served().await);
    assert_eq!(member.world.relaying.ended(), None);
    assert!(
        !member.world.relaying.log().contains("panicked"),
        "{}",
        member.world.relaying.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_key_or_with_old_tls_gets_no_further_than_the_handshake() {
    let member = Member::of_a_network().await;
    let pins = [member.world.relay.tls().pin()];
    let without = connect_pinned(&member.relay().to_string(), &pins, None)
        .await
        .unwrap_err();
    assert!(
        without.to_string().contains("refused the connection"),
        "{without}"
    );
    let mut old = TcpStream::connect(member.relay()).await.unwrap();
    old.write_all(&tls12_hello()).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(SOON, old.read_to_end(&mut answer))
        .await
        .expect("it was closed");
    assert!(
        matches!(answer.first(), None | Some(&21)),
        "an alert at most, and nothing of the protocol"
    );
    assert!(member.served().await);
}

/// A client hello that offers TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256 on P-256, and nothing newer (RFC 5246, 7.4.1.2).
fn tls12_hello() -> Vec<u8> {
    let groups = [0, 10, 0, 4, 0, 2, 0, 23];
    let point_formats = [0, 11, 0, 2, 1, 0];
    let signatures = [0, 13, 0, 4, 0, 2, 4, 3];
    let extensions = [&groups[..], &point_formats, &signatures].concat();
    let hello = [
        &[3, 3][..],
        &[7; 32],
        &[
            0,
            0,
            2,
            0xc0,
            0x2b,
            1,
            0,
            0,
            u8::try_from(extensions.len()).unwrap(),
        ],
        &extensions,
    ]
    .concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()
}
