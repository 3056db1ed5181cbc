//! What must be said with a comparison.

use super::Gathered;
use crate::network::NetworkView;
use crate::published::release::{Band, ReleasedQuarter};
use crate::roster::Policy;
use krog_measures::Measure;
use krog_measures::comparison::Caveat;
use krog_proto::federation::v1 as proto;
use std::collections::BTreeSet;

/// Whether the roster versions named by releases stand for more than one policy. A version not known here may stand for
/// any.
pub(super) fn has_mixed_policies(view: &NetworkView, versions: &BTreeSet<u32>) -> bool {
    let policies: Vec<Option<&Policy>> = versions
        .iter()
        .map(|version| {
            view.rosters()
                .version(*version)
                .map(|roster| &roster.policy)
        })
        .collect();
    match policies.split_first() {
        Some((first, rest)) => {
            !rest.is_empty() && (first.is_none() || rest.iter().any(|policy| policy != first))
        }
        None => false,
    }
}

/// Whether a release leaves open, or says badly, how many baselines of a measure found a follow-up.
pub(super) fn lacks_follow_up(release: &ReleasedQuarter, measure: &Measure) -> bool {
    match release.follow_up.get(&measure.code) {
        Some(Band::AtLeast60) => false,
        Some(Band::Under60 | Band::Untold) | None => true,
    }
}

/// The caveats of the figures and those only the network knows of, each once, in the order of the wire.
pub(super) fn of(view: &NetworkView, gathered: &Gathered, of_figures: &[Caveat]) -> Vec<i32> {
    let mut caveats: BTreeSet<i32> = of_figures
        .iter()
        .filter_map(|caveat| on_the_wire(*caveat))
        .map(i32::from)
        .collect();
    let from_here = [
        (gathered.lacks_follow_up, proto::Caveat::FollowUp),
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
        // Releases tell follow-up, so it is asked of them.
        Caveat::FollowUpUnknown => None,
        // What such a release tells was refused when it was read.
        Caveat::ReleasesSetAside => None,
        // Told by the contrast within centres.
        Caveat::CentresOnBothSides => None,
    }
}
