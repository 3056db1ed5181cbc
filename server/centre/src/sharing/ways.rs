//! By which way each measure leaves: in pools, or in releases under the centre's name. Never both.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::policy::{Action, Permit, Subject};
use crate::store::Tx;
use krog_disclosure::Way;
use krog_feed::roster::Policy;
use krog_measures::MeasureCode;
use sqlx::Row;
use std::collections::BTreeMap;

impl Centre {
    /// Records by which way a measure leaves from now on, as the groups have decided in their own way. What has left stays
    /// as it is; a quarter that one person has approved has to be approved anew.
    pub async fn choose_way(
        &self,
        permit: &Permit,
        measure: &MeasureCode,
        way: Way,
    ) -> Result<(), CentreError> {
        self.check(permit, Action::ChooseWay, &Subject::Centre)?;
        let mut tx = self.begin().await?;
        let chain = self.roster(&mut tx).await?.ok_or(CentreError::NotNow(
            "the node is in no network, so nothing can leave; join one first",
        ))?;
        let policy = &chain.latest().policy;
        if policy.measure(measure).is_none() {
            return Err(CentreError::Invalid(
                "the network's policy has no such measure; `krog network show` names those it has",
            ));
        }
        if way == Way::Pool && policy.pools.is_none() {
            return Err(CentreError::NotNow(
                "this network has no pools; ask a keyholder for a policy that has them",
            ));
        }
        sqlx::query(
            "INSERT INTO ways (measure, way) VALUES ($1, $2) \
             ON CONFLICT (measure) DO UPDATE SET way = excluded.way",
        )
        .bind(measure.as_str())
        .bind(way.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The way of every measure of a policy. What nobody has chosen leaves by pools where the network has them.
    pub(super) async fn ways(
        &self,
        tx: &mut Tx,
        policy: &Policy,
    ) -> Result<BTreeMap<MeasureCode, Way>, CentreError> {
        let rows = sqlx::query("SELECT measure, way FROM ways")
            .fetch_all(&mut **tx)
            .await?;
        let mut chosen = BTreeMap::new();
        for row in &rows {
            let way = match row.try_get::<&str, _>(1)? {
                "pool" => Way::Pool,
                "release" => Way::Release,
                _ => return Err(CentreError::Damaged { table: "ways" }),
            };
            chosen.insert(row.try_get::<String, _>(0)?, way);
        }
        let standard = if policy.pools.is_some() {
            Way::Pool
        } else {
            Way::Release
        };
        Ok(policy
            .measures
            .iter()
            .map(|measure| {
                let way = match (policy.pools, chosen.get(measure.code.as_str())) {
                    // Without pools there is one way only.
                    (None, _) => Way::Release,
                    (Some(_), Some(way)) => *way,
                    (Some(_), None) => standard,
                };
                (measure.code.clone(), way)
            })
            .collect())
    }
}
