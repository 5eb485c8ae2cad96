//! What makes the blocks of a geth chain: geth executes blocks and leaves to a consensus client which ones there are. Here that is a task of
//! this program, which makes one every second and says what is final, so that a test decides how far away finality is, when no block is
//! made, and which blocks are replaced.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{B256, Bytes};
use anyhow::{Context, Result, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::engine::{Contents, Credit, Engine, Payload, Tip};

/// Orders that wait. Each is answered before its sender sends another one.
const QUEUE: usize = 16;

/// Time between two blocks.
const BLOCK_TIME: Duration = Duration::from_secs(1);

/// What can be asked of it.
#[derive(Debug)]
pub(super) enum Order {
    /// No blocks from now on, or one every second again.
    Pace { running: bool },
    /// So many blocks at once, without a transaction.
    Mine(u64),
    /// The newest so many blocks are gone.
    RollBack(u64),
    /// The newest so many blocks are replaced by as many with these transactions, each in the so many-th of them.
    Replace(u64, Vec<(Bytes, u64)>),
    /// A block that gives value to accounts.
    Credit(Vec<Credit>),
    /// How far the final block is behind the newest one from now on; with none what is final stays so, and nothing else becomes it.
    Finality(Option<u64>),
    /// Another node gets all blocks that there are.
    Feed(Engine),
}

type Question = (Order, oneshot::Sender<Result<()>>);

/// The running task; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Consensus {
    orders: mpsc::Sender<Question>,
    task: JoinHandle<()>,
}

impl Consensus {
    /// Starts to make blocks on a node that has none but its first. The final block lies `distance` behind the newest one; without a
    /// distance none is ever final but the first.
    ///
    /// Errors: the node does not answer.
    pub(super) async fn spawn(engine: Engine, distance: Option<u64>) -> Result<Self> {
        let first = engine.tip().await.context("the first block of the chain")?;
        let (orders, questions) = mpsc::channel(QUEUE);
        let maker = BlockMaker { engine, distance, first, blocks: Vec::new(), finalized: 0, running: true };
        Ok(Self { orders, task: tokio::spawn(maker.run(questions)) })
    }

    /// Has it done, and waits for it.
    ///
    /// Errors: the node refuses.
    pub(super) async fn order(&self, order: Order) -> Result<()> {
        let (tell, told) = oneshot::channel();
        self.orders.send((order, tell)).await.context("nothing makes blocks any more")?;
        told.await.context("nothing makes blocks any more")?
    }
}

impl Drop for Consensus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct BlockMaker {
    engine: Engine,
    distance: Option<u64>,
    first: Tip,
    /// Every block after the first: a node that has lost some is given them again.
    blocks: Vec<Payload>,
    /// Height of the newest final block: it never goes back.
    finalized: u64,
    running: bool,
}

impl BlockMaker {
    async fn run(mut self, mut questions: mpsc::Receiver<Question>) {
        let mut pace = interval(BLOCK_TIME);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                question = questions.recv() => {
                    let Some((order, tell)) = question else { return };
                    // Who asked may have gone away.
                    drop(tell.send(self.carry_out(order).await));
                }
                _ = pace.tick(), if self.running => {
                    if let Err(error) = self.extend(&Contents::Pool, &[]).await {
                        // A node that is down or stopped: it gets its blocks when it is back.
                        tracing::debug!(error = format!("{error:#}"), "no block was made");
                        drop(self.feed(&self.engine.clone()).await);
                    }
                }
            }
        }
    }

    async fn carry_out(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Pace { running } => self.running = running,
            Order::Mine(count) => {
                for _ in 0..count {
                    self.extend(&Contents::These(Vec::new()), &[]).await?;
                }
            }
            Order::RollBack(depth) => self.roll_back(depth).await?,
            Order::Replace(depth, transactions) => {
                self.roll_back(depth).await?;
                for place in 0..depth {
                    let here = transactions.iter().filter(|(_, at)| *at == place);
                    let here = here.map(|(raw, _)| raw.clone()).collect();
                    self.extend(&Contents::These(here), &[]).await?;
                }
            }
            Order::Credit(credits) => self.extend(&Contents::Pool, &credits).await?,
            Order::Finality(distance) => {
                self.distance = distance;
                self.choose(&self.engine.clone()).await?;
            }
            Order::Feed(other) => self.feed(&other).await?,
        }
        Ok(())
    }

    /// One more block.
    async fn extend(&mut self, contents: &Contents, credits: &[Credit]) -> Result<()> {
        let (parent, before) = self
            .blocks
            .last()
            .map_or((self.first.hash, self.first.timestamp), |block| (block.hash, block.timestamp));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?.as_secs();
        let block = self.engine.build(parent, now.max(before + 1), contents, credits).await?;
        self.engine.give(&block).await?;
        self.blocks.push(block);
        self.choose(&self.engine.clone()).await
    }

    async fn roll_back(&mut self, depth: u64) -> Result<()> {
        let depth = usize::try_from(depth).context("a depth of blocks")?;
        let left = self.blocks.len().checked_sub(depth);
        let left = left.with_context(|| format!("there are no {depth} blocks to take away"))?;
        if (left as u64) < self.finalized {
            bail!("geth takes no final block back, and {depth} blocks reach below the final one");
        }
        self.blocks.truncate(left);
        self.choose(&self.engine.clone()).await
    }

    /// Tells a node the newest block and the final one.
    async fn choose(&mut self, node: &Engine) -> Result<()> {
        let height = self.blocks.len() as u64;
        let due = self.distance.map_or(0, |distance| height.saturating_sub(distance));
        self.finalized = self.finalized.max(due);
        node.choose(self.hash_at(height), self.hash_at(self.finalized)).await
    }

    /// Gives a node all blocks. One that it has costs next to nothing.
    async fn feed(&mut self, node: &Engine) -> Result<()> {
        for block in &self.blocks {
            node.give(block).await?;
        }
        self.choose(node).await
    }

    fn hash_at(&self, height: u64) -> B256 {
        let place = usize::try_from(height).unwrap_or(usize::MAX).checked_sub(1);
        place.and_then(|place| self.blocks.get(place)).map_or(self.first.hash, |block| block.hash)
    }
}
