//! Open connections of one server, bounded so that who is silent keeps nobody out.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::FuturesUnordered;

/// Connections that are served at once. When there are too many, the oldest one that has asked nothing yet is closed.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    served: FuturesUnordered<Abortable<BoxFuture<'static, u64>>>,
    /// Those that are open, by the number of their arrival.
    open: BTreeMap<u64, Open>,
    next: u64,
}

/// One connection, to be told when its client has asked something.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<AtomicBool>);

#[derive(Debug)]
struct Open {
    asked: Asked,
    close: AbortHandle,
}

impl Connections {
    /// None yet, and never more than `limit`.
    pub fn new(limit: usize) -> Self {
        Self { limit, served: FuturesUnordered::new(), open: BTreeMap::new(), next: 0 }
    }

    /// Whether another one can be taken: there is room, or one that has asked nothing.
    pub fn can_take(&self) -> bool {
        self.open.len() < self.limit || self.open.values().any(|open| !open.asked.is_true())
    }

    /// Serves another one while [`Connections::ended`] is polled. `serve` says when its client has asked.
    pub fn take<F>(&mut self, serve: impl FnOnce(Asked) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while self.open.len() >= self.limit {
            let silent = self.open.iter().find(|(_, open)| !open.asked.is_true()).map(|(number, _)| *number);
            let Some(closed) = silent.and_then(|number| self.open.remove(&number)) else { break };
            closed.close.abort();
        }
        let (number, asked) = (self.next, Asked::default());
        self.next += 1;
        let (close, registration) = AbortHandle::new_pair();
        let served = serve(asked.clone());
        let numbered: BoxFuture<'static, u64> = Box::pin(async move {
            served.await;
            number
        });
        self.served.push(Abortable::new(numbered, registration));
        self.open.insert(number, Open { asked, close });
    }

    /// Serves until one of them has ended. `None` when there are none.
    pub async fn ended(&mut self) -> Option<()> {
        // One that was closed is forgotten already.
        if let Ok(number) = self.served.next().await? {
            self.open.remove(&number);
        }
        Some(())
    }
}

impl Asked {
    /// The client has asked something: from now on it is served to the end.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::pending;

    use super::*;

    #[test]
    fn the_oldest_silent_one_makes_room_and_one_that_asked_does_not() {
        let mut connections = Connections::new(2);
        let mut asked = Vec::new();
        for _ in 0..2 {
            connections.take(|one| {
                asked.push(one);
                pending()
            });
        }
        asked[0].note();
        assert!(connections.can_take());
        connections.take(|one| {
            asked.push(one);
            pending()
        });
        assert_eq!(connections.open.keys().copied().collect::<Vec<_>>(), [0, 2]);
        asked[2].note();
        assert!(!connections.can_take());
        assert_eq!(connections.ended().now_or_never(), Some(Some(())), "the one that was closed");
        assert_eq!(connections.ended().now_or_never(), None);
    }

    #[test]
    fn what_has_ended_makes_room() {
        let mut connections = Connections::new(1);
        connections.take(|asked| async move { asked.note() });
        assert_eq!(connections.ended().now_or_never(), Some(Some(())));
        assert!(connections.can_take() && connections.open.is_empty());
        assert_eq!(connections.ended().now_or_never(), Some(None));
    }
}
