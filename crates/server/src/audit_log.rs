//! What goes into the audit log beside the changes that handlers make: refused logins and attempts, pushes and deletions.
//!
//! Pulls are not in it: there are too many, and they change nothing.

use std::net::IpAddr;

use entrepot_access::{Access, Audit, AuditAction, Identity};
use entrepot_mirror::RepoKey;
use entrepot_oci::{Method, Reference, Route};
use http::StatusCode;

use crate::{
    action::Action,
    client::Client,
    ids::RequestId,
    sender::{Credentials, RejectionKind, Sender},
};

/// Who did or tried something.
pub(crate) struct AuditActor<'a> {
    pub(crate) access: &'a Access,
    pub(crate) sender: &'a Sender,
    pub(crate) client: Client,
    pub(crate) id: &'a RequestId,
}

/// What a request to the registry API was about.
pub(crate) struct AuditSubject<'a> {
    pub(crate) route: &'a Route,
    pub(crate) method: Method,
    pub(crate) action: &'a Action<'a>,
    pub(crate) repository: Option<&'a RepoKey>,
}

impl AuditActor<'_> {
    /// Writes down a refused login, if that is why the request was refused. Credentials for another registry that do no harm
    /// are no login.
    pub(crate) async fn login(&self, status: StatusCode) {
        let Credentials::Refused(rejection) = &self.sender.credentials else { return };
        let is_login = matches!(rejection.kind, RejectionKind::Password | RejectionKind::Wait(_));
        if !is_login || !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) {
            return;
        }
        let detail = Some(rejection.message.clone());
        let deed = AuditAction { action: "login", object: &rejection.user, detail };
        let by = Audit { actor: "anonymous".to_owned(), ..self.by() };
        warned(self.access.record_refused(deed, &by).await);
    }

    /// Writes down that a change by the JSON API was refused before its handler began with it.
    pub(crate) async fn change(&self, method: &http::Method, path: &str, status: StatusCode) {
        let is_change = !matches!(*method, http::Method::GET | http::Method::HEAD | http::Method::OPTIONS);
        if !is_change || !is_refusal(status) {
            return;
        }
        let object = format!("{method} {path}");
        let deed = AuditAction { action: "request", object: &object, detail: None };
        warned(self.access.record_refused(deed, &self.by()).await);
    }

    /// Writes down a push or a deletion, and one that an account tried without the right. Whoever has no credentials is
    /// only asked for them.
    pub(crate) async fn registry(&self, subject: &AuditSubject<'_>, status: StatusCode) {
        let Some((action, object)) = subject.told() else { return };
        let deed = AuditAction { action, object: &object, detail: None };
        if is_refusal(status) {
            let is_account = matches!(self.sender.principal.identity, Identity::Account(_));
            if is_account && !matches!(self.sender.credentials, Credentials::Refused(_)) {
                warned(self.access.record_refused(deed, &self.by()).await);
            }
        } else if status.is_success() && subject.is_whole() {
            warned(self.access.record_done(deed, &self.by()).await);
        }
    }

    fn by(&self) -> Audit {
        Audit {
            actor: self.sender.principal.label(),
            address: self.client.address().map(|address: IpAddr| address.to_string()),
            request_id: Some(self.id.as_str().to_owned()),
        }
    }
}

impl AuditSubject<'_> {
    /// Whether the audit log has a word for it: pulls are not in it.
    pub(crate) fn is_noted(&self) -> bool {
        self.word().is_some()
    }

    fn word(&self) -> Option<&'static str> {
        match self.action {
            Action::Push | Action::Mount { .. } => Some("push"),
            Action::Delete(_) => Some("delete"),
            Action::Ping
            | Action::Pull(_)
            | Action::ListRepositories
            | Action::ListTags
            | Action::ListReferrers(_) => None,
        }
    }

    /// The name of the action, and what it is done to; `None` for what only reads.
    fn told(&self) -> Option<(&'static str, String)> {
        let repository = self.repository?;
        let action = self.word()?;
        let object = match self.route {
            Route::Manifest { reference: Reference::Tag(tag), .. } => format!("{repository}:{tag}"),
            Route::Manifest { reference: Reference::Digest(digest), .. } | Route::Blob { digest, .. } => {
                format!("{repository}@{digest}")
            }
            _ => repository.to_string(),
        };
        Some((action, object))
    }

    // A push is whole with its manifest; the blobs before it are its parts.
    fn is_whole(&self) -> bool {
        self.method == Method::Delete && !matches!(self.route, Route::Upload { .. })
            || matches!(self.route, Route::Manifest { .. })
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

// A request is answered also where the audit log cannot be written; a change by API is not.
fn warned(recorded: Result<(), impl std::fmt::Display>) {
    if let Err(error) = recorded {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}
