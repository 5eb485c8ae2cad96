mod access;
mod cluster;
mod hostile;
mod outage;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::PutOptions;

use super::*;
use crate::KeyPresence;
use crate::etcd::values::Value;
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

    async fn show(&self, presence: &KeyPresence) {
        let mut client = self.0.client(0).await.unwrap();
        let lease = client.lease_grant(600, None).await.unwrap().id();
        let layout = Layout::new(EtcdSettings::PREFIX);
        let key = layout.key(&presence.member, presence.instance);
        let options = PutOptions::new().with_lease(lease);
        client.put(key, presence.to_bytes().unwrap(), Some(options)).await.unwrap();
    }
}

mod conformance {
    use super::EtcdSpace;

    crate::coordination_suite!(EtcdSpace::new().await);
}
