//! Where a request is sent, and the account that it is sent with.

use url::Url;

use crate::endpoint::Endpoint;

/// Where a request is sent, and the account that it is sent with.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: Url,
    pub(crate) account: Option<usize>,
}
