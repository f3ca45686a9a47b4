//! Forms, as browsers send them.

use axum::body::Body as RequestBody;
use http_body_util::{BodyExt, Limited};
use secrecy::SecretString;

/// The largest form, in bytes.
const MAX_FORM: usize = 16 << 10;

/// The fields of a form.
pub(super) struct FormFields(Vec<u8>);

impl FormFields {
    /// Reads a form; `None` if it broke off or is too large.
    pub(super) async fn read(body: RequestBody) -> Option<Self> {
        Some(Self(Limited::new(body, MAX_FORM).collect().await.ok()?.to_bytes().to_vec()))
    }

    /// The value of a field.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        form_urlencoded::parse(&self.0).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }

    /// The value of a field that is secret; empty if there is none.
    pub(super) fn secret(&self, key: &str) -> SecretString {
        self.get(key).unwrap_or_default().into()
    }
}
