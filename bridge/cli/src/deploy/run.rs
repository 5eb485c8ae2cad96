//! Sends everything, in order, and remembers what is done.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolConstructor;
use anyhow::{Context, Result};
use polyspan_chain::{At, Part, Parts};
use polyspan_contracts::{Bridge, BridgeMultiToken, BridgeNFT, BridgeToken};
use polyspan_node::config::{Deployment, Pair, Side};
use polyspan_types::{Direction, Kind};

use super::configuration::{calls, configure};
use super::creation::creation_code;
use super::seed::seed;
use super::spec::{DeploySpec, End, NewToken, TokenSpec};
use super::survey::Site;
use super::verify;
use crate::output;
use crate::wallet::{Call, Wallet};

/// How long the governors' signatures stay valid: nobody else needs them. Unit: seconds.
const DEADLINE: u64 = 3_600;

/// A deployment under way.
struct Run<'a> {
    spec: &'a DeploySpec,
    sites: &'a [Site; 2],
    done: Vec<String>,
}

/// Deploys, wires, seeds and verifies.
///
/// Errors: a step failed; the error says what was done before it.
pub async fn run(spec: &DeploySpec, sites: &[Site; 2]) -> Result<Deployment> {
    let mut run = Run { spec, sites, done: Vec::new() };
    let result = run.all().await;
    result.with_context(|| match run.done.as_slice() {
        [] => "nothing was deployed".to_owned(),
        done => format!("this was done before, and stays: {}", done.join("; ")),
    })
}

impl Run<'_> {
    async fn all(&mut self) -> Result<Deployment> {
        let main = self.bridge(End::Main).await?;
        let service = self.bridge(End::Service).await?;
        let mut deployment = Deployment {
            name: self.spec.name.clone(),
            salt: self.spec.salt,
            main,
            service,
            pairs: Vec::new(),
        };
        for pair in &self.spec.pairs {
            let main_token = self.token(&pair.name, pair.token(End::Main), End::Main, &deployment).await?;
            let service_token =
                self.token(&pair.name, pair.token(End::Service), End::Service, &deployment).await?;
            let (name, kind, mints) = (pair.name.clone(), pair.kind, pair.mints);
            deployment.pairs.push(Pair { name, kind, main_token, service_token, mints });
        }
        for end in End::ALL {
            self.configure(end, &deployment).await?;
        }
        for end in End::ALL {
            self.seed(end, &deployment).await?;
        }
        verify::verify(&deployment, self.spec, self.sites).await?;
        Ok(deployment)
    }

    const fn site(&self, end: End) -> &Site {
        &self.sites[end as usize]
    }

    fn note(&mut self, text: String) {
        output::remark(&text);
        self.done.push(text);
    }

    async fn bridge(&mut self, end: End) -> Result<Side> {
        let side = self.spec.side(end);
        let parts = match side.parts {
            Some(parts) => parts,
            None => self.parts(end).await?,
        };
        let (side, site) = (self.spec.side(end), self.site(end));
        let wallet = &site.wallet;
        let construction = Bridge::Construction {
            operators: side.operators.members.clone(),
            operatorThreshold: side.operators.threshold.get(),
            governors: side.governors.members.clone(),
            governorThreshold: side.governors.threshold.get(),
            governanceDelay: self.spec.governance_delay,
            refundDelay: side.refund_delay,
            greatestGasCap: site.greatest.cap,
            gasCapFixed: site.greatest.fixed,
            development: self.spec.development,
        };
        let constructor = Bridge::constructorCall { parts_: parts.into(), construction };
        let code = creation_code(&constructor).into();
        let bridge = create(wallet, &format!("deploy the bridge on chain {}", side.chain), code).await?;
        let state = wallet.chain.bridge_state(bridge, At::Latest).await?;
        self.note(format!("bridge {bridge} on chain {} in block {}", side.chain, state.deployment_block));
        Ok(Side {
            chain: side.chain.clone(),
            chain_id: side.chain_id,
            bridge,
            deployment_block: state.deployment_block,
            parts: Some(parts),
        })
    }

    /// Creates the parts of a bridge, one after the other.
    async fn parts(&mut self, end: End) -> Result<Parts> {
        let mut created = [Address::ZERO; Part::ALL.len()];
        for part in Part::ALL {
            let chain = &self.spec.side(end).chain;
            let what = format!("deploy the part {part} on chain {chain}");
            let address = create(&self.site(end).wallet, &what, part.creation_code()).await?;
            created[part as usize] = address;
            let text = format!("part {part} {address} on chain {chain}");
            self.note(text);
        }
        let [collectibles, endings, governance, views] = created;
        Ok(Parts { collectibles, endings, governance, views })
    }

    async fn token(
        &mut self,
        pair: &str,
        token: &TokenSpec,
        end: End,
        deployment: &Deployment,
    ) -> Result<Address> {
        let NewToken { name, symbol, decimals } = match token {
            TokenSpec::Existing(address) => return Ok(*address),
            TokenSpec::Deploy(token) => token.clone(),
        };
        let kind = self.spec.pairs.iter().find(|spec| spec.name == pair).map(|spec| spec.kind);
        let bridge_ = side(deployment, end).bridge;
        let (name_, symbol_) = (name, symbol.clone());
        let code = match kind {
            Some(Kind::Erc721) => {
                let constructor = BridgeNFT::constructorCall { name_, symbol_, bridge_ };
                [BridgeNFT::BYTECODE.as_ref(), &constructor.abi_encode()].concat()
            }
            Some(Kind::Erc1155) => {
                let constructor = BridgeMultiToken::constructorCall { uri_: name_, bridge_ };
                [BridgeMultiToken::BYTECODE.as_ref(), &constructor.abi_encode()].concat()
            }
            _ => {
                let constructor =
                    BridgeToken::constructorCall { name_, symbol_, decimals_: decimals, bridge_ };
                [BridgeToken::BYTECODE.as_ref(), &constructor.abi_encode()].concat()
            }
        };
        let chain = &side(deployment, end).chain;
        let what = format!("deploy token {symbol} on chain {chain}");
        let address = create(&self.site(end).wallet, &what, code.into()).await?;
        self.note(format!("token {symbol} {address} on chain {chain}"));
        Ok(address)
    }

    async fn configure(&mut self, end: End, deployment: &Deployment) -> Result<()> {
        let (site, side) = (self.site(end), side(deployment, end));
        let chain = &site.wallet.chain;
        let epoch = chain.bridge_state(side.bridge, At::Latest).await?.governors.epoch;
        let deadline = chain.head().await?.timestamp + DEADLINE;
        let calls = calls(deployment, self.spec, end, site);
        // A threshold of signatures is enough; more would only cost gas.
        let needed = usize::from(self.spec.side(end).governors.threshold.get());
        let input = configure(side, epoch, deadline, calls, &site.signers[..needed]).await?;
        let call = Call { to: Some(side.bridge), input, ..Call::default() };
        let sent = site.wallet.send(&format!("configure the bridge on chain {}", side.chain), call).await?;
        self.note(format!("configuration 0 on chain {} ({})", side.chain, sent.tx_hash));
        Ok(())
    }

    async fn seed(&mut self, end: End, deployment: &Deployment) -> Result<()> {
        for (pair, amount) in deployment.pairs.iter().zip(self.site(end).seeds.clone()) {
            if !amount.is_zero() {
                let side = side(deployment, end);
                seed(&self.site(end).wallet, side, pair, direction(end), amount).await?;
                self.note(format!("liquidity of pair {} on chain {}", pair.name, side.chain));
            }
        }
        Ok(())
    }
}

async fn create(wallet: &Wallet, what: &str, code: Bytes) -> Result<Address> {
    let sent = wallet.send(what, Call { input: code, ..Call::default() }).await?;
    let tx_hash: B256 = sent.tx_hash;
    sent.receipt
        .contract
        .with_context(|| format!("cannot {what}: the receipt of {tx_hash} names no contract"))
}

/// One end of a deployment.
pub const fn side(deployment: &Deployment, end: End) -> &Side {
    match end {
        End::Main => &deployment.main,
        End::Service => &deployment.service,
    }
}

/// The lane that starts at an end.
pub const fn direction(end: End) -> Direction {
    match end {
        End::Main => Direction::MainToService,
        End::Service => Direction::ServiceToMain,
    }
}
