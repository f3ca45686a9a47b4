//! Where ids for people come from: small, rising, never used twice.

use sqlx::AnyConnection;

use crate::error::Error;

/// What has ids of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    Entry,
    Node,
    Spec,
    Pull,
    Request,
    Instance,
    /// No id: whoever places an instance takes one, so that the others wait until its transaction has ended.
    Placement,
}

const NEXT: &str = "INSERT INTO library_sequence (kind, last) VALUES ($1, 1) \
     ON CONFLICT (kind) DO UPDATE SET last = library_sequence.last + 1 RETURNING last";

impl Sequence {
    fn kind(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Node => "node",
            Self::Spec => "spec",
            Self::Pull => "pull",
            Self::Request => "request",
            Self::Instance => "instance",
            Self::Placement => "placement",
        }
    }

    /// The next id. It is taken when the transaction that `on` is in commits.
    pub(crate) async fn next(self, on: &mut AnyConnection) -> Result<i64, Error> {
        let query = sqlx::query_as::<_, (i64,)>(NEXT).bind(self.kind());
        Ok(query.fetch_one(on).await?.0)
    }
}
