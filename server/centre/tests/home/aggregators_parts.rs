//! Parts that are no good, come late or are taken back, and second rounds over the same parts.

use crate::common::town::day;
use crate::common::town::region::{FIRST, Region, SECOND, deadline, persons};
use krog_feed::entry::Kind;
use krog_feed::ids::WriterId;
use krog_feed::rounds::board::{Outcome, RoundId, RoundStatus, RoundsFault, Stage};
use krog_pools::Layout;
use krog_pools::aggregation::PartFault;
use krog_pools::shares::Sharing;
use krog_proto::federation::v1 as wire;

const BOTH_TOLD: [Option<Outcome>; 2] = [Some(Outcome::Told); 2];

fn centres(status: &RoundStatus) -> Vec<WriterId> {
    let set = status.sets[FIRST].as_ref().unwrap();
    set.parts.iter().map(|(centre, _)| *centre).collect()
}

fn left_out(status: &RoundStatus, office: usize) -> Vec<(WriterId, PartFault)> {
    status.sets[office].as_ref().unwrap().left_out.clone()
}

fn ordered<T: Ord>(things: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut things: Vec<T> = things.into_iter().collect();
    things.sort_unstable();
    things
}

#[tokio::test]
async fn parts_that_are_no_good_are_left_out_in_public_and_the_rest_is_told() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.collecting(region.opening()).await;
    for at in 0..5 {
        region.commits(at, round, 6);
    }
    // Bytes that nobody sealed.
    let mut sealed = region.part(5, round, 6);
    sealed.parcels[0] = vec![1; 2_500];
    let arrived = sealed.parcels.clone();
    region.states(5, round, &sealed);
    // Sums beyond what the round allows, proved for a wider round.
    let mut wider = region.status(round).round;
    wider.persons_per_centre = 400;
    let layout = Layout::of(&wider, region.town.measure());
    let sharing = Sharing::of(*round.as_bytes(), &layout).unwrap();
    let sums = krog_pools::part::sums_of(&wider, region.town.measure(), &persons(300)).unwrap();
    let vector = layout.encode_units(&sums).unwrap();
    let wide = region.sealed(6, round, &sharing, &vector);
    region.states(6, round, &wide);
    // The parcels of another centre.
    let replayed = region.status(round).commitments[&region.neighbour(0)];
    let body = wire::PoolCommitment {
        opening: round.into(),
        nonce: replayed.nonce.to_vec(),
        leader_parcel: replayed.leader_parcel.hash.to_vec(),
        leader_parcel_bytes: replayed.leader_parcel.bytes,
        helper_parcel: replayed.helper_parcel.hash.to_vec(),
        helper_parcel_bytes: replayed.helper_parcel.bytes,
    };
    region.neighbour_says(7, Kind::PoolCommitment, &body);
    // A share changed before it was sealed.
    let own = region.status(round).round;
    let layout = Layout::of(&own, region.town.measure());
    let vector = layout
        .encode_units(&region.sums(round, &persons(6)))
        .unwrap();
    let nonce = [8; 16];
    let mut chance =
        <rand_chacha::ChaCha20Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(5);
    let split = region.sharing(round).split(&vector, &nonce, &mut chance);
    let mut shares = split.unwrap();
    shares[0].input[0] ^= 1;
    let forged = region.sealed_shares(8, round, nonce, shares);
    region.states(8, round, &forged);
    for parcel in arrived.iter().chain(&wide.parcels).chain(&forged.parcels) {
        region.arrives(parcel);
    }
    region.day(deadline() + 1);
    region.settle().await;

    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(status.told.as_ref().unwrap().totals.sums[0], 30.0);
    assert_eq!(
        centres(&status),
        ordered((0..5).map(|at| region.neighbour(at)))
    );
    let unreadable = |at| (region.neighbour(at), PartFault::Unreadable);
    let forged = (region.neighbour(8), PartFault::Proof);
    let expected = [unreadable(5), unreadable(6), unreadable(7), forged];
    assert_eq!(left_out(&status, FIRST), ordered(expected));
    // The helper has not seen three of them, and says so.
    let missing = [5, 6, 7].map(|at| (region.neighbour(at), PartFault::Missing));
    let expected = missing.into_iter().chain([forged]);
    assert_eq!(left_out(&status, SECOND), ordered(expected));
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_second_commitment_counts_for_nothing_and_a_part_withdrawn_in_time_is_not_in_the_set() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.collecting(region.opening()).await;
    let parts: Vec<_> = (0..7).map(|at| region.commits(at, round, 6)).collect();
    region.commits(0, round, 12);
    region.withdraws(1, parts[1]);
    // Withdrawn, it cannot commit again.
    region.commits(1, round, 12);
    region.day(deadline() + 1);
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(status.told.as_ref().unwrap().totals.sums[0], 36.0);
    assert!(!centres(&status).contains(&region.neighbour(1)));
    assert_eq!(left_out(&status, FIRST), []);
    let refused = region.reading().refused;
    assert_eq!(refused.len(), 2);
    assert!(
        refused
            .iter()
            .all(|known| known.fault == RoundsFault::Repeated)
    );
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_withdrawal_counts_until_the_helpers_set_and_comes_too_late_after_it() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.collecting(region.opening()).await;
    let parts: Vec<_> = (0..7).map(|at| region.commits(at, round, 6)).collect();
    region.day(deadline() + 1);
    region.offices[FIRST].tick(region.house()).await;
    region.withdraws(1, parts[1]);
    region.offices[SECOND].tick(region.house()).await;
    region.withdraws(2, parts[2]);
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(status.told.as_ref().unwrap().totals.sums[0], 36.0);
    assert!(!centres(&status).contains(&region.neighbour(1)));
    assert!(centres(&status).contains(&region.neighbour(2)));
    assert_eq!(
        left_out(&status, SECOND),
        [(region.neighbour(1), PartFault::Missing)]
    );
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_commitment_that_reaches_the_leader_after_its_check_does_not_trouble_the_round() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.committed(region.opening(), 5, 8).await;
    region.offices[FIRST].tick(region.house()).await;
    region.offices[SECOND].tick(region.house()).await;
    assert!(region.status(round).sets[SECOND].is_some());
    region.commits(5, round, 8);
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(
        left_out(&status, FIRST),
        [(region.neighbour(5), PartFault::Missing)]
    );
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_commitment_that_has_not_reached_the_helper_yet_is_waited_for() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.committed(region.opening(), 6, 6).await;
    region.offices[FIRST].tick(region.house()).await;
    // The feed of the sixth is on its way.
    let late = region.neighbour(5);
    let take = |region: &Region| {
        let mut net = region.house().0.lock().unwrap();
        let name = net
            .feeds
            .keys()
            .find(|(_, writer)| writer == late.as_bytes())
            .unwrap()
            .clone();
        let feed = net.feeds.remove(&name).unwrap();
        (name, feed)
    };
    let (name, feed) = take(&region);
    region.offices[SECOND].restart().await;
    region.offices[SECOND].tick(region.house()).await;
    assert_eq!(region.status(round).sets[SECOND], None);
    region.house().0.lock().unwrap().feeds.insert(name, feed);
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(centres(&status).len(), 6);
    region.assert_clean(round).await;
}

#[tokio::test]
async fn parcels_are_waited_for_three_days_and_then_left_out_as_missing() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = region.collecting(region.opening()).await;
    for at in 0..5 {
        region.commits(at, round, 6);
    }
    let late = region.part(5, round, 6);
    region.states(5, round, &late);
    let lost = region.part(6, round, 6);
    region.states(6, round, &lost);
    let [for_leader, _] = &lost.parcels;
    region.arrives(for_leader);
    for days in 1..=3 {
        region.day(deadline() + days);
        region.settle().await;
        assert_eq!(region.status(round).check, None, "the leader waits");
    }
    // On the third day its parcel comes, for the leader first.
    region.arrives(&late.parcels[0]);
    region.settle().await;
    assert!(region.status(round).check.is_some());
    assert_eq!(region.status(round).sets[SECOND], None, "the helper waits");
    region.arrives(&late.parcels[1]);
    region.settle().await;
    assert_eq!(region.status(round).sets[SECOND], None, "for the other one");
    region.day(deadline() + 4);
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(centres(&status).len(), 6);
    let missing = [(region.neighbour(6), PartFault::Missing)];
    assert_eq!(left_out(&status, FIRST), missing);
    assert_eq!(left_out(&status, SECOND), missing);
    region.assert_clean(round).await;
}

/// The weights of a told round's centres, asked in the month after.
fn weights(region: &Region, first: RoundId) -> wire::PoolOpening {
    wire::PoolOpening {
        sums: vec![
            wire::PoolSum::Weight.into(),
            wire::PoolSum::WeightedEffect.into(),
            wire::PoolSum::WeightedEffectSquared.into(),
        ],
        first_round: first.into(),
        tau2_millionths: 40_000,
        deadline: day("2026-06-02"),
        expiry: day("2026-07-12"),
        ..region.opening()
    }
}

/// A told round over so many centres, and how the second one over so many of them ends.
async fn second_round(region: &mut Region, first: usize, second: usize) -> RoundId {
    let told = region.committed(region.opening(), first, 6).await;
    region.settle().await;
    assert_eq!(region.end_of(told), (Stage::Told, BOTH_TOLD));
    let opening = weights(region, told);
    let round = region.committed(opening, second, 6).await;
    region.settle().await;
    region.assert_clean(told).await;
    region.assert_clean(round).await;
    round
}

#[tokio::test]
async fn weights_are_told_over_ten_centres_without_noise() {
    let mut region = Region::noiseless().await.with_farther_neighbours().await;
    let round = second_round(&mut region, 10, 10).await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    let told = status.told.unwrap().totals.sums;
    let one = region.sums(round, &persons(6));
    for (sum, one) in told.iter().zip(one) {
        assert!((sum - one as f64 / 10.0).abs() < 1e-9, "{told:?}");
    }
}

#[tokio::test]
async fn weights_are_told_over_six_centres_with_noise() {
    let mut region = Region::new().await.with_farther_neighbours().await;
    let round = second_round(&mut region, 6, 6).await;
    assert_eq!(region.end_of(round), (Stage::Told, BOTH_TOLD));
}

#[tokio::test]
async fn weights_without_noise_over_fewer_than_ten_centres_are_too_few() {
    for centres in [5, 9] {
        let mut region = Region::noiseless().await.with_farther_neighbours().await;
        let round = second_round(&mut region, centres, centres).await;
        let (stage, ends) = region.end_of(round);
        assert_eq!(stage, Stage::Failed(Outcome::TooFewCentres));
        assert_eq!(ends[FIRST], Some(Outcome::TooFewCentres));
    }
}

#[tokio::test]
async fn a_second_round_with_a_centre_of_the_first_missing_differs() {
    let mut region = Region::new().await.with_farther_neighbours().await;
    let round = second_round(&mut region, 6, 5).await;
    let (stage, ends) = region.end_of(round);
    assert_eq!(stage, Stage::Failed(Outcome::SetsDiffer));
    assert_eq!(ends, [Some(Outcome::OtherEnded), Some(Outcome::SetsDiffer)]);
    assert!(!region.words_of(FIRST, round).contains(&Kind::PoolHalf));
}

#[tokio::test]
async fn a_centre_that_was_not_in_the_first_round_is_left_out_of_the_second() {
    let mut region = Region::new().await.with_farther_neighbours().await;
    let round = second_round(&mut region, 6, 7).await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    assert_eq!(
        left_out(&status, SECOND),
        [(region.neighbour(6), PartFault::NotInFirstRound)]
    );
}
