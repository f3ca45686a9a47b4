//! Whoever signs tokens, and their keys: fetched once, kept, and fetched again when a token names a key that is unknown.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use url::Url;

use crate::{
    claims::Claims,
    error::{ProviderError, SetupError},
    fetch::{Fetcher, Trust},
    keys::PublicKeys,
    metadata::{self, Metadata},
    token::{self, ExpectedClaims, TokenError},
};

/// How long keys are used without asking again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long they are used while the issuer does not answer.
const USABLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a failure is remembered: the next login must not wait for the same silence.
const FAILED: Duration = Duration::from_secs(5);
/// How often keys are fetched because a token fits none of them. Anybody can make up such tokens.
const UNKNOWN: Duration = Duration::from_secs(30);

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Where its discovery document says.
    Discovery(Trust),
    /// In this file, a JWK set: the issuer cannot be reached from here.
    File(PathBuf),
}

/// An issuer of tokens.
pub struct Issuer {
    name: String,
    source: KeyOrigin,
    held: ArcSwapOption<FetchedKeys>,
    fetches: Mutex<Fetches>,
}

enum KeyOrigin {
    Provider { fetcher: Fetcher, address: Url },
    File(PathBuf),
}

/// What was fetched.
pub(crate) struct FetchedKeys {
    keys: PublicKeys,
    /// `None` if only keys are known.
    pub(crate) metadata: Option<Metadata>,
    at: Instant,
}

#[derive(Default)]
struct Fetches {
    failed: Option<(Instant, ProviderError)>,
    for_unknown: Option<Instant>,
}

impl Issuer {
    /// An issuer by its identifier, which is the address that its discovery document is below.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn new(name: &str, address: Url, source: KeySource) -> Result<Self, SetupError> {
        let source = match source {
            KeySource::Discovery(trust) => {
                KeyOrigin::Provider { fetcher: Fetcher::new(&address, &trust)?, address }
            }
            KeySource::File(path) => KeyOrigin::File(path),
        };
        Ok(Self {
            name: name.to_owned(),
            source,
            held: ArcSwapOption::empty(),
            fetches: Mutex::new(Fetches::default()),
        })
    }

    /// Its identifier.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if a text has the form of a token that some issuer may have signed.
    pub fn is_token(text: &str) -> bool {
        token::is_meant(text)
    }

    /// Who a token says issued it. Nothing is verified.
    pub fn claimed_by(token: &str) -> Option<String> {
        token::claimed_issuer(token)
    }

    /// Verifies a token that this issuer signed for `audience`.
    ///
    /// # Errors
    /// It is refused, or the issuer's keys cannot be had.
    pub async fn verify(
        &self,
        token: &str,
        audience: &str,
        now: SystemTime,
    ) -> Result<Claims, ProviderError> {
        let expected = ExpectedClaims { issuer: &self.name, audience };
        let held = self.held().await?;
        match token::verify(token, &held.keys, expected, now) {
            // A wrong signature too: some issuers call a new key by the name of the old one.
            Err(TokenError::UnknownKey | TokenError::Signature) => {
                let newer = self.fetched_for_unknown(&held).await?;
                Ok(token::verify(token, &newer.keys, expected, now)?)
            }
            known => Ok(known?),
        }
    }

    /// What is known of the issuer, fetched if necessary.
    pub(crate) async fn held(&self) -> Result<Arc<FetchedKeys>, ProviderError> {
        let held = self.held.load_full();
        match held {
            Some(held) if held.at.elapsed() < FRESH => Ok(held),
            Some(held) => match self.renewed(Some(&held)).await {
                Err(cause) if held.at.elapsed() < USABLE => {
                    tracing::warn!(issuer = self.name, %cause, "the keys of an issuer cannot be renewed");
                    Ok(held)
                }
                renewed => renewed,
            },
            None => self.renewed(None).await,
        }
    }

    async fn renewed(&self, old: Option<&Arc<FetchedKeys>>) -> Result<Arc<FetchedKeys>, ProviderError> {
        let mut fetches = self.fetches.lock().await;
        if let Some(newer) = self.newer_than(old) {
            return Ok(newer);
        }
        match &fetches.failed {
            Some((at, error)) if at.elapsed() < FAILED => return Err(error.clone()),
            _ => {}
        }
        self.fetch(&mut fetches).await
    }

    async fn fetched_for_unknown(&self, old: &Arc<FetchedKeys>) -> Result<Arc<FetchedKeys>, ProviderError> {
        let mut fetches = self.fetches.lock().await;
        if let Some(newer) = self.newer_than(Some(old)) {
            return Ok(newer);
        }
        if fetches.for_unknown.is_some_and(|at| at.elapsed() < UNKNOWN) {
            return Ok(Arc::clone(old));
        }
        fetches.for_unknown = Some(Instant::now());
        self.fetch(&mut fetches).await
    }

    fn newer_than(&self, old: Option<&Arc<FetchedKeys>>) -> Option<Arc<FetchedKeys>> {
        let held = self.held.load_full()?;
        let is_old = old.is_some_and(|old| Arc::ptr_eq(old, &held));
        (!is_old).then_some(held)
    }

    // Only one fetch at a time; others wait for it.
    async fn fetch(&self, fetches: &mut Fetches) -> Result<Arc<FetchedKeys>, ProviderError> {
        let fetched = self.read().await;
        match &fetched {
            Ok(held) => {
                fetches.failed = None;
                self.held.store(Some(Arc::clone(held)));
            }
            Err(error) => fetches.failed = Some((Instant::now(), error.clone())),
        }
        fetched
    }

    async fn read(&self) -> Result<Arc<FetchedKeys>, ProviderError> {
        let (keys, metadata) = match &self.source {
            KeyOrigin::Provider { fetcher, address } => {
                let document = fetcher.get(metadata::WHAT, metadata::address(address)).await?;
                let metadata = Metadata::read(&self.name, &document, fetcher)?;
                let keys = fetcher.get("keys", metadata.keys.clone()).await?;
                let keys =
                    PublicKeys::parse(&keys).map_err(|why| ProviderError::Answer { what: "keys", why })?;
                (keys, Some(metadata))
            }
            KeyOrigin::File(path) => (from_file(path).await?, None),
        };
        Ok(Arc::new(FetchedKeys { keys, metadata, at: Instant::now() }))
    }

    /// The client for its other endpoints; `None` if only its keys are known.
    pub(crate) fn fetcher(&self) -> Option<&Fetcher> {
        match &self.source {
            KeyOrigin::Provider { fetcher, .. } => Some(fetcher),
            KeyOrigin::File(_) => None,
        }
    }
}

async fn from_file(path: &Path) -> Result<PublicKeys, ProviderError> {
    let failed = |why: String| ProviderError::KeyFile { path: path.to_owned(), why };
    let document = tokio::fs::read(path).await.map_err(|error| failed(error.to_string()))?;
    PublicKeys::parse(&document).map_err(failed)
}
