//! What may be pulled through the mirror.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{rule::RefusedConfig, timestamp::Timestamp, words::words};

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
