//! What can be done to a network.

use std::fmt;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, bail};
use polyspan_types::Direction;
use rand::rngs::StdRng;

use super::chains::{self, ChainDoer};
use super::etcd::{self, EtcdDoer};
use super::forks::Forks;
use super::liars::Liars;
use super::pick::{Pick, Side};
use super::{ballots, pauses};
use crate::chain::Chain;
use crate::endpoint_proxy::Faults;
use crate::host::Host;
use crate::link::Weather;
use crate::misbehave;
use crate::network::Network;
use crate::tokens::WHOLE;

/// One thing that is done to a network.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// SIGKILL. The node of a chain has not written its newest blocks; they are not final, or its scenario is wrong.
    Kill(Pick),
    /// SIGSTOP.
    Freeze(Pick),
    /// SIGCONT.
    Thaw(Pick),
    /// SIGTERM, and the endpoint of the same node goes down with its relay. The node of a chain keeps its blocks, and
    /// forgets the transactions that are in none.
    Stop(Pick),
    /// What was killed or stopped runs again.
    Start(Pick),
    /// The nodes of relays on a chain lose all their peers: they answer as of the blocks that they have.
    Isolate(Pick, Side),
    /// They have their peers again.
    Rejoin(Pick, Side),
    /// Nothing passes between the two groups.
    Cut(Pick, Pick),
    /// Nothing passes from the first to the second; the other way stays open.
    CutOneWay(Pick, Pick),
    /// All cuts end.
    Heal,
    /// All links from relays to chains and to etcd are like this from now on.
    Weather(Weather),
    /// What a relay's endpoint of one chain does.
    Endpoint(Pick, Side, EndpointFault),
    /// So many of the newest blocks of a chain are replaced.
    Reorg(Side, u64),
    /// So many of the newest blocks of a chain are taken away.
    RollBack(Side, u64),
    /// The node of a chain forgets every second the transactions that are in no block.
    LosePool(Side),
    /// That ends.
    KeepPools,
    /// An operator pauses the bridge contract on a chain.
    Pause(Side),
    /// The governors end that by a vote.
    Unpause(Side),
    /// By a vote of the governors these relays are no operators of the contract on that chain any more.
    Dismiss(Pick, Side),
    /// A relay is replaced by an operator that lies, with the same key.
    Lie(Pick, misbehave::Fault),
    /// The liars go, and honest relays take their places again.
    EndLies,
    /// Etcd loses everything, and comes back empty.
    WipeEtcd,
    /// Somebody with all rights does harm to every key in etcd from now on.
    HostileEtcd,
    /// That ends.
    EndHostility,
    /// The last endpoint of these relays to a chain serves a fork of it, with a request that nobody made on the chain.
    Fork(Pick, Side),
    /// Those endpoints are right again.
    EndFork,
    /// The submitter keys of a relay have nothing left.
    Unfund(Pick),
    /// They have plenty again.
    Fund(Pick),
}

/// What an endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointFault {
    /// It is right.
    None,
    /// It is not reachable.
    Down,
    /// It takes transactions and keeps them to itself: the account nonce of whoever sends through it is stuck.
    Swallow,
}

/// What the faults of one run have changed.
#[derive(Debug)]
pub(super) struct Doer {
    /// Draws them.
    lots: StdRng,
    /// The relays of the last step that had some.
    same: Vec<String>,
    liars: Liars,
    etcd: EtcdDoer,
    forks: Forks,
    chains: ChainDoer,
    /// Votes of the governors so far.
    ballots: usize,
}

impl Doer {
    /// Nothing is done yet; chance comes from `lots`.
    pub(super) fn new(lots: StdRng) -> Self {
        Self {
            lots,
            same: Vec::new(),
            liars: Liars::default(),
            etcd: EtcdDoer::default(),
            forks: Forks::default(),
            chains: ChainDoer::default(),
            ballots: 0,
        }
    }

    /// The operators that have lied.
    pub(super) fn liars(&self) -> &[Address] {
        self.liars.known()
    }

    /// The relays of the last step that had some.
    pub(super) fn same(&self) -> &[String] {
        &self.same
    }

    /// Does it.
    ///
    /// Errors: it cannot be done in this network.
    pub(super) async fn act(&mut self, network: &mut Network, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill(Pick::Etcd(members)) => etcd::kill(network, members).await,
            Fault::Start(Pick::Etcd(members)) => etcd::start(network, members),
            Fault::Stop(Pick::Chain(side)) => side.of_mut(network).stop().await,
            Fault::Kill(Pick::Chain(side)) => chains::kill(network, side).await,
            Fault::Start(Pick::Chain(side)) => side.of_mut(network).start_again().await,
            Fault::Freeze(Pick::Chain(side)) => side.of_mut(network).freeze(),
            Fault::Thaw(Pick::Chain(side)) => side.of_mut(network).thaw(),
            Fault::WipeEtcd => network.etcd_mut()?.wipe().await,
            Fault::HostileEtcd => self.etcd.be_hostile(network),
            Fault::EndHostility => self.etcd.end_hostility().await,
            Fault::Fork(pick, side) => {
                self.pick(network, pick).await?;
                self.forks.start(network, &self.same, side).await
            }
            Fault::EndFork => self.forks.end(network),
            Fault::Kill(pick) => self.each(network, pick, Blow::Kill).await,
            Fault::Freeze(pick) => self.each(network, pick, Blow::Freeze).await,
            Fault::Thaw(pick) => self.each(network, pick, Blow::Thaw).await,
            Fault::Stop(pick) => self.each(network, pick, Blow::Stop).await,
            Fault::Start(pick) => self.each(network, pick, Blow::Start).await,
            Fault::Unfund(pick) => self.each(network, pick, Blow::Balance(0)).await,
            Fault::Fund(pick) => self.each(network, pick, Blow::Balance(1_000 * WHOLE)).await,
            Fault::Endpoint(pick, side, fault) => self.each(network, pick, Blow::Endpoint(side, fault)).await,
            Fault::Cut(one, other) => {
                let (one, other) = self.groups(network, one, other).await?;
                lan(network)?.cut_apart(&refs(&one), &refs(&other))
            }
            Fault::CutOneWay(from, to) => {
                let (from, to) = self.groups(network, from, to).await?;
                for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                    lan(network)?.cut(from, to)?;
                }
                Ok(())
            }
            Fault::Heal => lan(network)?.heal(),
            Fault::Weather(weather) => {
                let mut links = network.relays.iter().flat_map(|relay| &relay.links).peekable();
                links.peek().context("this network has no links that could be slow")?;
                links.for_each(|link| link.set(weather));
                Ok(())
            }
            Fault::Isolate(pick, side) => {
                self.pick(network, pick).await?;
                side.of_mut(network).isolate_endpoint_nodes(&self.same).await
            }
            Fault::Rejoin(pick, side) => {
                self.pick(network, pick).await?;
                let chain = side.of_mut(network);
                chain.stop_endpoint_nodes(&self.same).await?;
                chain.start_endpoint_nodes(&self.same).await
            }
            Fault::Reorg(side, depth) => side.of(network).reorg(depth).await,
            Fault::RollBack(side, depth) => side.of(network).roll_back(depth).await,
            Fault::LosePool(side) => {
                self.chains.lose_pools(network, side);
                Ok(())
            }
            Fault::KeepPools => {
                self.chains.keep_pools();
                Ok(())
            }
            Fault::Pause(side) => pauses::pause(network, side).await,
            Fault::Unpause(side) => {
                self.ballots += 1;
                ballots::unpause(network, side, self.ballots).await
            }
            Fault::Dismiss(pick, side) => {
                self.pick(network, pick).await?;
                self.ballots += 1;
                ballots::dismiss(network, side, self.ballots, &self.same).await
            }
            Fault::Lie(pick, lie) => {
                self.pick(network, pick).await?;
                self.liars.start(network, &self.same, lie).await
            }
            Fault::EndLies => self.liars.end(network).await,
        }
    }

    /// From now on these are the same.
    async fn pick(&mut self, network: &mut Network, pick: Pick) -> Result<()> {
        self.same = pick.relays(network, &self.same, &mut self.lots).await?;
        Ok(())
    }

    async fn each(&mut self, network: &mut Network, pick: Pick, blow: Blow) -> Result<()> {
        self.pick(network, pick).await?;
        // All at once, not one after the other.
        for name in &self.same {
            blow.begin(network, name)?;
        }
        for name in &self.same {
            blow.end(network, name).await?;
        }
        Ok(())
    }

    async fn groups(
        &mut self,
        network: &mut Network,
        one: Pick,
        other: Pick,
    ) -> Result<(Vec<Host>, Vec<Host>)> {
        Ok((self.hosts(network, one).await?, self.hosts(network, other).await?))
    }

    /// The places where these parts run.
    async fn hosts(&mut self, network: &mut Network, pick: Pick) -> Result<Vec<Host>> {
        if let Pick::Chain(side) = pick {
            return Ok(vec![side.of(network).host().clone()]);
        }
        if let Pick::Etcd(members) = pick {
            let hosts = network.etcd_hosts.get(members.of(network.etcd_hosts.len()));
            return Ok(hosts.context("this network has no etcd")?.to_vec());
        }
        self.pick(network, pick).await?;
        self.same.iter().map(|name| Ok(network.relay(name)?.host.clone())).collect()
    }
}

/// What is done to one relay.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill,
    Freeze,
    Thaw,
    Stop,
    Start,
    Balance(u128),
    Endpoint(Side, EndpointFault),
}

impl Blow {
    fn begin(self, network: &mut Network, name: &str) -> Result<()> {
        match self {
            Self::Freeze => network.relay_mut(name)?.process()?.freeze(),
            Self::Thaw => network.relay_mut(name)?.process()?.thaw(),
            Self::Endpoint(side, fault) => {
                let relay = network.relay(name)?;
                let endpoint = match side {
                    Side::Main => &relay.main_endpoint,
                    Side::Service => &relay.service_endpoint,
                };
                endpoint.set(fault.faults());
                Ok(())
            }
            Self::Kill | Self::Stop | Self::Start | Self::Balance(_) => Ok(()),
        }
    }

    async fn end(self, network: &mut Network, name: &str) -> Result<()> {
        match self {
            Self::Kill => network.relay_mut(name)?.kill().await,
            Self::Stop => {
                node_endpoint(network, name)?.set(Faults::down());
                network.relay_mut(name)?.stop().await?;
                node_chain(network, name)?.stop_endpoint_nodes(&[name.to_owned()]).await
            }
            Self::Start => {
                node_chain(network, name)?.start_endpoint_nodes(&[name.to_owned()]).await?;
                node_endpoint(network, name)?.clear();
                network.start_relay(name)
            }
            Self::Balance(wei) => {
                for (chain, key) in &network.relay(name)?.submitters {
                    let chain = if *chain == network.main.name { &network.main } else { &network.service };
                    chain.set_balance(key.address(), U256::from(wei)).await?;
                }
                Ok(())
            }
            Self::Freeze | Self::Thaw | Self::Endpoint(..) => Ok(()),
        }
    }
}

impl EndpointFault {
    fn faults(self) -> Faults {
        match self {
            Self::None => Faults::default(),
            Self::Down => Faults::down(),
            Self::Swallow => Faults::swallow(),
        }
    }
}

/// The endpoint that is the node of this relay: the main chain's for one on an EN, the service chain's for one on a SEN.
/// The endpoint of the node that a relay runs beside: an EN of the main chain for a main-bridge, an SEN for a sub-bridge.
fn node_endpoint<'a>(network: &'a Network, name: &str) -> Result<&'a crate::endpoint_proxy::EndpointProxy> {
    let relay = network.relay(name)?;
    Ok(relay.source_endpoint(relay.own_direction()))
}

/// The chain of that node.
fn node_chain<'a>(network: &'a mut Network, name: &str) -> Result<&'a mut Chain> {
    let direction = network.relay(name)?.own_direction();
    Ok(match direction {
        Direction::MainToService => &mut network.main,
        Direction::ServiceToMain => &mut network.service,
    })
}

fn lan(network: &Network) -> Result<&crate::lan::Lan> {
    match &network.lan {
        Some(lan) => Ok(lan),
        None => bail!("a cut needs a network of namespaces; run without --loopback, as root"),
    }
}

fn refs(hosts: &[Host]) -> Vec<&Host> {
    hosts.iter().collect()
}

/// Unit: seconds with one decimal.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(pick) => write!(f, "kill {pick}"),
            Self::Freeze(pick) => write!(f, "freeze {pick}"),
            Self::Thaw(pick) => write!(f, "thaw {pick}"),
            Self::Stop(Pick::Chain(side)) => write!(f, "stop the node of the {side} chain"),
            Self::Stop(pick) => write!(f, "stop {pick}, with the endpoint of its node"),
            Self::Start(pick) => write!(f, "start {pick}"),
            Self::Isolate(pick, side) => write!(f, "the {side} node of {pick} loses its peers"),
            Self::Rejoin(pick, side) => write!(f, "the {side} node of {pick} has its peers again"),
            Self::Cut(one, other) => write!(f, "cut {one} from {other}"),
            Self::CutOneWay(from, to) => write!(f, "cut the way from {from} to {to}"),
            Self::Heal => f.write_str("heal all cuts"),
            Self::Weather(Weather { delay, jitter, loss }) => {
                write!(f, "links take {:.3} s", seconds(*delay))?;
                write!(f, " and up to {:.3} s more, and lose {:.1} %", seconds(*jitter), loss * 100.0)
            }
            Self::Endpoint(pick, side, fault) => write!(f, "the {side} endpoint of {pick}: {fault:?}"),
            Self::Reorg(side, depth) => write!(f, "reorganize {depth} blocks of the {side} chain"),
            Self::RollBack(side, depth) => write!(f, "take {depth} blocks of the {side} chain away"),
            Self::LosePool(side) => write!(f, "the node of the {side} chain forgets its pool every second"),
            Self::KeepPools => f.write_str("nodes remember their pools"),
            Self::Pause(side) => write!(f, "an operator pauses the bridge on the {side} chain"),
            Self::Unpause(side) => write!(f, "the governors unpause the bridge on the {side} chain"),
            Self::Dismiss(pick, side) => {
                write!(f, "the governors take {pick} from the operators on the {side} chain")
            }
            Self::Lie(pick, lie) => write!(f, "{pick} lies: {}", lie.as_str()),
            Self::EndLies => f.write_str("liars end"),
            Self::WipeEtcd => f.write_str("etcd loses everything"),
            Self::HostileEtcd => f.write_str("somebody does harm to every key in etcd"),
            Self::EndHostility => f.write_str("the harm in etcd ends"),
            Self::Fork(pick, side) => write!(f, "an endpoint of {pick} serves a fork of the {side} chain"),
            Self::EndFork => f.write_str("that endpoint is right again"),
            Self::Unfund(pick) => write!(f, "take the funds of {pick}"),
            Self::Fund(pick) => write!(f, "fund {pick}"),
        }
    }
}
