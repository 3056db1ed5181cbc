use super::*;
use crate::part::sums_of;
use crate::sum::Question;
use crate::testing::{measure, noiseless, people};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const ROUND: [u8; 32] = [7; 32];
const KEY: [u8; 32] = [8; 32];

struct Town {
    layout: Layout,
    sharing: Sharing,
    secrets: [RoundSecret; 2],
    /// Centre, nonce, parcels.
    parts: Vec<(Centre, [u8; 16], [Vec<u8>; 2])>,
    persons: Vec<usize>,
    chance: ChaCha20Rng,
}

fn town(centres: u8) -> Town {
    let round = noiseless(Question::Change);
    let layout = Layout::of(&round, &measure());
    let sharing = Sharing::of(ROUND, &layout).unwrap();
    let mut chance = ChaCha20Rng::seed_from_u64(1);
    let secrets = [0, 1].map(|_| RoundSecret::generate(&mut chance));
    let mut runner = TestRunner::deterministic();
    let mut parts = Vec::new();
    let mut persons = Vec::new();
    for at in 0..centres {
        let people: Vec<_> = people(8..12)
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .into_iter()
            .filter(|p| p.counts_in(&round))
            .collect();
        let vector = layout
            .encode_units(&sums_of(&round, &measure(), &people).unwrap())
            .unwrap();
        let (centre, nonce) = ([at; 32], [at; 16]);
        let shares = sharing.split(&vector, &nonce, &mut chance).unwrap();
        let parcels = Role::BOTH.map(|role| {
            let public = secrets[role.index()].public().unwrap();
            let share = &shares[role.index()];
            seal_share(&public, ROUND, role, centre, nonce, share, &mut chance).unwrap()
        });
        persons.push(people.len());
        parts.push((centre, nonce, parcels));
    }
    Town {
        layout,
        sharing,
        secrets,
        parts,
        persons,
        chance,
    }
}

impl Town {
    fn opened(&self, role: Role) -> Opened {
        let parts = self.parts.iter().map(|(centre, nonce, parcels)| Arrived {
            centre: *centre,
            nonce: *nonce,
            parcel: Some(parcels[role.index()].as_slice()).filter(|parcel| !parcel.is_empty()),
        });
        open_parts(
            ROUND,
            &self.sharing,
            role,
            &self.secrets[role.index()],
            &KEY,
            parts,
        )
    }

    fn agreed(&self) -> [Agreed; 2] {
        let [leader, helper] = Role::BOTH.map(|role| self.opened(role));
        let (of_leader, of_helper) = (leader.verifiers(), helper.verifiers());
        [
            leader.agree(&self.sharing, &of_helper),
            helper.agree(&self.sharing, &of_leader),
        ]
    }
}

#[test]
fn both_agree_on_the_parts_the_persons_and_the_sums() {
    let town = town(6);
    let [leader, helper] = town.agreed();
    assert_eq!(leader.proved(), helper.proved());
    assert_eq!(leader.centres(), 6);
    let [a, b] = [leader.add(&town.sharing), helper.add(&town.sharing)];
    let persons: usize = town.persons.iter().sum();
    let share = |of: &Aggregate| of.share_of(0).unwrap();
    assert_eq!(
        leader.persons(&town.layout, &a, share(&b)),
        Some(persons as u32)
    );
    assert_eq!(
        helper.persons(&town.layout, &b, share(&a)),
        Some(persons as u32)
    );
    let mut chance = town.chance.clone();
    let quiet = town.layout.noise(&mut chance);
    let totals = town
        .layout
        .add_halves(6, &a.half(&quiet), &b.half(&quiet))
        .unwrap();
    assert_eq!(totals.sums[0], persons as f64);
}

#[test]
fn every_faulty_part_is_left_out_by_both_for_its_reason_and_costs_no_other() {
    let mut town = town(9);
    town.parts[0].2[0].clear();
    town.parts[1].2[1][1_200] ^= 1;
    // One centre's parcel under another's name.
    town.parts[2].2 = town.parts[3].2.clone();
    // Shares of two different vectors.
    let vector = town.layout.encode_units(&[9, 0]).unwrap();
    let mut chance = town.chance.clone();
    let (centre, nonce, _) = town.parts[4];
    let shares = town.sharing.split(&vector, &nonce, &mut chance).unwrap();
    let public = town.secrets[1].public().unwrap();
    town.parts[4].2[1] = seal_share(
        &public,
        ROUND,
        Role::Helper,
        centre,
        nonce,
        &shares[1],
        &mut chance,
    )
    .unwrap();
    let [leader, helper] = town.agreed();
    assert_eq!(leader.proved(), helper.proved());
    assert_eq!(leader.centres(), 5);
    let fault = |of: &Agreed, at: u8| of.faults()[&[at; 32]];
    assert_eq!(fault(&leader, 0), PartFault::Missing);
    assert_eq!(fault(&helper, 1), PartFault::Unreadable);
    assert_eq!(fault(&leader, 2), PartFault::Unreadable);
    assert_eq!(fault(&leader, 4), PartFault::Proof);
    assert_eq!(fault(&helper, 4), PartFault::Proof);
}

#[test]
fn a_set_with_a_part_that_is_not_proved_here_is_not_taken() {
    let town = town(6);
    let [mut leader, _] = town.agreed();
    let mut set = leader.proved();
    set.remove(&[0; 32]);
    assert_eq!(leader.narrow_to(&set), Ok(()));
    assert_eq!(leader.centres(), 5);
    set.insert([99; 32]);
    assert_eq!(leader.narrow_to(&set), Err(OtherFault::SetsDiffer));
}

#[test]
fn what_one_aggregator_seals_the_other_reads_for_its_purpose_alone() {
    let mut town = town(2);
    let checked = Checked {
        verify_key: Some(KEY),
        verifiers: town.opened(Role::Leader).verifiers(),
        persons_share: Some([3; 16]),
    };
    let public = town.secrets[1].public().unwrap();
    let parcel = checked
        .seal(
            &public,
            ROUND,
            Role::Helper,
            Sender::LeaderCheck,
            &mut town.chance,
        )
        .unwrap();
    let open = |sender, parcel: &[u8]| {
        Checked::open(&town.secrets[1], ROUND, Role::Helper, sender, parcel)
    };
    let read = open(Sender::LeaderCheck, &parcel).unwrap();
    assert_eq!(read.verify_key, checked.verify_key);
    assert_eq!(read.verifiers, checked.verifiers);
    assert_eq!(read.persons_share, checked.persons_share);
    assert!(open(Sender::WithSet, &parcel).is_err());
    assert!(open(Sender::LeaderCheck, &parcel[..40]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn whatever_the_other_sends_nothing_panics(others in prop::collection::btree_map(prop::array::uniform32(0u8..4), any::<Vec<u8>>(), 0..4)) {
        let town = town(3);
        let agreed = town.opened(Role::Leader).agree(&town.sharing, &others);
        prop_assert_eq!(agreed.centres(), 0);
    }
}
