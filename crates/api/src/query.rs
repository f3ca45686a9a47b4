//! Query strings. The client writes them; the server reads each parameter once into these types.

use serde::Serialize;
use utoipa::IntoParams;

use crate::run_id::RunId;

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunListQuery {
    /// Only runs of this rule.
    pub rule: Option<String>,
    /// Only runs before this one.
    #[param(value_type = Option<String>)]
    pub before: Option<RunId>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}

/// Which of a run's copies to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// Only copies with greater numbers.
    pub after: Option<u64>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}

/// Which copies to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CopyListQuery {
    /// The rule.
    pub rule: String,
    /// Only copies after this source repository and `reference`.
    pub source: Option<String>,
    /// Only copies after `source` and this tag or digest there.
    pub reference: Option<String>,
    /// How many source tags, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}

/// Which repositories to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RepositoryListQuery {
    /// Only repositories whose names start with this.
    pub prefix: Option<String>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only repositories after this name.
    pub last: Option<String>,
}

/// Which images to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageListQuery {
    /// The repository.
    pub name: String,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only images after this digest.
    pub last: Option<String>,
}

/// Which image is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageQuery {
    /// The repository.
    pub name: String,
    /// A tag or a digest; all images of the repository where it is left out.
    pub reference: Option<String>,
}

/// Which part to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationQuery {
    /// The part after this digest; the first one where it is left out.
    pub last: Option<String>,
}
