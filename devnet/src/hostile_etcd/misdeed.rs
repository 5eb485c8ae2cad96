//! What is done next to the keys of a meeting place. Pure.

use rand::Rng;
use rand::seq::IndexedRandom;

/// Key and value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// Pairs that are remembered at the most.
const MEMORY: usize = 2_000;

/// Keys of one flood.
const FLOOD: usize = 50;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

/// What was seen before, to be told again later.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pairs: Vec<Pair>,
}

impl Memory {
    fn keep(&mut self, random: &mut impl Rng, keys: &[Pair]) {
        if let Some(pair) = keys.choose(random) {
            if self.pairs.len() < MEMORY {
                self.pairs.push(pair.clone());
            } else {
                let place = random.random_range(0..MEMORY);
                self.pairs[place] = pair.clone();
            }
        }
    }
}

/// The next misdeed against what is there; nothing while nothing is.
pub(super) fn next(random: &mut impl Rng, prefix: &str, keys: Vec<Pair>, memory: &mut Memory) -> Vec<Deed> {
    memory.keep(random, &keys);
    let Some((key, value)) = keys.choose(random).cloned() else { return Vec::new() };
    match random.random_range(0..6) {
        0 => vec![Deed::Delete(key)],
        1 => delete_member(&key, &keys),
        2 => memory
            .pairs
            .choose(random)
            .map(|(key, value)| Deed::Put(key.clone(), value.clone()))
            .into_iter()
            .collect(),
        3 => match keys.choose(random) {
            // Reordered: each tells what the other said.
            Some((other, other_value)) => {
                vec![Deed::Put(key, other_value.clone()), Deed::Put(other.clone(), value)]
            }
            None => Vec::new(),
        },
        4 => vec![
            Deed::Put(renamed(random, &key), forged(random, value.clone())),
            Deed::Put(key, forged(random, value)),
        ],
        _ => flood(random, prefix, &key),
    }
}

/// Everything that one member has written.
fn delete_member(key: &[u8], keys: &[Pair]) -> Vec<Deed> {
    let text = String::from_utf8_lossy(key);
    // The member's name stands before the last words that all keys have in common with `presence` and `member`.
    let stem = ["/presence", "/member", "/key/", "/claim/", "/attestation/"]
        .iter()
        .find_map(|word| text.find(word).map(|end| text[..=end].to_owned()));
    let Some(stem) = stem else { return Vec::new() };
    let own = keys.iter().filter(|(key, _)| key.starts_with(stem.as_bytes()));
    own.map(|(key, _)| Deed::Delete(key.clone())).collect()
}

/// A key as of another member, lane, nonce or root: one letter or digit is another one.
fn renamed(random: &mut impl Rng, key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    let places: Vec<usize> = (0..key.len()).filter(|place| key[*place].is_ascii_alphanumeric()).collect();
    if let Some(place) = places.choose(random) {
        key[*place] = *b"0123456789abcdef".choose(random).unwrap_or(&b'0');
    }
    key
}

/// A value that still reads well, most of the time: digits and letters of hexadecimal numbers are others.
fn forged(random: &mut impl Rng, mut value: Vec<u8>) -> Vec<u8> {
    for byte in &mut value {
        let hexadecimal = byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if hexadecimal && random.random_bool(0.05) {
            *byte = random.random_range(b'0'..=b'9');
        }
    }
    value
}

/// Junk below the prefix, and beside a key that is real.
fn flood(random: &mut impl Rng, prefix: &str, key: &[u8]) -> Vec<Deed> {
    let junk = |random: &mut _| -> Vec<u8> {
        let length = Rng::random_range(random, 1..400);
        (0..length).map(|_| Rng::random(random)).collect()
    };
    (0..FLOOD)
        .map(|number| {
            let mut name = if number % 2 == 0 { prefix.as_bytes().to_vec() } else { key.to_vec() };
            name.extend_from_slice(format!("/{:x}", random.random::<u64>()).as_bytes());
            Deed::Put(name, junk(random))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn keys() -> Vec<Pair> {
        let pair = |key: &str, value: &str| (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        vec![
            pair("/p/relay-1/presence", r#"{"instance":"0a1b"}"#),
            pair("/p/relay-1/attestation/aa/0001", r#"{"signature":"0xabcdef0123456789"}"#),
            pair("/p/relay-2/presence", r#"{"instance":"9f9f"}"#),
        ]
    }

    fn deeds(seed: u64) -> Vec<Deed> {
        let (mut random, mut memory) = (StdRng::seed_from_u64(seed), Memory::default());
        (0..100).flat_map(|_| next(&mut random, "/p", keys(), &mut memory)).collect()
    }

    #[test]
    fn the_same_seed_does_the_same_and_every_sort_of_harm_is_done() {
        let done = deeds(1);
        assert_eq!(done, deeds(1));
        let honest = keys();
        let put = |test: &dyn Fn(&[u8], &[u8]) -> bool| {
            done.iter().any(|deed| matches!(deed, Deed::Put(key, value) if test(key, value)))
        };
        assert!(done.iter().any(|deed| matches!(deed, Deed::Delete(_))));
        assert!(put(&|key, value| honest.iter().any(|pair| pair.0 == key && pair.1 == value)), "no replay");
        assert!(put(&|key, value| honest.iter().any(|pair| pair.0 == key && pair.1 != value)), "no forgery");
        assert!(put(&|key, _| honest.iter().all(|pair| pair.0 != key)), "no flood");
    }

    #[test]
    fn a_member_is_deleted_whole_and_alone() {
        let gone = delete_member(b"/p/relay-1/attestation/aa/0001", &keys());
        assert_eq!(gone.len(), 2);
        assert!(gone.iter().all(|deed| matches!(deed, Deed::Delete(key) if key.starts_with(b"/p/relay-1/"))));
    }

    #[test]
    fn nothing_is_done_where_nothing_is() {
        let (mut random, mut memory) = (StdRng::seed_from_u64(1), Memory::default());
        assert_eq!(next(&mut random, "/p", Vec::new(), &mut memory), Vec::new());
    }
}
