//! Up to where the roots of both sides of a lane were compared.

use polyspan_types::{BridgeId, RequestNonce};
use rusqlite::{OptionalExtension, params};

use crate::columns::{count, ensure_lane, number};
use crate::handle::Step;
use crate::{Store, StoreError};

impl Store {
    /// The destination's root over the first `nonce` requests is the own one, whose requests the source has confirmed.
    ///
    /// Errors: the disk refuses.
    pub async fn record_compared(&self, lane: BridgeId, nonce: RequestNonce) -> Result<(), StoreError> {
        self.write(Step { name: "compared", crash: None }, move |transaction| {
            let lane = ensure_lane(transaction, lane)?;
            let nonce = number("request nonce", nonce.get())?;
            transaction
                .execute("UPDATE lane SET compared_next = ?2 WHERE number = ?1", params![lane, nonce])?;
            Ok(())
        })
        .await
    }

    /// As [`Store::record_compared`] was told last; zero when nothing was compared.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn compared(&self, lane: BridgeId) -> Result<RequestNonce, StoreError> {
        self.read(move |snapshot| {
            let mut statement =
                snapshot.prepare_cached("SELECT compared_next FROM lane WHERE bridge_id = ?1")?;
            let compared = statement.query_row(params![lane.0.as_slice()], |row| count(row, 0)).optional()?;
            Ok(RequestNonce::new(compared.unwrap_or_default()))
        })
        .await
    }
}
