//! What can go wrong with one call, in words for whoever made it.

use thiserror::Error;
use tonic::{Code, Status};

use crate::report::clean;
use crate::tls::{DialError, dial_error};

/// Why a call was not answered.
#[derive(Debug, Error)]
pub enum CallError {
    /// The credential is unknown.
    #[error(
        "the credential was not accepted; see that the file is the one made for this centre, or ask for a new one"
    )]
    NotAccepted,
    /// Forbidden or absent: the two look the same on purpose.
    #[error("{0}; it is not there, or not for this credential")]
    Absent(String),
    /// The node said no, and why.
    #[error("{0}")]
    Refused(String),
    /// The node could not be dialled.
    #[error(transparent)]
    Dial(DialError),
    /// The connection broke.
    #[error("the node stopped answering ({0}); nothing is lost, try again once it runs")]
    Broken(String),
    /// No answer in time.
    #[error("the node did not answer in time; try again, repeating a call is harmless")]
    Late,
    /// The node speaks another version.
    #[error("the node does not know this call; it runs an older version of Krog")]
    Unknown,
    /// The node failed.
    #[error("the node could not do it: {0}; its log says more")]
    Failed(String),
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        if let Some(error) = dial_error(&status) {
            return Self::Dial(error.clone());
        }
        let said = clean(status.message());
        // What a node answers has no cause on this side; what broke on the way does.
        let on_the_way = std::error::Error::source(&status).is_some();
        match status.code() {
            Code::Unauthenticated => Self::NotAccepted,
            Code::NotFound | Code::PermissionDenied => Self::Absent(if said.is_empty() {
                "nothing was found".to_owned()
            } else {
                said
            }),
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted
            | Code::OutOfRange
            | Code::ResourceExhausted => Self::Refused(said),
            Code::DeadlineExceeded => Self::Late,
            _ if on_the_way => Self::Broken(said),
            Code::Unavailable => Self::Refused(said),
            Code::Cancelled => Self::Broken(said),
            Code::Unimplemented => Self::Unknown,
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Failed(said),
        }
    }
}
