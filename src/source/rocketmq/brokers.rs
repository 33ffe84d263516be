//! Which brokers there are, and at which address to ask one.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::remoting::body::ClusterInfo;

/// The brokers of a cluster by name, each with its addresses: the master's first, as long as there is one.
///
/// A broker's name outlives its addresses, so offsets and messages are put together by it.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    pub(super) by_name: BTreeMap<Arc<str>, Broker>,
    by_address: HashMap<Box<str>, Arc<str>>,
    /// The cluster's name; several joined.
    pub(super) cluster: String,
}

/// Where one broker is.
#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) master: Option<Arc<str>>,
    /// Who has its current state: the master, or a slave that acts as one.
    pub(super) serving: Option<Arc<str>>,
    /// Master, then slaves.
    pub(super) addresses: Vec<Arc<str>>,
}

impl Brokers {
    pub(super) fn of(info: &ClusterInfo) -> Self {
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

    /// The broker that is at an address today, in whatever role.
    pub(super) fn at(&self, address: SocketAddr) -> Option<&Arc<str>> {
        self.by_address.get(address.to_string().as_str())
    }

    /// Where to ask a broker; nothing where the name server has forgotten it.
    pub(super) fn addresses(&self, name: &str) -> &[Arc<str>] {
        self.by_name
            .get(name)
            .map_or(&[], |broker| &broker.addresses)
    }
}
