//! Openings: the recovery key says where a feed stands and which key signs from now on.

use super::{Begun, FeedState, Step, Surroundings, Usage, verifies};
use crate::entry::Arrival;
use crate::fault::EntryFault;
use crate::keys::PublicKey;
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;

impl FeedState {
    /// An opening: signed by the recovery key, standing after any known header of an earlier epoch.
    pub(super) fn open(
        &self,
        begun: &Begun,
        arrival: Arrival,
        surroundings: &Surroundings,
    ) -> Result<Step, EntryFault> {
        let header = arrival.header().clone();
        let opening = match arrival.body() {
            Some(_) => Some(opening(&arrival)?),
            None => None,
        };
        let recovery_key = match (opening, begun.recovery_key) {
            (Some((key, _)), _) | (None, Some(key)) => key,
            (None, None) => return Err(EntryFault::Payload),
        };
        if recovery_key.hash() != begun.recovery_key_hash || !verifies(&recovery_key, &arrival) {
            return Err(EntryFault::Signature);
        }
        if let Some(rival) = &surroundings.rival
            && let Some(step) = self.dispute(begun, &arrival, rival)
        {
            return Ok(match (step, opening) {
                (
                    Step::Fork {
                        proof,
                        entry,
                        mut state,
                    },
                    Some((_, key)),
                ) => {
                    if let Some(after) = &mut state.begun {
                        after.learn_key(header.epoch, key);
                    }
                    Step::Fork {
                        proof,
                        entry,
                        state,
                    }
                }
                (step, _) => step,
            });
        }
        let follows_head = header.previous == Some(begun.hash);
        let parent_epoch = if follows_head {
            begun.place.epoch
        } else {
            surroundings.parent.as_ref().ok_or(EntryFault::Gap)?.epoch
        };
        if parent_epoch >= header.epoch {
            return Err(EntryFault::Malformed(
                "an opening stands after a header of an earlier epoch",
            ));
        }
        let (_, signing_key) = opening.ok_or(EntryFault::Payload)?;
        if begun.keys.len() > limits::OPENINGS {
            return Err(EntryFault::Quota);
        }
        if header.epoch <= begun.place.epoch {
            // Of an epoch that a later opening has closed, or a second one of this epoch whose dispute is known.
            return self.keep(begun, arrival).map(|step| match step {
                Step::Kept(entry, mut state) => {
                    if let Some(after) = &mut state.begun {
                        after.learn_key(header.epoch, signing_key);
                    }
                    Step::Kept(entry, state)
                }
                step => step,
            });
        }
        let mut after = begun.clone();
        after.place = header.place();
        after.hash = arrival.hash();
        after.recovery_key = Some(recovery_key);
        after.signing_key = signing_key;
        after.disputed = None;
        after.parted_earlier = false;
        // What was aside stays stored, and may be part of the chain now.
        after.payload_bytes = after.payload_bytes.saturating_add(after.aside.bytes);
        after.aside = Usage::default();
        after.learn_key(header.epoch, signing_key);
        after.count(&header)?;
        Ok(Step::Opened {
            entry: arrival.into_verified(),
            rebased: !follows_head,
            state: self.with(after),
        })
    }
}

/// Recovery key and new signing key of an opening.
pub(super) fn opening(arrival: &Arrival) -> Result<(PublicKey, PublicKey), EntryFault> {
    let fault = EntryFault::Malformed("the opening of an epoch holds two keys");
    let body = arrival.body().ok_or(EntryFault::Payload)?;
    let proto::EpochOpening {
        recovery_key,
        signing_key,
    } = proto::EpochOpening::decode(body).map_err(|_| fault)?;
    let key = |bytes: Vec<u8>| PublicKey::try_from(bytes.as_slice()).map_err(|_| fault);
    Ok((key(recovery_key)?, key(signing_key)?))
}
