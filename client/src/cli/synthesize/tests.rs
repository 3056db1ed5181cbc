use super::*;
use serde_json::Value;

/// Thirteen trials of BCG against tuberculosis, log risk ratio and variance (Colditz et al., JAMA 1994;271:698–702).
const BCG: &str = "\
label,yi,vi
Aronson 1948,-0.8893113339202054,0.32558476500396133
Ferguson & Simes 1949,-1.5853886572014306,0.19458112139814385
Rosenthal et al. 1960,-1.3480731482996933,0.4153679653679654
Hart & Sutherland 1977,-1.4415511900213054,0.020010031902247573
Frimodt-Moller et al. 1973,-0.21754732221129558,0.05121017216963086
Stein & Aronson 1953,-0.786115585818864,0.0069056184559087574
Vandiviere et al. 1973,-1.6208982235983918,0.22301724757231517
TPT Madras 1980,0.011952333523840508,0.0039615792978177295
Coetzee & Berjak 1968,-0.4694176487381494,0.056434210463248966
Rosenthal et al. 1961,-1.3713448034727844,0.07302479361302891
Comstock et al. 1974,-0.3393588283383906,0.01241221397155972
Comstock & Webster 1969,0.44591340057137874,0.5325058452001528
Comstock et al. 1976,-0.017313948216879815,0.0714046596839863
";

fn at(json: &Value, path: &str) -> f64 {
    json.pointer(path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number at {path} in {json}"))
}

#[track_caller]
fn close(found: f64, published: f64) {
    assert!(
        (found - published).abs() < 5e-5,
        "{found} is not {published}"
    );
}

/// Published figures: Viechtbauer 2010 (Journal of Statistical Software 36(3)) and the manual of metafor for dat.bcg,
/// methods "EE" and "DL", to the four decimals printed there.
#[test]
fn the_bcg_trials_come_out_to_the_published_digits() {
    let json = account(BCG.as_bytes()).unwrap().json;
    close(at(&json, "/fixed/mean"), -0.4303);
    close(at(&json, "/fixed/interval/low"), -0.5097);
    close(at(&json, "/fixed/interval/high"), -0.3509);
    close(at(&json, "/fixed/z"), -10.6247);
    close(at(&json, "/fixed/q"), 152.2330);
    close(at(&json, "/fixed/i2_percent"), 92.1173);
    close(at(&json, "/fixed/h2"), 12.6861);
    close(at(&json, "/random/tau2"), 0.3088);
    close(at(&json, "/random/mean"), -0.7141);
    close(at(&json, "/random/normal_interval/low"), -1.0644);
    close(at(&json, "/random/normal_interval/high"), -0.3638);
    close(at(&json, "/random/hartung_knapp/interval/low"), -1.1078);
    close(at(&json, "/random/hartung_knapp/interval/high"), -0.3204);
    close(at(&json, "/random/prediction/interval/low"), -1.9988);
    close(at(&json, "/random/prediction/interval/high"), 0.5706);
}

#[test]
fn the_account_for_people_has_the_same_digits() {
    insta::assert_snapshot!(account(BCG.as_bytes()).unwrap().text);
}

#[test]
fn semicolons_and_decimal_commas_give_the_same_digits() {
    let german = format!("\u{feff}{}", BCG.replace(',', ";").replace('.', ","));
    let german = german.replace("et al,", "et al.");
    assert_eq!(
        account(german.as_bytes()).unwrap(),
        account(BCG.as_bytes()).unwrap()
    );
}

#[test]
fn facilitations_are_contrasted_from_five_a_side() {
    let mut table = "label;facilitation;yi;vi\n".to_owned();
    for n in 0..5 {
        table.push_str(&format!("p{n};professional;0,{}5;0,05\n", n + 3));
        table.push_str(&format!("q{n};Peer;0,{n}5;0,05\n"));
    }
    let answer = account(table.as_bytes()).unwrap();
    close(at(&answer.json, "/contrast/told/difference"), 0.3);
    insta::assert_snapshot!(answer.text);
    let fewer: String = table
        .lines()
        .filter(|line| !line.starts_with("q4"))
        .map(|line| format!("{line}\n"))
        .collect();
    let answer = account(fewer.as_bytes()).unwrap();
    assert!(
        answer
            .text
            .contains("no contrast: it needs 5 centres a side"),
        "{}",
        answer.text
    );
}

#[test]
fn one_estimate_has_no_spread_and_says_so() {
    let answer = account(b"label,yi,vi\nA,1,0.25\n").unwrap();
    assert!(
        answer.text.contains("need two estimates"),
        "{}",
        answer.text
    );
    assert_eq!(answer.json["random"]["prediction"]["status"], "absent");
}

#[test]
fn what_is_no_table_of_estimates_says_where() {
    let refused = |table: &str| account(table.as_bytes()).unwrap_err();
    assert_eq!(refused("label,yi\nA,1\n"), TableError::NoColumn("vi"));
    assert_eq!(
        refused("label,yi,vi\nA,1,1\nB,x,1\n"),
        TableError::NotANumber {
            line: 3,
            column: "yi"
        }
    );
    assert_eq!(
        refused("label,yi,vi\nA,NaN,1\n"),
        TableError::NotANumber {
            line: 2,
            column: "yi"
        }
    );
    assert_eq!(
        refused("label;yi;vi\nA;1.000,5;1\n"),
        TableError::NotANumber {
            line: 2,
            column: "yi"
        }
    );
    assert_eq!(
        refused("label,yi,vi,facilitation\nA,1,1,both\n"),
        TableError::UnknownFacilitation { line: 2 }
    );
    assert_eq!(
        refused("label,yi,vi\nA,1,1\nB,1\n"),
        TableError::Broken { line: 3 }
    );
    assert_eq!(account(&[0xff, 0xfe]).unwrap_err(), TableError::NotText);
    assert!(refused("label,yi,vi\n").to_string().contains("no estimate"));
    assert!(
        refused("label,yi,vi\nA,1,0\n")
            .to_string()
            .contains("variance")
    );
}
