//! What becomes of a chunk on its way. Pure.

use std::time::Duration;

use rand::Rng;

/// First wait for a lost packet, as TCP does it; each loss in a row doubles it.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Losses in a row after which the connection is given up.
const GIVEN_UP: u32 = 5;

/// How good a link is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Time that everything takes in one direction.
    pub delay: Duration,
    /// Up to so much is added, at random.
    pub jitter: Duration,
    /// Share of what is lost at the first try, and at each further one: 0 to 1.
    pub loss: f64,
}

/// What happens to one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives after this time.
    Arrives(Duration),
    /// The connection breaks.
    Breaks,
}

impl Weather {
    /// Nothing is delayed or lost.
    pub const GOOD: Self = Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0 };

    /// The fate of the next chunk.
    pub(super) fn fate(self, random: &mut impl Rng) -> Fate {
        let mut after = self.delay + self.jitter.mul_f64(random.random::<f64>());
        for losses in 0..=GIVEN_UP {
            if random.random::<f64>() >= self.loss {
                return Fate::Arrives(after);
            }
            after += RETRANSMISSION * 2u32.pow(losses);
        }
        Fate::Breaks
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_same_seed_has_the_same_weather() {
        let weather =
            Weather { delay: Duration::from_millis(20), jitter: Duration::from_millis(20), loss: 0.3 };
        let fates = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            (0..50).map(|_| weather.fate(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
    }

    #[test]
    fn good_weather_delays_nothing_and_total_loss_breaks() {
        let mut random = StdRng::seed_from_u64(1);
        assert_eq!(Weather::GOOD.fate(&mut random), Fate::Arrives(Duration::ZERO));
        let storm = Weather { loss: 1.0, ..Weather::GOOD };
        assert_eq!(storm.fate(&mut random), Fate::Breaks);
    }
}
