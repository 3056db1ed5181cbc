//! Words of the wire and their domain types.

use krog_measures::comparison::Status;
use krog_measures::{Course, Facilitation};
use krog_proto::federation::v1 as proto;

pub(super) fn facilitation(number: i32) -> Option<Facilitation> {
    match proto::Facilitation::try_from(number) {
        Ok(proto::Facilitation::Professional) => Some(Facilitation::Professional),
        Ok(proto::Facilitation::Peer) => Some(Facilitation::Peer),
        Ok(proto::Facilitation::CoLed) => Some(Facilitation::CoLed),
        Ok(proto::Facilitation::Unspecified) | Err(_) => None,
    }
}

pub(super) fn facilitation_number(facilitation: Facilitation) -> i32 {
    match facilitation {
        Facilitation::Professional => proto::Facilitation::Professional,
        Facilitation::Peer => proto::Facilitation::Peer,
        Facilitation::CoLed => proto::Facilitation::CoLed,
    }
    .into()
}

pub(super) fn course(number: i32) -> Option<Course> {
    match proto::Course::try_from(number) {
        Ok(proto::Course::Entry) => Some(Course::Entry),
        Ok(proto::Course::Continuing) => Some(Course::Continuing),
        Ok(proto::Course::Unspecified) | Err(_) => None,
    }
}

pub(super) fn course_number(course: Course) -> i32 {
    match course {
        Course::Entry => proto::Course::Entry,
        Course::Continuing => proto::Course::Continuing,
    }
    .into()
}

pub(super) fn status(number: i32) -> Option<Status> {
    match proto::Withheld::try_from(number) {
        Ok(proto::Withheld::BelowFloor) => Some(Status::BelowFloor),
        Ok(proto::Withheld::NotInTable) => Some(Status::NotInTable),
        Ok(proto::Withheld::NotShared) => Some(Status::NotShared),
        Ok(proto::Withheld::NotCollected) => Some(Status::NotCollected),
        Ok(proto::Withheld::Unspecified) | Err(_) => None,
    }
}

pub(super) fn status_number(status: Status) -> i32 {
    match status {
        Status::BelowFloor => proto::Withheld::BelowFloor,
        Status::NotInTable => proto::Withheld::NotInTable,
        Status::NotShared => proto::Withheld::NotShared,
        Status::NotCollected => proto::Withheld::NotCollected,
    }
    .into()
}
