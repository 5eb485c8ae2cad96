//! What is read again when readings are not proved time and again.

use tracing::warn;

use super::SourceWatch;
use crate::error::LaneError;
use crate::finality;

/// Mismatches in a row after which not only what follows the last proof is read again. Unit: readings. Source: a quorum's answer and
/// that of each endpoint were both wrong twice by then.
pub(super) const MISMATCHES: u32 = 4;

impl SourceWatch {
    /// Notes whether a reading was proved. The proof before it can be what is wrong: a quorum that returns a state of the source which is too old
    /// moves the cursor over requests that nobody read.
    pub(super) async fn note_reading(&mut self, read: &Result<(), LaneError>) -> Result<(), LaneError> {
        match read {
            Ok(()) => self.mismatches = 0,
            Err(error) if error.doubts_quorum() => {
                self.mismatches = self.mismatches.saturating_add(1);
                if reads_further_back(self.mismatches) {
                    self.read_further_back().await?;
                }
            }
            // Nothing was read.
            Err(_) => {}
        }
        Ok(())
    }

    /// The next reading begins at the block of the last stored request: no request that is missing lies before it. When that reading is
    /// not proved either, the one behind it begins at the cursor again.
    async fn read_further_back(&self) -> Result<(), LaneError> {
        let (store, info) = (&self.lane.store, &self.lane.info);
        let position = store.source_position(info.bridge_id).await?;
        let (Some(base), Some(cursor)) = (position.base, position.cursor) else { return Ok(()) };
        let last = match position.next > base.nonce {
            true => store.request(info.bridge_id, position.next.minus(1)).await?,
            false => None,
        };
        let block = last.map(|stored| stored.request.transfer.source_block).or(base.source_block);
        let before = block.unwrap_or_default().max(info.source.deployment_block).minus(1);
        if before < cursor.height {
            let block = finality::block_at(&self.lane.source, before).await?;
            store.read_source_again(info.bridge_id, block).await?;
            warn!(
                lane = %info.id, chain = info.source.chain, proved = %cursor, from = %block.height.next(),
                "source is read again from the last stored request on: what follows the last proof does not fit"
            );
        }
        Ok(())
    }
}

/// Whether more is read again after so many mismatches in a row. Less and less often: it can be as much as a lane's whole history, and
/// an endpoint that hides a log behind the cursor is the likelier reason.
pub(super) const fn reads_further_back(mismatches: u32) -> bool {
    mismatches >= MISMATCHES && mismatches.is_power_of_two()
}
