//! What kind of token an address is, and whether that is the kind that is asked for and registered.

use alloy::primitives::{Address, FixedBytes};
use polyspan_chain::{At, Chain, ChainError, PairState};
use polyspan_types::Kind;

use crate::token::{ERC721, ERC1155, Token};

/// What no contract may declare that answers as ERC-165 asks.
const NOTHING: FixedBytes<4> = FixedBytes([0xff; 4]);

/// What a contract says of itself. One that says nothing may still be a token of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nature {
    has_code: bool,
    /// It declares that (ERC-165).
    is_erc721: bool,
    is_erc1155: bool,
    /// It tells its decimals, which tokens by id have none of.
    has_decimals: bool,
}

impl Nature {
    /// Asks the contract at `token`.
    ///
    /// Errors: the endpoint.
    pub(super) async fn fetch(chain: &Chain, token: Address) -> Result<Self, ChainError> {
        let contract = Token::new(chain, token);
        let answers = !contract.declares(NOTHING).await?;
        Ok(Self {
            has_code: chain.has_code(token, At::Latest).await?,
            is_erc721: answers && contract.declares(ERC721).await?,
            is_erc1155: answers && contract.declares(ERC1155).await?,
            has_decimals: contract.decimals().await?.is_some(),
        })
    }

    /// Whether it can be of this kind: it says so, or nothing that speaks for another one.
    const fn fits(self, kind: Kind) -> bool {
        let Self { is_erc721, is_erc1155, has_decimals, .. } = self;
        match kind {
            Kind::Native => true,
            Kind::Erc20 => has_decimals || !(is_erc721 || is_erc1155),
            Kind::Erc721 => is_erc721 || !(is_erc1155 || has_decimals),
            Kind::Erc1155 => is_erc1155 || !(is_erc721 || has_decimals),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self { has_code: false, .. } => "an account without code",
            Self { is_erc721: true, .. } => "an ERC-721",
            Self { is_erc1155: true, .. } => "an ERC-1155",
            Self { has_decimals: true, .. } => "an ERC-20",
            _ => "a contract of no kind of token that is known",
        }
    }
}

/// Why the token is not what is asked for. Then nothing else that it answers means anything.
pub(super) fn misfit(
    token: Address,
    chain: &str,
    asked: Kind,
    pair: Option<&PairState>,
    nature: Nature,
) -> Option<String> {
    let is = nature.word();
    let Some(pair) = pair else {
        return Some(format!(
            "--token: {token} on chain {chain} is {is}, and is not registered with the bridge; use a token of a [[pair]] of the \
             deployment, or have the governors register it"
        ));
    };
    let registered = standard(pair.kind);
    if !nature.has_code || !nature.fits(pair.kind) {
        return Some(format!(
            "--token: {token} on chain {chain} is {is}, and its pair is registered as {registered}: no request of it can succeed; \
             tell the governors"
        ));
    }
    (pair.kind != asked).then(|| {
        format!(
            "--token: {token} on chain {chain} is registered as {registered}, not as {}; use `polyspan transfer {}`",
            standard(asked),
            pair.kind
        )
    })
}

const fn standard(kind: Kind) -> &'static str {
    match kind {
        Kind::Native => "the native currency",
        Kind::Erc20 => "ERC-20",
        Kind::Erc721 => "ERC-721",
        Kind::Erc1155 => "ERC-1155",
    }
}

#[cfg(test)]
mod tests {
    use polyspan_chain::testing::pair;

    use super::*;

    const SILENT: Nature =
        Nature { has_code: true, is_erc721: false, is_erc1155: false, has_decimals: false };
    const ERC20: Nature = Nature { has_decimals: true, ..SILENT };
    const NFT: Nature = Nature { is_erc721: true, ..SILENT };

    fn told(asked: Kind, registered: Option<Kind>, nature: Nature) -> Option<String> {
        let token = Address::repeat_byte(7);
        let pair = registered.map(|kind| pair(kind, token, token));
        misfit(token, "main", asked, pair.as_ref(), nature)
    }

    #[track_caller]
    fn assert_told(asked: Kind, registered: Option<Kind>, nature: Nature, words: &str) {
        let told = told(asked, registered, nature).unwrap();
        assert!(told.contains(words) && told.contains("0x0707"), "{told}");
    }

    #[test]
    fn a_token_of_another_kind_is_called_what_it_is() {
        assert_told(
            Kind::Erc20,
            Some(Kind::Erc20),
            NFT,
            "is an ERC-721, and its pair is registered as ERC-20",
        );
        assert_told(Kind::Erc721, Some(Kind::Erc721), ERC20, "is an ERC-20, and its pair is registered as");
        let other = "is registered as ERC-721, not as ERC-20; use `polyspan transfer erc721`";
        assert_told(Kind::Erc20, Some(Kind::Erc721), NFT, other);
        assert_told(Kind::Erc20, None, NFT, "is an ERC-721, and is not registered with the bridge");
        assert_told(Kind::Erc20, None, SILENT, "is a contract of no kind of token that is known");
        let nobody = Nature { has_code: false, ..SILENT };
        assert_told(Kind::Erc20, None, nobody, "is an account without code, and is not registered");
        assert_told(Kind::Erc20, Some(Kind::Erc20), nobody, "is an account without code");
    }

    #[test]
    fn a_token_that_says_little_or_more_than_one_thing_is_left_to_its_pair() {
        for kind in [Kind::Erc20, Kind::Erc721, Kind::Erc1155] {
            assert_eq!(told(kind, Some(kind), SILENT), None);
        }
        // Some are both: each token by id is an amount as well.
        let both = Nature { is_erc721: true, ..ERC20 };
        for kind in [Kind::Erc20, Kind::Erc721] {
            assert_eq!(told(kind, Some(kind), both), None);
        }
    }
}
