use super::*;
use crate::part::sums_of;
use crate::sum::Question;
use crate::testing::{measure, noiseless, people, round};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const KEY: [u8; 32] = [9; 32];
const ROUND: [u8; 32] = [1; 32];

fn chance(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn sharing(question: Question) -> (Layout, Sharing) {
    let layout = Layout::of(&round(question), &measure());
    let sharing = Sharing::of(ROUND, &layout).unwrap();
    (layout, sharing)
}

/// Both aggregators check one part.
fn checked(
    sharing: &Sharing,
    shares: &[Share; 2],
    nonce: &[u8; 16],
) -> Result<[Proved; 2], ShareFault> {
    let leader = sharing.begin(Role::Leader, &KEY, nonce, &shares[0])?;
    let helper = sharing.begin(Role::Helper, &KEY, nonce, &shares[1])?;
    let (of_leader, of_helper) = (leader.verifier_share(), helper.verifier_share());
    Ok([
        sharing.finish(leader, &of_helper)?,
        sharing.finish(helper, &of_leader)?,
    ])
}

#[test]
fn the_order_of_the_field_is_the_one_of_the_library() {
    assert_eq!(
        u128::from(Field128::zero() - Field128::one()) + 1,
        FIELD128_MODULUS
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_result_is_the_plain_sum_plus_the_drawn_noise(
        centres in prop::collection::vec(people(3..12), 5..8),
        seed: u64,
    ) {
        for question in Question::ALL {
            let asked = round(question);
            let (layout, sharing) = sharing(question);
            let mut chance = chance(seed);
            let mut proved = [Vec::new(), Vec::new()];
            let mut plain = vec![0i64; layout.len()];
            let mut k = 0;
            for (at, persons) in centres.iter().enumerate() {
                let counted: Vec<_> = persons.iter().filter(|p| p.counts_in(&asked)).cloned().collect();
                if counted.len() < 3 {
                    continue;
                }
                k += 1;
                let sums = sums_of(&asked, &measure(), &counted).unwrap();
                let vector = layout.encode_units(&sums).unwrap();
                for (total, e) in plain.iter_mut().zip(&vector) {
                    *total += *e as i64;
                }
                let nonce = [at as u8; 16];
                let shares = sharing.split(&vector, &nonce, &mut chance).unwrap();
                let [one, other] = checked(&sharing, &shares, &nonce).unwrap();
                proved[0].push(one);
                proved[1].push(other);
            }
            let noise = [layout.noise(&mut chance), layout.noise(&mut chance)];
            let halves: Vec<Vec<u8>> =
                (0..2).map(|at| sharing.add(&proved[at]).half(&noise[at])).collect();
            let expected: Vec<i64> = plain
                .iter()
                .enumerate()
                .map(|(at, total)| total + noise[0].reveal()[at] + noise[1].reveal()[at])
                .collect();
            let totals = layout.add_halves(k, &halves[0], &halves[1]).unwrap();
            prop_assert_eq!(totals.encoded, expected, "{}", question);
            if let Some(at) = layout.persons() {
                let share = |role: usize| sharing.add(&proved[role]).share_of(at).unwrap();
                let persons: usize = centres
                    .iter()
                    .map(|persons| persons.iter().filter(|p| p.counts_in(&asked)).count())
                    .filter(|counted| *counted >= 3)
                    .sum();
                prop_assert_eq!(persons_of(&layout, k, share(0), share(1)), Some(persons as u32));
            }
        }
    }
}

#[test]
fn a_part_out_of_bounds_is_not_proved() {
    let (layout, sharing) = sharing(Question::Change);
    // A centre that splits by another layout, in which ten times the persons are allowed.
    let mut roomy = round(Question::Change);
    roomy.persons_per_centre = 46;
    let wide = Layout::of(&roomy, &measure());
    assert_eq!(wide.greatest().ilog2(), layout.greatest().ilog2());
    let vector = wide.encode_units(&[46, 46 * 1_350]).unwrap();
    assert!(vector.iter().any(|e| *e > layout.greatest()));
    let nonce = [4; 16];
    assert!(sharing.split(&vector, &nonce, &mut chance(1)).is_err());
    let shares = Sharing::of(ROUND, &wide)
        .unwrap()
        .split(&vector, &nonce, &mut chance(1))
        .unwrap();
    // What it is read as lies in bounds, or its proof does not hold.
    if let Ok(proved) = checked(&sharing, &shares, &nonce) {
        let halves = proved.map(|part| {
            sharing
                .add([&part])
                .half(&Noise::draw([0.0, 0.0], &mut chance(1)))
        });
        let quiet = Layout::of(&noiseless(Question::Change), &measure());
        let totals = quiet.add_halves(1, &halves[0], &halves[1]).unwrap();
        assert!(
            totals
                .encoded
                .iter()
                .all(|e| (0..=layout.greatest() as i64).contains(e))
        );
    }
}

#[test]
fn a_share_that_was_changed_replayed_or_mixed_up_is_not_proved() {
    let (layout, sharing) = sharing(Question::Change);
    let vector = layout.encode_units(&[10, -2_000]).unwrap();
    let nonce = [4; 16];
    let shares = sharing.split(&vector, &nonce, &mut chance(1)).unwrap();
    assert!(checked(&sharing, &shares, &nonce).is_ok());
    // Under another nonce, as a second part would have.
    assert!(checked(&sharing, &shares, &[5; 16]).is_err());
    // In another round.
    let other = Sharing::of([2; 32], &layout).unwrap();
    assert!(checked(&other, &shares, &nonce).is_err());
    // The leader's share of one part with the helper's of another.
    let second = sharing.split(&vector, &nonce, &mut chance(2)).unwrap();
    let mixed = [shares[0].clone(), second[1].clone()];
    assert!(checked(&sharing, &mixed, &nonce).is_err());
    // One element raised by one: a vote more than was proved.
    let mut raised = shares.clone();
    raised[0].input[0] ^= 1;
    assert!(checked(&sharing, &raised, &nonce).is_err());
    for cut in 0..shares[1].input.len() {
        let mut short = shares.clone();
        short[1].input.truncate(cut);
        assert!(checked(&sharing, &short, &nonce).is_err());
    }
}

proptest! {
    #[test]
    fn bytes_of_any_shape_are_refused_without_panic(public: Vec<u8>, input: Vec<u8>, other: Vec<u8>) {
        let (layout, sharing) = sharing(Question::Change);
        let share = Share { public, input: Zeroizing::new(input) };
        for role in Role::BOTH {
            let _ = sharing.begin(role, &KEY, &[0; 16], &share);
        }
        let vector = layout.encode_units(&[10, 0]).unwrap();
        let shares = sharing.split(&vector, &[0; 16], &mut chance(1)).unwrap();
        let checking = sharing.begin(Role::Leader, &KEY, &[0; 16], &shares[0]).unwrap();
        prop_assert!(sharing.finish(checking, &other).is_err());
    }
}
