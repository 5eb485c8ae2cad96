//! From nothing to a network whose relays can be started.

use std::path::PathBuf;

use alloy::primitives::U256;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_node::config::Deployment;
use polyspan_types::Direction;

use super::{DevBridge, Network};
use crate::anvil::{Anvil, AnvilSpec};
use crate::binaries::{self, Binaries};
use crate::configs;
use crate::deploy::{self, DeployJob, DeploySide};
use crate::endpoint_proxy::EndpointProxy;
use crate::etcd::{EtcdCluster, EtcdSite};
use crate::keys::{Key, KeyFolder};
use crate::ports::free_port;
use crate::process::Warden;
use crate::relay::Relay;
use crate::spec::{Coordination, NetworkSpec, RelaySpec};
use crate::tokens::{WHOLE, deploy_tokens, endow};

/// Unit: wei.
const BALANCE: u128 = 1_000_000 * WHOLE;

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
        let chain = |index: usize, name: &str| AnvilSpec {
            name: name.to_owned(),
            chain_id: spec.chain_ids[index],
            free_gas: spec.free_gas,
        };
        let (main, service) = (chain(0, "main"), chain(1, "service"));
        let (main, service, etcd) = tokio::try_join!(
            Anvil::start(&binaries.anvil, &main, &warden, &spec.directory),
            Anvil::start(&binaries.anvil, &service, &warden, &spec.directory),
            start_etcd(&spec, &warden),
        )?;

        let folder = KeyFolder::create(&spec.directory.join("keys"))?;
        let people = make_people(&folder, &spec)?;
        let relays = make_relays(&folder, &spec, &main, &service).await?;
        fund(&main, &service, &people, &relays).await?;

        let config = spec.directory.join("polyspan.toml");
        let endpoints = [&main, &service].map(|chain| chain.url.to_string());
        let mut bridges: Vec<DevBridge> = Vec::new();
        for name in spec.bridge_names() {
            let [main_payer, service_payer] = &people.token_payers;
            let tokens = deploy_tokens(&spec.pairs(), [&main, &service], [main_payer, service_payer]).await?;
            let job = DeployJob {
                name: &name,
                tokens: &tokens,
                main: DeploySide {
                    chain: &main,
                    operators: operators(&relays, Direction::ServiceToMain),
                    deployer: &people.deployers[0],
                },
                service: DeploySide {
                    chain: &service,
                    operators: operators(&relays, Direction::MainToService),
                    deployer: &people.deployers[1],
                },
                threshold: spec.threshold,
                governors: &people.governors,
                refund_delay: spec.refund_delay,
            };
            let file = deploy::deploy(&binaries, &spec.directory, &job).await?;
            let deployment =
                Deployment::load(&file).context("polyspan deploy wrote a file that does not load")?;
            bridges.push(DevBridge { deployment, file });
        }
        configs::write_users(&spec, endpoints, etcd.as_ref(), &config, &files(&bridges))?;
        let users: Vec<PrivateKeySigner> = people.users.iter().map(|user| user.signer.clone()).collect();
        for DevBridge { deployment, .. } in &bridges {
            tokio::try_join!(
                endow(&main, deployment, true, &people.token_payers[0], &users),
                endow(&service, deployment, false, &people.token_payers[1], &users),
            )?;
        }
        for relay in &relays {
            configs::write_relay(&spec, relay, etcd.as_ref(), &files(&bridges))?;
        }
        let People { deployers, governors, users, .. } = people;
        let [deployer, _] = deployers;
        Ok(Self {
            spec,
            binaries,
            main,
            service,
            bridges,
            relays,
            users,
            governors,
            deployer,
            etcd,
            config,
            warden,
        })
    }
}

async fn start_etcd(spec: &NetworkSpec, warden: &Warden) -> Result<Option<EtcdCluster>> {
    let Coordination::Etcd { members } = spec.coordination else { return Ok(None) };
    let sites = (0..members).map(|_| EtcdSite::local()).collect();
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
    main: &Anvil,
    service: &Anvil,
) -> Result<Vec<Relay>> {
    let mut relays = Vec::new();
    for relay in spec.relays() {
        relays.push(make_relay(folder, spec, relay, main, service).await?);
    }
    Ok(relays)
}

async fn make_relay(
    folder: &KeyFolder,
    spec: &NetworkSpec,
    relay: RelaySpec,
    main: &Anvil,
    service: &Anvil,
) -> Result<Relay> {
    let name = relay.name.clone();
    let own = spec.directory.join(&name);
    std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
    let attester = folder.make(&format!("{name}-attester"))?;
    let mut submitters = Vec::new();
    for direction in &relay.directions {
        // It submits where it attests: on the lane's destination.
        let chain = match direction {
            Direction::MainToService => service,
            Direction::ServiceToMain => main,
        };
        submitters.push((chain.name.clone(), folder.make(&format!("{name}-submitter-{}", chain.name))?));
    }
    Ok(Relay {
        spec: relay,
        attester,
        submitters,
        main_endpoint: EndpointProxy::start(main.url.clone()).await?,
        service_endpoint: EndpointProxy::start(service.url.clone()).await?,
        config: own.join("relay.toml"),
        store: own.join("relay.sqlite"),
        log: own.join("relay.log"),
        listen: format!("127.0.0.1:{}", free_port()?),
        process: None,
    })
}

async fn fund(main: &Anvil, service: &Anvil, people: &People, relays: &[Relay]) -> Result<()> {
    let keys = people.users.iter().chain(&people.deployers);
    let submitters = relays.iter().flat_map(|relay| relay.submitters.iter().map(|(_, key)| key));
    for chain in [main, service] {
        for key in keys.clone().chain(submitters.clone()) {
            chain.set_balance(key.address(), U256::from(BALANCE)).await?;
        }
        for payer in &people.token_payers {
            chain.set_balance(payer.address(), U256::from(BALANCE)).await?;
        }
    }
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
