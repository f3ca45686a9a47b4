//! By which name this installation knows its containers among others on the same engine.

use crate::{
    database::{Catalog, retried},
    error::Error,
};

const MAKE: &str = "INSERT INTO library_installation (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
pub(crate) const INSTALLATION: &str = "SELECT id FROM library_installation WHERE one = 1";

impl Catalog {
    /// The name of this installation: made once, at random, and the same for ever.
    ///
    /// # Errors
    /// The database failed.
    pub async fn installation(&self) -> Result<String, Error> {
        let known = sqlx::query_as::<_, (String,)>(INSTALLATION).fetch_optional(&self.reader).await?;
        if let Some((id,)) = known {
            return Ok(id);
        }
        retried(|| async {
            let mut tx = self.begin().await?;
            let new = uuid::Uuid::new_v4().simple().to_string();
            sqlx::query(MAKE).bind(new).execute(&mut *tx).await?;
            let (id,) = sqlx::query_as::<_, (String,)>(INSTALLATION).fetch_one(&mut *tx).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }
}
