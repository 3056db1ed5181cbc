//! `krog.centre.v1` over one or several centres of a node: the credential selects the centre, so nobody can name another's.

mod check_ins;
mod desk;
mod groups;
mod people;
mod sharing;
mod status;

use crate::centre::Centre;
use crate::credentials::Credential;
use crate::error::CentreError;
use crate::policy::{Action, Caller, Permit, Subject, decide};
use krog_measures::{Day, Quarter};
use krog_proto::centre::v1::check_ins_server::CheckInsServer;
use krog_proto::centre::v1::desk_server::DeskServer;
use krog_proto::centre::v1::groups_server::GroupsServer;
use krog_proto::centre::v1::people_server::PeopleServer;
use krog_proto::centre::v1::sharing_server::SharingServer;
use krog_proto::federation::v1::library_client::LibraryClient;
use std::fmt;
use std::sync::Arc;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Largest request, bytes: a table of 8 MiB and what stands around it.
pub const REQUEST_BYTES: usize = 8 * 1_048_576 + 65_536;

/// The services of `krog.centre.v1` over a node's centres. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    centres: Arc<[Arc<Centre>]>,
    library: Option<LibraryClient<Channel>>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.centres.iter()).finish()
    }
}

/// A call whose credential was recognised.
struct Visit {
    centre: Arc<Centre>,
    caller: Caller,
}

impl Services {
    /// Services over these centres.
    pub fn new(centres: Vec<Arc<Centre>>) -> Self {
        Self {
            centres: centres.into(),
            library: None,
        }
    }

    /// Lets groups be founded from templates that arrived at the node's exchange.
    #[must_use]
    pub fn with_library(mut self, library: LibraryClient<Channel>) -> Self {
        self.library = Some(library.max_decoding_message_size(64 * 1_048_576));
        self
    }

    /// The centres.
    pub fn centres(&self) -> &[Arc<Centre>] {
        &self.centres
    }

    /// The service of members.
    pub fn people(&self) -> PeopleServer<Self> {
        PeopleServer::new(self.clone())
    }

    /// The service of groups.
    pub fn groups(&self) -> GroupsServer<Self> {
        GroupsServer::new(self.clone())
    }

    /// The service of check-ins. Takes requests up to [`REQUEST_BYTES`].
    pub fn check_ins(&self) -> CheckInsServer<Self> {
        CheckInsServer::new(self.clone()).max_decoding_message_size(REQUEST_BYTES)
    }

    /// The service of what leaves.
    pub fn sharing(&self) -> SharingServer<Self> {
        SharingServer::new(self.clone())
    }

    /// The desk.
    pub fn desk(&self) -> DeskServer<Self> {
        DeskServer::new(self.clone())
    }

    /// All of them, for a server.
    pub fn routes(&self) -> tonic::service::Routes {
        tonic::service::Routes::new(self.people())
            .add_service(self.groups())
            .add_service(self.check_ins())
            .add_service(self.sharing())
            .add_service(self.desk())
    }

    /// Finds whose credential the call carries. Wrong, absent and disabled are one answer.
    async fn visit<T>(&self, request: &Request<T>) -> Result<Visit, Status> {
        let shown = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|text| text.parse::<Credential>().ok())
            .ok_or_else(status::unauthenticated)?;
        for centre in self.centres.iter() {
            if let Some(caller) = centre.recognise(&shown).await.map_err(status::of)? {
                return Ok(Visit {
                    centre: Arc::clone(centre),
                    caller,
                });
            }
        }
        Err(status::unauthenticated())
    }

    /// Recognises the caller and asks the policy in one go.
    async fn permit<T>(
        &self,
        request: &Request<T>,
        action: Action,
        subject: Subject,
    ) -> Result<(Arc<Centre>, Permit), Status> {
        let Visit { centre, caller } = self.visit(request).await?;
        let permit =
            decide(&caller, action, &subject).map_err(|forbidden| status::of(forbidden.into()))?;
        Ok((centre, permit))
    }
}

/// A day as the wire writes it; empty: none.
fn day(text: &str) -> Result<Option<Day>, CentreError> {
    Ok((!text.is_empty()).then(|| text.parse()).transpose()?)
}

/// A quarter as the wire writes it; empty: none.
fn quarter(text: &str) -> Result<Option<Quarter>, CentreError> {
    Ok((!text.is_empty()).then(|| text.parse()).transpose()?)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
