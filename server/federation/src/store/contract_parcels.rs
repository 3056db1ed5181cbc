//! What every engine must do with parcels of pools.

use super::bench::{Bench, on_each_engine};
use super::*;

on_each_engine!(
    a_parcel_is_read_back_byte_for_byte_after_opening_again,
    a_parcel_that_comes_twice_is_kept_once,
    parcels_are_cut_at_their_count_and_at_their_bytes_in_the_order_asked_for,
    parcels_belong_to_their_network,
    parcels_are_dropped_by_hash,
    parcels_are_dropped_from_their_day_of_expiry_on,
    many_hashes_are_asked_for_at_once,
);

fn network() -> NetworkId {
    NetworkId::of(b"network")
}

async fn with_network(bench: &Bench) -> Store {
    let store = bench.open().await;
    store.add_network(network(), &[]).await.unwrap();
    store
}

fn parcel(n: u8, bytes: usize) -> ParcelRow {
    let sealed = vec![n; bytes];
    ParcelRow {
        hash: ParcelHash::of(&sealed),
        expiry: 100 + u32::from(n),
        sealed,
    }
}

fn hashes(parcels: &[ParcelRow]) -> Vec<ParcelHash> {
    parcels.iter().map(|parcel| parcel.hash).collect()
}

fn pairs(parcels: &[ParcelRow]) -> Vec<(ParcelHash, Vec<u8>)> {
    let pair = |parcel: &ParcelRow| (parcel.hash, parcel.sealed.clone());
    parcels.iter().map(pair).collect()
}

async fn all(store: &Store) -> BTreeSet<ParcelHash> {
    store.parcel_hashes(network()).await.unwrap()
}

async fn a_parcel_is_read_back_byte_for_byte_after_opening_again(bench: &Bench) {
    let store = with_network(bench).await;
    let parcels = [parcel(1, 40), parcel(2, 1_000_000)];
    store.keep_parcels(network(), &parcels).await.unwrap();
    store.close().await;
    let store = bench.open().await;
    let asked = hashes(&parcels);
    let found = store.parcels(network(), &asked, 9, 2_000_000).await;
    assert_eq!(found.unwrap(), (pairs(&parcels), false));
}

async fn a_parcel_that_comes_twice_is_kept_once(bench: &Bench) {
    let store = with_network(bench).await;
    let one = parcel(1, 40);
    let later = ParcelRow {
        expiry: 900,
        ..one.clone()
    };
    for parcels in [vec![one.clone(), one.clone()], vec![later]] {
        store.keep_parcels(network(), &parcels).await.unwrap();
    }
    assert_eq!(all(&store).await, [one.hash].into());
    store.drop_expired_parcels(network(), 200).await.unwrap();
    assert_eq!(all(&store).await, [].into(), "as it was kept first");
}

async fn parcels_are_cut_at_their_count_and_at_their_bytes_in_the_order_asked_for(bench: &Bench) {
    let store = with_network(bench).await;
    let parcels = [parcel(1, 300), parcel(2, 300), parcel(3, 300)];
    let not_here = parcel(4, 300);
    store.keep_parcels(network(), &parcels).await.unwrap();
    let [one, two, three] = parcels;
    let asked = hashes(&[
        not_here,
        three.clone(),
        one.clone(),
        three.clone(),
        two.clone(),
    ]);
    let in_order = pairs(&[three, one, two]);
    let get = async |count, bytes| {
        store
            .parcels(network(), &asked, count, bytes)
            .await
            .unwrap()
    };
    assert_eq!(get(3, 1 << 20).await, (in_order.clone(), false));
    assert_eq!(get(2, 1 << 20).await, (in_order[..2].to_vec(), true));
    assert_eq!(get(3, 700).await, (in_order[..2].to_vec(), true));
    assert_eq!(get(3, 1).await, (in_order[..1].to_vec(), true));
    assert_eq!(get(0, 1 << 20).await, (vec![], true));
    let nothing = store.parcels(network(), &[], 3, 1 << 20).await.unwrap();
    assert_eq!(nothing, (vec![], false));
}

async fn parcels_belong_to_their_network(bench: &Bench) {
    let store = with_network(bench).await;
    let other = NetworkId::of(b"other");
    store.add_network(other, &[]).await.unwrap();
    let one = parcel(1, 40);
    store
        .keep_parcels(network(), std::slice::from_ref(&one))
        .await
        .unwrap();
    assert_eq!(store.parcel_hashes(other).await.unwrap(), [].into());
    let held = store.parcels_held(other, &[one.hash]).await.unwrap();
    assert_eq!(held, [].into());
    store.drop_parcels(other, &[one.hash]).await.unwrap();
    store.drop_expired_parcels(other, 1_000).await.unwrap();
    let held = store.parcels_held(network(), &[one.hash]).await.unwrap();
    assert_eq!(held, [one.hash].into());
}

async fn parcels_are_dropped_by_hash(bench: &Bench) {
    let store = with_network(bench).await;
    let parcels = [parcel(1, 40), parcel(2, 40), parcel(3, 40)];
    store.keep_parcels(network(), &parcels).await.unwrap();
    let gone = hashes(&parcels[..2]);
    store.drop_parcels(network(), &gone).await.unwrap();
    store.drop_parcels(network(), &[]).await.unwrap();
    assert_eq!(all(&store).await, [parcels[2].hash].into());
}

async fn parcels_are_dropped_from_their_day_of_expiry_on(bench: &Bench) {
    let store = with_network(bench).await;
    let parcels = [parcel(1, 40), parcel(2, 40)];
    store.keep_parcels(network(), &parcels).await.unwrap();
    store.drop_expired_parcels(network(), 100).await.unwrap();
    assert_eq!(all(&store).await.len(), 2);
    store.drop_expired_parcels(network(), 101).await.unwrap();
    assert_eq!(all(&store).await, [parcels[1].hash].into());
}

async fn many_hashes_are_asked_for_at_once(bench: &Bench) {
    let store = with_network(bench).await;
    let one = parcel(1, 40);
    store
        .keep_parcels(network(), std::slice::from_ref(&one))
        .await
        .unwrap();
    let strange = (0..40_000_u32).map(|n| ParcelHash::of(&n.to_be_bytes()));
    let asked: Vec<ParcelHash> = strange.chain([one.hash]).collect();
    let held = store.parcels_held(network(), &asked).await.unwrap();
    assert_eq!(held, [one.hash].into());
    store.drop_parcels(network(), &asked).await.unwrap();
    assert_eq!(all(&store).await, [].into());
}
