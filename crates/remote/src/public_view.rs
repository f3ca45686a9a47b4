//! What a registry gives to everybody: asked without an account, by requests that count as no pull.
//!
//! - a manifest is asked for with `HEAD`; only where that says nothing, as a 405 or a 403 without a reason, with `GET`
//! - that a manifest is missing says nothing about its repository: then a page of one tag decides
//! - a token that says that it allows pulling proves that everybody may

use entrepot_oci::{Reference, Repository};
use futures_util::FutureExt as _;

use crate::{
    auth::{claims, grant::GrantKey},
    egress_error::EgressError,
    endpoint::Endpoint,
    error::Error,
    exchange::Destination,
    health::Plan,
    manifest::accepting,
    remote::Remote,
    request::Request,
};

/// How addresses of lists of tags begin.
const TAGS: &str = "tags";

/// What a registry gives of a repository to those without an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicView {
    /// What was asked for: the repository is public.
    Given,
    /// Nothing: it wants a login (401), or refuses (403).
    Refused,
    /// It says that there is no such thing. The repository may be public, private or absent.
    Missing,
}

impl Remote {
    /// Whether an account is used for requests about `repository`. If not, all that it gives is public.
    pub fn has_account_for(&self, repository: &Repository) -> bool {
        self.inner().accounts.iter().any(|account| account.credential.covers(repository))
    }

    /// The namespaces that accounts are for; `None` is the whole registry.
    pub fn account_namespaces(&self) -> Vec<Option<Repository>> {
        self.inner().accounts.iter().map(|account| account.credential.namespace.clone()).collect()
    }

    /// Asks without an account what the registry gives of `repository`: the manifest `reference`, or else its list of tags.
    /// The endpoints that see an account for it are asked, each with a new token. One that gives it is enough.
    ///
    /// # Errors
    /// See [`Error`]: an endpoint did not answer, and none gives it.
    pub async fn public_view(
        &self,
        repository: &Repository,
        reference: Option<&Reference>,
    ) -> Result<PublicView, Error> {
        let (mut refused, mut failed) = (PublicView::Missing, None);
        for endpoint in self.endpoints_with_account(repository)? {
            // Boxed because it is large, and rarely runs.
            match self.public_view_at(endpoint, repository, reference).boxed().await {
                Ok(PublicView::Given) => return Ok(PublicView::Given),
                Ok(PublicView::Refused) => refused = PublicView::Refused,
                Ok(PublicView::Missing) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(refused), Err)
    }

    // All endpoints if none sees an account any more.
    fn endpoints_with_account(&self, repository: &Repository) -> Result<Vec<Endpoint>, Error> {
        let order = match self.plan() {
            Plan::Try(order) => order,
            Plan::Fail(error) => return Err(error),
        };
        let accounts = &self.inner().accounts;
        let sees = |endpoint: &Endpoint| accounts.iter().any(|one| one.is_for(*endpoint, Some(repository)));
        let all = (0..self.endpoint_count()).map(Endpoint);
        let seeing: Vec<_> = all.filter(sees).collect();
        // While all are down, the order has only the one to be tried.
        let mut asked: Vec<_> = order.iter().copied().filter(sees).collect();
        if asked.is_empty() {
            asked = if seeing.is_empty() { order } else { seeing };
        }
        Ok(asked)
    }

    async fn public_view_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        reference: Option<&Reference>,
    ) -> Result<PublicView, Error> {
        let tags = Request::get(repository, format!("{TAGS}/list?n=1"));
        self.forget_token(endpoint, &tags).await;
        let Some(reference) = reference else { return self.view(endpoint, &tags).await };
        let path = format!("manifests/{reference}");
        let head = accepting(Request::head(repository, path.clone()));
        let seen = match self.ask(endpoint, &head).await {
            Err(error) if says_nothing(&error) => {
                self.view(endpoint, &accepting(Request::get(repository, path))).await?
            }
            answer => self.judge(endpoint, &head, answer).await?,
        };
        if seen != PublicView::Missing {
            return Ok(seen);
        }
        // Whoever may not list the tags may still be allowed to pull.
        let is_listed = self.view(endpoint, &tags).await.is_ok_and(|seen| seen == PublicView::Given);
        Ok(if is_listed { PublicView::Given } else { PublicView::Missing })
    }

    async fn view(&self, endpoint: Endpoint, request: &Request) -> Result<PublicView, Error> {
        let answer = self.ask(endpoint, request).await;
        self.judge(endpoint, request, answer).await
    }

    async fn ask(&self, endpoint: Endpoint, request: &Request) -> Result<(), Error> {
        let url = request.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let arrived = self.send_as(Destination { endpoint, url, account: None }, request).await?;
        arrived.response.drain().await;
        Ok(())
    }

    async fn judge(
        &self,
        endpoint: Endpoint,
        request: &Request,
        answer: Result<(), Error>,
    ) -> Result<PublicView, Error> {
        let Err(error) = answer else { return Ok(PublicView::Given) };
        let is_denied = matches!(error, Error::Denied { status: 401 | 403, .. });
        let is_list = request.topic().1 == TAGS;
        match (self.anonymous_token(endpoint, request).await, error) {
            (Token::ForPulling, _) if is_list || !is_denied => Ok(PublicView::Given),
            // A registry may keep its lists to itself: that says nothing about pulls.
            (Token::Opaque, _) if is_list && is_denied => Ok(PublicView::Missing),
            _ if is_denied => Ok(PublicView::Refused),
            (_, Error::NotFound) => Ok(PublicView::Missing),
            (_, error) => Err(error),
        }
    }

    // An older token may allow what is not public any more.
    async fn forget_token(&self, endpoint: Endpoint, request: &Request) {
        let Some(key) = self.anonymous_key(endpoint, request) else { return };
        if let Some(older) = self.grants().get(&key).await {
            self.grants().forget(&key, &older).await;
        }
    }

    fn anonymous_key(&self, endpoint: Endpoint, request: &Request) -> Option<GrantKey> {
        Some(GrantKey::of(&request.at(self.endpoint(endpoint))?, request.scope(), None))
    }

    /// The token that was got for a request without an account.
    async fn anonymous_token(&self, endpoint: Endpoint, request: &Request) -> Token {
        let Some(key) = self.anonymous_key(endpoint, request) else { return Token::None };
        let Some(grant) = self.grants().get(&key).await else { return Token::None };
        let token = grant.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
        let actions = request.scope().texts().first().and_then(|scope| claims::actions(token?, scope));
        match actions {
            None => Token::Opaque,
            Some(actions) if actions.iter().any(|action| action == "pull" || action == "*") => {
                Token::ForPulling
            }
            Some(_) => Token::ForNothing,
        }
    }
}

// A `HEAD` has no body: a 403 may be that of a firewall. What has a reason comes from the token server.
fn says_nothing(error: &Error) -> bool {
    match error {
        Error::Denied { status: 403, reason } => reason.is_empty(),
        Error::Denied { status, .. } => matches!(status, 400 | 405 | 501),
        _ => false,
    }
}

/// The token that a registry gave without an account.
enum Token {
    /// It gave none, or asked for none.
    None,
    /// It does not say what it allows.
    Opaque,
    /// It says that it allows pulling.
    ForPulling,
    /// It says that it does not, as Docker Hub's do.
    ForNothing,
}
