//! How far a relay is with blocks that it reads, in words.

use std::time::Duration;

use polyspan_coordination::ReadingReport;

/// How far it is, how fast it is and how long it takes.
pub fn told(reading: &ReadingReport) -> String {
    let ReadingReport { from, to, at, requests, .. } = reading;
    format!("block {at} of {from} to {to}, {requests} requests so far, {}", pace(reading))
}

/// How fast it is and how long it takes.
pub fn pace(reading: &ReadingReport) -> String {
    let Some(seconds) = reading.seconds_left else { return "just begun".to_owned() };
    format!(
        "{} blocks/s, {} requests/s, {} left",
        reading.blocks_per_second,
        reading.requests_per_second,
        humantime::format_duration(Duration::from_secs(seconds))
    )
}

#[cfg(test)]
mod tests {
    use polyspan_types::BlockHeight;

    use super::*;

    #[test]
    fn rate_and_time_left_are_told_once_there_is_something_to_judge_by() {
        let height = BlockHeight::new;
        let after =
            |at| ReadingReport::after(Duration::from_secs(80), (height(10), height(89)), height(at), 160);
        assert_eq!(told(&after(10)), "block 10 of 10 to 89, 160 requests so far, just begun");
        assert_eq!(pace(&after(50)), "1 blocks/s, 2 requests/s, 1m 20s left");
    }
}
