//! What the exchange answers from what it holds.

use krog_feed::chain::Head;
use krog_feed::entry::RawEntry;
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_proto::federation::v1 as proto;

use super::Exchange;
use crate::Error;
use crate::limits::{BATCH_BYTES, BATCH_ENTRIES, FORKS_PER_PAGE, HEADS_PER_PAGE};

/// Entries of one feed after a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Entries of the standing chain, in order.
    pub entries: Vec<RawEntry>,
    /// Whether the place asked after is not in the feed as known here.
    pub unknown_place: bool,
    /// Whether more follow.
    pub more: bool,
}

/// Some heads, ordered by writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadsPage {
    pub(crate) heads: Vec<proto::Head>,
    /// Proofs of forks of the feeds listed.
    pub(crate) forks: Vec<proto::ForkProof>,
    /// Whether more follow.
    pub(crate) more: bool,
}

impl Exchange {
    /// The head of a feed; `None` when nothing of it is here.
    pub async fn head(&self, network: NetworkId, writer: WriterId) -> Result<Option<Head>, Error> {
        let net = self.network(network).await?;
        let held = net.fresh(self.store()).await?;
        Ok(held.feeds.get(&writer).and_then(|feed| feed.head()))
    }

    /// All heads, ordered by writer.
    pub async fn heads(&self, network: NetworkId) -> Result<Vec<Head>, Error> {
        let net = self.network(network).await?;
        let held = net.fresh(self.store()).await?;
        Ok(held.feeds.values().filter_map(|feed| feed.head()).collect())
    }

    /// The heads after a writer, as many as one answer may hold.
    pub(crate) async fn heads_page(
        &self,
        network: NetworkId,
        after: Option<WriterId>,
    ) -> Result<HeadsPage, Error> {
        let net = self.network(network).await?;
        let held = net.fresh(self.store()).await?;
        let mut page = HeadsPage::default();
        let heads = held.feeds.values().filter_map(|feed| feed.head());
        for head in heads.filter(|head| after.is_none_or(|after| head.writer > after)) {
            if page.heads.len() == HEADS_PER_PAGE || page.forks.len() == FORKS_PER_PAGE {
                page.more = true;
                break;
            }
            page.forks.extend(held.forks.get(&head.writer).cloned());
            page.heads.push(head.to_proto());
        }
        Ok(page)
    }

    /// The roster's versions as signed, oldest first.
    pub async fn rosters(&self, network: NetworkId) -> Result<Vec<proto::SignedRoster>, Error> {
        let net = self.network(network).await?;
        let held = net.fresh(self.store()).await?;
        Ok(held
            .view
            .rosters()
            .versions()
            .map(|roster| roster.signed().to_proto())
            .collect())
    }

    /// Standing entries of one feed after a header, at most `limit` and what one call may hold.
    pub async fn fetch(
        &self,
        network: NetworkId,
        writer: WriterId,
        after: Option<HeaderHash>,
        limit: u32,
    ) -> Result<Fetched, Error> {
        let place = match after {
            None => None,
            Some(after) => match self.store().entry(network, writer, after).await? {
                Some(row) if row.standing => Some(row.place),
                _ => {
                    return Ok(Fetched {
                        unknown_place: true,
                        ..Fetched::default()
                    });
                }
            },
        };
        let limit = limit.min(BATCH_ENTRIES as u32);
        let (rows, more) = self
            .store()
            .entries_after(network, writer, place, limit, BATCH_BYTES as u64)
            .await?;
        Ok(Fetched {
            entries: rows.into_iter().map(|row| row.raw).collect(),
            unknown_place: false,
            more,
        })
    }
}
