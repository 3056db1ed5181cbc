//! The store's reckoning against the replica over maps, on histories with forks, openings, tombstones, withheld payloads,
//! repetitions and any order.

use krog_feed::chain::FeedState;
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::network::NetworkView;
use krog_feed::replication::memory::Replica;
use krog_feed::writer::{Author, Standing};
use krog_proto::federation::v1 as proto;
use proptest::prelude::*;
use prost::Message;

use crate::bench::{Net, Ngo, Wires, centre_key, recovery, release, salt, wire};
use crate::exchange::Source;
use crate::store::bench::Bench;

/// What a writer, or somebody with its key, does next.
#[derive(Clone, Debug)]
enum Act {
    /// Release a quarter.
    Release,
    /// Bury one of the entries so far.
    Bury(usize),
    /// Go on from an older copy of the feed.
    Restore(usize),
    /// Open an epoch after one of the entries so far.
    Open(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => Just(Act::Release),
        1 => any::<usize>().prop_map(Act::Bury),
        1 => any::<usize>().prop_map(Act::Restore),
        1 => any::<usize>().prop_map(Act::Open),
    ];
    prop::collection::vec(act, 1..14)
}

/// One entry as it is handed over: which, and whether without its payload.
fn deliveries() -> impl Strategy<Value = Vec<Vec<(usize, bool)>>> {
    let one = (any::<usize>(), prop::bool::weighted(0.15));
    prop::collection::vec(prop::collection::vec(one, 1..8), 0..5)
}

/// The entries of a history, in the order in which they were signed.
fn signed(first: (Author, VerifiedEntry), acts: &[Act]) -> Vec<VerifiedEntry> {
    let (mut author, inception) = first;
    let mut states: Vec<FeedState> = vec![author.state().clone()];
    let mut entries = vec![inception];
    let mut epochs = 0_u8;
    for (n, act) in acts.iter().enumerate() {
        let n = n as u8;
        let made = match act {
            Act::Release => author
                .append(Kind::Release, &release(8_000 + u32::from(n)), 0, salt(n))
                .ok(),
            Act::Bury(which) => {
                let target = entries[which % entries.len()].hash();
                let body = proto::Tombstone {
                    entry: target.into(),
                }
                .encode_to_vec();
                author.append(Kind::Tombstone, &body, 0, salt(n)).ok()
            }
            Act::Restore(which) => {
                let state = states[which % states.len()].clone();
                let key = |epoch| {
                    if epoch == 0 {
                        centre_key("alba")
                    } else {
                        centre_key(&format!("new {epoch}"))
                    }
                };
                if let Some(resumed) =
                    (0..=epochs).find_map(|epoch| Author::resume(state.clone(), key(epoch)).ok())
                {
                    author = resumed;
                }
                None
            }
            Act::Open(which) => {
                let entry = &entries[which % entries.len()];
                let standing = Standing::Header(&entry.raw().header);
                let key = centre_key(&format!("new {}", epochs + 1));
                let state = author.state();
                match Author::open_epoch(state, &recovery("alba"), key, standing, salt(n)) {
                    Ok((opened, opening)) => {
                        epochs += 1;
                        author = opened;
                        Some(opening)
                    }
                    Err(_) => None,
                }
            }
        };
        if let Some(entry) = made {
            states.push(author.state().clone());
            entries.push(entry);
        }
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_comes_to_what_the_reference_comes_to(acts in acts(), deliveries in deliveries()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compared(acts, deliveries))?;
    }
}

async fn compared(
    acts: Vec<Act>,
    deliveries: Vec<Vec<(usize, bool)>>,
) -> Result<(), TestCaseError> {
    let wires = Wires::default();
    let mut alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    let net = Net::found(&alba).await;
    let writer = alba.centre().writer();
    let mut replica = Replica::new(NetworkView::new(net.rosters.clone()));
    let (mut office, first) = alba.begin_office(net.id());
    let described = office
        .append(
            Kind::Descriptor,
            &alba.descriptor(true).encode(),
            0,
            salt(2),
        )
        .unwrap();
    replica.ingest(wire(&[first, described]));

    let entries = signed(alba.begin_centre(net.id()), &acts);
    let all = (0..entries.len()).map(|index| (index, false)).collect();
    for batch in deliveries.into_iter().chain([all]) {
        let batch: Vec<proto::Entry> = batch
            .into_iter()
            .map(|(index, withheld)| {
                let mut entry = entries[index % entries.len()].raw().to_proto();
                if withheld {
                    entry.payload = None;
                }
                entry
            })
            .collect();
        let expected = replica.ingest(batch.clone());
        let taken = alba
            .exchange
            .ingest(net.id(), batch, Source::House)
            .await
            .unwrap();
        prop_assert_eq!(taken.feeds, expected);
        let standing: Vec<_> = replica.standing(writer).cloned().collect();
        let stored = alba
            .exchange
            .fetch(net.id(), writer, None, 256)
            .await
            .unwrap();
        prop_assert_eq!(&stored.entries, &standing);
    }
    for entry in &entries {
        let kept = alba
            .exchange
            .store()
            .entry(net.id(), writer, entry.hash())
            .await
            .unwrap();
        prop_assert_eq!(
            kept.map(|row| row.raw),
            replica.entry(writer, entry.hash()).cloned()
        );
    }
    let releases = alba.releases(net.id()).await;
    if replica.state(writer).is_some() {
        let state = alba.state(net.id(), writer).await;
        prop_assert_eq!(Some(&state), replica.state(writer));
        alba.restart().await;
        prop_assert_eq!(alba.state(net.id(), writer).await, state);
    }
    prop_assert_eq!(
        alba.releases(net.id()).await,
        releases,
        "read again, it says the same"
    );
    Ok(())
}
