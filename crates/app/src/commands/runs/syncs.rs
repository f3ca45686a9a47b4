//! The sync API of a server, with error messages for failed requests.

use entrepot_api::{RunAnswer, RunDetail, RunId, RunList, RunListQuery, RunQuery, RunRequest};

use crate::{
    client::{ApiError, Client, Events},
    failure::Failure,
};

/// The sync API of a server.
pub(super) struct Syncs(Client);

impl Syncs {
    pub(super) fn of(client: Client) -> Self {
        Self(client)
    }

    /// The URL with the details of a run.
    pub(super) fn address_of(&self, run: &RunId) -> String {
        let address = format!("{}/api/v1/sync/runs/{run}", self.0.server());
        match self.0.socket() {
            Some(socket) => format!("curl --unix-socket {} {address}", socket.display()),
            None => address,
        }
    }

    pub(super) async fn begin(&self, rule: &str, image: Option<&str>) -> Result<RunAnswer, Failure> {
        let request = RunRequest { image: image.map(str::to_owned), tag: None };
        self.told(self.0.post(&["sync", "rules", rule, "run"], &request).await)
    }

    pub(super) async fn cancel(&self, run: &str) -> Result<RunAnswer, Failure> {
        self.told(self.0.post(&["sync", "runs", run, "cancel"], &RunRequest::default()).await)
    }

    pub(super) async fn run(&self, id: &RunId) -> Result<RunDetail, Failure> {
        self.told(self.0.get(&["sync", "runs", id.as_str()], &RunQuery::default()).await)
    }

    pub(super) async fn runs(&self, rule: Option<&str>, count: usize) -> Result<RunList, Failure> {
        let query = RunListQuery { rule: rule.map(str::to_owned), before: None, n: Some(count) };
        self.told(self.0.get(&["sync", "runs"], &query).await)
    }

    pub(super) async fn events(&self) -> Result<Events, Failure> {
        self.told(self.0.events().await)
    }

    fn told<T>(&self, answer: Result<T, ApiError>) -> Result<T, Failure> {
        answer.map_err(|fault| fault.explained(self.0.server()))
    }
}
