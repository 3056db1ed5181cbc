use super::*;

/// Nine centres of twelve persons whose mean change is −1.5 points; σ is each sum's noise SD in
/// units of what one person moves it by.
fn pool(round: u8, facilitation: Facilitation, sigma: f64) -> PooledSums {
    let noisy = |value: f64, unit: f64| Noisy {
        value,
        noise_sd: sigma * unit,
    };
    PooledSums {
        round: [round; 32],
        facilitation,
        course: Course::Entry,
        centres: 9,
        first: quarter(Q1),
        last: quarter("2025Q3"),
        unit_sd: 6.0,
        change_bounded: false,
        rho_millionths: if sigma > 0.0 { 250_000 } else { 0 },
        persons: noisy(108.0, 1.0),
        change: Some(noisy(-162.0, 24.0)),
        change_squared: None,
        persons_squared: None,
        change_squared_per_person: None,
        baseline: Some(noisy(1_404.0, 24.0)),
        improved: None,
        deteriorated: None,
        followed_up: None,
        sessions: None,
        with_baseline: None,
        items: Vec::new(),
        weights: None,
    }
}

/// The same with its second round: each centre's mean improvement is 0.25 SD, and Q is 3.
fn weighted(round: u8, facilitation: Facilitation, sigma: f64) -> PooledSums {
    let noisy = |value: f64| Noisy {
        value,
        noise_sd: sigma,
    };
    let w = 9.0 * 12.0 / (1.0 + 12.0 * 0.04);
    PooledSums {
        weights: Some(PooledWeights {
            tau2: 0.04,
            w: noisy(w),
            wy: noisy(0.25 * w),
            wy2: noisy(0.0625 * w + 3.0),
        }),
        ..pool(round, facilitation, sigma)
    }
}

fn with_pools(releases: &[ReleasedSums], pools: &[PooledSums]) -> Comparison {
    compare(&lower(), releases, pools, &[], 0.2).unwrap()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-12 * expected.abs().max(1.0)
}

fn width(interval: &Interval) -> f64 {
    interval.high - interval.low
}

#[test]
fn a_pool_alone_has_the_interval_of_its_centres_from_persons_noise_and_assumed_spread() {
    let told = with_pools(&[], &[pool(1, Facilitation::Peer, 4.0)]);
    let row = &told.pools[0];
    assert_eq!(row.mean_change, Some(-1.5));
    assert_eq!(row.effect, Some(0.25));
    assert_eq!(row.baseline_mean, Some(13.0));
    let noise = ((4.0f64 * 24.0).powi(2) + (1.5f64 * 4.0).powi(2)) / (108.0 * 108.0) / 36.0;
    assert!(close(row.noise_se, noise.sqrt()));
    assert!(close(row.variance.unwrap(), 1.0 / 108.0 + noise));
    let side = effect(&told, Facilitation::Peer);
    assert_eq!((side.k, side.q_df, side.i2_percent), (1, 0, None));
    assert_eq!(side.basis, IntervalBasis::PoolsAlone { df: 8 });
    assert_eq!(side.spread, SpreadOrigin::Assumed);
    assert!(close(side.tau2, 0.04));
    let variance = 1.0 / 108.0 + noise + 0.04 * 1.5 / 9.0;
    assert!(close(side.se, variance.sqrt()));
    assert!(close(
        width(&side.interval),
        2.0 * quantile::student(0.975, 8.0).unwrap() * variance.sqrt()
    ));
    assert_eq!(side.prediction, None);
    let entry = &told.entry[0];
    assert_eq!((entry.centres, entry.persons), (0, 0));
    assert_eq!((entry.pooled_centres, entry.pooled_persons), (9, 108.0));
    assert_eq!(entry.mean_change, Some(-1.5));
}

#[test]
fn several_pools_alone_are_counted_in_centres_and_not_in_pools() {
    let mut smaller = pool(2, Facilitation::Peer, 4.0);
    smaller.centres = 6;
    smaller.persons.value = 60.0;
    let told = with_pools(&[], &[pool(1, Facilitation::Peer, 4.0), smaller.clone()]);
    let side = effect(&told, Facilitation::Peer);
    assert_eq!(side.k, 2);
    assert_eq!(side.basis, IntervalBasis::PoolsAlone { df: 14 });
    let variances = [
        told.pools[0].variance.unwrap() + 0.04 * 1.5 / 9.0,
        told.pools[1].variance.unwrap() + 0.04 * 1.5 / 6.0,
    ];
    let weights = variances.map(|variance| 1.0 / variance);
    let all: f64 = weights.iter().sum();
    let mean = (weights[0] * told.pools[0].effect.unwrap()
        + weights[1] * told.pools[1].effect.unwrap())
        / all;
    assert!(close(side.effect, mean));
    assert!(close(side.se, all.recip().sqrt()));
    let half = quantile::student(0.975, 14.0).unwrap() * side.se;
    assert!(close(side.interval.high, side.effect + half));
    let third = pool(3, Facilitation::Peer, 4.0);
    let three = with_pools(
        &[],
        &[pool(1, Facilitation::Peer, 4.0), smaller.clone(), third],
    );
    let side = effect(&three, Facilitation::Peer);
    assert_eq!((side.k, side.prediction), (3, None));
    assert_eq!(side.basis, IntervalBasis::PoolsAlone { df: 23 });

    let with_a_release = with_pools(
        &[release(1, Facilitation::Peer, 12, -2.0)],
        &[pool(1, Facilitation::Peer, 4.0)],
    );
    assert_eq!(
        effect(&with_a_release, Facilitation::Peer).basis,
        IntervalBasis::HartungKnapp { df: 1 }
    );
}

#[test]
fn releases_and_pools_of_a_side_are_one_mean_over_their_persons() {
    let told = with_pools(
        &[release(1, Facilitation::Peer, 12, -2.0)],
        &[pool(1, Facilitation::Peer, 0.0)],
    );
    assert_eq!(told.entry[0].mean_change, Some((-162.0 - 48.0) / 120.0));
    assert_eq!(told.entry[0].baseline_mean, Some((1_404.0 + 240.0) / 120.0));
    assert_eq!((told.entry[0].centres, told.entry[0].persons), (1, 12));
}

#[test]
fn the_spread_of_released_centres_is_taken_for_a_pool_that_tells_none() {
    let releases = several(Facilitation::Peer, 0..3);
    let alone = effect(&compared(&releases), Facilitation::Peer);
    let told = with_pools(&releases, &[pool(1, Facilitation::Peer, 4.0)]);
    let side = effect(&told, Facilitation::Peer);
    assert_eq!(side.spread, SpreadOrigin::ReleasedCentres);
    assert_eq!((side.tau2, side.q, side.q_df), (alone.tau2, alone.q, 2));
    assert_eq!(side.k, 4);
    assert!(told.caveats.contains(&Caveat::SpreadAssumed));
    let two = with_pools(&releases[..2], &[pool(1, Facilitation::Peer, 4.0)]);
    assert_eq!(
        effect(&two, Facilitation::Peer).spread,
        SpreadOrigin::Assumed
    );
}

#[test]
fn the_newest_second_round_states_the_spread_and_others_enter_as_one_estimate() {
    let mut older = weighted(1, Facilitation::Peer, 0.5);
    older.weights.as_mut().unwrap().tau2 = 0.05;
    let mut newer = weighted(2, Facilitation::Peer, 0.5);
    newer.last = quarter("2025Q4");
    let told = with_pools(&[], &[newer, older]);
    let side = effect(&told, Facilitation::Peer);
    assert_eq!((side.k, side.tau2), (10, 0.04));
    assert_eq!(side.spread, SpreadOrigin::SecondRound);
    let marked: Vec<bool> = told.pools.iter().map(|row| row.has_weights).collect();
    assert_eq!(marked, [false, true]);
    assert!(told.caveats.contains(&Caveat::SpreadAssumed));
    let same = with_pools(&[], &[weighted(1, Facilitation::Peer, 0.5)]);
    assert!(!same.caveats.contains(&Caveat::SpreadAssumed));
}

#[test]
fn noise_of_a_second_round_goes_into_its_standard_error_and_q() {
    let told = with_pools(&[], &[weighted(1, Facilitation::Peer, 2.0)]);
    let side = effect(&told, Facilitation::Peer);
    let w: f64 = 9.0 * 12.0 / 1.48;
    let noise = (4.0 + 0.0625 * 4.0) / (w * w);
    let q = (3.0 + noise * w) / 8.0;
    assert!(q < 1.0);
    assert!(close(side.effect, 0.25));
    assert!(close(side.se, (1.0 / w + noise).sqrt()));
    assert_eq!(side.basis, IntervalBasis::HartungKnapp { df: 8 });
    let prediction = side.prediction.unwrap();
    assert_eq!(prediction.df, 7);
    let half = quantile::student(0.975, 7.0).unwrap() * (0.04 + 1.0 / w + noise).sqrt();
    assert!(close(prediction.interval.high, 0.25 + half));
}

#[test]
fn effects_in_another_unit_sd_are_rescaled_and_weights_stay() {
    let mut pool = weighted(1, Facilitation::Peer, 0.0);
    pool.unit_sd = 3.0;
    let side = effect(&with_pools(&[], &[pool]), Facilitation::Peer);
    assert!(close(side.effect, 0.125));
    assert_eq!(side.tau2, 0.04);
}

#[test]
fn weights_that_drown_in_noise_are_not_used() {
    let mut pool = weighted(1, Facilitation::Peer, 0.0);
    pool.weights.as_mut().unwrap().w.noise_sd = 20.0;
    let told = with_pools(&[], &[pool]);
    assert!(!told.pools[0].has_weights);
    assert_eq!(effect(&told, Facilitation::Peer).k, 1);
}

#[test]
fn the_sd_is_pooled_over_pools_too_unless_it_drowns() {
    let mut told = release(1, Facilitation::Peer, 21, 0.0);
    told.change_sd = Some(6.0);
    let mut pool = pool(1, Facilitation::Peer, 0.0);
    pool.change_squared = Some(Noisy::exact(162.0 * 1.5 + 107.0 * 9.0));
    let comparison = with_pools(&[told], &[pool.clone()]);
    assert!(close(comparison.pools[0].change_sd.unwrap(), 3.0));
    let used = comparison.sd.unwrap();
    assert!(close(
        used.sd,
        ((20.0 * 36.0 + 107.0 * 9.0) / 127.0f64).sqrt()
    ));
    assert_eq!(
        used.origin,
        SdOrigin::Pooled {
            releases: 1,
            persons: 21,
            pools: 1
        }
    );
    pool.change_squared = Some(Noisy {
        value: 162.0 * 1.5 + 107.0 * 9.0,
        noise_sd: 107.0 * 9.0 / 4.0 + 1.0,
    });
    let drowned = with_pools(&[told], &[pool]);
    assert_eq!(drowned.sd.unwrap().sd, 6.0);
    assert_eq!(drowned.pools[0].change_sd, None);
}

#[test]
fn a_contrast_counts_the_centres_of_pools() {
    let pools = [
        pool(1, Facilitation::Professional, 2.0),
        pool(2, Facilitation::Peer, 2.0),
    ];
    let told = with_pools(&[], &pools);
    let ContrastOutcome::Told(contrast) = &told.contrast else {
        panic!("{:?}", told.contrast);
    };
    assert_eq!((contrast.professional_k, contrast.peer_k), (9, 9));
    assert!(close(contrast.df, 16.0));
    assert!(contrast.smallest_detectable.is_some());
    let se = effect(&told, Facilitation::Peer).se;
    assert!(close(contrast.se, se * 2.0f64.sqrt()));
    assert!(told.caveats.contains(&Caveat::FewCentres));

    let releases = several(Facilitation::Peer, 0..4);
    let few = with_pools(&releases, &pools[..1]);
    assert_eq!(
        few.contrast,
        ContrastOutcome::Refused(ContrastRefused::TooFewCentres {
            professional: 9,
            peer: 4,
            needed: 5
        })
    );
    let no_sd = measure(Direction::LowerBetter, None);
    assert_eq!(
        compare(&no_sd, &[], &pools, &[], 0.2).unwrap().contrast,
        ContrastOutcome::Refused(ContrastRefused::NoSd { persons: 20 })
    );
}

#[test]
fn counts_sessions_and_items_are_told_as_shares_and_means() {
    let noisy = |value| Some(Noisy::exact(value));
    let mut told = pool(1, Facilitation::Peer, 0.0);
    told.improved = noisy(54.0);
    told.deteriorated = Some(Noisy {
        value: -2.0,
        noise_sd: 3.0,
    });
    told.with_baseline = noisy(200.0);
    told.followed_up = noisy(150.0);
    told.sessions = noisy(1_300.0);
    told.items = vec![PooledItem {
        code: "sleep".to_owned(),
        lowest: 1.0,
        sum: Noisy::exact(216.0),
    }];
    let row = with_pools(&[], &[told]).pools.remove(0);
    assert_eq!(row.improved, Some(0.5));
    assert_eq!(row.deteriorated, Some(0.0));
    assert_eq!(row.followed_up, Some(0.75));
    assert_eq!(row.sessions, Some(6.5));
    assert_eq!(
        (row.items[0].code.as_str(), row.items[0].mean),
        ("sleep", 3.0)
    );
}

#[test]
fn a_pool_asked_only_for_retention_may_have_lost_nearly_everybody() {
    let mut asked = pool(1, Facilitation::Peer, 0.0);
    (asked.change, asked.baseline) = (None, None);
    asked.persons = Noisy::exact(4.0);
    asked.followed_up = Some(asked.persons);
    asked.with_baseline = Some(Noisy::exact(40.0));
    let told = with_pools(&[], &[asked.clone()]);
    assert_eq!(told.pools[0].followed_up, Some(0.1));
    assert_eq!(told.entry[0].effect, None);
    asked.with_baseline = Some(Noisy::exact(29.0));
    let refused = compare(&lower(), &[], &[asked], &[], 0.2).unwrap_err();
    assert_eq!(refused.set_aside[0].fault, Fault::Persons);
}

#[test]
fn caveats_say_what_pools_are_like() {
    let bounded = PooledSums {
        change_bounded: true,
        ..pool(1, Facilitation::Peer, 2.0)
    };
    let noisy = with_pools(&[], &[bounded]);
    assert!(noisy.caveats.contains(&Caveat::PoolNoise));
    assert!(noisy.caveats.contains(&Caveat::ChangeBounded));
    assert!(!noisy.caveats.contains(&Caveat::PoolWithoutNoise));
    assert!(!noisy.caveats.contains(&Caveat::Rounded));
    let plain = with_pools(&both_sides(), &[pool(1, Facilitation::Peer, 0.0)]);
    assert!(plain.caveats.contains(&Caveat::PoolWithoutNoise));
    assert!(plain.caveats.contains(&Caveat::Rounded));
    assert!(!plain.caveats.contains(&Caveat::ChangeBounded));
}

#[test]
fn a_pool_that_no_round_can_tell_is_set_aside_and_named() {
    type Spoil = fn(&mut PooledSums);
    let good = || weighted(1, Facilitation::Peer, 0.0);
    let nan = Noisy::exact(f64::NAN);
    let broken: [(Spoil, Fault); 16] = [
        (|pool| pool.centres = 4, Fault::Centres),
        (|pool| pool.last = quarter("2024Q4"), Fault::Span),
        (|pool| pool.unit_sd = 0.0, Fault::Terms),
        (|pool| pool.persons.value = 29.0, Fault::Persons),
        (|pool| pool.persons.value = 2e7, Fault::Persons),
        (|pool| pool.persons.noise_sd = f64::INFINITY, Fault::Noise),
        (
            |pool| pool.change = Some(Noisy::exact(-2_600.0)),
            Fault::Change,
        ),
        (
            |pool| pool.change_squared = Some(Noisy::exact(-60.0)),
            Fault::ChangeSquared,
        ),
        (
            |pool| pool.change_squared_per_person = Some(Noisy::exact(1e9)),
            Fault::ChangeSquared,
        ),
        (
            |pool| pool.persons_squared = Some(Noisy::exact(1_000.0)),
            Fault::PersonsSquared,
        ),
        (
            |pool| pool.baseline = Some(Noisy::exact(-3.0)),
            Fault::Baseline,
        ),
        (
            |pool| pool.improved = Some(Noisy::exact(109.0)),
            Fault::Count,
        ),
        (
            |pool| pool.sessions = Some(Noisy::exact(f64::INFINITY)),
            Fault::Count,
        ),
        (
            |pool| {
                pool.items = vec![PooledItem {
                    code: "sleep".to_owned(),
                    lowest: f64::NAN,
                    sum: Noisy::exact(1.0),
                }];
            },
            Fault::Item,
        ),
        (
            |pool| pool.weights.as_mut().unwrap().w.value = 109.0,
            Fault::Weights,
        ),
        (
            |pool| pool.weights.as_mut().unwrap().tau2 = f64::NAN,
            Fault::Weights,
        ),
    ];
    let clean = with_pools(&both_sides(), &[good()]);
    for (spoil, fault) in broken {
        let mut spoilt = good();
        spoil(&mut spoilt);
        spoilt.round = [9; 32];
        let told = with_pools(&both_sides(), &[spoilt, good()]);
        assert_eq!(told.set_aside.len(), 1, "{fault:?}");
        assert_eq!(told.set_aside[0].fault, fault);
        assert_eq!(told.set_aside[0].source, Source::Round([9; 32]));
        assert_eq!(told.entry, clean.entry);
        assert!(told.caveats.contains(&Caveat::ReleasesSetAside));
    }
    let nothing = PooledSums {
        persons: nan,
        ..good()
    };
    let refused = compare(&lower(), &[], &[nothing], &[], 0.2).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::NothingReleased);
    assert_eq!(refused.set_aside[0].fault, Fault::Persons);
}

#[test]
fn an_assumption_that_is_no_number_is_refused_only_where_a_pool_needs_it() {
    for assumed in [f64::NAN, f64::INFINITY, -1.0] {
        let pools = [pool(1, Facilitation::Peer, 2.0)];
        let refused = compare(&lower(), &[], &pools, &[], assumed).unwrap_err();
        assert!(matches!(refused.reason, RefusalReason::Figures { .. }));
        assert!(compare(&lower(), &both_sides(), &[], &[], assumed).is_ok());
    }
}

#[test]
fn a_comparison_with_pools_is_read_back_as_it_was_written() {
    let bad = PooledSums {
        centres: 1,
        ..pool(2, Facilitation::Peer, 0.0)
    };
    let told = with_pools(&both_sides(), &[pool(1, Facilitation::Peer, 0.0), bad]);
    let text = serde_json::to_string(&told).unwrap();
    assert!(text.contains(&format!("\"round\":\"{}\"", "02".repeat(32))));
    let back: Comparison = serde_json::from_str(&text).unwrap();
    assert_eq!(back.pools.len(), 1);
    assert_eq!(back.pools[0].round, told.pools[0].round);
    assert_eq!(back.set_aside, told.set_aside);
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -500.0..500.0,
        2 => 0.0..20_000.0,
        1 => any::<f64>(),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(0.0),
    ]
}

fn any_noisy(noise: impl Strategy<Value = f64>) -> impl Strategy<Value = Noisy> {
    (any_number(), noise).prop_map(|(value, noise_sd)| Noisy { value, noise_sd })
}

fn any_noise() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.0), 4 => 0.0..50.0, 1 => 0.0..1e10, 1 => any::<f64>()]
}

/// Anything at all in one field of a sound pool, or in every one.
fn any_pool() -> impl Strategy<Value = PooledSums> {
    let numbers = proptest::collection::vec(any_noisy(any_noise()), 16);
    (
        (0u8..6, 0usize..3, any::<bool>(), any::<bool>()),
        (any_number(), 0.0..9.0, 3u32..40, any::<bool>()),
        any::<u16>(),
        numbers,
    )
        .prop_map(
            |((round, f, entry, second), (unit, sigma, centres, plain), mask, numbers)| {
                let mut told =
                    weighted(round, Facilitation::ALL[f], if plain { 0.0 } else { sigma });
                told.course = if entry {
                    Course::Entry
                } else {
                    Course::Continuing
                };
                told.centres = centres;
                told.persons_squared = Some(Noisy::exact(1_500.0));
                told.change_squared = Some(Noisy::exact(1_300.0));
                told.change_squared_per_person = Some(Noisy::exact(300.0));
                told.improved = Some(Noisy::exact(30.0));
                let spoilt = |bit: usize| (mask >> bit) & 1 == 1 && mask % 5 == 0;
                let put = |bit: usize, sum: &mut Option<Noisy>| {
                    if spoilt(bit) {
                        *sum = Some(numbers[bit]);
                    }
                };
                put(1, &mut told.change);
                put(2, &mut told.change_squared);
                put(3, &mut told.persons_squared);
                put(4, &mut told.change_squared_per_person);
                put(5, &mut told.baseline);
                put(6, &mut told.improved);
                put(7, &mut told.with_baseline);
                put(8, &mut told.sessions);
                put(9, &mut told.followed_up);
                if spoilt(0) {
                    told.persons = numbers[0];
                }
                if spoilt(10) {
                    told.unit_sd = unit;
                }
                if let Some(weights) = &mut told.weights {
                    if spoilt(11) {
                        weights.w = numbers[11];
                    }
                    if spoilt(12) {
                        weights.wy = numbers[12];
                    }
                    if spoilt(13) {
                        weights.wy2 = numbers[13];
                    }
                    if spoilt(14) {
                        weights.tau2 = unit;
                    }
                }
                if !second {
                    told.weights = None;
                }
                told
            },
        )
}

fn is_told_in_numbers(comparison: &Comparison) -> bool {
    // NaN and infinity are written as null, which no number is read back from.
    let text = serde_json::to_string(comparison).unwrap();
    serde_json::from_str::<Comparison>(&text).is_ok()
        && comparison
            .pools
            .iter()
            .flat_map(|row| [row.mean_change, row.effect, row.variance, row.change_sd])
            .flatten()
            .all(f64::is_finite)
        && comparison
            .entry
            .iter()
            .chain(&comparison.continuing)
            .filter_map(|side| side.effect.as_ref())
            .all(|effect| {
                [effect.effect, effect.se, effect.tau2, effect.q]
                    .into_iter()
                    .chain([effect.interval.low, effect.interval.high, effect.fixed_se])
                    .all(f64::is_finite)
                    && effect.interval.low < effect.interval.high
            })
}

proptest! {
    #[test]
    fn a_pool_never_gives_what_is_no_number(
        pools in proptest::collection::vec(any_pool(), 1..6),
        releases in proptest::collection::vec(any_release(), 0..12),
        stated in proptest::option::of(1e-6..1e6),
    ) {
        let measure = measure(Direction::LowerBetter, stated);
        if let Ok(told) = compare(&measure, &releases, &pools, &[], 0.2) {
            prop_assert!(is_told_in_numbers(&told), "{told:?}");
        } else {
            // No pool may stop a comparison: only that there is none.
            let without = compare(&measure, &releases, &[], &[], 0.2);
            prop_assert!(without.is_err());
        }
    }

    #[test]
    fn the_order_of_pools_changes_no_digit(
        pools in proptest::collection::vec(any_pool(), 1..8).prop_flat_map(|pools| {
            (Just(pools.clone()), Just(pools).prop_shuffle())
        }),
        releases in proptest::collection::vec(any_release(), 0..8),
    ) {
        let told = |pools: &[PooledSums]| match compare(&lower(), &releases, pools, &[], 0.2) {
            Ok(comparison) => serde_json::to_string(&comparison).unwrap(),
            Err(refused) => serde_json::to_string(&refused).unwrap(),
        };
        prop_assert_eq!(told(&pools.0), told(&pools.1));
    }

    /// Where several estimates differ by more than their variances say, Hartung and Knapp's factor
    /// may fall as noise takes weight from the odd one; so the centres agree here, or a second
    /// round tells how they differ.
    #[test]
    fn more_noise_makes_no_interval_narrower(
        sigma in 0.1..4.0,
        more in 1.01..2.0,
        released in 0u8..6,
        second in any::<bool>(),
    ) {
        let releases: Vec<_> = (0..released)
            .map(|centre| release(centre, Facilitation::Peer, 16, -1.0))
            .collect();
        let told = |sigma| {
            let pool = if second {
                weighted(1, Facilitation::Peer, sigma)
            } else {
                pool(1, Facilitation::Peer, sigma)
            };
            with_pools(&releases, &[pool])
        };
        let (quiet, loud) = (told(sigma), told(sigma * more));
        prop_assert!(loud.pools[0].variance > quiet.pools[0].variance);
        let sides = (effect(&quiet, Facilitation::Peer), effect(&loud, Facilitation::Peer));
        prop_assert!(sides.1.se > sides.0.se);
        prop_assert!(width(&sides.1.interval) > width(&sides.0.interval));
        if let (Some(quiet), Some(loud)) = (sides.0.prediction, sides.1.prediction) {
            prop_assert!(width(&loud.interval) > width(&quiet.interval));
        }
    }
}
