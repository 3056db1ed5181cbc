//! Parcels of pools in a round with one peer: what it lacks goes there, what is lacking here is fetched.

use krog_feed::ids::ParcelHash;
use tonic::Code;

use super::Talk;
use crate::exchange::{Errand, Source};
use crate::limits::PARCELS_NAMED;
use crate::sync::SyncFailure;

impl Talk {
    /// Hands over and fetches parcels, where any are on their way. A peer of an older version has nothing to do with them.
    pub(super) async fn exchange_parcels(&mut self) -> Result<(), SyncFailure> {
        let Some(peer) = self.node else {
            return Ok(());
        };
        let errand = self.exchange.parcel_errand(self.network, peer).await?;
        match self.run(errand).await {
            Err(SyncFailure::Call {
                code: Code::Unimplemented,
            }) => Ok(()),
            done => done,
        }
    }

    async fn run(&mut self, errand: Errand) -> Result<(), SyncFailure> {
        let Errand { offer, fetch } = errand;
        for offered in offer.chunks(PARCELS_NAMED) {
            let wanted = self.line.offer_parcels(offered).await?;
            self.push_parcels(wanted).await?;
        }
        for asked in fetch.chunks(PARCELS_NAMED) {
            self.fetch_parcels(asked.to_vec()).await?;
        }
        Ok(())
    }

    async fn push_parcels(&mut self, mut wanted: Vec<ParcelHash>) -> Result<(), SyncFailure> {
        while !wanted.is_empty() {
            let (parcels, more) = self.exchange.parcels(self.network, &wanted).await?;
            if parcels.is_empty() {
                return Ok(());
            }
            wanted.retain(|hash| parcels.iter().all(|(sent, _)| sent != hash));
            let sealed = parcels.into_iter().map(|(_, sealed)| sealed).collect();
            self.line.push_parcels(sealed).await?;
            if !more {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn fetch_parcels(&mut self, mut asked: Vec<ParcelHash>) -> Result<(), SyncFailure> {
        while !asked.is_empty() {
            let (found, more) = self.line.fetch_parcels(&asked).await?;
            if found.is_empty() {
                return Ok(());
            }
            asked.retain(|hash| !found.contains_key(hash));
            let sealed = found.into_values().collect();
            self.exchange
                .keep_parcels(self.network, sealed, Source::Fetched)
                .await?;
            if !more {
                return Ok(());
            }
        }
        Ok(())
    }
}
