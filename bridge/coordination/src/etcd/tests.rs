mod access;
mod cluster;
mod hostile;
mod outage;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::testing::Space;
use cluster::{Cluster, LEASE};

/// An etcd of its own for each test.
struct EtcdSpace(Cluster);

impl EtcdSpace {
    async fn new() -> Self {
        Self(Cluster::start(1).await)
    }
}

#[async_trait]
impl Space for EtcdSpace {
    async fn connect(&self) -> Arc<dyn Coordinator> {
        Arc::new(EtcdCoordinator::open(&self.0.settings()).await.unwrap())
    }

    fn lease(&self) -> Duration {
        LEASE
    }
}

mod conformance {
    use super::EtcdSpace;

    crate::coordination_suite!(EtcdSpace::new().await);
}
