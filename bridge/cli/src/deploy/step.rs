//! One transaction of a deployment: sent once, however often the deployment is broken off.

use alloy::primitives::{Address, Bytes};
use anyhow::{Context, Result};
use polyspan_chain::At;
use polyspan_types::CrashPoint;

use super::progress::{Progress, Step};
use crate::failure::BadInput;
use crate::wallet::{Call, Sent, Wallet};

/// What is known of a step.
enum Known {
    /// It is done.
    Done(Sent),
    /// It was begun, and its account nonce is free: whichever of its transactions gets into a block, it is done once.
    Open(Step),
    /// It is to be begun, with the next account nonce.
    New,
}

/// Does a step, unless it is done. `what` names it in the file and in errors; `call` makes what it sends, which nothing but a signature
/// or a deadline may change.
///
/// Errors: a chain that does not answer, a step that cannot be done, or a file that says what is not so.
pub(super) async fn step(
    progress: &mut Progress,
    wallet: &Wallet,
    what: &str,
    call: impl AsyncFn() -> Result<Call>,
) -> Result<Sent> {
    let known = known(progress, wallet, what).await?;
    if let Known::Done(sent) = known {
        return Ok(sent);
    }
    let nonce = match &known {
        Known::Open(step) => {
            if let Some(sent) = again(wallet, what, step).await? {
                return Ok(sent);
            }
            Some(step.account_nonce)
        }
        _ => None,
    };
    let signed = wallet.sign(what, &call().await?, nonce).await?;
    CrashPoint::BeforeStoringStep.reach();
    // Before sending: a transaction that nobody remembers would be paid for twice.
    progress.signed(what, wallet.address(), signed.account_nonce, &signed.raw)?;
    CrashPoint::AfterStoringStep.reach();
    let offered = wallet.offer(what, &signed.raw).await;
    // Where an older one of the step waits with a price that this one does not exceed enough, that one is waited for.
    if !matches!(known, Known::Open(_)) {
        offered?;
    }
    CrashPoint::AfterSendingStep.reach();
    let all = progress.step(what).map(|step| step.transactions.clone()).unwrap_or_default();
    let sent = wallet.wait(what, &all).await?;
    CrashPoint::AfterMiningStep.reach();
    Ok(sent)
}

/// Does a step that creates a contract with this code, and says where it is.
///
/// Errors: as [`step`].
pub(super) async fn create(
    progress: &mut Progress,
    wallet: &Wallet,
    what: &str,
    code: Bytes,
) -> Result<Address> {
    if let Some(begun) = progress.step(what) {
        let is_it = |raw: &Bytes| Call::of(raw).is_some_and(|call| call.to.is_none() && call.input == code);
        if !begun.transactions.iter().all(is_it) {
            return Err(wrong(
                progress,
                what,
                "its transaction has other code than this version and spec give it",
            ));
        }
    }
    let sent =
        step(progress, wallet, what, async || Ok(Call { input: code.clone(), ..Call::default() })).await?;
    let tx_hash = sent.tx_hash;
    let contract = sent
        .receipt
        .contract
        .with_context(|| format!("cannot {what}: the receipt of {tx_hash} names no contract"))?;
    let kept = progress.step(what).and_then(|step| step.contract);
    match kept {
        Some(kept) if kept == contract => {}
        Some(kept) => {
            return Err(wrong(progress, what, &format!("it says {kept}, and the chain says {contract}")));
        }
        None => progress.created(what, contract)?,
    }
    Ok(contract)
}

/// What became of the step so far.
async fn known(progress: &Progress, wallet: &Wallet, what: &str) -> Result<Known> {
    let Some(step) = progress.step(what) else { return Ok(Known::New) };
    match wallet.found(&step.transactions).await.with_context(|| format!("cannot {what}"))? {
        Some(sent) if sent.receipt.success => return Ok(Known::Done(sent)),
        // Its account nonce is used up, and nothing was done.
        Some(_) => return anew(progress, what),
        None => {}
    }
    let next = wallet.chain.account_nonce(step.sender, At::Latest).await?;
    if next > step.account_nonce {
        // It may have got into a block in between.
        return match wallet.found(&step.transactions).await? {
            Some(sent) if sent.receipt.success => Ok(Known::Done(sent)),
            _ => anew(progress, what),
        };
    }
    if step.sender != wallet.address() {
        let (sender, nonce) = (step.sender, step.account_nonce);
        let problem = format!(
            "{sender} has signed it with account nonce {nonce}, and it may still get into a block; use that deployer key"
        );
        return Err(wrong(progress, what, &problem));
    }
    Ok(Known::Open(step.clone()))
}

/// A step that has to be done again is the newest one: what came after it was built on it.
fn anew(progress: &Progress, what: &str) -> Result<Known> {
    if progress.is_last(what) {
        return Ok(Known::New);
    }
    Err(wrong(
        progress,
        what,
        "the chain does not have it, and has what came after it: is it another chain, or one that was set back?",
    ))
}

fn wrong(progress: &Progress, what: &str, problem: &str) -> anyhow::Error {
    let file = progress.file().display();
    BadInput::new(format!(
        "{file}: step `{what}`: {problem}; correct that, or move the file away to deploy another bridge"
    ))
    .into()
}

/// Sends once more what is signed already. `None` where it would revert now, such as a vote that is too late, or is not taken.
async fn again(wallet: &Wallet, what: &str, step: &Step) -> Result<Option<Sent>> {
    let Some(raw) = step.transactions.last() else { return Ok(None) };
    let Some(call) = Call::of(raw) else { return Ok(None) };
    if wallet.simulate(&call).await.is_err() || wallet.offer(what, raw).await.is_err() {
        return Ok(None);
    }
    CrashPoint::AfterSendingStep.reach();
    let sent = wallet.wait(what, &step.transactions).await?;
    CrashPoint::AfterMiningStep.reach();
    Ok(Some(sent))
}
