//! Credentials and keys as the JSON API has them. Pure.

use std::time::Duration;

use entrepot_api as api;
use entrepot_catalog::{CredentialRecord, Listing};
use entrepot_vault::{CredentialVerdict, KeyStatus, KeysStatus, Quota, Verification, VerifyStep};

pub(crate) fn credentials(page: Listing<CredentialRecord>) -> api::CredentialList {
    api::CredentialList { credentials: page.rows.into_iter().map(credential).collect(), more: page.more }
}

pub(crate) fn credential(record: CredentialRecord) -> api::Credential {
    api::Credential {
        name: record.name,
        registry: record.host,
        namespace: record.namespace,
        endpoint: record.endpoint,
        username: record.username,
        revision: record.revision,
        created: record.created.into(),
        changed: record.changed.into(),
    }
}

pub(crate) fn verification(found: Verification) -> api::CredentialVerification {
    api::CredentialVerification {
        verdict: verdict(found.verdict),
        step: match found.step {
            VerifyStep::Login => api::CredentialStep::Login,
            VerifyStep::Repository => api::CredentialStep::Repository,
            VerifyStep::Budget => api::CredentialStep::Budget,
        },
        detail: found.detail,
        hint: found.hint.map(str::to_owned),
        quota: found.quota.map(quota),
        retry_after: found.retry_after.map(seconds),
    }
}

fn verdict(verdict: CredentialVerdict) -> api::CredentialVerdict {
    use api::CredentialVerdict as V;
    match verdict {
        CredentialVerdict::Accepted => V::Accepted,
        CredentialVerdict::NotRequired => V::NotRequired,
        CredentialVerdict::BadHost => V::BadHost,
        CredentialVerdict::Unreachable => V::Unreachable,
        CredentialVerdict::Tls => V::Tls,
        CredentialVerdict::Unauthorized => V::Unauthorized,
        CredentialVerdict::Forbidden => V::Forbidden,
        CredentialVerdict::NotFound => V::NotFound,
        CredentialVerdict::Limited => V::Limited,
        CredentialVerdict::Failing => V::Failing,
        CredentialVerdict::NotARegistry => V::NotARegistry,
    }
}

fn quota(quota: Quota) -> api::PullQuota {
    let Quota { limit, remaining, window } = quota;
    api::PullQuota { limit, remaining, window: window.map(seconds) }
}

// Less than a second is to be waited too.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

pub(crate) fn status(status: KeysStatus) -> api::SecretsStatus {
    let key = |KeyStatus { id, is_current, is_here, values }: KeyStatus| api::SecretKey {
        id: id.to_string(),
        current: is_current,
        present: is_here,
        values,
    };
    api::SecretsStatus {
        key_file: status.file.map(|file| file.display().to_string()),
        keys: status.keys.into_iter().map(key).collect(),
    }
}
