//! What front ends send, read. Pure.
//!
//! As Go reads it: what is not known is passed over, and what is `null` or left out stays as it is.

use std::time::SystemTime;

use entrepot_api::Timestamp;
use entrepot_catalog::EntryFilter;
use entrepot_library::{EntryChange, EntryId};
use serde::Deserialize;

use crate::{query, sync::problem::Problem};

/// How many entries a page has, and may have.
const USUAL: usize = 10;
const MOST: usize = 100;

/// The body of a create or an update.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(rename = "ID")]
    pub(super) id: Option<i64>,
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    description: Option<String>,
    source: Option<String>,
    is_on_shelf: Option<bool>,
    // The name that the origin's documentation has for it.
    is_listed: Option<bool>,
    support_memory_split: Option<bool>,
    remark: Option<String>,
}

/// The ids in the body of a removal.
#[derive(Default, Deserialize)]
pub(super) struct Ids {
    #[serde(rename = "ID", alias = "id")]
    pub(super) id: Option<i64>,
    #[serde(rename = "IDs", alias = "ids", default)]
    pub(super) ids: Vec<i64>,
}

impl Input {
    pub(super) fn change(self) -> Result<EntryChange, Problem> {
        let is_on_shelf = match (self.is_on_shelf, self.is_listed) {
            (Some(one), Some(other)) if one != other => {
                return Err(Problem::bad("`isOnShelf` and `isListed` differ")
                    .about("isOnShelf")
                    .with_hint("they mean the same; send one of them")
                    .in_chinese("`isOnShelf` 与 `isListed` 不一致")
                    .with_chinese_hint("两者含义相同，只需提供一个"));
            }
            (one, other) => one.or(other),
        };
        Ok(EntryChange {
            name: self.name,
            address: self.address,
            description: self.description,
            source: self.source,
            remark: self.remark,
            is_on_shelf,
            memory_split: self.support_memory_split,
        })
    }
}

/// An id as it was sent.
pub(super) fn id(number: Option<i64>) -> Result<EntryId, Problem> {
    number.and_then(|number| EntryId::try_from(number).ok()).ok_or_else(no_id)
}

fn no_id() -> Problem {
    Problem::bad("`ID` is missing, or is no id")
        .about("ID")
        .with_hint("ids are numbers from 1 on")
        .in_chinese("缺少 `ID`，或 `ID` 有误")
        .with_chinese_hint("`ID` 是从 1 开始的数字")
}

/// The id in the query, if there is one.
pub(super) fn id_in(text: &str) -> Result<Option<i64>, Problem> {
    let Some(id) = query::text(text, "ID") else { return Ok(None) };
    id.parse().map(Some).map_err(|_| no_id())
}

/// The ids in the query: `IDs[]=1&IDs[]=2`.
pub(super) fn ids_in(text: &str) -> Result<Vec<i64>, Problem> {
    let pairs = form_urlencoded::parse(text.as_bytes());
    let ids = pairs.filter(|(key, _)| matches!(&**key, "IDs[]" | "IDs" | "ids[]" | "ids"));
    ids.map(|(_, id)| id.parse().map_err(|_| no_id())).collect()
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageSelection {
    pub(super) number: u64,
    pub(super) size: usize,
}

impl PageSelection {
    pub(super) fn skipped(self) -> u64 {
        (self.number - 1).saturating_mul(self.size as u64)
    }
}

/// The page that is asked for.
pub(super) fn page(text: &str) -> Result<PageSelection, Problem> {
    let number = |key: &'static str| match query::text(text, key) {
        None => Ok(0),
        Some(number) => number.parse::<u64>().map_err(|_| wrong(key)),
    };
    let size = match number("pageSize")? {
        0 => USUAL,
        size => usize::try_from(size).unwrap_or(MOST).min(MOST),
    };
    Ok(PageSelection { number: number("page")?.max(1), size })
}

/// The entries that are asked for.
pub(super) fn filter(text: &str) -> Result<EntryFilter, Problem> {
    let yes_no = |key: &'static str| match query::text(text, key) {
        None => Ok(None),
        Some(word) => word.parse().map(Some).map_err(|_| wrong(key)),
    };
    let on_shelf = yes_no("isOnShelf")?;
    let mut times = form_urlencoded::parse(text.as_bytes())
        .filter(|(key, time)| matches!(&**key, "createdAtRange[]" | "createdAtRange") && !time.is_empty())
        .map(|(_, time)| time.parse::<Timestamp>().map_err(|_| wrong("createdAtRange")));
    let (from, to) = (times.next().transpose()?, times.next().transpose()?);
    Ok(EntryFilter {
        name: query::text(text, "name"),
        address: query::text(text, "address"),
        source: query::text(text, "source"),
        is_on_shelf: on_shelf.or(yes_no("isListed")?),
        created_from: from.map(SystemTime::from),
        created_to: to.map(SystemTime::from),
        ..EntryFilter::default()
    })
}

fn wrong(key: &'static str) -> Problem {
    Problem::bad(format!("`{key}` is not one")).about(key).in_chinese(format!("`{key}` 的值有误"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_front_ends_ask_for_them() {
        for (text, number, size) in [
            ("", 1, 10),
            ("page=1&pageSize=10", 1, 10),
            ("page=3&pageSize=30", 3, 30),
            ("page=0&pageSize=0", 1, 10),
            ("page=2&pageSize=99999", 2, 100),
            ("page=&pageSize=", 1, 10),
        ] {
            assert_eq!(page(text).unwrap(), PageSelection { number, size }, "{text}");
        }
        assert_eq!(page("page=3&pageSize=30").unwrap().skipped(), 60);
        assert!(page("page=x").is_err() && page("pageSize=-1").is_err());
    }

    #[test]
    fn ids_come_one_by_one_or_many() {
        assert_eq!(ids_in("IDs[]=1&IDs[]=2").unwrap(), [1, 2]);
        assert_eq!(ids_in("IDs%5B%5D=1&IDs%5B%5D=2").unwrap(), [1, 2]);
        assert_eq!(ids_in("").unwrap(), [] as [i64; 0]);
        assert!(ids_in("IDs[]=x").is_err() && id_in("ID=x").is_err());
        assert_eq!((id_in("ID=7").unwrap(), id_in("ID=").unwrap()), (Some(7), None));
        assert!(id(Some(0)).is_err() && id(None).is_err() && id(Some(7)).is_ok());
    }

    #[test]
    fn searches_are_read() {
        let found = filter(
            "name=a&address=b&source=c&isOnShelf=false&keyword=x&createdAtRange[]=2026-01-01T00:00:00.000Z\
             &createdAtRange[]=2026-02-01T00:00:00Z",
        )
        .unwrap();
        assert_eq!((found.name.as_deref(), found.is_on_shelf), (Some("a"), Some(false)));
        assert!(found.created_from < found.created_to && found.search.is_none());
        assert_eq!(filter("isOnShelf=&isListed=true").unwrap().is_on_shelf, Some(true));
        assert!(filter("isOnShelf=maybe").is_err() && filter("createdAtRange[]=yesterday").is_err());
    }

    #[test]
    fn two_words_for_the_shelf_must_agree() {
        let read = |text: &str| serde_json::from_str::<Input>(text).unwrap().change();
        assert_eq!(read(r#"{"isListed": false, "unknown": 1}"#).unwrap().is_on_shelf, Some(false));
        assert_eq!(read(r#"{"isOnShelf": true, "isListed": true}"#).unwrap().is_on_shelf, Some(true));
        assert_eq!(read(r#"{"isOnShelf": null}"#).unwrap().is_on_shelf, None);
        assert!(read(r#"{"isOnShelf": true, "isListed": false}"#).is_err());
    }
}
