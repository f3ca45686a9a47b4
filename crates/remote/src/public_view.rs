//! What a registry gives to everybody: asked without an account, by requests that count as no pull.
//!
//! - a manifest is asked for with `HEAD`; only where that says nothing, as a 405 or a 403 without a reason, with `GET`
//! - that a manifest is missing says nothing about its repository: then a page of one tag decides
//! - a page is no answer, whatever its status
//! - a token that says that it allows pulling proves that everybody may

use entrepot_oci::{Reference, Repository};
use futures_util::FutureExt as _;
use http::Method;
use serde_json::Value;

use crate::{
    auth::{claims, grant::GrantKey},
    destination::Destination,
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    health::Plan,
    manifest::{self, ManifestHead, accepting},
    remote::Remote,
    request::Request,
    trial::{Trial, TrialStep},
};

/// How addresses of lists of tags begin.
const TAGS: &str = "tags";
/// What a refusal is where its words do not matter.
const REFUSED: Error = Error::Denied { status: 403, reason: String::new() };
/// The most bytes of a list of tags that is read, where a registry sends more than the one asked for.
const MAX_TAGS: usize = 4 << 20;

/// What a registry gives of a repository to those without an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicView {
    /// What was asked for: the repository is public.
    Given,
    /// Nothing: it wants a login (401), or refuses (403).
    Refused,
    /// It says that there is no such thing, or does not list its tags. The repository may be public, private or absent.
    Missing,
}

impl Remote {
    /// Whether an account is used for requests about `repository`. If not, all that it gives is public.
    pub fn has_account_for(&self, repository: &Repository) -> bool {
        self.accounts().iter().any(|account| account.credential.covers(repository))
    }

    /// The namespaces that accounts are for; `None` is the whole registry.
    pub fn account_namespaces(&self) -> Vec<Option<Repository>> {
        self.accounts().iter().map(|account| account.credential.namespace.clone()).collect()
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
        let endpoints = self.endpoints_with_account(repository)?;
        for over_links in endpoints.chunk_by(|one, other| one.index == other.index) {
            // Boxed because it is large, and rarely runs.
            match self.public_view_over_links(over_links, repository, reference).boxed().await {
                Ok(PublicView::Given) => return Ok(PublicView::Given),
                Ok(PublicView::Refused) => refused = PublicView::Refused,
                Ok(PublicView::Missing) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(refused), Err)
    }

    // What one link is refused may be public: another one is asked before that is believed.
    async fn public_view_over_links(
        &self,
        over_links: &[Endpoint],
        repository: &Repository,
        reference: Option<&Reference>,
    ) -> Result<PublicView, Error> {
        let mut trial = Trial::default();
        for endpoint in over_links {
            if !trial.admits(*endpoint) {
                break;
            }
            let error = match self.public_view_at(*endpoint, repository, reference).await {
                Ok(PublicView::Refused) => REFUSED,
                Ok(seen) => {
                    self.blame(&trial, *endpoint);
                    return Ok(seen);
                }
                Err(error) => error,
            };
            if let TrialStep::Believe(error) = self.doubt(&mut trial, *endpoint, error) {
                return Err(error);
            }
        }
        match trial.into_error() {
            Error::Denied { .. } => Ok(PublicView::Refused),
            error => Err(error),
        }
    }

    // Those of one endpoint stand together, its links in the order in which they are to be tried. All endpoints if none sees
    // an account any more.
    fn endpoints_with_account(&self, repository: &Repository) -> Result<Vec<Endpoint>, Error> {
        let order = match self.plan() {
            Plan::Try(order) => order,
            Plan::Fail(error) => return Err(error),
        };
        let accounts = self.accounts();
        let sees = |endpoint: &Endpoint| accounts.iter().any(|one| one.is_for(*endpoint, Some(repository)));
        let links = 0..self.link_count();
        let all = (0..self.endpoint_count())
            .flat_map(|index| links.clone().map(move |link| Endpoint { index, link }));
        let seeing: Vec<_> = all.filter(sees).collect();
        // While all are down, the order has only the one to be tried.
        let mut asked: Vec<_> = order.iter().copied().filter(sees).collect();
        if asked.is_empty() {
            asked = if seeing.is_empty() { order } else { seeing };
        }
        let first: Vec<usize> = asked.iter().map(|endpoint| endpoint.index).collect();
        asked.sort_by_key(|endpoint| first.iter().position(|index| *index == endpoint.index));
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
        let Some(reference) = reference else { return self.view(endpoint, &tags, None).await };
        let path = format!("manifests/{reference}");
        let head = accepting(Request::head(repository, path.clone()));
        let seen = match self.ask(endpoint, &head, Some(reference)).await {
            Err(error) if says_nothing(&error) => {
                self.view(endpoint, &accepting(Request::get(repository, path)), Some(reference)).await?
            }
            answer => self.judge(endpoint, &head, answer).await?,
        };
        if seen != PublicView::Missing {
            return Ok(seen);
        }
        // Whoever may not list the tags may still be allowed to pull.
        let is_listed = self.view(endpoint, &tags, None).await.is_ok_and(|seen| seen == PublicView::Given);
        Ok(if is_listed { PublicView::Given } else { PublicView::Missing })
    }

    async fn view(
        &self,
        endpoint: Endpoint,
        request: &Request,
        reference: Option<&Reference>,
    ) -> Result<PublicView, Error> {
        let answer = self.ask(endpoint, request, reference).await;
        self.judge(endpoint, request, answer).await
    }

    // A login page is no manifest and no list of tags, although its status is 200.
    async fn ask(
        &self,
        endpoint: Endpoint,
        request: &Request,
        reference: Option<&Reference>,
    ) -> Result<(), Error> {
        let url = request.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let arrived = self.send_as(Destination { endpoint, url, account: None }, request).await?;
        let Some(reference) = reference else {
            let (bytes, guard) = arrived.response.document(MAX_TAGS, self.patience()).await?;
            let list: Result<Value, _> = serde_json::from_slice(&bytes);
            let is_list = list.is_ok_and(|list| list.get("tags").is_some());
            return if is_list { Ok(()) } else { Err(guard.fail(InvalidResponse::NotAListing.into())) };
        };
        if request.topic().0 != Method::HEAD {
            return self.read_manifest(arrived.response, reference).await.map(drop);
        }
        let ManifestHead { digest, media_type, .. } = manifest::head(arrived.response, reference)?;
        let is_manifest = media_type.is_some_and(|one| one.is_index() || one.is_image());
        let nothing = InvalidResponse::NotAManifest { source: None };
        if digest.is_some() || is_manifest { Ok(()) } else { Err(nothing.into()) }
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
        if (is_list || !is_denied) && self.may_pull(endpoint, request).await {
            return Ok(PublicView::Given);
        }
        match error {
            // A registry may keep its lists to itself: that says nothing about pulls.
            Error::Denied { .. } if is_denied && is_list => Ok(PublicView::Missing),
            Error::Denied { .. } if is_denied => Ok(PublicView::Refused),
            Error::NotFound => Ok(PublicView::Missing),
            error => Err(error),
        }
    }

    // An older token may allow what is not public any more.
    async fn forget_token(&self, endpoint: Endpoint, request: &Request) {
        let Some(key) = self.anonymous_key(endpoint, request) else { return };
        if let Some(older) = self.grants().get(&key) {
            self.grants().forget(&key, &older);
        }
    }

    fn anonymous_key(&self, endpoint: Endpoint, request: &Request) -> Option<GrantKey> {
        let url = request.at(self.endpoint(endpoint))?;
        Some(GrantKey::of(&Destination { endpoint, url, account: None }, request.scope()))
    }

    // Whether the token that was got for a request says that it allows pulling, as Docker Hub's do.
    async fn may_pull(&self, endpoint: Endpoint, request: &Request) -> bool {
        let Some(key) = self.anonymous_key(endpoint, request) else { return false };
        let Some(grant) = self.grants().get(&key) else { return false };
        let token = grant.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
        let actions = request.scope().texts().first().and_then(|scope| claims::actions(token?, scope));
        actions.is_some_and(|actions| actions.iter().any(|action| action == "pull" || action == "*"))
    }
}

// A `HEAD` has no body: a 403 may be that of a firewall. What has a reason comes from the token server.
fn says_nothing(error: &Error) -> bool {
    match error {
        Error::Denied { status: 403, reason } => reason.is_empty(),
        Error::Denied { status, .. } => matches!(status, 400 | 405 | 501),
        Error::Invalid(_) => true,
        _ => false,
    }
}
