//! All columns with sealed values, so that no rotation of keys leaves one out.
//!
//! Each such table has the key of its rows in `id` and the sealed value in `sealed`.

use sqlx::FromRow;

use crate::{
    database::{Catalog, retried},
    error::Error,
    records::Listing,
    sql::fetch_page,
};

/// A table with sealed values. Whoever adds one to the database adds it here; a test compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedTable {
    /// The keys that sign registry tokens.
    SigningKey,
    /// Credentials.
    Credential,
    /// What nodes are reached with.
    NodeSecret,
}

/// A row with a sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// The row's key.
    pub id: String,
    /// The sealed value.
    pub sealed: String,
}

impl SealedTable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SigningKey, Self::Credential, Self::NodeSecret];

    /// The table's name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::SigningKey => "signing_key",
            Self::Credential => "credential",
            Self::NodeSecret => "node_secret",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::SigningKey => "SELECT id, sealed FROM signing_key WHERE id > $1 ORDER BY id LIMIT $2",
            Self::Credential => "SELECT id, sealed FROM credential WHERE id > $1 ORDER BY id LIMIT $2",
            Self::NodeSecret => "SELECT id, sealed FROM node_secret WHERE id > $1 ORDER BY id LIMIT $2",
        }
    }

    fn forget(self) -> &'static str {
        match self {
            Self::SigningKey => "DELETE FROM signing_key",
            Self::Credential => "DELETE FROM credential",
            Self::NodeSecret => "DELETE FROM node_secret",
        }
    }

    fn reseal(self) -> &'static str {
        match self {
            Self::SigningKey => "UPDATE signing_key SET sealed = $3 WHERE id = $1 AND sealed = $2",
            Self::Credential => "UPDATE credential SET sealed = $3 WHERE id = $1 AND sealed = $2",
            Self::NodeSecret => "UPDATE node_secret SET sealed = $3 WHERE id = $1 AND sealed = $2",
        }
    }
}

impl Catalog {
    /// Sealed values of a table after `after`, by the key of their row.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sealed(
        &self,
        table: SealedTable,
        after: &str,
        limit: usize,
    ) -> Result<Listing<SealedRow>, Error> {
        let query = sqlx::query_as::<_, Raw>(table.list()).bind(after.to_owned());
        let (rows, more) = fetch_page(query, &self.reader, limit).await?;
        Ok(Listing {
            rows: rows.into_iter().map(|Raw { id, sealed }| SealedRow { id, sealed }).collect(),
            more,
        })
    }

    /// Stores a value as it is sealed now. A row that was changed since it was read as `before`, or is gone, is left alone.
    ///
    /// # Errors
    /// The database failed.
    pub async fn reseal(&self, table: SealedTable, before: &SealedRow, sealed: &str) -> Result<(), Error> {
        retried(|| async {
            let query = sqlx::query(table.reseal()).bind(before.id.clone()).bind(before.sealed.clone());
            query.bind(sealed.to_owned()).execute(&self.writer).await?;
            Ok(())
        })
        .await
    }

    /// Removes everything sealed of a table: it is of no use without its key. Returns how many rows.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_sealed(&self, table: SealedTable) -> Result<u64, Error> {
        retried(|| async { Ok(sqlx::query(table.forget()).execute(&self.writer).await?.rows_affected()) })
            .await
    }
}

#[derive(FromRow)]
struct Raw {
    id: String,
    sealed: String,
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_table_with_sealed_values_is_listed() {
        let mut found = BTreeSet::new();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            for table in text.split("CREATE TABLE ").skip(1) {
                let (name, columns) = table.split_once(" (").unwrap();
                if columns.split(");").next().unwrap().lines().any(|line| line.trim().starts_with("sealed "))
                {
                    found.insert(name.to_owned());
                }
            }
            assert!(!text.contains("ADD COLUMN sealed"), "this test does not read that");
        }
        assert_eq!(found, SealedTable::ALL.map(|table| table.name().to_owned()).into());
    }
}
