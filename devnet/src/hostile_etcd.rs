//! Somebody with all rights in etcd: deletes, replays, reorders, forges and floods keys while relays work.
//!
//! Which misdeed comes next is pure, in `misdeed.rs`; here is the client that carries it out.

mod misdeed;

use std::time::Duration;

use anyhow::{Context, Result};
use etcd_client::{Client, ConnectOptions, GetOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;

use misdeed::{Deed, Memory};

/// What it says after each misdeed that etcd accepted, with their number.
pub const HARM_DONE: &str = "harm done";

/// Time between two misdeeds.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Does harm to every key below `prefix` until it is stopped. `seed` decides what is done.
///
/// Errors: no endpoint answers at the start.
pub async fn run(endpoints: &[String], prefix: &str, seed: u64) -> Result<()> {
    let options = ConnectOptions::new().with_timeout(ANSWER).with_connect_timeout(ANSWER);
    let mut client = Client::connect(endpoints, Some(options)).await.context("etcd does not answer")?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut memory = Memory::default();
    tracing::info!(seed, prefix, "hostile from now on");
    let mut deeds = 0;
    loop {
        match harm(&mut client, prefix, &mut random, &mut memory).await {
            Ok(done) => {
                deeds += done;
                tracing::info!(deeds, "{HARM_DONE}");
            }
            // One that stumbles over an etcd that is away goes on later.
            Err(error) => tracing::warn!(error = format!("{error:#}"), "could do no harm"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One misdeed. Returns how many keys it wrote or deleted.
async fn harm(client: &mut Client, prefix: &str, random: &mut StdRng, memory: &mut Memory) -> Result<usize> {
    let there = client.get(prefix, Some(GetOptions::new().with_prefix())).await?;
    let keys = there.kvs().iter().map(|pair| (pair.key().to_vec(), pair.value().to_vec())).collect();
    let deeds = misdeed::next(random, prefix, keys, memory);
    let count = deeds.len();
    for deed in deeds {
        match deed {
            Deed::Put(key, value) => drop(client.put(key, value, None).await?),
            Deed::Delete(key) => drop(client.delete(key, None).await?),
        }
    }
    Ok(count)
}
