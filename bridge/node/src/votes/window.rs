//! Which blocks of the destination were read for votes: plain arithmetic.

use polyspan_types::BlockHeight;

/// How far back a first look goes. Unit: blocks.
pub(super) const REACH: u64 = 5_000;
/// Blocks that every look reads again, since a reorg may have changed them. Deeper ones are noticed when the contract
/// does not count what was read. Unit: blocks.
const AGAIN: u64 = 8;

/// One stretch of blocks without a hole.
#[derive(Debug)]
pub(super) struct Window {
    deployment: BlockHeight,
    /// First and last block read; `None` before the first.
    span: Option<(BlockHeight, BlockHeight)>,
}

impl Window {
    /// Nothing is read yet, and there is nothing before `deployment`.
    pub(super) const fn new(deployment: BlockHeight) -> Self {
        Self { deployment, span: None }
    }

    /// Where a look up to `head` begins; `None` when there is nothing to read. After a long rest it begins anew.
    pub(super) fn next(&mut self, head: BlockHeight) -> Option<BlockHeight> {
        if self.span.is_some_and(|(_, last)| head.since(last) > REACH) {
            self.span = None;
        }
        let from = match self.span {
            Some((_, last)) => last.min(head).minus(AGAIN),
            None => head.minus(REACH),
        };
        let from = from.max(self.deployment);
        (from <= head).then_some(from)
    }

    /// What was read is not believed any more.
    pub(super) const fn forget(&mut self) {
        self.span = None;
    }

    /// `from..=to` was read, which follows or overlaps what was read before.
    pub(super) fn read(&mut self, from: BlockHeight, to: BlockHeight) {
        self.span = Some(match self.span {
            Some((first, _)) => (first.min(from), to),
            None => (from, to),
        });
    }

    /// The stretch before the first block read; `None` when the deployment is reached, or before the first look.
    pub(super) fn older(&self) -> Option<(BlockHeight, BlockHeight)> {
        let (first, _) = self.span.filter(|(first, _)| *first > self.deployment)?;
        Some((first.minus(REACH).max(self.deployment), first.minus(1)))
    }

    /// The stretch from `from` on was read.
    pub(super) fn reached(&mut self, from: BlockHeight) {
        if let Some((first, _)) = &mut self.span {
            *first = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(height: u64) -> BlockHeight {
        BlockHeight::new(height)
    }

    #[test]
    fn the_first_look_reaches_back_and_later_ones_overlap() {
        let mut window = Window::new(block(100));
        assert_eq!(window.next(block(99)), None);
        assert_eq!(window.next(block(20_000)), Some(block(15_000)));
        window.read(block(15_000), block(20_000));
        assert_eq!(window.next(block(20_001)), Some(block(19_992)));
        window.read(block(19_992), block(20_001));
        assert_eq!(window.older(), Some((block(10_000), block(14_999))));
        window.reached(block(10_000));
        window.reached(block(100));
        assert_eq!(window.older(), None);
        assert_eq!(window.next(block(19_995)), Some(block(19_987)), "the chain became shorter");
        assert_eq!(window.next(block(40_000)), Some(block(35_000)), "after a long rest");
    }

    #[test]
    fn nothing_is_read_before_the_deployment() {
        let mut window = Window::new(block(100));
        assert_eq!(window.next(block(150)), Some(block(100)));
        window.read(block(100), block(150));
        assert_eq!(window.older(), None);
    }
}
