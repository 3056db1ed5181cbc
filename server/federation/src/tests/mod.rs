//! What is promised of an exchange, over real stores and real gRPC.

mod admission;
mod faults;
mod limits;
mod parcels;
mod reference;
mod rounds;
mod stalling;
mod stores;
mod travel;
