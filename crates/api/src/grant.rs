//! Grants, and why somebody may do something.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

words! {
    /// Where a grant comes from.
    GrantOrigin {
        /// The configuration file, where it is changed.
        Configuration = "configuration",
        /// It was made by API.
        Api = "api",
    }
}

/// A right beyond what roles have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Its id: `config.0` is the first one of `access.grants` in the configuration.
    pub id: String,
    /// To whom: `anonymous`, `account:NAME`, `group:NAME` or `role:ROLE`.
    pub to: String,
    /// Patterns of repositories, such as `docker.io/acme/**`.
    pub repositories: Vec<String>,
    /// What: `pull`, `push`, `delete`, `request`.
    pub may: Vec<String>,
    /// Where it comes from.
    pub origin: GrantOrigin,
    /// When it was made, by API.
    #[schema(required = true)]
    pub created: Option<Timestamp>,
    /// Who made it, by API.
    #[schema(required = true)]
    pub created_by: Option<String>,
}

/// All grants in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantList {
    /// The grants, those of the configuration first.
    pub grants: Vec<Grant>,
}

/// A new grant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// To whom: `anonymous`, `account:NAME`, `group:NAME` or `role:ROLE`.
    pub to: String,
    /// Patterns of repositories, such as `docker.io/acme/**`.
    pub repositories: Vec<String>,
    /// What: `pull`, `push`, `delete`, `request`.
    pub may: Vec<String>,
}

/// Which grants to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GrantListQuery {
    /// Only those to this one.
    pub to: Option<String>,
    /// Only those that cover this repository, named in full.
    pub repository: Option<String>,
}

/// What to explain.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplanationQuery {
    /// Who: `anonymous`, `local`, `account:NAME`, `token:NAME` or `group:NAME`.
    pub principal: String,
    /// What: `pull`, `push`, `delete` or `request`.
    pub action: String,
    /// The repository, as clients name it.
    pub repository: String,
}

words! {
    /// Why somebody may do something, or may not.
    ExplanationReason {
        /// What programs on the server's machine may do allows it.
        Local = "local",
        /// What anybody may do allows it.
        Anonymous = "anonymous",
        /// The role of the account allows it.
        Role = "role",
        /// A grant allows it.
        Grant = "grant",
        /// The account may, but the API token does not carry it.
        NotCarried = "not-carried",
        /// Nothing gives it.
        NotGranted = "not-granted",
        /// The account is disabled.
        Disabled = "disabled",
        /// The API token has expired.
        Expired = "expired",
    }
}

/// Whether somebody may do something to a repository, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessExplanation {
    /// Who was asked about.
    pub principal: String,
    /// What was asked about.
    pub action: String,
    /// The repository, named in full.
    pub repository: String,
    /// Whether only those who were granted it may pull it.
    pub private: bool,
    /// Whether they may.
    pub allowed: bool,
    /// Why.
    pub reason: ExplanationReason,
    /// The grant that decides, if it is one.
    #[schema(required = true)]
    pub grant: Option<Grant>,
    /// The reason, for people.
    pub detail: String,
    /// What would have to change, if they may not.
    #[schema(required = true)]
    pub hint: Option<String>,
}
