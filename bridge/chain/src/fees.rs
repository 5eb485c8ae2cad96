//! What gas costs now.

/// The fee market of a chain. Units: wei of the chain's currency per gas. Any of them may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeMarket {
    /// The chain has a base fee (EIP-1559).
    Eip1559 {
        /// Base fee of the newest block; the next one may be an eighth higher.
        base_fee: u128,
        /// Tip that the node suggests.
        priority: u128,
    },
    /// The chain has one gas price.
    Legacy {
        /// Price that the node suggests.
        gas_price: u128,
    },
}

impl FeeMarket {
    /// This market for those who tip at least `least`. A chain with one gas price has no tips.
    #[must_use]
    pub fn with_least_priority(self, least: u128) -> Self {
        match self {
            Self::Eip1559 { base_fee, priority } => Self::Eip1559 { base_fee, priority: priority.max(least) },
            legacy @ Self::Legacy { .. } => legacy,
        }
    }

    /// What a transaction of now would pay per gas.
    pub const fn current_price(self) -> u128 {
        match self {
            Self::Eip1559 { base_fee, priority } => base_fee.saturating_add(priority),
            Self::Legacy { gas_price } => gas_price,
        }
    }
}
