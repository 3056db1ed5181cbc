//! What a network lets its pools tell.

use krog_proto::federation::v1 as proto;
use thiserror::Error;

/// Fewest centres of a pool. A policy may ask for more, never for fewer.
pub const FLOOR_CENTRES: u32 = 5;
/// Fewest centres of a round that asks weights without noise.
pub const FLOOR_CENTRES_OF_BARE_WEIGHTS: u32 = 10;
/// Fewest persons of a pool. A policy may ask for more, never for fewer.
pub const FLOOR_PERSONS: u32 = 30;
/// Fewest persons a centre takes part with: fewer would make its taking part a word about one of them.
pub const FLOOR_PART: u32 = 3;

const FLOOR_CENTRES_MAX: u32 = 1_000;
const FLOOR_PERSONS_MAX: u32 = 10_000;
const RHO_MAX_MILLIONTHS: u32 = 10_000_000;
const YEARLY_RHO_MAX_MILLIONTHS: u32 = 100_000_000;
const ASSUMED_SD_MAX_THOUSANDTHS: u32 = 10_000;

/// Floors, noise and budget of a network's pools. The floors compiled in hold whatever a roster says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTerms {
    /// Fewest centres of a pool, each of another node, [`FLOOR_CENTRES`] to 1000.
    pub floor_centres: u32,
    /// Fewest persons of a pool, [`FLOOR_PERSONS`] to 10000.
    pub floor_persons: u32,
    /// Most a round may cost, as ρ in millionths; 0: the network has chosen no noise.
    pub rho_millionths: u32,
    /// Most a centre may spend in a calendar year, as ρ in millionths.
    pub yearly_rho_millionths: u32,
    /// SD of true effects between centres assumed where nothing tells it, in thousandths of one SD of change.
    pub assumed_between_sd_thousandths: u32,
}

impl Default for PoolTerms {
    /// What a network is founded with: see the table in `precision`.
    fn default() -> Self {
        Self {
            floor_centres: FLOOR_CENTRES,
            floor_persons: FLOOR_PERSONS,
            rho_millionths: 250_000,
            yearly_rho_millionths: 2_000_000,
            assumed_between_sd_thousandths: 200,
        }
    }
}

/// The terms are out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the terms of pools are out of range")]
pub struct PoolTermsFault;

impl PoolTerms {
    /// These terms with the higher of both floors: a round opened under an older policy falls below no newer one.
    #[must_use]
    pub fn with_floors_of(self, other: &Self) -> Self {
        Self {
            floor_centres: self.floor_centres.max(other.floor_centres),
            floor_persons: self.floor_persons.max(other.floor_persons),
            ..self
        }
    }

    /// Reads the terms of a policy. Floors below those compiled in count as them.
    pub fn parse(terms: proto::PoolTerms) -> Result<Self, PoolTermsFault> {
        let proto::PoolTerms {
            floor_centres,
            floor_persons,
            rho_millionths,
            yearly_rho_millionths,
            assumed_between_sd_thousandths,
        } = terms;
        if floor_centres > FLOOR_CENTRES_MAX
            || floor_persons > FLOOR_PERSONS_MAX
            || rho_millionths > RHO_MAX_MILLIONTHS
            || yearly_rho_millionths > YEARLY_RHO_MAX_MILLIONTHS
            || assumed_between_sd_thousandths > ASSUMED_SD_MAX_THOUSANDTHS
        {
            return Err(PoolTermsFault);
        }
        Ok(Self {
            floor_centres: floor_centres.max(FLOOR_CENTRES),
            floor_persons: floor_persons.max(FLOOR_PERSONS),
            rho_millionths,
            yearly_rho_millionths,
            assumed_between_sd_thousandths,
        })
    }

    /// The terms for a policy.
    pub fn to_proto(&self) -> proto::PoolTerms {
        let Self {
            floor_centres,
            floor_persons,
            rho_millionths,
            yearly_rho_millionths,
            assumed_between_sd_thousandths,
        } = *self;
        proto::PoolTerms {
            floor_centres,
            floor_persons,
            rho_millionths,
            yearly_rho_millionths,
            assumed_between_sd_thousandths,
        }
    }
}
