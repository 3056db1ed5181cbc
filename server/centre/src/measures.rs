//! Which measures a centre can count: the built-in ones, those of its network's policy, and those it was opened with.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::networks;
use crate::store::Tx;
use krog_feed::roster::RosterChain;
use krog_measures::{Measure, MeasureCode, builtin};
use std::collections::BTreeMap;

/// The measures known here, by code. Where the network's policy states one, its terms hold.
pub(crate) struct KnownMeasures(BTreeMap<MeasureCode, Measure>);

impl KnownMeasures {
    pub(crate) fn measure(&self, code: &MeasureCode) -> Option<&Measure> {
        self.0.get(code)
    }

    /// The measures a code stands for: itself, or all those of the instrument of this name.
    pub(crate) fn expand(&self, code: &MeasureCode) -> Vec<MeasureCode> {
        if self.0.contains_key(code) {
            return vec![code.clone()];
        }
        builtin::lookup(code)
            .into_iter()
            .flat_map(|instrument| instrument.measures())
            .map(|measure| measure.code.clone())
            .collect()
    }
}

impl Centre {
    /// The roster in force in the centre's network; `None` when it is in none.
    pub(crate) async fn roster(&self, tx: &mut Tx) -> Result<Option<RosterChain>, CentreError> {
        match networks::all(tx).await?.first() {
            Some(network) => Ok(Some(networks::chain(tx, *network).await?)),
            None => Ok(None),
        }
    }

    pub(crate) async fn known_measures(&self, tx: &mut Tx) -> Result<KnownMeasures, CentreError> {
        let roster = self.roster(tx).await?;
        let mut known = BTreeMap::new();
        // Later ones outweigh earlier ones.
        for measure in builtin::measures() {
            known.insert(measure.code.clone(), measure.clone());
        }
        for measure in &self.allowed {
            known.insert(measure.code.clone(), measure.clone());
        }
        for measure in roster
            .iter()
            .flat_map(|chain| chain.latest().policy.measures.iter())
        {
            known.insert(measure.code.clone(), measure.clone());
        }
        Ok(KnownMeasures(known))
    }
}
