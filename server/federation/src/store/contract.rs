//! What every engine must do.

use krog_feed::entry::RawEntry;
use krog_feed::ids::{HeaderHash, InvitationId, NetworkId, NodeId, TlsPin, WriterId};
use krog_feed::keys::Signature;

use super::bench::{Bench, on_each_engine};
use super::*;

on_each_engine!(
    a_store_belongs_to_the_node_that_came_first,
    a_network_keeps_its_rosters_in_order,
    a_change_is_read_back_byte_for_byte,
    a_change_reckoned_against_an_older_revision_writes_nothing,
    of_two_writers_at_once_one_wins_and_the_other_is_told,
    a_batch_is_cut_at_its_count_and_at_its_bytes,
    entries_a_new_epoch_cut_off_stay_aside_and_may_be_raised_again,
    a_rival_is_another_header_at_the_same_place,
    a_missing_payload_can_be_filled,
    a_dropped_payload_leaves_its_header,
    forks_and_faults_are_remembered_until_a_good_entry_follows,
    an_invitation_admits_as_many_as_it_may_and_the_same_node_again,
    two_joiners_at_once_cannot_share_the_last_place,
    peers_are_remembered_by_address,
    everything_is_there_after_opening_again,
    many_entries_go_in_at_once,
);

fn network() -> NetworkId {
    NetworkId::of(b"network")
}

fn writer() -> WriterId {
    WriterId::of(b"writer")
}

fn entry(epoch: u32, seq: u64, payload: usize) -> EntryRow {
    branch("", epoch, seq, payload)
}

fn branch(name: &str, epoch: u32, seq: u64, payload: usize) -> EntryRow {
    let header = format!("header {name}{epoch}.{seq}").into_bytes();
    EntryRow {
        writer: writer(),
        place: Place { epoch, seq },
        hash: HeaderHash::of(&header),
        standing: true,
        dropped: false,
        raw: RawEntry {
            header,
            signature: Signature::try_from([7; 64].as_slice()).unwrap(),
            payload: Some(vec![seq as u8; payload]),
        },
    }
}

fn feed(entries: Vec<EntryRow>) -> FeedChange {
    FeedChange {
        state: Some(vec![1, 2, 3]),
        entries,
        ..FeedChange::of(writer())
    }
}

fn change(seen: u64, feeds: Vec<FeedChange>) -> NetworkChange {
    NetworkChange {
        network: network(),
        seen,
        feeds,
        rosters: Vec::new(),
    }
}

/// A store with the network in it, at revision 1.
async fn with_network(bench: &Bench) -> Store {
    let store = bench.open().await;
    store
        .add_network(network(), &[(1, b"first".to_vec())])
        .await
        .unwrap();
    store
}

async fn all(store: &Store) -> Vec<EntryRow> {
    store
        .entries_after(network(), writer(), None, 256, 1 << 20)
        .await
        .unwrap()
        .0
}

async fn a_store_belongs_to_the_node_that_came_first(bench: &Bench) {
    let store = bench.open().await;
    let (first, second) = (NodeId::of(b"a"), NodeId::of(b"b"));
    assert_eq!(store.claim(first).await.unwrap(), first);
    assert_eq!(store.claim(second).await.unwrap(), first);
}

async fn a_network_keeps_its_rosters_in_order(bench: &Bench) {
    let store = with_network(bench).await;
    store
        .add_network(
            network(),
            &[(2, b"second".to_vec()), (1, b"other".to_vec())],
        )
        .await
        .unwrap();
    assert_eq!(
        store.rosters(network()).await.unwrap(),
        [b"first".to_vec(), b"second".to_vec()]
    );
    assert_eq!(store.networks().await.unwrap(), [(network(), 2)]);
    assert_eq!(store.revision(network()).await.unwrap(), Some(2));
    assert_eq!(store.revision(NetworkId::of(b"none")).await.unwrap(), None);
}

async fn a_change_is_read_back_byte_for_byte(bench: &Bench) {
    let store = with_network(bench).await;
    let mut without = entry(0, 2, 0);
    without.raw.payload = None;
    let entries = vec![entry(0, 0, 16), entry(0, 1, 300), without];
    let mut change = change(1, vec![feed(entries.clone())]);
    change.rosters = vec![(2, b"second".to_vec())];
    assert_eq!(store.commit(&change).await.unwrap(), Committed::Done(2));
    assert_eq!(
        store
            .entries_after(network(), writer(), None, 256, 1 << 20)
            .await
            .unwrap(),
        (entries.clone(), false)
    );
    let middle = store
        .entry(network(), writer(), entries[1].hash)
        .await
        .unwrap();
    assert_eq!(middle.as_ref(), Some(&entries[1]));
    let after = store
        .entries_after(network(), writer(), Some(entries[1].place), 256, 1 << 20)
        .await
        .unwrap();
    assert_eq!(after, (entries[2..].to_vec(), false));
    assert_eq!(
        store
            .entry(network(), writer(), HeaderHash::of(b"none"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store.feeds_since(network(), 0).await.unwrap(),
        [(writer(), vec![1, 2, 3])]
    );
    assert_eq!(store.feeds_since(network(), 2).await.unwrap(), []);
    assert_eq!(store.rosters(network()).await.unwrap().len(), 2);
    let page = store
        .entries_since(network(), &Cursor::after_revision(1), 2)
        .await
        .unwrap();
    assert_eq!(page.len(), 2);
    let rest = store.entries_since(network(), &page[1].0, 2).await.unwrap();
    assert_eq!(
        rest.into_iter().map(|(_, row)| row).collect::<Vec<_>>(),
        entries[2..]
    );
}

async fn a_change_reckoned_against_an_older_revision_writes_nothing(bench: &Bench) {
    let store = with_network(bench).await;
    store
        .commit(&change(1, vec![feed(vec![entry(0, 0, 16)])]))
        .await
        .unwrap();
    let late = change(1, vec![feed(vec![entry(0, 1, 16)])]);
    assert_eq!(store.commit(&late).await.unwrap(), Committed::Stale);
    assert_eq!(all(&store).await.len(), 1);
    assert_eq!(store.revision(network()).await.unwrap(), Some(2));
}

async fn of_two_writers_at_once_one_wins_and_the_other_is_told(bench: &Bench) {
    let (one, other) = (with_network(bench).await, bench.open().await);
    let change = change(1, vec![feed(vec![entry(0, 0, 16)])]);
    let (first, second) = tokio::join!(one.commit(&change), other.commit(&change));
    let mut outcomes = [first.unwrap(), second.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome == Committed::Stale);
    assert_eq!(outcomes, [Committed::Done(2), Committed::Stale]);
    assert_eq!(all(&one).await.len(), 1);
}

async fn a_batch_is_cut_at_its_count_and_at_its_bytes(bench: &Bench) {
    let store = with_network(bench).await;
    let entries: Vec<_> = (0..10).map(|seq| entry(0, seq, 1000)).collect();
    store
        .commit(&change(1, vec![feed(entries.clone())]))
        .await
        .unwrap();
    let cut = |count, bytes| store.entries_after(network(), writer(), None, count, bytes);
    assert_eq!(
        cut(4, 1 << 20).await.unwrap(),
        (entries[..4].to_vec(), true)
    );
    assert_eq!(cut(256, 2500).await.unwrap(), (entries[..2].to_vec(), true));
    assert_eq!(cut(256, 1).await.unwrap(), (entries[..1].to_vec(), true));
    assert_eq!(cut(10, 1 << 20).await.unwrap(), (entries.clone(), false));
    assert_eq!(cut(0, 1 << 20).await.unwrap(), (Vec::new(), true));
}

async fn entries_a_new_epoch_cut_off_stay_aside_and_may_be_raised_again(bench: &Bench) {
    let store = with_network(bench).await;
    let first: Vec<_> = (0..4).map(|seq| entry(0, seq, 16)).collect();
    store
        .commit(&change(1, vec![feed(first.clone())]))
        .await
        .unwrap();
    assert!(!store.anew_since(network(), 0).await.unwrap());
    let mut opening = feed(vec![entry(1, 0, 16)]);
    opening.cut_after = Some(first[1].place);
    opening.anew = true;
    store.commit(&change(2, vec![opening])).await.unwrap();
    assert_eq!(
        all(&store).await,
        [first[0].clone(), first[1].clone(), entry(1, 0, 16)]
    );
    let cut = store
        .entry(network(), writer(), first[3].hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        cut,
        EntryRow {
            standing: false,
            ..first[3].clone()
        }
    );
    assert!(store.anew_since(network(), 2).await.unwrap());
    assert!(!store.anew_since(network(), 3).await.unwrap());
    let mut settled = feed(vec![entry(2, 0, 16)]);
    settled.cut_after = Some(first[1].place);
    settled.raised = vec![first[2].hash];
    store.commit(&change(3, vec![settled])).await.unwrap();
    let hashes: Vec<_> = all(&store).await.into_iter().map(|row| row.hash).collect();
    assert_eq!(
        hashes,
        [
            first[0].hash,
            first[1].hash,
            first[2].hash,
            entry(2, 0, 16).hash
        ]
    );
    let since = store
        .entries_since(network(), &Cursor::after_revision(3), 10)
        .await
        .unwrap();
    assert_eq!(since.len(), 2, "what was raised is told to who reads along");
}

async fn a_rival_is_another_header_at_the_same_place(bench: &Bench) {
    let store = with_network(bench).await;
    let aside = EntryRow {
        standing: false,
        ..branch("b", 0, 1, 16)
    };
    let entries = vec![entry(0, 0, 16), entry(0, 1, 16), aside.clone()];
    store
        .commit(&change(1, vec![feed(entries.clone())]))
        .await
        .unwrap();
    let rival = |hash| store.rival(network(), writer(), Place { epoch: 0, seq: 1 }, hash);
    assert_eq!(rival(entries[1].hash).await.unwrap(), Some(aside));
    assert_eq!(
        rival(HeaderHash::of(b"third")).await.unwrap(),
        Some(entries[1].clone())
    );
    let first = store
        .rival(network(), writer(), entries[0].place, entries[0].hash)
        .await
        .unwrap();
    assert_eq!(first, None);
    assert_eq!(all(&store).await, entries[..2]);
}

async fn a_missing_payload_can_be_filled(bench: &Bench) {
    let store = with_network(bench).await;
    let whole = entry(0, 0, 2000);
    let mut without = whole.clone();
    without.raw.payload = None;
    store
        .commit(&change(1, vec![feed(vec![without.clone()])]))
        .await
        .unwrap();
    assert_eq!(store.missing(network(), 10).await.unwrap(), [without]);
    let mut filling = feed(vec![entry(0, 1, 16)]);
    filling.filled = vec![(whole.hash, vec![0; 2000])];
    store.commit(&change(2, vec![filling])).await.unwrap();
    assert_eq!(all(&store).await[0], whole);
    assert_eq!(store.missing(network(), 10).await.unwrap(), []);
    assert_eq!(
        store
            .standing_at(network(), writer(), whole.place)
            .await
            .unwrap(),
        Some(whole.hash)
    );
    let (_, more) = store
        .entries_after(network(), writer(), None, 256, 2000)
        .await
        .unwrap();
    assert!(more, "a filled payload counts towards a batch");
}

async fn a_dropped_payload_leaves_its_header(bench: &Bench) {
    let store = with_network(bench).await;
    let mut tombstoned = feed(vec![entry(0, 0, 5000), entry(0, 1, 5000)]);
    tombstoned.dropped = vec![entry(0, 1, 0).hash];
    store.commit(&change(1, vec![tombstoned])).await.unwrap();
    let rows = all(&store).await;
    assert!(rows[0].raw.payload.is_some());
    assert_eq!(rows[1].raw.payload, None);
    assert!(rows[1].dropped);
    assert_eq!(
        store.missing(network(), 10).await.unwrap(),
        [],
        "what was dropped is not wanted back"
    );
    assert_eq!(rows[1].raw.header, entry(0, 1, 0).raw.header);
    let (_, more) = store
        .entries_after(network(), writer(), None, 256, 5500)
        .await
        .unwrap();
    assert!(!more, "a dropped payload must not count towards a batch");
}

async fn forks_and_faults_are_remembered_until_a_good_entry_follows(bench: &Bench) {
    let store = with_network(bench).await;
    let mut noted = feed(Vec::new());
    noted.state = None;
    noted.fault = FaultChange::Note(2);
    noted.forks = vec![(HeaderHash::of(b"second"), b"proof".to_vec())];
    store.commit(&change(1, vec![noted.clone()])).await.unwrap();
    noted.fault = FaultChange::Note(3);
    store.commit(&change(2, vec![noted.clone()])).await.unwrap();
    assert_eq!(store.faults(network()).await.unwrap(), [(writer(), 3)]);
    assert_eq!(
        store.forks(network()).await.unwrap(),
        [(writer(), b"proof".to_vec())]
    );
    noted.fault = FaultChange::Clear;
    store.commit(&change(3, vec![noted])).await.unwrap();
    assert_eq!(store.faults(network()).await.unwrap(), []);
    assert_eq!(store.forks(network()).await.unwrap().len(), 1);
}

async fn an_invitation_admits_as_many_as_it_may_and_the_same_node_again(bench: &Bench) {
    let store = with_network(bench).await;
    let admit = |node: &'static str, pin: &'static str| {
        let store = store.clone();
        async move {
            let (node, pin) = (NodeId::of(node.as_bytes()), TlsPin::of(pin.as_bytes()));
            store
                .admit(network(), InvitationId::of(b"1"), 2, node, pin)
                .await
                .unwrap()
        }
    };
    assert_eq!(admit("a", "1").await, Admitted::Counted);
    assert_eq!(admit("b", "2").await, Admitted::Counted);
    assert_eq!(admit("c", "3").await, Admitted::UsedUp);
    assert_eq!(admit("a", "4").await, Admitted::Counted);
    let row = |node: &str, pin: &str| AdmissionRow {
        invitation: InvitationId::of(b"1"),
        node: NodeId::of(node.as_bytes()),
        pin: TlsPin::of(pin.as_bytes()),
    };
    let mut expected = vec![row("a", "4"), row("b", "2")];
    expected.sort();
    assert_eq!(store.admissions(network()).await.unwrap(), expected);
    let other = store
        .admit(
            network(),
            InvitationId::of(b"2"),
            1,
            NodeId::of(b"c"),
            TlsPin::of(b"3"),
        )
        .await
        .unwrap();
    assert_eq!(other, Admitted::Counted);
}

async fn two_joiners_at_once_cannot_share_the_last_place(bench: &Bench) {
    let (one, other) = (with_network(bench).await, bench.open().await);
    let (first, second) = tokio::join!(
        one.admit(
            network(),
            InvitationId::of(b"1"),
            1,
            NodeId::of(b"a"),
            TlsPin::of(b"1")
        ),
        other.admit(
            network(),
            InvitationId::of(b"1"),
            1,
            NodeId::of(b"b"),
            TlsPin::of(b"2")
        ),
    );
    let counted = [first.unwrap(), second.unwrap()]
        .into_iter()
        .filter(|it| *it == Admitted::Counted)
        .count();
    assert_eq!(counted, 1);
}

async fn peers_are_remembered_by_address(bench: &Bench) {
    let store = with_network(bench).await;
    let mut peer = PeerRow {
        address: "relay:4711".into(),
        pin: TlsPin::of(b"1"),
        node: None,
    };
    store.remember_peer(network(), &peer).await.unwrap();
    peer.pin = TlsPin::of(b"2");
    peer.node = Some(NodeId::of(b"a"));
    store.remember_peer(network(), &peer).await.unwrap();
    assert_eq!(store.peers(network()).await.unwrap(), [peer]);
}

async fn everything_is_there_after_opening_again(bench: &Bench) {
    let store = with_network(bench).await;
    store
        .commit(&change(1, vec![feed(vec![entry(0, 0, 16)])]))
        .await
        .unwrap();
    store.close().await;
    let store = bench.open().await;
    assert_eq!(store.networks().await.unwrap(), [(network(), 2)]);
    assert_eq!(all(&store).await, [entry(0, 0, 16)]);
}

async fn many_entries_go_in_at_once(bench: &Bench) {
    let store = with_network(bench).await;
    let entries: Vec<_> = (0..600).map(|seq| entry(0, seq, 64)).collect();
    store.commit(&change(1, vec![feed(entries)])).await.unwrap();
    let (rows, more) = store
        .entries_after(network(), writer(), None, 1000, 1 << 20)
        .await
        .unwrap();
    assert_eq!((rows.len(), more), (600, false));
}

#[tokio::test]
async fn a_full_disk_refuses_the_whole_change_and_recovers() {
    let bench = Bench::sqlite();
    let store = with_network(&bench).await;
    store.cap_pages(64).await.unwrap();
    let big: Vec<_> = (0..20).map(|seq| entry(0, seq, 100_000)).collect();
    let refused = store
        .commit(&change(1, vec![feed(big.clone())]))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Storage(StorageTrouble::Full)),
        "{refused:?}"
    );
    assert_eq!(store.revision(network()).await.unwrap(), Some(1));
    assert_eq!(all(&store).await, []);
    assert_eq!(store.feeds_since(network(), 0).await.unwrap(), []);
    store.cap_pages(1_000_000).await.unwrap();
    assert_eq!(
        store
            .commit(&change(1, vec![feed(big.clone())]))
            .await
            .unwrap(),
        Committed::Done(2)
    );
    assert_eq!(
        store
            .entries_after(network(), writer(), None, 256, 1 << 30)
            .await
            .unwrap()
            .0,
        big
    );
}

#[tokio::test]
async fn an_address_of_no_known_kind_is_refused_without_repeating_it() {
    for url in [
        "mysql://root:secret@host/db",
        "",
        "postgres://user:secret@host:port/db",
    ] {
        let text = Store::open(url).await.unwrap_err().to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/exchange");
    let read = |engine: &str| -> Vec<(String, String)> {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(engine))
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| {
                let name = file.file_name().into_string().unwrap();
                let text = std::fs::read_to_string(file.path()).unwrap();
                let statements = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("--"));
                let words: Vec<&str> = statements.flat_map(str::split_whitespace).collect();
                (name, words.join(" ").replace("BYTEA", "BLOB"))
            })
            .collect();
        files.sort();
        files
    };
    assert_eq!(read("sqlite"), read("postgres"));
}
