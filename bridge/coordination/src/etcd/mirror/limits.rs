//! How much of what others write is kept.

/// Bounds of a mirror.
#[derive(Debug, Clone, Copy)]
pub(in crate::etcd) struct Limits {
    /// Members.
    pub(in crate::etcd) members: usize,
    /// Claims of a member; decisions as well, of which it has one for a lane at the most.
    pub(in crate::etcd) claims: usize,
    /// Attestations of a member on one lane; those with the lowest nonces are kept, since they are needed first.
    pub(in crate::etcd) of_lane: usize,
    /// Attestations of a member.
    pub(in crate::etcd) of_member: usize,
    /// Attestations of all.
    pub(in crate::etcd) attestations: usize,
    /// Keys of a member that mean nothing, before the rest of its prefix is not read any more.
    pub(in crate::etcd) skipped: usize,
}

impl Default for Limits {
    /// An honest relay has one open attestation for every 32 requests of a backlog: 4096 are a backlog of 131 072 on one
    /// lane. Sixteen members at their bound fill the whole, with about 64 MiB.
    fn default() -> Self {
        Self {
            members: 128,
            claims: 1024,
            of_lane: 4096,
            of_member: 8192,
            attestations: 16 * 8192,
            skipped: 1000,
        }
    }
}
