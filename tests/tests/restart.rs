//! What a node does after it stood still, was moved back in time, or was copied.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anyhow::Result;
use krog_feed::chain::Head;
use krog_feed::ids::WriterId;
use krog_proto::centre::v1 as centre;
use krog_tests::{Network, Wishes, copy_folder};
use std::collections::BTreeMap;

async fn may_sign(network: &Network, place: usize, name: &str) -> Result<bool> {
    let person = network.person(place, name, "coordinator").await?;
    Ok(person.who_am_i(centre::WhoAmIRequest {}).await?.may_sign)
}

async fn heads(network: &Network) -> Result<BTreeMap<WriterId, Head>> {
    let mirror = network.mirror(1).await?;
    assert!(mirror.faults().is_empty());
    Ok(mirror
        .heads()
        .into_iter()
        .map(|head| (head.writer, head))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_a_centre_signs_again_once_somebody_has_dialled_in() -> Result<()> {
    let mut network = Network::of(["relay:Hearth", "other:Elsewhere"]).await?;
    assert!(may_sign(&network, 0, "Hearth").await?);
    network.stop(0).await?;
    network.start(0).await?;
    assert!(
        network.running(0).tick().await.is_err(),
        "nobody has told it what the network has of its feeds"
    );
    assert!(!may_sign(&network, 0, "Hearth").await?);
    network.running(1).sync_now().await?;
    network.running(0).tick().await?;
    assert!(may_sign(&network, 0, "Hearth").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_restored_from_an_old_copy_forks_nothing_and_catches_up() -> Result<()> {
    let mut network = Network::with(["relay:", "home:Hearth"], Wishes::default()).await?;
    let approve = || centre::ApproveRequest {
        quarter: String::new(),
    };
    network.stop(1).await?;
    let old = network.scratch.path().join("old");
    copy_folder(network.folder(1).root(), &old)?;
    network.start(1).await?;
    network.settle().await?;

    let coordinator = network.person(1, "Hearth", "coordinator").await?;
    let guardian = network.person(1, "Hearth", "guardian").await?;
    coordinator.approve(approve()).await?;
    guardian.approve(approve()).await?;
    network.clock.set_day(network.clock.day() + 15);
    network.settle().await?;
    let before = heads(&network).await?;

    network.stop(1).await?;
    std::fs::remove_dir_all(network.folder(1).root())?;
    copy_folder(&old, network.folder(1).root())?;
    network.start(1).await?;
    let coordinator = network.person(1, "Hearth", "coordinator").await?;
    assert!(
        coordinator.approve(approve()).await.is_err(),
        "nothing is decided before the own feed was compared with the network's"
    );
    network.settle().await?;
    assert_eq!(
        heads(&network).await?,
        before,
        "what it had lost came back, and nothing was signed twice"
    );

    network.clock.set_day(network.clock.day() + 92);
    let guardian = network.person(1, "Hearth", "guardian").await?;
    coordinator.approve(approve()).await?;
    guardian.approve(approve()).await?;
    network.clock.set_day(network.clock.day() + 15);
    network.settle().await?;
    let after = heads(&network).await?;
    assert!(after.values().all(|head| !head.frozen));
    let grown = after
        .iter()
        .filter(|(writer, head)| before.get(*writer) != Some(*head))
        .count();
    assert_eq!(grown, 1, "the centre's feed goes on from where it was");
    Ok(())
}
