//! Signatures over a backlog, in pieces that take a moment: a remote signer may need seconds for all of it.

use std::time::Duration;

use tokio::time::Instant;

/// How long is signed before what was signed is stored and published. Unit: time. Source: a write of the store takes 10 ms, and a lane
/// is advanced with the first of its checkpoints that has a threshold.
const PIECE: Duration = Duration::from_millis(250);

/// Why a piece ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End<E> {
    /// Everything is signed.
    All,
    /// There is more to sign.
    TakesLong,
    /// This one could not be signed, and nothing after it was tried.
    Failed(E),
}

/// What was signed together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<T, E> {
    pub(super) made: Vec<T>,
    pub(super) end: End<E>,
}

/// Signs what is `left`, for a moment.
pub(super) async fn sign<C, T, E, F: Future<Output = Result<T, E>>>(
    left: &mut impl Iterator<Item = C>,
    sign: impl Fn(C) -> F,
) -> Piece<T, E> {
    let begun = Instant::now();
    let mut made = Vec::new();
    for item in left {
        match sign(item).await {
            Ok(signed) => made.push(signed),
            Err(failed) => return Piece { made, end: End::Failed(failed) },
        }
        if begun.elapsed() >= PIECE {
            return Piece { made, end: End::TakesLong };
        }
    }
    Piece { made, end: End::All }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_slow_signer_has_signed_is_handed_on_before_it_has_signed_all() {
        let slow = |number: u32| async move {
            tokio::time::sleep(PIECE * 2 / 3).await;
            if number == 5 { Err("it is away") } else { Ok(number) }
        };
        let mut left = 1..9;
        let long = |made: &[u32]| Piece { made: made.to_vec(), end: End::TakesLong };
        assert_eq!(sign(&mut left, slow).await, long(&[1, 2]));
        assert_eq!(sign(&mut left, slow).await, long(&[3, 4]));
        assert_eq!(sign(&mut left, slow).await, Piece { made: vec![], end: End::Failed("it is away") });
    }

    #[tokio::test]
    async fn what_a_quick_signer_signs_is_one_piece() {
        let quick = |number: u32| async move { Ok::<_, ()>(number) };
        assert_eq!(sign(&mut (0..500), quick).await, Piece { made: (0..500).collect(), end: End::All });
    }
}
