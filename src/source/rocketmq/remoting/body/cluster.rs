//! Which brokers there are (106).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{BrokerData, null_is_default};

/// Everything that a name server knows of brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ClusterInfo {
    /// Brokers by name.
    #[serde(rename = "brokerAddrTable", deserialize_with = "null_is_default")]
    pub brokers: BTreeMap<String, BrokerData>,
    /// The names of the brokers of each cluster.
    #[serde(
        rename = "clusterAddrTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub clusters: BTreeMap<String, Vec<String>>,
}
