//! Sends everything, in order, and remembers what is done.

use alloy::primitives::Address;
use alloy::sol_types::SolConstructor;
use anyhow::{Context, Result};
use polyspan_chain::{At, Part, Parts};
use polyspan_contracts::{Bridge, BridgeMultiToken, BridgeNFT, BridgeToken};
use polyspan_node::config::{Deployment, Pair, Side};
use polyspan_types::{Direction, Kind};

use super::configuration::{calls, configure};
use super::creation::creation_code;
use super::progress::Progress;
use super::seed::seeds;
use super::spec::{DeploySpec, End, NewToken, TokenSpec};
use super::step::{create, step};
use super::survey::Site;
use super::verify;
use crate::output;
use crate::wallet::Call;

/// How long the governors' signatures stay valid: nobody else needs them. Unit: seconds.
const DEADLINE: u64 = 3_600;

/// A deployment under way.
struct Run<'a> {
    spec: &'a DeploySpec,
    sites: &'a [Site; 2],
    progress: &'a mut Progress,
    done: Vec<String>,
}

/// Deploys, wires, seeds and verifies. What was done before is not done again.
///
/// Errors: a step failed; the error says what was done before it, and how to go on.
pub async fn run(spec: &DeploySpec, sites: &[Site; 2], progress: &mut Progress) -> Result<Deployment> {
    let mut run = Run { spec, sites, progress, done: Vec::new() };
    let result = run.all().await;
    result.with_context(|| match (run.done.as_slice(), run.progress.is_begun()) {
        ([], false) => "nothing was deployed".to_owned(),
        (done, _) => {
            let done = if done.is_empty() { "nothing yet".to_owned() } else { done.join("; ") };
            let file = run.progress.file().display();
            format!(
                "the deployment was broken off; run the same command again and it goes on from there ({file} knows what was sent); this was \
                 done before, and stays: {done}"
            )
        }
    })
}

impl Run<'_> {
    async fn all(&mut self) -> Result<Deployment> {
        let main = self.bridge(End::Main).await?;
        let service = self.bridge(End::Service).await?;
        let mut deployment = Deployment {
            name: self.spec.name.clone(),
            salt: self.progress.salt(),
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
        let (side, site) = (self.spec.side(end), &self.sites[end as usize]);
        let wallet = &site.wallet;
        let construction = Bridge::Construction {
            operators: side.operators.members.clone(),
            operatorThreshold: side.operators.threshold.get(),
            governors: side.governors.members.clone(),
            governorThreshold: side.governors.threshold.get(),
            governanceDelay: self.spec.governance_delay,
            refundDelay: side.refund_delay,
            greatestGasCap: site.greatest_gas_cap,
            defersCalls: site.defers_calls,
            development: self.spec.development,
        };
        let constructor = Bridge::constructorCall { parts_: parts.into(), construction };
        let code = creation_code(&constructor).into();
        let what = format!("deploy the bridge on chain {}", side.chain);
        let bridge = create(self.progress, wallet, &what, code).await?;
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
            let wallet = &self.sites[end as usize].wallet;
            let address = create(self.progress, wallet, &what, part.creation_code()).await?;
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
        let what = format!("deploy token {symbol} of pair {pair} on chain {chain}");
        let wallet = &self.sites[end as usize].wallet;
        let address = create(self.progress, wallet, &what, code.into()).await?;
        self.note(format!("token {symbol} {address} on chain {chain}"));
        Ok(address)
    }

    async fn configure(&mut self, end: End, deployment: &Deployment) -> Result<()> {
        let (spec, site, side) = (self.spec, &self.sites[end as usize], side(deployment, end));
        let call = async || {
            let chain = &site.wallet.chain;
            let epoch = chain.bridge_state(side.bridge, At::Latest).await?.governors.epoch;
            let deadline = chain.head().await?.timestamp + DEADLINE;
            let calls = calls(deployment, spec, end, site);
            // A threshold of signatures is enough; more would only cost gas.
            let needed = usize::from(spec.side(end).governors.threshold.get());
            let input = configure(side, epoch, deadline, calls, &site.signers[..needed]).await?;
            Ok(Call { to: Some(side.bridge), input, ..Call::default() })
        };
        let what = format!("configure the bridge on chain {}", side.chain);
        let sent = step(self.progress, &site.wallet, &what, call).await?;
        self.note(format!("configuration 0 on chain {} ({})", side.chain, sent.tx_hash));
        Ok(())
    }

    async fn seed(&mut self, end: End, deployment: &Deployment) -> Result<()> {
        for (pair, amount) in deployment.pairs.iter().zip(self.site(end).seeds.clone()) {
            if !amount.is_zero() {
                let side = side(deployment, end);
                let wallet = &self.sites[end as usize].wallet;
                for (what, call) in seeds(side, pair, direction(end), amount) {
                    step(self.progress, wallet, &what, async || Ok(call.clone())).await?;
                }
                self.note(format!("liquidity of pair {} on chain {}", pair.name, side.chain));
            }
        }
        Ok(())
    }
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
