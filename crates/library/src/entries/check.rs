//! Looks at the image of an entry: whether it is there, for which platforms, how large it is, and what is in it.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{CheckStatus, EntryCheck, EntryRecord, Origin, PullQuota, RepoKey};
use entrepot_mirror::{Error as MirrorError, UpstreamFault};
use entrepot_oci::{ImageConfig, Reference};

use super::{
    error::EntryError,
    platforms::{FoundImage, NoImage, of_manifest},
};
use crate::{
    address::ImageAddress,
    ids::EntryId,
    inside::{LayerScope, Layers, judged, look_into},
    library::Library,
    pins::PinHolder,
};

impl Library {
    /// Looks at the image of an entry, and remembers what was found. With [`LayerScope::All`], layers that the mirror does not
    /// hold are fetched first.
    ///
    /// # Errors
    /// There is no such entry, or what is held cannot be read. What the registry refuses is no error.
    pub async fn check_entry(&self, id: EntryId, scope: LayerScope) -> Result<EntryRecord, EntryError> {
        let before = self.entry(id).await?;
        let found = self.look_at_image(&before, scope).await?;
        self.0.catalog.record_check(before.id, &before.fields.address, &found).await?;
        self.repin(PinHolder::Entry(before.id)).await;
        self.entry(id).await
    }

    /// Looks at entries one after another, some time.
    pub(crate) fn check_soon(&self, ids: Vec<i64>) {
        let library = self.clone();
        tokio::spawn(async move {
            for id in ids {
                let Ok(id) = EntryId::try_from(id) else { continue };
                match library.check_entry(id, LayerScope::Held).await {
                    Ok(_) | Err(EntryError::Unknown(_)) => {}
                    Err(error) => tracing::warn!(%id, %error, "an entry could not be checked"),
                }
            }
        });
    }

    async fn look_at_image(&self, before: &EntryRecord, scope: LayerScope) -> Result<EntryCheck, EntryError> {
        let names = self.0.mirror.names();
        // It was read when it was stored. What is pushed here may begin otherwise since.
        let Ok((address, _)) = ImageAddress::parse(&before.fields.address, names) else {
            return Ok(failed(before, CheckStatus::Invalid, None));
        };
        let (key, reference) = (address.key(), address.reference());
        let _one = self.0.checks.acquire().await;
        let mut check = match self.found(key, &reference).await {
            Ok((found, is_stale)) => {
                let check = self.seen(before, key, found, scope).await?;
                if is_stale { EntryCheck { status: CheckStatus::Unreachable, ..check } } else { check }
            }
            Err(NoImage::Other(why)) => failed(before, CheckStatus::Invalid, Some(why.to_owned())),
            Err(NoImage::Failed(error)) => match status_of(&error) {
                Some(status) => failed(before, status, Some(error.to_string())),
                None => return Err(EntryError::Mirror(error)),
            },
        };
        check.quota = self.quota(key);
        Ok(check)
    }

    async fn found(&self, key: &RepoKey, reference: &Reference) -> Result<(FoundImage, bool), NoImage> {
        let served = self.0.mirror.seen_manifest(key, reference).await?;
        Ok((of_manifest(&self.0.mirror, key, &served).await?, served.stale))
    }

    async fn seen(
        &self,
        before: &EntryRecord,
        key: &RepoKey,
        found: FoundImage,
        scope: LayerScope,
    ) -> Result<EntryCheck, EntryError> {
        let FoundImage { digest, platforms, config, layers } = found;
        let known = &before.check;
        let mut check = EntryCheck {
            status: CheckStatus::Found,
            error: None,
            checked: Some(SystemTime::now()),
            digest: Some(digest),
            compressed_size: platforms.iter().filter_map(|one| one.size).max(),
            platforms,
            built: built(&config),
            ..EntryCheck::NONE
        };
        let was_whole = known.contents.as_ref().is_some_and(|contents| contents.complete);
        if known.digest == Some(digest) && was_whole {
            // The same image has the same layers.
            (check.split, check.accelerator) = (known.split, known.accelerator);
            check.contents.clone_from(&known.contents);
            return Ok(check);
        }
        let layers = Layers { mirror: &self.0.mirror, key, layers: &layers, scope };
        let (seen, is_complete) = match look_into(&layers).await {
            Ok(seen) => seen,
            Err(error) => match status_of(&error) {
                Some(status) => return Ok(EntryCheck { status, error: Some(error.to_string()), ..check }),
                None => return Err(EntryError::Mirror(error)),
            },
        };
        let judged = judged(&config, &seen, is_complete);
        (check.split, check.accelerator) = (judged.split, judged.accelerator);
        check.contents = Some(judged.contents);
        Ok(check)
    }

    fn quota(&self, key: &RepoKey) -> Option<PullQuota> {
        let Origin::Upstream(host) = &key.origin else { return None };
        let quota = self.0.mirror.pull_quota(host)?;
        let window = quota.window.map(|window| window.as_secs());
        Some(PullQuota { limit: quota.limit, remaining: quota.remaining, window })
    }
}

// What was found before stays: a registry that is away today says nothing about the image.
fn failed(before: &EntryRecord, status: CheckStatus, error: Option<String>) -> EntryCheck {
    let checked = Some(SystemTime::now());
    EntryCheck { status, error, checked, ..before.check.clone() }
}

/// What an answer of the mirror says about an image. `None` if it says nothing: what is held cannot be read.
fn status_of(error: &MirrorError) -> Option<CheckStatus> {
    match error {
        MirrorError::ManifestUnknown { .. }
        | MirrorError::RepositoryUnknown { .. }
        | MirrorError::BlobUnknown { .. } => Some(CheckStatus::NotFound),
        MirrorError::NotAnUpstream { .. } => Some(CheckStatus::NotMirrored),
        MirrorError::Upstream { fault, .. } | MirrorError::VisibilityUnknown { fault, .. } => {
            Some(match fault {
                UpstreamFault::Denied(_) => CheckStatus::Denied,
                UpstreamFault::Limited { .. } => CheckStatus::RateLimited,
                UpstreamFault::Invalid(_) | UpstreamFault::TooLarge { .. } => CheckStatus::Invalid,
                UpstreamFault::Rejected { .. }
                | UpstreamFault::Failing(_)
                | UpstreamFault::Unreachable(_)
                | UpstreamFault::TimedOut => CheckStatus::Unreachable,
            })
        }
        MirrorError::NotAnAlias { .. }
        | MirrorError::TwoRegistries { .. }
        | MirrorError::NotARepository { .. } => Some(CheckStatus::Invalid),
        _ => None,
    }
}

// Builds that are to be the same each time say 1970, which is no age.
fn built(config: &ImageConfig) -> Option<SystemTime> {
    let built = humantime::parse_rfc3339_weak(config.created.as_deref()?).ok()?;
    let year = Duration::from_secs(366 * 24 * 60 * 60);
    (built > SystemTime::UNIX_EPOCH + year).then_some(built)
}

#[cfg(test)]
mod tests {
    use entrepot_mirror::NetworkFaultKind;

    use super::*;

    #[test]
    fn what_a_registry_answers_is_told_apart() {
        let host = || "quay.io".parse().unwrap();
        let fault = |fault| MirrorError::Upstream { host: host(), fault };
        let unknown = MirrorError::ManifestUnknown { name: "a".to_owned(), reference: "1".to_owned() };
        let network = entrepot_mirror::NetworkFault::new(NetworkFaultKind::Dns);
        for (error, status) in [
            (unknown, Some(CheckStatus::NotFound)),
            (MirrorError::NotAnUpstream { host: host() }, Some(CheckStatus::NotMirrored)),
            (fault(UpstreamFault::Denied("no".to_owned())), Some(CheckStatus::Denied)),
            (fault(UpstreamFault::Limited { retry_after: None }), Some(CheckStatus::RateLimited)),
            (fault(UpstreamFault::Failing(500)), Some(CheckStatus::Unreachable)),
            (fault(UpstreamFault::TimedOut), Some(CheckStatus::Unreachable)),
            (fault(UpstreamFault::Unreachable(network)), Some(CheckStatus::Unreachable)),
            (fault(UpstreamFault::Invalid("x".to_owned())), Some(CheckStatus::Invalid)),
            (MirrorError::StoreDown, None),
            (MirrorError::Busy, None),
        ] {
            assert_eq!(status_of(&error), status, "{error}");
        }
    }

    #[test]
    fn an_age_is_one_that_was_said() {
        let of = |created: &str| {
            let text = serde_json::json!({"os": "linux", "architecture": "amd64", "created": created});
            built(&ImageConfig::parse(text.to_string().as_bytes()).unwrap())
        };
        assert!(of("2026-01-02T03:04:05.678901234Z").is_some());
        for none in ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "yesterday", ""] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
