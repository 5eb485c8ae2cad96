//! How much of what others write is kept.

/// Bounds of a mirror.
#[derive(Debug, Clone, Copy)]
pub(in crate::etcd) struct Limits {
    /// Members.
    pub(in crate::etcd) members: usize,
    /// Processes of a member that show an attester key.
    pub(in crate::etcd) keys: usize,
    /// Claims of a member; decisions as well, of which it has one for a lane at the most.
    pub(in crate::etcd) claims: usize,
    /// Attestations of a member on one lane; those with the lowest nonces are kept, since they are needed first.
    pub(in crate::etcd) of_lane: usize,
    /// Of those, so many have a place whatever the member's other lanes have, as long as one of those has more.
    pub(in crate::etcd) of_share: usize,
    /// Attestations of a member.
    pub(in crate::etcd) of_member: usize,
    /// Attestations of all.
    pub(in crate::etcd) attestations: usize,
    /// Claims of all; decisions as well.
    pub(in crate::etcd) all_claims: usize,
    /// What all say of themselves. Unit: bytes, as etcd holds them.
    pub(in crate::etcd) reports: usize,
    /// Keys of a member that mean nothing, before the rest of its prefix is not read any more.
    pub(in crate::etcd) skipped: usize,
}

impl Default for Limits {
    /// An honest relay has one open attestation for every 32 requests of a backlog: 4096 are a backlog of 131 072 on one
    /// lane. Six members at their bound fill the whole, with about 24 MiB, and twice that while everything is read again. A
    /// report has about 600 bytes for each lane: eight relays of 200 lanes have 1 MiB. A relay that is restarted every second leaves a key
    /// presence each time until the leases end. `devnet/tests/bounded.rs` fills every bound
    /// and measures the process.
    fn default() -> Self {
        Self {
            members: 128,
            keys: 8,
            claims: 1024,
            of_lane: 4096,
            // The longest tail of a submission: 2048 requests, one attestation for 32. A member has 128 such shares.
            of_share: 64,
            of_member: 8192,
            attestations: 6 * 8192,
            all_claims: 8 * 1024,
            reports: 2 << 20,
            skipped: 1000,
        }
    }
}
