//! What has to be said with a comparison.

use super::{Comparison, PooledSums, SdOrigin};
use crate::facilitation::{Course, Facilitation};
use crate::synthesis::CENTRES_WITHOUT_POWER_NOTE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Something a reader has to know. The first seven hold for every comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caveat {
    /// Only who answered twice is in it.
    CompletersOnly,
    /// Nobody knows how many were lost.
    FollowUpUnknown,
    /// Nobody was observed without a group.
    NoControlGroup,
    /// Who is asked at a bad time tends to be better later.
    RegressionToTheMean,
    /// Facilitation was chosen, not drawn.
    NotRandomised,
    /// Facilitation and NGO go together.
    TiedToNgo,
    /// Members of one group resemble each other.
    GroupsAreClusters,
    /// Sums of releases are told in steps of the range.
    Rounded,
    /// A side has fewer than ten centres.
    FewCentres,
    /// Some cells were not told.
    NotEverythingTold,
    /// The SD of change is stated, not measured here.
    SdStated,
    /// There is no SD of change; changes are in points and nothing is put together.
    NoSd,
    /// Some centres stand on both sides of the contrast.
    CentresOnBothSides,
    /// Some releases or pools could not be used.
    ReleasesSetAside,
    /// Releases were made under different policies. Added by who knows the policies.
    MixedPolicies,
    /// Some centres use the same measure in another form, which is left out. Added by who knows.
    MixedClasses,
    /// Some pools carry noise.
    PoolNoise,
    /// Some pools carry none.
    PoolWithoutNoise,
    /// How much the centres of some pool differ is taken for it and not told.
    SpreadAssumed,
    /// In some pools a person's change is bounded below the range.
    ChangeBounded,
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CompletersOnly => {
                "Only people who answered both times are counted; those who left may have fared otherwise."
            }
            Self::FollowUpUnknown => {
                "How many of those asked at the start were asked again is not known here."
            }
            Self::NoControlGroup => {
                "Nobody was observed without a group, so change is not the same as effect of the group."
            }
            Self::RegressionToTheMean => {
                "People often come when things are at their worst and would be somewhat better later in any case."
            }
            Self::NotRandomised => {
                "Groups chose their facilitation; it was not drawn by lot, so other differences may explain the result."
            }
            Self::TiedToNgo => {
                "Facilitation goes together with the NGO and its people, and cannot be told apart from them."
            }
            Self::GroupsAreClusters => {
                "Members of one group influence each other; the intervals count them as if they did not, and are somewhat too narrow."
            }
            Self::Rounded => {
                "Sums are rounded so that no one person can be read off them; the intervals allow for it."
            }
            Self::FewCentres => {
                "A side has fewer than ten centres; only large differences could be found."
            }
            Self::NotEverythingTold => {
                "Some cells were not told; what is told may differ from what is not."
            }
            Self::SdStated => {
                "The unit, one SD of change, is stated and not measured in these centres."
            }
            Self::NoSd => {
                "No SD of change is known, so nothing is put together; state one with the measure, with its source, or wait for a release of 20 persons or more."
            }
            Self::CentresOnBothSides => {
                "Some centres stand on both sides; the contrast between centres treats the sides as unrelated."
            }
            Self::ReleasesSetAside => {
                "Some releases or pools carry impossible figures and were left out; ask those concerned."
            }
            Self::MixedPolicies => "The releases were made under different policies.",
            Self::MixedClasses => {
                "Some centres use this measure in another form; theirs are left out."
            }
            Self::PoolNoise => {
                "Pools carry noise so that no one person can be read off them; the intervals allow for it."
            }
            Self::PoolWithoutNoise => {
                "Some pools carry no noise: only the number of centres protects single persons in them."
            }
            Self::SpreadAssumed => {
                "How much the centres of pools differ is assumed and not told by them; another assumption would give another interval."
            }
            Self::ChangeBounded => {
                "In pools a person's change counts at most as much as the round's bound."
            }
        })
    }
}

pub(super) fn of(comparison: &Comparison) -> Vec<Caveat> {
    let mut caveats = vec![
        Caveat::CompletersOnly,
        Caveat::FollowUpUnknown,
        Caveat::NoControlGroup,
        Caveat::RegressionToTheMean,
        Caveat::NotRandomised,
        Caveat::TiedToNgo,
        Caveat::GroupsAreClusters,
    ];
    if !comparison.centres.is_empty() {
        caveats.push(Caveat::Rounded);
    }
    let sides = [Facilitation::Professional, Facilitation::Peer].map(|facilitation| {
        super::centres_with_change(&comparison.centres, &comparison.pools, facilitation)
    });
    if sides.iter().any(|k| *k < CENTRES_WITHOUT_POWER_NOTE) {
        caveats.push(Caveat::FewCentres);
    }
    if !comparison.untold.is_empty() {
        caveats.push(Caveat::NotEverythingTold);
    }
    match comparison.sd.as_ref().map(|used| &used.origin) {
        Some(SdOrigin::Pooled { .. }) => {}
        Some(SdOrigin::Stated { .. }) => caveats.push(Caveat::SdStated),
        None => caveats.push(Caveat::NoSd),
    }
    let on_side = |facilitation| -> BTreeSet<[u8; 32]> {
        comparison
            .centres
            .iter()
            .filter(|row| row.facilitation == facilitation)
            .filter(|row| row.course == Course::Entry)
            .map(|row| row.centre)
            .collect()
    };
    if !on_side(Facilitation::Professional).is_disjoint(&on_side(Facilitation::Peer)) {
        caveats.push(Caveat::CentresOnBothSides);
    }
    if !comparison.set_aside.is_empty() {
        caveats.push(Caveat::ReleasesSetAside);
    }
    caveats
}

/// What has to be said of pools themselves.
pub(super) fn of_pools(pools: &[PooledSums]) -> Vec<Caveat> {
    let tells_change_bounded = |pool: &PooledSums| pool.change_bounded && pool.change.is_some();
    [
        (
            Caveat::PoolNoise,
            pools.iter().any(|pool| pool.rho_millionths > 0),
        ),
        (
            Caveat::PoolWithoutNoise,
            pools.iter().any(|pool| pool.rho_millionths == 0),
        ),
        (
            Caveat::ChangeBounded,
            pools.iter().any(tells_change_bounded),
        ),
    ]
    .into_iter()
    .filter_map(|(caveat, holds)| holds.then_some(caveat))
    .collect()
}
