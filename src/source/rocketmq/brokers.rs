//! The brokers of a cluster and their addresses.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::remoting::body::ClusterInfo;

/// Brokers by name, each with its addresses, the master's first.
///
/// A broker's name outlives its addresses, so offsets and messages are matched by name.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    pub(super) by_name: BTreeMap<Arc<str>, Broker>,
    by_address: HashMap<Box<str>, Arc<str>>,
    /// Name of the cluster; several are joined.
    pub(super) cluster: String,
}

/// Addresses of one broker.
#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) master: Option<Arc<str>>,
    /// The replica with the current state: the master, or a slave that acts as master.
    pub(super) serving: Option<Arc<str>>,
    /// Master, then slaves.
    pub(super) addresses: Vec<Arc<str>>,
}

impl Brokers {
    pub(super) fn new(info: &ClusterInfo) -> Self {
        let mut brokers = Self {
            cluster: info.clusters.keys().cloned().collect::<Vec<_>>().join(","),
            ..Self::default()
        };
        for (name, data) in &info.brokers {
            let name: Arc<str> = name.as_str().into();
            let addresses = data.broker_addrs.values();
            for address in addresses.clone() {
                brokers
                    .by_address
                    .insert(address.as_str().into(), name.clone());
            }
            let broker = Broker {
                master: data.master().map(Into::into),
                serving: data
                    .master()
                    .or_else(|| data.address().filter(|_| data.enable_acting_master))
                    .map(Into::into),
                addresses: addresses.map(|address| address.as_str().into()).collect(),
            };
            brokers.by_name.insert(name, broker);
        }
        brokers
    }

    /// Returns the broker that has an address now, in any role.
    pub(super) fn broker_at(&self, address: SocketAddr) -> Option<&Arc<str>> {
        self.by_address.get(address.to_string().as_str())
    }

    /// Returns the addresses of a broker; empty if the name servers do not know it.
    pub(super) fn addresses(&self, name: &str) -> &[Arc<str>] {
        self.by_name
            .get(name)
            .map_or(&[], |broker| &broker.addresses)
    }
}
