//! Nothing personal, no sum and no share of one is said or handed over in the clear on the way through a round.

use crate::common::Home;
use crate::common::town::{HELPER, LEADER, Town};
use krog_pools::sealing::{Purpose, Sender};
use krog_pools::{PoolTerms, Role};
use krog_proto::federation::v1 as wire;
use prost::Message;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const CANARIES: [&str; 9] = [
    "KANARIE-",
    "Skupina Kanarček",
    "2026-01-12",
    "2026-03-12",
    "20465",
    "47.25",
    "4725",
    "11.75",
    "-142",
];

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn nothing_personal_is_logged_said_or_handed_over_in_the_clear() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        // The digits of a time of day might be anything.
        .without_time()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::debug!("the log is kept");

    let policy = crate::common::policy().with_pools(PoolTerms::default());
    let mut home = Home::under(&["One"], "2026-04-02", policy).await;
    let mut table =
        "centre,group,facilitation,member,joined,sharing,measure,date,score\n".to_owned();
    for at in 0..4 {
        for (day, score) in [("2026-01-12", "47.25"), ("2026-03-12", "11.75")] {
            let code = format!("KANARIE-{at}");
            writeln!(
                table,
                "one,Skupina Kanarček,peer,{code},2026-01-12,yes,bdi-ii,{day},{score}"
            )
            .unwrap();
        }
    }
    home.import(&table).await;
    let mut town = Town::around(&home).await;
    let opening = wire::PoolOpening {
        change_bound_hundredths: 6_300,
        ..town.opening()
    };
    let round = town.collecting(opening);
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let mut said = format!("{:?}", home.stop_round([9; 32].into()).await.unwrap_err());
    let part = home.parts().await.remove(0);
    assert_eq!(
        part.sums[1].value, -142.0,
        "what the centre's own two people see"
    );
    home.clock.pass_days(14);
    home.house.0.lock().unwrap().parcels_refused = true;
    write!(said, "{:?}", home.tick().await).unwrap();
    home.house.0.lock().unwrap().parcels_refused = false;
    home.tick().await.unwrap();
    write!(said, "{:?} {:?}", home.centre(0), home.services).unwrap();
    home.house.0.lock().unwrap().down = true;
    home.restart().await;
    let refused = home.tick().await.unwrap_err();
    write!(said, "{refused:?} {refused}").unwrap();
    home.house.0.lock().unwrap().down = false;
    home.tick().await.unwrap();
    home.clock.set("2026-05-03");
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");

    // What the aggregators alone can open.
    let commitment = wire::PoolCommitment::decode(part.payload.as_slice()).unwrap();
    let mut shares = Vec::new();
    for (to, name, parcel) in [
        (Role::Leader, LEADER, &part.leader_parcel),
        (Role::Helper, HELPER, &part.helper_parcel),
    ] {
        let sender = Sender::Centre {
            writer: *home.centre(0).writer().as_bytes(),
            nonce: commitment.nonce.as_slice().try_into().unwrap(),
        };
        let purpose = Purpose {
            round: *round.as_bytes(),
            to,
            sender,
        };
        let plain = town.secret(name).open(&purpose, parcel).unwrap();
        let share = wire::PoolShare::decode(plain.as_slice()).unwrap();
        shares.push(share.input_share);
    }
    let log = log.0.lock().unwrap().clone();
    assert!(has(&log, b"the log is kept"));
    let heard = home.house.0.lock().unwrap().heard.concat();
    assert!(
        has(&heard, &part.leader_parcel),
        "the search finds what is there"
    );
    let kept = std::fs::read(home.at("centre.db")).unwrap();
    for (place, bytes) in [
        ("log", &log[..]),
        ("words", said.as_bytes()),
        ("what was handed over", &heard),
    ] {
        for canary in CANARIES {
            assert!(!has(bytes, canary.as_bytes()), "{canary} is in the {place}");
        }
        for share in &shares {
            assert!(!has(bytes, &share[..32]), "a share is in the {place}");
        }
    }
    for canary in CANARIES.into_iter().take(2) {
        assert!(!has(&kept, canary.as_bytes()), "{canary} is in the file");
    }
    for share in &shares {
        assert!(!has(&kept, &share[..32]), "a share is in the file");
    }
}
