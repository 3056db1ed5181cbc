//! Figures of this crate against published ones and against an independent reckoning.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use krog_measures::change::{
    self, MemberSums, criterion_c, pooled_change, reliable_change, sd_of_change,
    small_sample_factor,
};
use krog_measures::comparison::{
    Comparison, IntervalBasis, Noisy, PooledSums, PooledWeights, ReleasedSums, SpreadOrigin,
    ToldBaseline, compare,
};
use krog_measures::synthesis::{
    Estimate, Fixed, Interval, Random, Sums, Synthesis, between, synthesise_estimates,
};
use krog_measures::{
    Course, Direction, Facilitation, Measure, MeasureCode, Quarter, Scale, StatedSd, Window,
};
use serde_json::Value;

fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn meta_analyses() -> Vec<Value> {
    data(include_str!("data/meta_analysis.json"))["sets"]
        .as_array()
        .unwrap()
        .clone()
}

fn pooled() -> Value {
    data(include_str!("data/pooled_sums.json"))
}

fn changes() -> Value {
    data(include_str!("data/change.json"))
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not a number: {value}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
fn reckoned(what: &str, found: f64, expected: &Value) {
    let expected = number(expected);
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < 1e-9, "{what}: {found} instead of {expected}");
}

/// Published with four decimals.
#[track_caller]
fn published(what: &str, found: f64, expected: &Value) {
    if !expected.is_null() {
        let expected = number(expected);
        assert!(
            (found - expected).abs() < 5.1e-5,
            "{what}: {found} instead of {expected}"
        );
    }
}

#[track_caller]
fn interval(what: &str, found: Interval, expected: &Value) {
    reckoned(what, found.low, &expected[0]);
    reckoned(what, found.high, &expected[1]);
}

#[track_caller]
fn published_interval(what: &str, found: Interval, expected: &Value) {
    published(what, found.low, &expected[0]);
    published(what, found.high, &expected[1]);
}

fn rows(set: &Value) -> Vec<Estimate> {
    numbers(&set["y"])
        .into_iter()
        .zip(numbers(&set["v"]))
        .enumerate()
        .map(|(index, (y, v))| Estimate {
            label: format!("{index:03}"),
            y,
            v,
            facilitation: None,
        })
        .collect()
}

fn synthesis(set: &Value) -> Synthesis {
    synthesise_estimates(&rows(set)).unwrap()
}

#[test]
fn four_published_meta_analyses_are_reproduced() {
    let sets = meta_analyses();
    assert_eq!(sets.len(), 4);
    for set in &sets {
        let Synthesis { fixed, random, .. } = synthesis(set);
        let (name, expected) = (set["name"].as_str().unwrap(), &set["expected"]);
        reckoned(name, fixed.mean, &expected["mean"]);
        reckoned(name, fixed.se, &expected["se"]);
        interval(name, fixed.interval, &expected["ci"]);
        reckoned(name, fixed.z, &expected["z"]);
        reckoned(name, fixed.q, &expected["q"]);
        reckoned(name, fixed.q_p.unwrap(), &expected["q_p"]);
        reckoned(name, fixed.i2_percent.unwrap(), &expected["i2"]);
        reckoned(name, fixed.h2.unwrap(), &expected["h2"]);
        reckoned(name, fixed.tau2, &expected["tau2"]);
        reckoned(name, random.tau2, &expected["tau2"]);
        reckoned(name, random.mean, &expected["random_mean"]);
        reckoned(name, random.se, &expected["random_se"]);
        interval(name, random.normal_interval, &expected["random_ci"]);
        let adjusted = random.hartung_knapp.unwrap();
        reckoned(name, adjusted.q, &expected["hk_q"]);
        reckoned(name, adjusted.se, &expected["hk_se"]);
        interval(name, adjusted.interval, &expected["hk_ci"]);
        interval(
            name,
            random.prediction.unwrap().interval,
            &expected["prediction"],
        );
    }
}

#[test]
fn what_was_printed_is_what_comes_out() {
    let mut printed = 0;
    for set in &meta_analyses() {
        let Synthesis { fixed, random, .. } = synthesis(set);
        let name = set["name"].as_str().unwrap();
        let (equal, vary) = (&set["published"]["EE"], &set["published"]["DL"]);
        published(name, fixed.mean, &equal["mu"]);
        published_interval(name, fixed.interval, &equal["ci"]);
        published(name, fixed.z, &equal["z"]);
        published(name, fixed.q, &equal["Q"]);
        published(name, fixed.i2_percent.unwrap(), &vary["I2"]);
        published(name, random.tau2, &vary["tau2"]);
        published(name, random.mean, &vary["mu"]);
        published(name, random.mean / random.se, &vary["z"]);
        published_interval(name, random.normal_interval, &vary["ci"]);
        let adjusted = random.hartung_knapp.unwrap();
        published(name, adjusted.se, &vary["hksj"]["se"]);
        published_interval(name, adjusted.interval, &vary["hksj"]["ci"]);
        printed += usize::from(!vary.is_null());
    }
    assert_eq!(printed, 3);
}

#[test]
fn sums_alone_give_the_same() {
    for set in &meta_analyses() {
        let sums = |round: &Value| Sums {
            k: round["k"].as_u64().unwrap() as u32,
            w: number(&round["w"]),
            w2: number(&round["w2"]),
            wy: number(&round["wy"]),
            wy2: number(&round["wy2"]),
        };
        let fixed = Fixed::from_sums(&sums(&set["round1"])).unwrap();
        let random = Random::from_sums(&sums(&set["round2"]), fixed.tau2).unwrap();
        let expected = &set["expected"];
        reckoned("fixed", fixed.mean, &expected["mean"]);
        reckoned("Q", fixed.q, &expected["q"]);
        reckoned("tau2", fixed.tau2, &expected["tau2"]);
        reckoned("random", random.mean, &expected["random_mean"]);
        interval("hk", random.interval(), &expected["hk_ci"]);

        let rows = rows(set);
        let (left, right) = rows.split_at(rows.len() / 3);
        let part = |rows: &[Estimate]| -> Sums {
            rows.iter().map(|row| Sums::of(row.y, row.v, 0.0)).sum()
        };
        let whole = part(left) + part(right);
        reckoned("sum of parts", whole.wy2, &set["round1"]["wy2"]);
        assert_eq!(u64::from(whole.k), set["round1"]["k"].as_u64().unwrap());
    }
}

#[test]
fn subgroups_with_a_tau2_each_are_told_apart() {
    let mut seen = 0;
    for set in &meta_analyses() {
        let rows = rows(set);
        for grouping in set["subgroups"].as_array().unwrap() {
            let groups = grouping["groups"].as_array().unwrap();
            let mut sides = Vec::new();
            for (name, expected) in grouping["levels"].as_object().unwrap() {
                let members: Vec<Estimate> = rows
                    .iter()
                    .zip(groups)
                    .filter(|(_, group)| group.as_str() == Some(name))
                    .map(|(row, _)| row.clone())
                    .collect();
                let side = synthesise_estimates(&members).unwrap().random;
                reckoned(name, f64::from(side.k), &expected["k"]);
                reckoned(name, side.tau2, &expected["tau2"]);
                reckoned(name, side.mean, &expected["mu"]);
                reckoned(name, side.se, &expected["se"]);
                sides.push(side);
            }
            let test = between(&sides.iter().collect::<Vec<_>>()).unwrap();
            reckoned("Q between", test.q_between, &grouping["Q_between"]);
            reckoned("df", f64::from(test.df), &grouping["df"]);
            reckoned("p", test.p.unwrap(), &grouping["p"]);
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn pooled_change_comes_from_sums_alone() {
    let pooled = pooled();
    let mut by_style = [
        ("peer", MemberSums::default()),
        ("prof", MemberSums::default()),
    ];
    for site in pooled["sites"].as_array().unwrap() {
        let pairs: Vec<_> = numbers(&site["pre"])
            .into_iter()
            .zip(numbers(&site["post"]))
            .collect();
        let side = by_style
            .iter_mut()
            .find(|(style, _)| site["style"].as_str() == Some(style))
            .unwrap();
        side.1 = side.1 + MemberSums::of_centre(&pairs);
    }
    let all = ("all", by_style[0].1 + by_style[1].1);
    for (name, sums) in by_style.into_iter().chain([all]) {
        let expected = &pooled[name];
        let stated = &expected["sums"];
        for (found, key) in [
            (f64::from(sums.k), "k"),
            (sums.n, "n"),
            (sums.n_squared, "n2"),
            (sums.change, "d"),
            (sums.change_squared, "d2"),
            (sums.change_sum_squared_over_n, "d_sq_over_n"),
            (sums.baseline, "a"),
            (sums.baseline_squared, "a2"),
            (sums.follow_up, "b"),
            (sums.follow_up_squared, "b2"),
            (sums.product, "ab"),
        ] {
            reckoned(key, found, &stated[key]);
        }
        let told = pooled_change(&sums).unwrap();
        reckoned(name, told.mean, &expected["mean_change"]);
        reckoned(name, told.sd, &expected["sd_change"]);
        reckoned(name, told.correlation, &expected["r_prepost"]);
        reckoned(name, told.smcc.y, &expected["smcc"]);
        reckoned(name, told.smcr.y, &expected["smcr"]);
        reckoned(name, told.t, &expected["t_paired"]);
        let between = told.between.unwrap();
        reckoned(name, between.tau2, &expected["anova_tau2"]);
        reckoned(name, between.icc, &expected["icc"]);
        reckoned(name, between.f, &expected["F"]);
        reckoned(name, between.p, &expected["F_p"]);
    }
}

/// Pairs of each site of the given style, or of all.
fn sites(style: Option<&str>) -> Vec<Vec<(f64, f64)>> {
    pooled()["sites"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|site| style.is_none() || site["style"].as_str() == style)
        .map(|site| {
            numbers(&site["pre"])
                .into_iter()
                .zip(numbers(&site["post"]))
                .collect()
        })
        .collect()
}

const SD: f64 = 4.5;

fn quarter() -> Quarter {
    "2025Q1".parse().unwrap()
}

/// A pool of these sites without noise, told in full; its second round with this τ².
fn pool_of(sites: &[Vec<(f64, f64)>], tau2: Option<f64>) -> PooledSums {
    let sums = sites
        .iter()
        .map(|pairs| MemberSums::of_centre(pairs))
        .fold(MemberSums::default(), |a, b| a + b);
    let exact = |value| Some(Noisy::exact(value));
    let round_two = |tau2: f64| -> Sums {
        estimates(sites)
            .iter()
            .map(|row| Sums::of(row.y, row.v, tau2))
            .sum()
    };
    PooledSums {
        round: [7; 32],
        facilitation: Facilitation::Peer,
        course: Course::Entry,
        centres: sums.k,
        first: quarter(),
        last: quarter(),
        unit_sd: SD,
        change_bounded: false,
        rho_millionths: 0,
        persons: Noisy::exact(sums.n),
        change: exact(sums.change),
        change_squared: None,
        persons_squared: exact(sums.n_squared),
        change_squared_per_person: exact(sums.change_sum_squared_over_n),
        baseline: exact(sums.baseline),
        improved: None,
        deteriorated: None,
        followed_up: None,
        sessions: None,
        with_baseline: None,
        items: Vec::new(),
        weights: tau2.map(|tau2| {
            let Sums { w, wy, wy2, .. } = round_two(tau2);
            PooledWeights {
                tau2,
                w: Noisy::exact(w),
                wy: Noisy::exact(wy),
                wy2: Noisy::exact(wy2),
            }
        }),
    }
}

/// Each site by itself with v = 1/n.
fn estimates(sites: &[Vec<(f64, f64)>]) -> Vec<Estimate> {
    sites
        .iter()
        .map(|pairs| {
            let n = pairs.len() as f64;
            let change: f64 = pairs.iter().map(|(pre, post)| post - pre).sum();
            Estimate {
                label: String::new(),
                y: change / n / SD,
                v: 1.0 / n,
                facilitation: None,
            }
        })
        .collect()
}

fn compared(releases: &[ReleasedSums], pools: &[PooledSums]) -> Comparison {
    let measure = Measure::total_only(
        MeasureCode::try_from("oracle").unwrap(),
        Scale::new(0.0, 27.0, Direction::HigherBetter).unwrap(),
        Window::default(),
        Some(StatedSd::new(SD, "assumed: for this test").unwrap()),
    );
    compare(&measure, releases, pools, &[], 0.2).unwrap()
}

#[track_caller]
fn near(what: &str, found: f64, expected: f64) {
    reckoned(what, found, &Value::from(expected));
}

#[track_caller]
fn same_synthesis(told: &Comparison, fixed: &Fixed, random: &Random) {
    let effect = told.entry[0].effect.as_ref().unwrap();
    let adjusted = random.hartung_knapp.as_ref().unwrap();
    assert_eq!(effect.k, random.k);
    assert_eq!(
        effect.basis,
        IntervalBasis::HartungKnapp { df: adjusted.df }
    );
    near("fixed", effect.fixed_effect, fixed.mean);
    near("fixed se", effect.fixed_se, fixed.se);
    near("Q", effect.q, fixed.q);
    assert_eq!(effect.q_df, fixed.q_df);
    near("I2", effect.i2_percent.unwrap(), fixed.i2_percent.unwrap());
    near("tau2", effect.tau2, random.tau2);
    near("random", effect.effect, random.mean);
    near("se", effect.se, adjusted.se);
    near("low", effect.interval.low, adjusted.interval.low);
    near("high", effect.interval.high, adjusted.interval.high);
    let (found, expected) = (
        effect.prediction.as_ref().unwrap(),
        random.prediction.as_ref().unwrap(),
    );
    near("prediction", found.interval.low, expected.interval.low);
    near("prediction", found.interval.high, expected.interval.high);
}

#[test]
fn a_pool_gives_the_mean_sd_and_spread_of_its_persons() {
    let oracle = pooled();
    for (name, sites) in [("peer", sites(Some("peer"))), ("all", sites(None))] {
        let mut pool = pool_of(&sites, None);
        let told = compared(&[], &[pool.clone()]);
        reckoned(
            name,
            told.entry[0].mean_change.unwrap(),
            &oracle[name]["mean_change"],
        );
        let expected = synthesise_estimates(&estimates(&sites)).unwrap();
        let effect = told.entry[0].effect.as_ref().unwrap();
        let df = u32::try_from(sites.len()).unwrap() - 1;
        assert_eq!(
            (effect.k, effect.basis),
            (1, IntervalBasis::PoolsAlone { df })
        );
        assert_eq!(effect.spread, SpreadOrigin::EveryCentre);
        near("fixed", effect.fixed_effect, expected.fixed.mean);
        near("fixed se", effect.fixed_se, expected.fixed.se);
        near("Q", effect.q, expected.fixed.q);
        near("tau2", effect.tau2, expected.fixed.tau2);
        assert!(effect.tau2 > 0.0, "{name}");
        // Without weights the mean is that over persons, whose variance between centres is
        // τ² Σn²/(Σn)².
        near("mean", effect.effect, expected.fixed.mean);
        let stated = &oracle[name]["sums"];
        let spread = number(&stated["n2"]) / number(&stated["n"]).powi(2);
        near(
            "se",
            effect.se * effect.se,
            1.0 / number(&stated["n"]) + effect.tau2 * spread,
        );

        pool.change_squared = Some(Noisy::exact(number(&stated["d2"])));
        let told = compared(&[], &[pool]);
        reckoned(name, told.sd.unwrap().sd, &oracle[name]["sd_change"]);
    }
}

#[test]
fn a_pool_with_a_second_round_is_as_good_as_its_centres() {
    for sites in [sites(Some("peer")), sites(None)] {
        let expected = synthesise_estimates(&estimates(&sites)).unwrap();
        let tau2 = expected.fixed.tau2;
        let told = compared(&[], &[pool_of(&sites, Some(tau2))]);
        same_synthesis(&told, &expected.fixed, &expected.random);
        assert!(told.pools[0].has_weights);
    }
}

#[test]
fn centres_half_released_and_half_pooled_give_the_same_as_all_of_them() {
    let (released, pooled) = (sites(Some("prof")), sites(Some("peer")));
    let releases: Vec<ReleasedSums> = (1..)
        .zip(&released)
        .map(|(centre, pairs)| ReleasedSums {
            centre: [centre; 32],
            facilitation: Facilitation::Peer,
            course: Course::Entry,
            persons: pairs.len() as u32,
            first: quarter(),
            last: quarter(),
            baseline: ToldBaseline::LowEnd,
            change_sum: Some(pairs.iter().map(|(pre, post)| post - pre).sum()),
            change_sd: None,
        })
        .collect();
    // Released centres count with the variance of their rounding too.
    let mut rows = estimates(&pooled);
    rows.extend(compared(&releases, &[]).centres.iter().map(|row| Estimate {
        label: String::new(),
        y: row.effect.unwrap(),
        v: row.variance.unwrap(),
        facilitation: None,
    }));
    let expected = synthesise_estimates(&rows).unwrap();
    let tau2 = expected.fixed.tau2;
    let told = compared(&releases, &[pool_of(&pooled, Some(tau2))]);
    same_synthesis(&told, &expected.fixed, &expected.random);
    assert_eq!(
        (told.entry[0].centres, told.entry[0].pooled_centres),
        (4, 5)
    );
}

#[test]
fn the_small_sample_factor_is_exact() {
    let factors = changes();
    for (m, expected) in factors["J"].as_object().unwrap() {
        let m: u32 = m.parse().unwrap();
        reckoned("J", small_sample_factor(m).unwrap(), expected);
    }
}

/// Morris SB. Organizational Research Methods 2008;11:364, table 5.
#[test]
fn standardised_changes_of_morris_are_reproduced() {
    let changes = changes();
    for (arm, letter) in [("treat", "T"), ("control", "C")] {
        let table = &changes["data"][arm];
        for study in 0..5 {
            let of = |key: &str| number(&table[key][study]);
            let change = of("m_post") - of("m_pre");
            let n = of("n") as u32;
            let smcr = change::smcr(change, of("sd_pre"), of("r"), n).unwrap();
            let sd_change = sd_of_change(of("sd_pre"), of("sd_post"), of("r")).unwrap();
            let smcc = change::smcc(change, sd_change, n).unwrap();
            for (kind, found) in [("SMCR", smcr), ("SMCC", smcc)] {
                let expected = &changes[format!("{kind}_{letter}")][study];
                reckoned(kind, found.y, &expected[0]);
                reckoned(kind, found.v, &expected[1]);
                let printed = &changes["published"];
                published(
                    kind,
                    found.y,
                    &printed[format!("{kind}_{letter}_yi")][study],
                );
                published(
                    kind,
                    found.v,
                    &printed[format!("{kind}_{letter}_vi")][study],
                );
            }
        }
    }
}

/// Jacobson NS, Truax P. Journal of Consulting and Clinical Psychology 1991;59:12.
#[test]
fn reliable_change_is_that_of_jacobson_and_truax() {
    let changes = changes();
    let example = &changes["RCI"]["example_JT1991"];
    let given = |key: &str| number(&example["inp"][key]);
    let found = reliable_change(given("pre"), given("post"), given("sd"), given("rel")).unwrap();
    for (value, key) in [
        (found.se, "SE"),
        (found.se_difference, "Sdiff"),
        (found.index, "RC"),
    ] {
        reckoned(key, value, &example["out"][key]);
        assert!((value - number(&example["published"][key])).abs() < 5.1e-3);
    }
    reckoned("threshold", found.threshold, &example["out"]["threshold95"]);
    assert!(found.is_reliable());

    let criterion = &changes["RCI"]["criterion"];
    let given = |key: &str| number(&criterion[key]);
    let cut = criterion_c((given("M1"), given("S1")), (given("M0"), given("S0"))).unwrap();
    reckoned("c", cut, &criterion["c_val"]);
}
