//! How much of a request is read, decided before any of it is.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use krog_feed::ids::TlsPin;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;

use crate::limits::{PUSH_TURN, PUSHES, PUSHES_PER_NODE, STRANGER_PUSHES};
use crate::{CallerPin, Exchange};

/// Where batches of entries arrive.
const PUSH: &str = "/krog.federation.v1.Exchange/PushEntries";
/// Where parcels of pools arrive or are named by the thousand: that too is much once decoded.
const PARCELS: [&str; 3] = [
    "/krog.federation.v1.Exchange/OfferParcels",
    "/krog.federation.v1.Exchange/PushParcels",
    "/krog.federation.v1.Exchange/FetchParcels",
];

/// Stands before a service for peers. Callers whose key belongs to no network here are led to the same service with a
/// smaller limit of bytes; their small requests get the same answers. Pushes, which hold much memory once decoded, take
/// turns, and so do calls about parcels.
#[derive(Clone)]
pub struct Doorkeeper<S> {
    exchange: Exchange,
    members: S,
    strangers: S,
    turns: Turns,
}

impl<S> Doorkeeper<S> {
    /// Before `members`, which reads what members send, and `strangers`, which reads what anybody may send.
    pub(super) fn new(exchange: Exchange, members: S, strangers: S) -> Doorkeeper<S> {
        Doorkeeper {
            exchange,
            members,
            strangers,
            turns: Turns::new(PUSH_TURN),
        }
    }

    /// The caller's key, if it belongs to a member of any network here. When the store does not tell, nobody does: the
    /// service answers what is wrong.
    async fn member(&self, caller: Option<CallerPin>) -> Option<TlsPin> {
        let CallerPin(pin) = caller?;
        let known = self.exchange.knows_pin(pin).await.unwrap_or(false);
        known.then_some(pin)
    }
}

impl<S: NamedService> NamedService for Doorkeeper<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Doorkeeper<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A generated server is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let keeper = self.clone();
        Box::pin(async move {
            let caller = request.extensions().get::<CallerPin>().copied();
            let member = keeper.member(caller).await;
            let path = request.uri().path();
            let turn = if path == PUSH || PARCELS.contains(&path) {
                match keeper.turns.take(member).await {
                    Some(turn) => Some(turn),
                    None => return Ok(overloaded().into_http()),
                }
            } else {
                None
            };
            let mut service = match member {
                Some(_) => keeper.members,
                None => keeper.strangers,
            };
            let response = service.call(request).await;
            drop(turn);
            response
        })
    }
}

fn overloaded() -> Status {
    Status::resource_exhausted("too much is being handed over at once; try again later")
}

/// Turns of pushes.
#[derive(Clone)]
struct Turns {
    patience: Duration,
    members: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    by_member: Arc<Mutex<BTreeMap<TlsPin, Arc<Semaphore>>>>,
}

/// A turn, given back when dropped.
struct Turn {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

impl Turns {
    fn new(patience: Duration) -> Turns {
        Turns {
            patience,
            members: Arc::new(Semaphore::new(PUSHES)),
            strangers: Arc::new(Semaphore::new(STRANGER_PUSHES)),
            by_member: Arc::default(),
        }
    }

    /// Waits for a turn; `None` when it did not come in time. A member first waits among its own pushes, so that it takes
    /// no more places from others than its own.
    async fn take(&self, member: Option<TlsPin>) -> Option<Turn> {
        let turn = async {
            let Some(pin) = member else {
                let all = self.strangers.clone().acquire_owned().await.ok()?;
                return Some(Turn {
                    _all: all,
                    _own: None,
                });
            };
            let own = self.own(pin).acquire_owned().await.ok()?;
            let all = self.members.clone().acquire_owned().await.ok()?;
            Some(Turn {
                _all: all,
                _own: Some(own),
            })
        };
        timeout(self.patience, turn).await.unwrap_or(None)
    }

    fn own(&self, pin: TlsPin) -> Arc<Semaphore> {
        let mut by_member = self
            .by_member
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Whom nobody waits for or holds is forgotten.
        by_member.retain(|_, own| Arc::strong_count(own) > 1);
        by_member
            .entry(pin)
            .or_insert_with(|| Arc::new(Semaphore::new(PUSHES_PER_NODE)))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::bench::{Ngo, Wires};
    use crate::store::bench::Bench;

    fn pin(n: u8) -> TlsPin {
        TlsPin::of(&[n])
    }

    #[tokio::test]
    async fn one_node_cannot_take_all_turns() {
        let turns = Turns::new(Duration::from_millis(20));
        let mut taken = Vec::new();
        for _ in 0..PUSHES_PER_NODE {
            taken.push(turns.take(Some(pin(0))).await.unwrap());
        }
        assert!(turns.take(Some(pin(0))).await.is_none());
        for n in 1.. {
            match turns.take(Some(pin(n))).await {
                Some(turn) => taken.push(turn),
                None => break,
            }
        }
        assert_eq!(taken.len(), PUSHES);
        assert!(turns.take(None).await.is_some(), "strangers wait elsewhere");
        taken.clear();
        assert!(turns.take(Some(pin(0))).await.is_some());
    }

    #[tokio::test]
    async fn pushes_beyond_their_turns_are_refused_and_other_calls_are_not() {
        let ngo = Ngo::new("relay", Bench::sqlite(), &Wires::default()).await;
        let service = tower::service_fn(|request: http::Request<Body>| async move {
            let path = request.uri().path();
            match path {
                PUSH => pending().await,
                _ if PARCELS.contains(&path) => pending().await,
                _ => Ok::<_, Infallible>(http::Response::new(Body::empty())),
            }
        });
        let mut keeper = Doorkeeper::new(ngo.exchange.clone(), service, service);
        keeper.turns.patience = Duration::from_millis(20);
        let request = |path: &str| {
            let mut request = http::Request::new(Body::empty());
            *request.uri_mut() = path.parse().unwrap();
            request
        };
        let under_way: Vec<_> = (0..STRANGER_PUSHES)
            .map(|_| tokio::spawn(keeper.call(request(PUSH))))
            .collect();
        tokio::task::yield_now().await;
        for path in [&[PUSH], &PARCELS[..]].concat() {
            let refused = timeout(Duration::from_secs(5), keeper.call(request(path))).await;
            let refused = refused.expect("it does not wait for ever").unwrap();
            let status = Status::from_header_map(refused.headers()).unwrap();
            assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        }
        let greeted = keeper.call(request("/krog.federation.v1.Exchange/Hello"));
        assert!(Status::from_header_map(greeted.await.unwrap().headers()).is_none());
        drop(under_way);
    }
}
