//! The networks a house is in, with their rosters: verified chains, kept as they were signed.

use crate::error::CentreError;
use crate::feed_writer::FeedError;
use crate::house;
use crate::records::RostersRecord;
use crate::store::{Tx, begin};
use krog_feed::ids::NetworkId;
use krog_feed::roster::{RosterChain, SignedRoster};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use prost::Message;
use sqlx::SqlitePool;
use tonic::transport::Channel;

/// The networks this house is in, in the order of their identities.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<NetworkId>, CentreError> {
    let networks: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT network FROM networks ORDER BY network")
            .fetch_all(&mut **tx)
            .await?;
    networks
        .iter()
        .map(|network| NetworkId::try_from(network.as_slice()).map_err(|_| damaged()))
        .collect()
}

/// The rosters of a network.
pub(crate) async fn chain(tx: &mut Tx, network: NetworkId) -> Result<RosterChain, CentreError> {
    let bytes: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT rosters FROM networks WHERE network = $1")
            .bind(network.as_bytes().as_slice())
            .fetch_optional(&mut **tx)
            .await?;
    let bytes = bytes.ok_or(FeedError::NoNetwork)?;
    let RostersRecord { rosters } =
        RostersRecord::decode(bytes.as_slice()).map_err(|_| damaged())?;
    Ok(verify(network, rosters)?)
}

/// Verifies a whole chain of rosters.
pub(crate) fn verify(
    network: NetworkId,
    rosters: Vec<proto::SignedRoster>,
) -> Result<RosterChain, FeedError> {
    let rosters: Vec<SignedRoster> = rosters
        .into_iter()
        .map(|roster| SignedRoster::parse(roster).map_err(|fault| FeedError::Roster(fault.into())))
        .collect::<Result<_, _>>()?;
    RosterChain::from_versions(network, rosters).map_err(FeedError::Roster)
}

/// Keeps the rosters of a network.
pub(crate) async fn keep(tx: &mut Tx, chain: &RosterChain) -> Result<(), CentreError> {
    let record = RostersRecord {
        rosters: chain
            .versions()
            .map(|roster| roster.signed().to_proto())
            .collect(),
    };
    sqlx::query(
        "INSERT INTO networks (network, rosters) VALUES ($1, $2) \
         ON CONFLICT (network) DO UPDATE SET rosters = excluded.rosters",
    )
    .bind(chain.network().as_bytes().as_slice())
    .bind(record.encode_to_vec())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// As [`refresh`], but rosters that do not hold are only warned about: those known before stay in force.
pub(crate) async fn refresh_or_warn(
    pool: &SqlitePool,
    network: NetworkId,
    house: &HouseClient<Channel>,
) -> Result<(), CentreError> {
    match refresh(pool, network, house).await {
        Err(CentreError::Feed(FeedError::Roster(fault))) => {
            tracing::warn!(network = %network.short(), %fault, "a newer roster does not hold; the known one stays in force");
            Ok(())
        }
        other => other,
    }
}

/// Takes newer versions the exchange knows. A version that does not follow is refused, and what is known stays.
async fn refresh(
    pool: &SqlitePool,
    network: NetworkId,
    house: &HouseClient<Channel>,
) -> Result<(), CentreError> {
    let offered = house::rosters(house, network).await?;
    let mut tx = begin(pool).await?;
    let mut chain = chain(&mut tx, network).await?;
    let mut newer = false;
    for roster in offered {
        let signed =
            SignedRoster::parse(roster).map_err(|fault| FeedError::Roster(fault.into()))?;
        newer |= chain.apply(signed).map_err(FeedError::Roster)?;
    }
    if newer {
        keep(&mut tx, &chain).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn damaged() -> CentreError {
    CentreError::Damaged { table: "networks" }
}
