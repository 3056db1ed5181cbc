//! The one place where an error becomes an answer. What the caller can do something about is said; the rest goes to the
//! node's log, without anything personal.

use crate::error::CentreError;
use tonic::{Code, Status};

/// The one answer to a credential that is wrong, absent or disabled.
pub(super) fn unauthenticated() -> Status {
    Status::unauthenticated(
        "this call needs a credential of this centre; give the one its coordinator or guardian holds",
    )
}

/// The answer to an error.
pub(super) fn of(error: CentreError) -> Status {
    let code = match &error {
        // Forbidden, absent and not even an id: one answer.
        CentreError::NotFound | CentreError::Id(_) => {
            return Status::not_found("not found; check the id and whose credential this is");
        }
        CentreError::Words(_)
        | CentreError::Name(_)
        | CentreError::Calendar(_)
        | CentreError::FutureDay
        | CentreError::Invalid(_)
        | CentreError::NotScored(_)
        | CentreError::Import(_)
        | CentreError::Round(_)
        | CentreError::Record(_) => Code::InvalidArgument,
        CentreError::AlreadyThere(_) => Code::AlreadyExists,
        CentreError::NotNow(_)
        | CentreError::Batch(_)
        | CentreError::Part(_)
        | CentreError::Feed(_)
        | CentreError::Clock(_) => Code::FailedPrecondition,
        CentreError::Exists { .. }
        | CentreError::Missing { .. }
        | CentreError::File { .. }
        | CentreError::InUse { .. }
        | CentreError::Open { .. }
        | CentreError::Migrate { .. }
        | CentreError::Store(_)
        | CentreError::Damaged { .. }
        | CentreError::Sealing(_)
        | CentreError::Frozen(_) => {
            let cause = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            tracing::error!(%error, cause, "the centre could not do what was asked");
            return Status::unavailable(match error {
                // The disk is something the caller may know more about than the log does.
                CentreError::Store(_) => error.to_string(),
                _ => {
                    "the centre's store cannot be used now, nothing was changed; see the node's log"
                        .to_owned()
                }
            });
        }
    };
    Status::new(code, error.to_string())
}
