//! Taking in entries of the own feed that came back from the network.

use super::{FeedError, FeedWriter, damaged, raw_entry, stored_seq};
use crate::error::CentreError;
use crate::store::Tx;
use krog_feed::chain::{Inquiry, Step, Stored, Surroundings as Stands};
use krog_feed::entry::{Arrival, Header, RawEntry, VerifiedEntry};
use krog_feed::ids::{HeaderHash, NetworkId};
use sqlx::Row;

/// What an entry of the own feed that came from outside is to this copy.
pub(super) enum Met {
    /// New, and part of the standing chain.
    Standing(VerifiedEntry),
    /// New, and part of a branch that does not stand.
    Aside(VerifiedEntry),
    /// Known already.
    Known,
}

impl FeedWriter {
    /// Takes an entry of the own feed that came from outside; its own signatures prove it.
    pub(super) async fn adopt_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        raw: RawEntry,
    ) -> Result<Met, CentreError> {
        let not_ours = |fault| CentreError::from(FeedError::NotOurs(fault));
        let arrival = Arrival::parse(raw).map_err(not_ours)?;
        let state = self.state(tx, network).await?;
        let stands = match state.inquiry(&arrival) {
            Some(inquiry) => self.answer(tx, network, &inquiry).await?,
            None => Stands::default(),
        };
        match state.accept(arrival, &stands).map_err(not_ours)? {
            Step::Appended(entry, state) => {
                self.keep(tx, &entry, true, true).await?;
                self.save(tx, &state).await?;
                Ok(Met::Standing(entry))
            }
            Step::Opened {
                entry,
                rebased,
                state,
            } => {
                if rebased {
                    self.rebase(tx, network, &entry).await?;
                }
                self.keep(tx, &entry, true, true).await?;
                self.save(tx, &state).await?;
                Ok(Met::Standing(entry))
            }
            Step::Kept(entry, state) | Step::Fork { entry, state, .. } => {
                self.keep(tx, &entry, false, true).await?;
                self.save(tx, &state).await?;
                Ok(Met::Aside(entry))
            }
            Step::PayloadFilled {
                hash,
                payload,
                state,
            } => {
                sqlx::query("UPDATE own_entries SET payload = $3 WHERE network = $1 AND hash = $2")
                    .bind(network.as_bytes().as_slice())
                    .bind(hash.as_bytes().as_slice())
                    .bind(payload)
                    .execute(&mut **tx)
                    .await?;
                self.save(tx, &state).await?;
                // Now that its bytes are there, it is known what it told.
                let row = sqlx::query(
                    "SELECT header, signature, payload FROM own_entries WHERE network = $1 AND hash = $2",
                )
                .bind(network.as_bytes().as_slice())
                .bind(hash.as_bytes().as_slice())
                .fetch_one(&mut **tx)
                .await?;
                let entry = VerifiedEntry::from_store(raw_entry(&row)?).map_err(|_| damaged())?;
                Ok(Met::Aside(entry))
            }
            Step::Duplicate => Ok(Met::Known),
        }
    }

    async fn answer(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        inquiry: &Inquiry,
    ) -> Result<Stands, CentreError> {
        let same: Option<bool> = sqlx::query_scalar(
            "SELECT payload IS NULL FROM own_entries WHERE network = $1 AND hash = $2",
        )
        .bind(network.as_bytes().as_slice())
        .bind(inquiry.hash.as_bytes().as_slice())
        .fetch_optional(&mut **tx)
        .await?;
        let rival = sqlx::query(
            "SELECT header, signature, payload FROM own_entries \
             WHERE network = $1 AND epoch = $2 AND seq = $3 AND hash <> $4 ORDER BY standing DESC LIMIT 1",
        )
        .bind(network.as_bytes().as_slice())
        .bind(inquiry.place.epoch)
        .bind(stored_seq(inquiry.place))
        .bind(inquiry.hash.as_bytes().as_slice())
        .fetch_optional(&mut **tx)
        .await?;
        let parent = match inquiry.previous {
            Some(hash) => self
                .header(tx, network, hash)
                .await?
                .map(|(header, _)| header),
            None => None,
        };
        Ok(Stands {
            same: same.map(|wants_payload| Stored { wants_payload }),
            rival: rival.as_ref().map(raw_entry).transpose()?,
            parent,
        })
    }

    pub(super) async fn header(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        hash: HeaderHash,
    ) -> Result<Option<(Header, bool)>, CentreError> {
        let row = sqlx::query(
            "SELECT header, standing FROM own_entries WHERE network = $1 AND hash = $2",
        )
        .bind(network.as_bytes().as_slice())
        .bind(hash.as_bytes().as_slice())
        .fetch_optional(&mut **tx)
        .await?;
        row.map(|row| {
            let header = Header::parse(row.try_get(0)?).map_err(|_| damaged())?;
            Ok((header, row.try_get(1)?))
        })
        .transpose()
    }

    /// Makes the branch an opening stands on the standing one.
    async fn rebase(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        opening: &VerifiedEntry,
    ) -> Result<(), CentreError> {
        let mut walked = Vec::new();
        let mut next = opening.header().previous;
        let mut stands_after = None;
        while let Some(hash) = next {
            let Some((header, standing)) = self.header(tx, network, hash).await? else {
                break;
            };
            if standing {
                stands_after = Some(header.place());
                break;
            }
            walked.push(hash);
            next = header.previous;
        }
        let after = stands_after.ok_or_else(damaged)?;
        sqlx::query(
            "UPDATE own_entries SET standing = 0 WHERE network = $1 AND (epoch > $2 OR (epoch = $2 AND seq > $3))",
        )
        .bind(network.as_bytes().as_slice())
        .bind(after.epoch)
        .bind(stored_seq(after))
        .execute(&mut **tx)
        .await?;
        for hash in walked {
            sqlx::query("UPDATE own_entries SET standing = 1 WHERE network = $1 AND hash = $2")
                .bind(network.as_bytes().as_slice())
                .bind(hash.as_bytes().as_slice())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}
