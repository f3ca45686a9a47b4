//! Pins: images that are not evicted, whoever asked for that and why.

use std::time::SystemTime;

use entrepot_oci::{Digest, Page};
use sqlx::{AnyConnection, FromRow};

use super::contents::PINNED_IN;
use crate::{
    database::{Catalog, retried},
    error::Error,
    key::RepoKey,
    records::Listing,
    sql::{self, ask, fetch_page, from_ms, new_id, to_ms},
    words::words,
};

const SET: &str = "INSERT INTO pin (id, path, origin, digest, source, held_by, reason, created_ms, expires_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (path, origin, digest, source, held_by) \
     DO UPDATE SET reason = excluded.reason, expires_ms = excluded.expires_ms";
pub(crate) const PINS: &str = "SELECT id, path, origin, digest, source, held_by, reason, created_ms, expires_ms FROM pin \
     WHERE id > $1 AND ($2 = '' OR (path = $2 AND origin = $3)) AND ($4 = '' OR digest = $4) \
     AND ($5 = '' OR source = $5) AND ($6 = '' OR held_by = $6) ORDER BY id LIMIT $7";
const UNPIN: &str = "DELETE FROM pin WHERE ($1 = '' OR (path = $1 AND origin = $2)) AND ($3 = '' OR digest = $3) \
     AND ($4 = '' OR source = $4) AND ($5 = '' OR held_by = $5)";
pub(crate) const UNPIN_HOLDER: &str = "DELETE FROM pin WHERE source = $1 AND held_by = $2";
const EXPIRE: &str = "DELETE FROM pin WHERE expires_ms <= $1";

words! {
    /// The kind of thing that pins an image.
    PinSource "source of a pin" {
        /// Somebody requested the image.
        Requested = "requested",
        /// A keep list names it.
        Kept = "kept",
        /// An entry of the library that is on the shelf.
        Shelf = "shelf",
        /// An instance runs from it.
        Instance = "instance",
        /// Somebody pinned it by hand.
        Hand = "hand",
    }
}

/// An image to be pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPin {
    /// The repository.
    pub key: RepoKey,
    /// The manifest. What it leads to stays with it, and so does an index that it is part of.
    pub digest: Digest,
    /// The kind of thing that pins it.
    pub source: PinSource,
    /// Which one of that kind: the request, the list, the entry, the instance, the account.
    pub held_by: String,
    /// Why, for people.
    pub reason: String,
    /// When the pin ends by itself.
    pub expires: Option<SystemTime>,
}

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRecord {
    /// Its key; rises with time.
    pub id: i64,
    /// What is pinned, by whom and why.
    pub pin: NewPin,
    /// Since when.
    pub created: SystemTime,
}

/// Which pins are meant: those that match all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinFilter {
    /// Pins in this repository.
    pub key: Option<RepoKey>,
    /// Pins of this manifest.
    pub digest: Option<Digest>,
    /// Pins of this source.
    pub source: Option<PinSource>,
    /// Pins held by this one.
    pub held_by: Option<String>,
}

impl Catalog {
    /// Pins images. One that is pinned by the same holder already gets the new reason and expiry.
    ///
    /// # Errors
    /// The database failed; then none is pinned.
    pub async fn pin(&self, pins: &[NewPin], at: SystemTime) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            for pin in pins {
                set(&mut tx, pin, at).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Makes `pins` all that a holder pins: its others end. They must be that holder's.
    ///
    /// # Errors
    /// The database failed; then nothing has changed.
    pub async fn replace_pins(
        &self,
        source: PinSource,
        held_by: &str,
        pins: &[NewPin],
        at: SystemTime,
    ) -> Result<(), Error> {
        retried(|| async {
            let mut tx = self.begin().await?;
            let before = sqlx::query(UNPIN_HOLDER).bind(source.as_str()).bind(held_by.to_owned());
            before.execute(&mut *tx).await?;
            for pin in pins {
                set(&mut tx, pin, at).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Ends pins. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn unpin(&self, filter: &PinFilter) -> Result<u64, Error> {
        retried(|| async {
            let FilterTexts { path, origin, digest, source, held_by } = FilterTexts::of(filter);
            let query = sqlx::query(UNPIN).bind(path).bind(origin).bind(digest).bind(source).bind(held_by);
            Ok(query.execute(&self.writer).await?.rows_affected())
        })
        .await
    }

    /// Ends pins whose time is up. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn expire_pins(&self, now: SystemTime) -> Result<u64, Error> {
        retried(|| async {
            Ok(sqlx::query(EXPIRE).bind(to_ms(now)).execute(&self.writer).await?.rows_affected())
        })
        .await
    }

    /// Whether a pin that counts `now` is on one of these manifests of a repository.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_pinned(&self, key: &RepoKey, digests: &[Digest], now: SystemTime) -> Result<bool, Error> {
        let query = ask::<(String,)>(PINNED_IN, key).bind(to_ms(now));
        let pinned = query.fetch_all(&self.reader).await?;
        let is_meant = |text: &str| digests.iter().any(|digest| digest.to_string() == text);
        Ok(pinned.iter().any(|(digest,)| is_meant(digest)))
    }

    /// A page of pins, the oldest first; the page's mark is the key of one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pins(&self, filter: &PinFilter, page: &Page) -> Result<Listing<PinRecord>, Error> {
        let after: i64 = page.after().and_then(|after| after.parse().ok()).unwrap_or_default();
        let FilterTexts { path, origin, digest, source, held_by } = FilterTexts::of(filter);
        let query = sqlx::query_as::<_, Raw>(PINS).bind(after).bind(path).bind(origin);
        let query = query.bind(digest).bind(source).bind(held_by);
        let (rows, more) = fetch_page(query, &self.reader, page.limit()).await?;
        Ok(Listing { rows: rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?, more })
    }
}

async fn set(on: &mut AnyConnection, pin: &NewPin, at: SystemTime) -> Result<(), Error> {
    sqlx::query(SET)
        .bind(new_id())
        .bind(pin.key.to_string())
        .bind(pin.key.origin_text().to_owned())
        .bind(pin.digest.to_string())
        .bind(pin.source.as_str())
        .bind(pin.held_by.clone())
        .bind(pin.reason.clone())
        .bind(to_ms(at))
        .bind(pin.expires.map(to_ms))
        .execute(on)
        .await?;
    Ok(())
}

/// A filter as it is bound; what is empty is not asked for.
struct FilterTexts {
    path: String,
    origin: String,
    digest: String,
    source: &'static str,
    held_by: String,
}

impl FilterTexts {
    fn of(filter: &PinFilter) -> Self {
        let origin = filter.key.as_ref().map(|key| key.origin_text().to_owned());
        Self {
            path: filter.key.as_ref().map(ToString::to_string).unwrap_or_default(),
            origin: origin.unwrap_or_default(),
            digest: filter.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            source: filter.source.map_or("", PinSource::as_str),
            held_by: filter.held_by.clone().unwrap_or_default(),
        }
    }
}

#[derive(FromRow)]
struct Raw {
    id: i64,
    path: String,
    origin: String,
    digest: String,
    source: String,
    held_by: String,
    reason: String,
    created_ms: i64,
    expires_ms: Option<i64>,
}

impl Raw {
    fn read(self) -> Result<PinRecord, Error> {
        Ok(PinRecord {
            id: self.id,
            pin: NewPin {
                key: RepoKey::read(&self.path, &self.origin)?,
                digest: sql::digest(&self.digest)?,
                source: PinSource::read(&self.source)?,
                held_by: self.held_by,
                reason: self.reason,
                expires: self.expires_ms.map(from_ms),
            },
            created: from_ms(self.created_ms),
        })
    }
}
