//! Which parts a fault is for.

use std::fmt;

use anyhow::{Result, bail};
use polyspan_types::Direction;
use rand::Rng;
use rand::rngs::StdRng;

use crate::chain::Chain;
use crate::network::Network;

/// One of the two chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The main chain.
    Main,
    /// The service chain.
    Service,
}

/// Some parts of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The relay that leads the lane at that moment.
    Leader(Direction),
    /// The relay of that name.
    Relay(&'static str),
    /// All relays of a lane: main-bridges on their ENs, or sub-bridges on their SENs.
    Lane(Direction),
    /// Every second relay of each lane.
    Half,
    /// All relays.
    Relays,
    /// Some relays by lot, each of them or not, and at least one.
    Lot,
    /// A chain.
    Chain(Side),
    /// Members of etcd.
    Etcd(Members),
    /// The same parts as in the step before.
    Same,
}

/// Some members of an etcd cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// The first ones, as many as make it stand when they are gone.
    Majority,
    /// All of them.
    All,
}

impl Members {
    /// Their numbers in a cluster of `count`.
    pub(super) const fn of(self, count: usize) -> std::ops::Range<usize> {
        match self {
            Self::Majority => 0..count / 2 + 1,
            Self::All => 0..count,
        }
    }
}

impl Side {
    /// The lane whose requests are paid here: the operators of its contract attest that lane.
    pub const fn destination_of(self) -> Direction {
        match self {
            Self::Main => Direction::ServiceToMain,
            Self::Service => Direction::MainToService,
        }
    }

    /// Its chain, to be acted upon.
    pub const fn of_mut(self, network: &mut Network) -> &mut Chain {
        match self {
            Self::Main => &mut network.main,
            Self::Service => &mut network.service,
        }
    }

    /// Its chain.
    pub const fn of(self, network: &Network) -> &Chain {
        match self {
            Self::Main => &network.main,
            Self::Service => &network.service,
        }
    }
}

impl Pick {
    /// Names of the relays that it stands for now; `same` are those of the step before, and `lots` decides where it is left to chance.
    ///
    /// Errors: it stands for no relay, or nobody leads the lane within patience.
    pub(super) async fn relays(
        self,
        network: &mut Network,
        same: &[String],
        lots: &mut StdRng,
    ) -> Result<Vec<String>> {
        let all = || network.relays.iter().map(|relay| &relay.spec);
        let names: Vec<String> = match self {
            Self::Leader(lane) => vec![network.leader(0, lane).await?],
            Self::Relay(name) => vec![network.relay(name)?.spec.name.clone()],
            Self::Lane(lane) => {
                all().filter(|spec| spec.directions.contains(&lane)).map(|spec| spec.name.clone()).collect()
            }
            Self::Half => all().step_by(2).map(|spec| spec.name.clone()).collect(),
            Self::Relays => all().map(|spec| spec.name.clone()).collect(),
            Self::Lot => {
                let drawn = by_lot(all().map(|spec| spec.name.clone()).collect(), lots);
                tracing::info!("the lot falls on {}", drawn.join(", "));
                drawn
            }
            Self::Same => same.to_vec(),
            Self::Chain(_) | Self::Etcd(_) => bail!("{self} is no relay"),
        };
        if names.is_empty() {
            bail!("{self} is no relay of this network");
        }
        Ok(names)
    }
}

/// Each of them or not, and at least one.
fn by_lot(mut names: Vec<String>, lots: &mut impl Rng) -> Vec<String> {
    let kept = lots.random_range(0..names.len().max(1));
    let mut place = 0;
    names.retain(|_| {
        place += 1;
        // Drawn for each, also for the one that is kept anyway.
        let drawn: bool = lots.random();
        drawn || place - 1 == kept
    });
    names
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Service => "service",
        })
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader(lane) => write!(f, "the leader of {lane}"),
            Self::Relay(name) => f.write_str(name),
            Self::Lane(lane) => write!(f, "all relays of {lane}"),
            Self::Half => f.write_str("every second relay"),
            Self::Relays => f.write_str("all relays"),
            Self::Lot => f.write_str("some relays by lot"),
            Self::Chain(side) => write!(f, "the {side} chain"),
            Self::Etcd(Members::Majority) => f.write_str("a majority of etcd"),
            Self::Etcd(Members::All) => f.write_str("all of etcd"),
            Self::Same => f.write_str("the same"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_lots_and_never_nobody() {
        let names: Vec<String> = (1..=8).map(|number| format!("relay-{number}")).collect();
        let drawn = |seed| {
            let mut lots = StdRng::seed_from_u64(seed);
            (0..50).map(|_| by_lot(names.clone(), &mut lots)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!(drawn(9).iter().all(|drawn| !drawn.is_empty()));
        assert!(by_lot(Vec::new(), &mut StdRng::seed_from_u64(1)).is_empty());
    }
}
