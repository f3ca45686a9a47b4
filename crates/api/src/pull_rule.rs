//! What may be pulled through the mirror.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{cache::CacheRemoval, rule::RefusedConfig, timestamp::Timestamp, words::words};

words! {
    /// What the rules of a list do.
    PullRuleKind {
        /// They allow; what no list allows is refused.
        Allow = "allow",
        /// They deny, whatever is allowed.
        Deny = "deny",
    }
}

words! {
    /// Why something may be pulled, or may not.
    PullRuleReason {
        /// A rule allows it.
        Allowed = "allowed",
        /// There is no allow list, and no rule denies it.
        NoAllowList = "no-allow-list",
        /// It was pushed here: the rules are about what others have.
        Hosted = "hosted",
        /// A rule denies it.
        Denied = "denied",
        /// No list allows it.
        NotListed = "not-listed",
        /// Lists allow other images of its repository.
        OtherImage = "other-image",
        /// Lists allow images of its repository by their tags, and none of these is known to lead to it.
        TagFirst = "tag-first",
        /// Some images of the repository may be pulled: say which one is meant.
        SomeImages = "some-images",
    }
}

/// A list of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullRuleList {
    /// The name of its file, or its key in the configuration.
    pub name: String,
    /// What its rules do.
    pub kind: PullRuleKind,
    /// How many rules it has.
    pub rules: u64,
}

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullRules {
    /// The lists; none allow everything.
    pub lists: Vec<PullRuleList>,
    /// Where to ask for what is refused.
    #[schema(required = true)]
    pub contact: Option<String>,
    /// Since when they are in force.
    pub since: Timestamp,
    /// Rules that were read later and cannot be used: until they are mended, these stay in force.
    #[schema(required = true)]
    pub refused: Option<RefusedConfig>,
}

/// What to explain.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PullRuleQuery {
    /// The image, as clients name it: `nginx:1.27`, `quay.io/acme/web@sha256:…`; without tag and digest, its repository.
    pub image: String,
}

/// Whether an image may be pulled, and which rule says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullRuleDecision {
    /// The image, in full.
    pub image: String,
    /// Whether it may be pulled.
    pub allowed: bool,
    /// Why.
    pub reason: PullRuleReason,
    /// The list of the rule, or the lists that do not have it.
    #[schema(required = true)]
    pub list: Option<String>,
    /// The rule.
    #[schema(required = true)]
    pub rule: Option<String>,
    /// Its line in the file of the list, or its number in the list.
    #[schema(required = true)]
    pub line: Option<u64>,
    /// The same in a sentence.
    pub detail: String,
    /// What to do about it.
    #[schema(required = true)]
    pub hint: Option<String>,
}

/// Images that are denied by command, besides what the configuration says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Denial {
    /// The images, as rules have them: `docker.io/acme/web`, `docker.io/acme/**`, `docker.io/acme/web:1.*`.
    pub image: String,
    /// Why. Whoever is refused is told.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Where that is written at length.
    #[schema(required = true)]
    pub notice: Option<String>,
    /// Whether it is denied by law: status 451 instead of 403.
    pub legal: bool,
    /// Since when.
    pub since: Timestamp,
    /// Who denied them.
    pub by: String,
}

/// What is denied by command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DenialList {
    /// In order of the images.
    pub denials: Vec<Denial>,
}

/// Images to be denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDenial {
    /// As clients name them, or a pattern of rules.
    pub image: String,
    /// Why. Whoever is refused is told.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where that is written at length.
    #[serde(default)]
    pub notice: Option<String>,
    /// Whether it is denied by law: status 451 instead of 403.
    #[serde(default)]
    pub legal: bool,
    /// Remove what is held of them.
    #[serde(default)]
    pub purge: bool,
    /// Say who pulled the repository in so many days.
    #[serde(default)]
    pub pulled_by_days: Option<u32>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DenialResult {
    /// What is denied now.
    pub denial: Denial,
    /// What was removed, if that was asked for.
    #[schema(required = true)]
    pub removed: Option<CacheRemoval>,
    /// Who pulled it, if that was asked for and it is one repository.
    #[schema(required = true)]
    pub pulled_by: Option<PullerList>,
}

/// Which denial is meant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DenialQuery {
    /// The images, as they were denied.
    pub image: String,
}

/// Pulls of a manifest by a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Puller {
    /// The manifest's digest.
    pub digest: String,
    /// Who: an account, an address, or the /64 of an IPv6 address.
    pub client: String,
    /// How often.
    pub pulls: u64,
    /// When last.
    pub last: Timestamp,
}

/// Who pulled something of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullerList {
    /// The repository.
    pub repository: String,
    /// For how many seconds pulls are recorded; none if they are not: then this list says nothing.
    #[schema(required = true)]
    pub recorded_for: Option<u64>,
    /// By digest and client.
    pub pulls: Vec<Puller>,
    /// There are more than are listed.
    pub more: bool,
}

/// Whose pulls are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PullerQuery {
    /// The image, as clients name it; its whole repository is looked at.
    pub image: String,
    /// How many days are looked back; 30 if left out.
    pub days: Option<u32>,
}
