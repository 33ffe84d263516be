//! What name servers know.

use serde::de::DeserializeOwned;

use crate::source::rocketmq::remoting::body::{ClusterInfo, Names, TopicRoute};
use crate::source::rocketmq::remoting::{
    CallError, Cause, Found as _, Remoting, Request, RequestCode,
};

impl Remoting {
    /// Queues and brokers of a topic (105).
    pub async fn route(&self, topic: &str) -> Result<Option<TopicRoute>, CallError> {
        let request = Request::new(RequestCode::GetRouteInfoByTopic)
            .with("topic", topic)
            .with("acceptStandardJsonOnly", true);
        self.name_server_json(request).await.found()
    }

    /// Every broker (106).
    pub async fn cluster_info(&self) -> Result<ClusterInfo, CallError> {
        let request = Request::new(RequestCode::GetBrokerClusterInfo);
        self.name_server_json(request).await
    }

    /// Every topic (206).
    pub async fn topics(&self) -> Result<Vec<String>, CallError> {
        let request = Request::new(RequestCode::GetAllTopicListFromNameServer);
        let names: Names = self.name_server_json(request).await?;
        Ok(names.names)
    }

    /// Asks the name servers, one after another until one of them answers.
    async fn name_server_json<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, CallError> {
        let others = self.name_servers().addresses().len() - 1;
        // Others may change the order meanwhile: this call goes by its own.
        let order: Vec<_> = (0..=others)
            .map(|failed| self.name_server(failed))
            .collect();
        let mut failed = 0;
        loop {
            let address = order[failed];
            match self.json(address, request.clone()).await {
                Err(error) if failed < others && may_differ_elsewhere(&error) => failed += 1,
                answer => {
                    self.prefer(address);
                    return answer;
                }
            }
        }
    }
}

/// Name servers don't talk to each other: what is wrong with one may be right with the next.
fn may_differ_elsewhere(error: &CallError) -> bool {
    error.is_retryable() || matches!(error.cause, Cause::Refused(_) | Cause::Certificate(_))
}
