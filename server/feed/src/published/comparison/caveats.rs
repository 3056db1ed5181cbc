//! What must be said with a comparison.

use super::Gathered;
use crate::network::NetworkView;
use crate::published::release::{Band, ReleasedQuarter};
use crate::roster::Policy;
use krog_measures::Measure;
use krog_measures::comparison::{Caveat, Comparison, PoolResult};
use krog_pools::PoolTerms;
use krog_proto::federation::v1 as proto;
use std::collections::BTreeSet;

/// Whether the roster versions named by what was told stand for more than one policy, as far as `matters`. A version not
/// known here may stand for any.
pub(super) fn has_mixed_policies<T: PartialEq>(
    view: &NetworkView,
    versions: &BTreeSet<u32>,
    matters: impl Fn(&Policy) -> T,
) -> bool {
    let policies: Vec<Option<T>> = versions
        .iter()
        .map(|version| {
            view.rosters()
                .version(*version)
                .map(|roster| matters(&roster.policy))
        })
        .collect();
    match policies.split_first() {
        Some((first, rest)) => {
            !rest.is_empty() && (first.is_none() || rest.iter().any(|policy| policy != first))
        }
        None => false,
    }
}

/// What of a policy a release is cleared under.
pub(super) fn of_releases(policy: &Policy) -> Policy {
    Policy {
        pools: None,
        ..policy.clone()
    }
}

/// What of a policy a round is opened under.
pub(super) fn of_pools(policy: &Policy) -> Option<PoolTerms> {
    policy.pools
}

/// Whether a release leaves open, or says badly, how many baselines of a measure found a follow-up.
pub(super) fn lacks_follow_up(release: &ReleasedQuarter, measure: &Measure) -> bool {
    match release.follow_up.get(&measure.code) {
        Some(Band::AtLeast60) => false,
        Some(Band::Under60 | Band::Untold) | None => true,
    }
}

/// Whether a pool leaves open, or says badly, how many baselines found a follow-up.
fn pool_lacks_follow_up(pool: &PoolResult) -> bool {
    pool.followed_up.is_none_or(|share| share < 0.6)
}

/// The caveats of the figures and those only the network knows of, each once, in the order of the wire. `compared` is
/// `None` where nothing was told.
pub(super) fn of(
    view: &NetworkView,
    gathered: &Gathered,
    compared: Option<&Comparison>,
) -> Vec<i32> {
    let (of_figures, pools) =
        compared.map_or((&[][..], &[][..]), |it| (&it.caveats[..], &it.pools[..]));
    let lacks_follow_up = gathered.lacks_follow_up || pools.iter().any(pool_lacks_follow_up);
    let mut caveats: BTreeSet<i32> = of_figures
        .iter()
        .filter_map(|caveat| on_the_wire(*caveat))
        .map(i32::from)
        .collect();
    let from_here = [
        (lacks_follow_up, proto::Caveat::FollowUp),
        (gathered.has_ends, proto::Caveat::Ends),
        (!gathered.untold.is_empty(), proto::Caveat::Untold),
        (gathered.has_mixed_policies, proto::Caveat::MixedPolicies),
        (gathered.has_other_class, proto::Caveat::MixedClasses),
        (view.rehearsal(), proto::Caveat::Rehearsal),
    ];
    caveats.extend(
        from_here
            .into_iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, caveat)| i32::from(caveat)),
    );
    caveats.into_iter().collect()
}

fn on_the_wire(caveat: Caveat) -> Option<proto::Caveat> {
    match caveat {
        Caveat::CompletersOnly => Some(proto::Caveat::CompletersOnly),
        Caveat::NoControlGroup => Some(proto::Caveat::NoControl),
        Caveat::RegressionToTheMean => Some(proto::Caveat::RegressionToMean),
        Caveat::NotRandomised | Caveat::TiedToNgo => Some(proto::Caveat::NotRandomised),
        Caveat::GroupsAreClusters => Some(proto::Caveat::Clusters),
        Caveat::Rounded => Some(proto::Caveat::Rounding),
        Caveat::FewCentres => Some(proto::Caveat::FewCentres),
        Caveat::NotEverythingTold => Some(proto::Caveat::Untold),
        Caveat::SdStated => Some(proto::Caveat::StatedSd),
        Caveat::NoSd => Some(proto::Caveat::Ends),
        Caveat::MixedPolicies => Some(proto::Caveat::MixedPolicies),
        Caveat::MixedClasses => Some(proto::Caveat::MixedClasses),
        Caveat::PoolNoise => Some(proto::Caveat::PoolNoise),
        Caveat::PoolWithoutNoise => Some(proto::Caveat::PoolWithoutNoise),
        Caveat::SpreadAssumed => Some(proto::Caveat::SpreadAssumed),
        Caveat::ChangeBounded => Some(proto::Caveat::ChangeBounded),
        // Releases and pools can tell follow-up, so it is asked of them.
        Caveat::FollowUpUnknown => None,
        // Such a release was refused when it was read, so it is a pool: halves that add up to what no centres can have. It
        // stands in the list of rounds and could not be put on the common scale.
        Caveat::ReleasesSetAside => Some(proto::Caveat::Ends),
        // Told by the contrast within centres.
        Caveat::CentresOnBothSides => None,
    }
}
