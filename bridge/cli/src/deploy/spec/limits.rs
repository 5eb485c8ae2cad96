//! What `[[pair]]` sections say about limits.

use polyspan_node::config::form::{Problems, Raw, join};

use super::{End, RawLimits, Span};
use crate::governance::limits::LimitWords;

/// The limits of both ends: what is said of one end goes before what is said of both. Amounts are checked once the tokens'
/// decimals are known.
pub(super) fn limits(
    path: &str,
    [both, main, service]: [Raw<RawLimits>; 3],
    problems: &mut Problems,
) -> [LimitWords; 2] {
    let general = words(&join(path, "limits"), both, problems);
    [(End::Main, main), (End::Service, service)].map(|(end, raw)| {
        let own = words(&join(path, &format!("{}_limits", end.as_str())), raw, problems);
        own.or(&general)
    })
}

fn words(path: &str, raw: Raw<RawLimits>, problems: &mut Problems) -> LimitWords {
    let Some(raw) = problems.optional(path, raw) else { return LimitWords::default() };
    problems.unknown(path, &raw.unknown, RawLimits::KEYS);
    let at = |key: &str| join(path, key);
    LimitWords {
        minimum: problems.optional(&at("minimum"), raw.minimum),
        maximum: problems.optional(&at("maximum"), raw.maximum),
        fee: problems.optional(&at("fee"), raw.fee),
        fee_in_native: problems.optional(&at("fee_in_native"), raw.fee_in_native),
        outflow_capacity: problems.optional(&at("outflow_capacity"), raw.outflow_capacity),
        outflow_period: problems
            .optional(&at("outflow_period"), raw.outflow_period)
            .map(|Span(period)| period),
        delay_above: problems.optional(&at("delay_above"), raw.delay_above),
        delay_blocks: problems.optional(&at("delay_blocks"), raw.delay_blocks),
    }
}
