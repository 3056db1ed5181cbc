//! Which services stand on which listener, with health and reflection beside them.

use anyhow::Result;
use krog_centre::Services;
use tonic_health::ServingStatus;

use crate::listen;

/// What the exchange's listener shows by reflection.
pub(crate) const PEER_SERVICES: &[&str] = &[
    "krog.federation.v1.Exchange",
    "krog.federation.v1.Library",
    "grpc.health.v1.Health",
];
/// What the centre's listeners show by reflection.
const CENTRE_SERVICES: &[&str] = &[
    "krog.centre.v1.Desk",
    "krog.centre.v1.People",
    "krog.centre.v1.Groups",
    "krog.centre.v1.CheckIns",
    "krog.centre.v1.Sharing",
    "grpc.health.v1.Health",
];

/// The centre's services, with health and reflection.
pub(crate) async fn centre_router(services: &Services) -> Result<tonic::transport::server::Router> {
    Ok(listen::server()
        .add_service(services.desk())
        .add_service(services.people())
        .add_service(services.groups())
        .add_service(services.check_ins())
        .add_service(services.sharing())
        .add_service(health().await)
        .add_service(reflection_v1(CENTRE_SERVICES)?)
        .add_service(reflection_v1alpha(CENTRE_SERVICES)?))
}

/// Healthy for as long as the server answers.
pub(crate) async fn health()
-> tonic_health::pb::health_server::HealthServer<impl tonic_health::pb::health_server::Health> {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("", ServingStatus::Serving)
        .await;
    service
}

fn reflection(services: &[&str]) -> tonic_reflection::server::Builder<'static> {
    let mut builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(krog_proto::REFLECTION_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false);
    for service in services {
        builder = builder.with_service_name(*service);
    }
    builder
}

/// Reflection of some services; the version tools of today speak.
pub(crate) fn reflection_v1(
    services: &[&str],
) -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
> {
    Ok(reflection(services).build_v1()?)
}

/// Reflection of some services; the version older tools speak.
pub(crate) fn reflection_v1alpha(
    services: &[&str],
) -> Result<
    tonic_reflection::server::v1alpha::ServerReflectionServer<
        impl tonic_reflection::server::v1alpha::ServerReflection,
    >,
> {
    Ok(reflection(services).build_v1alpha()?)
}
