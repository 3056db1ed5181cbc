//! Figures of this crate against published ones and against an independent reckoning.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use krog_measures::change::{
    self, MemberSums, criterion_c, pooled_change, reliable_change, sd_of_change,
    small_sample_factor,
};
use krog_measures::synthesis::{
    Estimate, Fixed, Interval, Random, Sums, Synthesis, between, synthesise_estimates,
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
