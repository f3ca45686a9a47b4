//! Finds instances and entries by the names that people give them.

use entrepot_api::{EntryList, EntryListQuery, Instance, InstanceList, InstanceListQuery};

use crate::{commands::asker::ApiSession, failure::Failure};

/// How many are asked for at once.
pub(super) const PAGE: usize = 500;

/// All instances that a query is about, page by page.
pub(super) async fn list(asker: &ApiSession, query: &InstanceListQuery) -> Result<Vec<Instance>, Failure> {
    let mut all = Vec::new();
    let mut last = None;
    loop {
        let query = InstanceListQuery { n: Some(PAGE), last, ..query.clone() };
        let page: InstanceList = asker.told(asker.client.get(&["library", "instances"], &query).await)?;
        all.extend(page.instances);
        last = page.next;
        if last.is_none() {
            return Ok(all);
        }
    }
}

/// The id of the entry that somebody names, by its name or its id. Names of entries need not be unique: the newest counts.
pub(super) async fn find_entry(asker: &ApiSession, named: &str) -> Result<u32, Failure> {
    let query = EntryListQuery { search: Some(named.to_owned()), n: Some(PAGE), ..EntryListQuery::default() };
    let page: EntryList = asker.told(asker.client.get(&["library", "entries"], &query).await)?;
    let found = page.entries.into_iter().filter(|entry| entry.name == named).map(|entry| entry.id).max();
    found.or_else(|| named.parse().ok()).ok_or_else(|| {
        Failure::new(format!("there is no entry `{named}`"))
            .with_hint("see what there is: `entrepot library ls`")
    })
}

/// The id of the instance that somebody names, by its name or its id. A name may be a number, and goes first.
pub(crate) async fn find(asker: &ApiSession, named: &str) -> Result<u32, Failure> {
    let query = InstanceListQuery { search: Some(named.to_owned()), ..InstanceListQuery::default() };
    let found = list(asker, &query).await?.into_iter().find(|instance| instance.name == named);
    found.map(|instance| instance.id).or_else(|| named.parse().ok()).ok_or_else(|| {
        Failure::new(format!("there is no instance `{named}`")).with_hint("see what there is: `entrepot ps`")
    })
}
