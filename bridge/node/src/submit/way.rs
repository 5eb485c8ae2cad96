//! In which way a piece came to be handled.

use polyspan_types::Threshold;

use crate::lane::ApprovedCheckpoint;

/// How transfers came to be handled by this relay's submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the lane's leader, with signatures alone.
    Leader,
    /// By its rank, with signatures alone, when the lane stood still.
    Rank,
    /// With votes on chain among what reached the threshold.
    Votes,
}

impl Way {
    /// All of them: the labels of the metric.
    pub const ALL: [Self; 3] = [Self::Leader, Self::Rank, Self::Votes];

    /// How a submission of this relay went, by what it carried and by whether it led.
    pub(super) fn of(proof: &ApprovedCheckpoint, threshold: Threshold, leads: bool) -> Self {
        if !threshold.is_reached_by(proof.signatures.len()) {
            Self::Votes
        } else if leads {
            Self::Leader
        } else {
            Self::Rank
        }
    }

    /// Label of the metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Rank => "rank",
            Self::Votes => "votes",
        }
    }
}
