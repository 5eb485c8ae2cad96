//! From nothing to a network whose relays can be started.

use std::path::PathBuf;

use alloy::primitives::U256;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_node::config::Deployment;
use polyspan_types::Direction;
use reqwest::Url;

use super::{DevBridge, Network};
use crate::binaries::{self, Binaries};
use crate::chain::anvil::{Anvil, AnvilSpec};
use crate::chain::{Chain, ChainSpec, Layer};
use crate::configs;
use crate::deploy::{self, DeployJob, DeploySide};
use crate::endpoint_proxy::EndpointProxy;
use crate::etcd::{EtcdCluster, EtcdSite};
use crate::host::Host;
use crate::keys::{Key, KeyFolder};
use crate::lan::Lan;
use crate::link::Link;
use crate::process::Warden;
use crate::relay::Relay;
use crate::spec::{Coordination, NetworkSpec, Place, REMOTE_ATTESTERS, RelaySpec};
use crate::tokens::{WHOLE, deploy_tokens, endow};

/// Unit: wei.
const BALANCE: u128 = 1_000_000 * WHOLE;

/// Where metrics are served by a relay that has an address of its own.
const METRICS_PORT: u16 = 9101;

/// Holders of governor keys.
const GOVERNORS: usize = 3;

/// Everybody with a key.
struct People {
    deployers: [Key; 2],
    token_payers: [PrivateKeySigner; 2],
    governors: Vec<Key>,
    users: Vec<Key>,
}

impl Network {
    /// Starts both chains, makes all keys, deploys and wires the bridges with the real `polyspan deploy`, gives users
    /// and bridges what they need, and writes all configs. No relay runs yet.
    ///
    /// Errors: a tool is missing, the directory is in use, or a step fails.
    pub async fn start(spec: NetworkSpec) -> Result<Self> {
        let binaries = Binaries::locate()?;
        make_directory(&spec)?;
        let warden = Warden::start()?;
        let lan = match spec.place {
            Place::Loopback => None,
            Place::Namespaces => Some(Lan::create()?),
        };
        let chain = |index: usize, layer: Layer| -> Result<ChainSpec> {
            let name = configs::CHAIN_NAMES[index];
            Ok(ChainSpec {
                name: name.to_owned(),
                layer,
                chain_id: spec.chain_ids[index],
                kind: spec.nodes,
                free_gas: spec.free_gas,
                block_gas_limit: spec.block_gas_limit,
                host: host(lan.as_ref(), name)?,
                durable: spec.durable_chains,
                finality_distance: spec.finality_distance,
            })
        };
        let (main, service) = (chain(0, Layer::Main)?, chain(1, Layer::Service)?);
        let etcd_hosts = etcd_hosts(&spec, lan.as_ref())?;
        let (mut main, mut service, etcd) = tokio::try_join!(
            Chain::start(&main, &warden, &spec.directory),
            Chain::start(&service, &warden, &spec.directory),
            start_etcd(&spec, &etcd_hosts, &warden),
        )?;

        let folder = KeyFolder::create(&spec.directory.join("keys"))?;
        let people = make_people(&folder, &spec)?;
        let signer = start_signer(&binaries, &spec, lan.as_ref(), &warden).await?;
        let mut relays =
            make_relays(&folder, &spec, lan.as_ref(), [&mut main, &mut service], signer.as_ref()).await?;
        fund(&main, &service, &people, &relays).await?;

        let config = spec.directory.join("polyspan.toml");
        let endpoints = [&main, &service].map(|chain| chain.url().to_string());
        let mut bridges: Vec<DevBridge> = Vec::new();
        for name in spec.bridge_names() {
            let [main_payer, service_payer] = &people.token_payers;
            let tokens = deploy_tokens(&spec.pairs(), [&main, &service], [main_payer, service_payer]).await?;
            let shared = bridges.first().map(|first| [&first.deployment.main, &first.deployment.service]);
            let parts = |end: usize| shared.and_then(|sides| sides[end].parts);
            let job = DeployJob {
                name: &name,
                tokens: &tokens,
                main: DeploySide {
                    chain: &main,
                    operators: operators(&relays, Direction::ServiceToMain),
                    deployer: &people.deployers[0],
                    parts: parts(0),
                },
                service: DeploySide {
                    chain: &service,
                    operators: operators(&relays, Direction::MainToService),
                    deployer: &people.deployers[1],
                    parts: parts(1),
                },
                finality: spec.nodes.finality(spec.finality),
                threshold: spec.threshold,
                governors: &people.governors,
                refund_delay: spec.refund_delay,
                defer_calls: spec.defer_calls,
                development: spec.development,
            };
            let file = deploy::deploy(&binaries, &spec.directory, &job).await?;
            let deployment =
                Deployment::load(&file).context("polyspan deploy wrote a file that does not load")?;
            bridges.push(DevBridge { deployment, file });
        }
        let members = etcd.as_ref().map(EtcdCluster::endpoints);
        configs::write_users(&spec, endpoints, members, &config, &files(&bridges))?;
        let users: Vec<PrivateKeySigner> = people.users.iter().map(|user| user.signer.clone()).collect();
        for DevBridge { deployment, .. } in &bridges {
            tokio::try_join!(
                endow(&main, deployment, true, &people.token_payers[0], &users),
                endow(&service, deployment, false, &people.token_payers[1], &users),
            )?;
        }
        for relay in &mut relays {
            let etcd = match &etcd {
                Some(etcd) => Some(ways_to_etcd(&spec, etcd, relay).await?),
                None => None,
            };
            configs::write_relay(&spec, relay, etcd, &files(&bridges))?;
        }
        let People { deployers, governors, users, .. } = people;
        let [deployer, _] = deployers;
        Ok(Self {
            spec,
            binaries,
            main,
            service,
            signer,
            bridges,
            relays,
            users,
            governors,
            deployer,
            etcd,
            etcd_hosts,
            config,
            lan,
            warden,
        })
    }
}

/// The place of a part.
fn host(lan: Option<&Lan>, part: &str) -> Result<Host> {
    lan.map_or_else(|| Ok(Host::loopback()), |lan| lan.host(part))
}

/// The places of the members of etcd; none without one.
fn etcd_hosts(spec: &NetworkSpec, lan: Option<&Lan>) -> Result<Vec<Host>> {
    let Coordination::Etcd { members } = spec.coordination else { return Ok(Vec::new()) };
    (1..=members).map(|number| host(lan, &format!("etcd-{number}"))).collect()
}

async fn start_etcd(spec: &NetworkSpec, hosts: &[Host], warden: &Warden) -> Result<Option<EtcdCluster>> {
    if hosts.is_empty() {
        return Ok(None);
    }
    let site = |host: &Host| EtcdSite { address: host.address().into(), command: host.prefix() };
    let sites = hosts.iter().map(site).collect();
    EtcdCluster::start(&binaries::etcd()?, warden, &spec.directory, sites).await.map(Some)
}

fn make_directory(spec: &NetworkSpec) -> Result<()> {
    let directory = &spec.directory;
    if std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("the directory {} is not empty; choose an empty or new one with --dir", directory.display());
    }
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
}

fn make_people(folder: &KeyFolder, spec: &NetworkSpec) -> Result<People> {
    Ok(People {
        // One of each for each chain: contracts that one key deploys in the same order have the same address everywhere,
        // and a bridge refuses a counterpart with its own address.
        deployers: [folder.make("deployer-main")?, folder.make("deployer-service")?],
        token_payers: [PrivateKeySigner::random(), PrivateKeySigner::random()],
        governors: folder.make_many("governor", GOVERNORS)?,
        users: folder.make_many("user", spec.users)?,
    })
}

async fn make_relays(
    folder: &KeyFolder,
    spec: &NetworkSpec,
    lan: Option<&Lan>,
    [main, service]: [&mut Chain; 2],
    signer: Option<&Anvil>,
) -> Result<Vec<Relay>> {
    let mut accounts = signer.map(Anvil::account_keys).transpose()?.map(Vec::into_iter);
    let names: Vec<String> = spec.relays().into_iter().map(|relay| relay.name).collect();
    let (main, service) = tokio::try_join!(main.endpoint_nodes(&names), service.endpoint_nodes(&names))?;
    let mut relays = Vec::new();
    for (relay, upstream) in spec.relays().into_iter().zip(main.into_iter().zip(service)) {
        let name = format!("{}-attester", relay.name);
        let attester = match &mut accounts {
            Some(keys) => folder.keep(&name, keys.next().context("a signing node has too few accounts")?)?,
            None => folder.make(&name)?,
        };
        let host = host(lan, &relay.name)?;
        let mut relay = make_relay(folder, spec, relay, host, attester, upstream.into()).await?;
        relay.signer = signer.map(|signer| signer.url.clone());
        relays.push(relay);
    }
    Ok(relays)
}

/// A node that makes no use of its chain: it has the keys of its accounts, and signs for whoever asks.
async fn start_signer(
    binaries: &Binaries,
    spec: &NetworkSpec,
    lan: Option<&Lan>,
    warden: &Warden,
) -> Result<Option<Anvil>> {
    if !spec.remote_attesters {
        return Ok(None);
    }
    let of = AnvilSpec {
        name: "signer".to_owned(),
        chain_id: spec.chain_ids[1] + 1,
        free_gas: false,
        accounts: REMOTE_ATTESTERS,
        fork_of: None,
        block_gas_limit: spec.block_gas_limit,
        host: host(lan, "signer")?,
        durable: false,
    };
    Ok(Some(Anvil::start(&binaries.anvil, &of, warden, &spec.directory).await?))
}

async fn make_relay(
    folder: &KeyFolder,
    spec: &NetworkSpec,
    relay: RelaySpec,
    host: Host,
    attester: Key,
    mut upstream: [Url; 2],
) -> Result<Relay> {
    let name = relay.name.clone();
    let own = spec.directory.join(&name);
    std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
    let mut submitters = Vec::new();
    for direction in &relay.directions {
        // It submits where it attests: on the lane's destination.
        let [main, service] = configs::CHAIN_NAMES;
        let chain = match direction {
            Direction::MainToService => service,
            Direction::ServiceToMain => main,
        };
        let stem = format!("{name}-submitter-{chain}");
        submitters.push((chain.to_owned(), folder.make(&stem)?));
        for spare in folder.make_many(&format!("{stem}-spare"), spec.spare_submitters)? {
            submitters.push((chain.to_owned(), spare));
        }
    }
    let mut links = Vec::new();
    if spec.links {
        for url in &mut upstream {
            *url = linked(&host, url, &mut links).await?;
        }
    }
    let [main, service] = upstream;
    Ok(Relay {
        spec: relay,
        attester,
        signer: None,
        submitters,
        main_endpoint: EndpointProxy::start(&host, main.clone()).await?,
        service_endpoint: EndpointProxy::start(&host, service.clone()).await?,
        links,
        spare_endpoints: [
            spare_endpoints(spec, &host, main).await?,
            spare_endpoints(spec, &host, service).await?,
        ],
        config: own.join("relay.toml"),
        store: own.join("relay.sqlite"),
        log: own.join("relay.log"),
        listen: host.socket(METRICS_PORT)?.to_string(),
        host,
        process: None,
    })
}

/// What a relay is told of etcd: its members, or its own links to them.
async fn ways_to_etcd(spec: &NetworkSpec, etcd: &EtcdCluster, relay: &mut Relay) -> Result<Vec<String>> {
    let mut ways = etcd.endpoints();
    if spec.links {
        for way in &mut ways {
            let member = way.parse().context("a member of etcd has a URL")?;
            // A URL ends with a slash, what etcd's clients are given does not.
            let link = linked(&relay.host, &member, &mut relay.links).await?;
            *way = link.as_str().trim_end_matches('/').to_owned();
        }
    }
    Ok(ways)
}

/// Puts a link in front of an HTTP server, and returns where it takes connections.
async fn linked(host: &Host, url: &Url, links: &mut Vec<Link>) -> Result<Url> {
    let target = url.socket_addrs(|| None)?.into_iter().next().context("a server without an address")?;
    let link = Link::start(host, target, rand::random()).await?;
    let own = format!("http://{}", link.address()).parse().context("a URL of digits and dots")?;
    links.push(link);
    Ok(own)
}

/// All endpoints of a relay to one chain but the first.
async fn spare_endpoints(spec: &NetworkSpec, host: &Host, chain: Url) -> Result<Vec<EndpointProxy>> {
    let mut spare = Vec::new();
    for _ in 1..spec.endpoints_per_relay {
        spare.push(EndpointProxy::start(host, chain.clone()).await?);
    }
    Ok(spare)
}

async fn fund(main: &Chain, service: &Chain, people: &People, relays: &[Relay]) -> Result<()> {
    let keys = people.users.iter().chain(&people.deployers);
    let submitters = relays.iter().flat_map(|relay| relay.submitters.iter().map(|(_, key)| key));
    let payers = people.token_payers.iter().map(PrivateKeySigner::address);
    let all = keys.chain(submitters).map(Key::address).chain(payers);
    let balances: Vec<_> = all.map(|account| (account, U256::from(BALANCE))).collect();
    tokio::try_join!(main.fund(&balances), service.fund(&balances))?;
    Ok(())
}

fn operators(relays: &[Relay], direction: Direction) -> Vec<alloy::primitives::Address> {
    relays
        .iter()
        .filter(|relay| relay.spec.directions.contains(&direction))
        .map(|relay| relay.attester.address())
        .collect()
}

fn files(bridges: &[DevBridge]) -> Vec<PathBuf> {
    bridges.iter().map(|bridge| bridge.file.clone()).collect()
}
