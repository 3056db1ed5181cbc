//! The Beat the Blues trial (Proudfoot et al. 2003), as in the data set `BtheB` of the R package HSAUR (Everitt and
//! Hothorn): BDI-II totals of 100 people before treatment and after 2, 3, 5 and 8 months, as far as they answered.
//!
//! Per person: centre (`a` short episode without drug, `b` short with drug, `c` long without, `d` long with), facilitation
//! (`f` professional, `p` peer; mapped from the trial's arms at will, it means nothing), and the totals in order.

use std::fmt::Write;

/// The centres, in the order of their letters.
pub const CENTRES: [&str; 4] = [
    "centre-short-nodrug",
    "centre-short-drug",
    "centre-long-nodrug",
    "centre-long-drug",
];

/// The measure as it is written in a policy.
pub const MEASURE: &str = "bdi-ii,0..63,lower,day=59,window=42..75";

const DAYS: [&str; 5] = [
    "2026-01-12",
    "2026-03-12",
    "2026-05-12",
    "2026-07-12",
    "2026-09-12",
];

const PEOPLE: &str = "cp29.2.2 df32.16.24.17.20 bp25.20 cf21.17.16.10.9 df26.23 bf7.0.0.0.0 bp17.7.7.3.7 cp20.20.21.19.13 \
    bf18.13.14.20.11 df20.5.5.8.12 cp30.32.24.12.2 bf49.35 cp26.27.23 dp30.26.36.27.22 df23.13.13.12.23 \
    ap16.13.3.2.0 cf30.30.29 af13.8.8.7.6 cp37.30.33.31.22 bf35.12.10.8.10 cf21.6 ap26.17.17.20.12 cp29.22.10 \
    cp20.21 cp33.23 cf19.12.13 bp12.15 dp47.36.49.34 df36.6.0.0.2 af10.8.6.3.3 ap27.7.15.16.0 af18.10.10.6.8 \
    bf11.8.3.2.15 bf6.7 df44.24.20.29.14 ap38.38 ap21.14.20.1.8 dp34.17.8.9.13 bf9.7.1 dp38.27.19.20.30 bf46.40 \
    ap20.19.18.19.18 dp17.29.2.0.0 cf18.20 df42.1.8.10.6 af30.30 bf33.27.16.30.15 af12.1.0.0 bf2.5 \
    cp36.42.49.47.40 ap35.30 af23.20 cp31.48.38.38.37 bf8.5.7 bp23.21.26 bf7.7.5.4.0 ap14.13.14 ap40.36.33 bf23.30 \
    cf14.3 cp22.20.16.24.16 cp23.23.15.25.17 ap15.7.13.13 cp8.12.11.26 cf12.18 cp7.6.2.1 bp17.9.3.1.0 bf33.18.16 \
    ap27.20 af27.30 af9.6.10.1.0 cf40.30.12 cp11.8.7 ap9.8 cp14.22.21.24.19 df28.9.20.18.13 cf15.9.13.14.10 \
    df22.10.5.5.12 ap23.9 cp21.22.24.23.22 cp27.31.28.22.14 df14.15 cp10.13.12.8.20 bp21.9.6.7.1 df46.36.53 \
    cf36.14.7.15.15 df23.17 dp35.0.6.0.1 bf33.13.13.10.8 af19.4.27.1.2 ap16 bf30.26.28 bf17.8.7.12 cf19.4.3.3.3 \
    cf16.11.4.2.3 df16.16.10.10.8 bp28 cf11.22.9.11.11 ap13.5.5.0.6 bp43";

/// The table an NGO would import, with or without the `sharing` column.
pub fn table(with_sharing: bool) -> String {
    let sharing = if with_sharing { ",sharing" } else { "" };
    let mut text = format!("centre,group,facilitation,member,joined{sharing},measure,date,score\n");
    for (at, person) in PEOPLE.split_whitespace().enumerate() {
        let centre = CENTRES[usize::from(person.as_bytes()[0] - b'a')];
        let facilitation = if person.as_bytes()[1] == b'f' {
            "professional"
        } else {
            "peer"
        };
        let group = format!("{}-{facilitation}", centre.trim_start_matches("centre-"));
        let sharing = if with_sharing { ",yes" } else { "" };
        for (day, score) in DAYS.iter().zip(person[2..].split('.')) {
            let member = at + 1;
            writeln!(
                text,
                "{centre},{group},{facilitation},P{member:03},2026-01-12{sharing},bdi-ii,{day},{score}"
            )
            .unwrap();
        }
    }
    text
}

/// The table as it stood in April: of five measurements two.
pub fn early_table() -> String {
    let late = |line: &&str| !DAYS[2..].iter().any(|day| line.contains(day));
    table(true)
        .lines()
        .filter(late)
        .flat_map(|line| [line, "\n"])
        .collect()
}
