//! The tables that readers have.

use std::collections::BTreeMap;

use entrepot_access::Role;

/// What a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Yes,
    No,
    IfGranted,
}

/// The right that a request needs, and the one that is enough for what is one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) rights: Vec<String>,
    pub(crate) own: Option<String>,
}

/// The rows about roles, by their first word.
pub(crate) struct Roles(BTreeMap<String, [Cell; 4]>);

impl Roles {
    pub(crate) fn read() -> Self {
        let rows = page("how-to/access.md").lines().filter_map(role_row).collect::<BTreeMap<_, _>>();
        assert!(rows.len() >= 13, "{rows:?}");
        Self(rows)
    }

    pub(crate) fn says(&self, row: &str, role: Role) -> Cell {
        let row = self.0.get(row).unwrap_or_else(|| panic!("no row `{row}`"));
        row[Role::ALL.iter().position(|known| *known == role).unwrap()]
    }
}

fn role_row(line: &str) -> Option<(String, [Cell; 4])> {
    let mut cells = line.strip_prefix('|')?.trim_end_matches('|').split('|').map(str::trim);
    let first = cells.next()?;
    let name = first.strip_prefix('`').and_then(|rest| rest.split_once('`')).map_or(first, |(name, _)| name);
    let read = |cell| match cell {
        "yes" => Some(Cell::Yes),
        "no" => Some(Cell::No),
        "if granted" => Some(Cell::IfGranted),
        _ => None,
    };
    let cells: Vec<_> = cells.map(read).collect::<Option<_>>()?;
    Some((name.to_owned(), cells.try_into().ok()?))
}

/// What each request needs, by `METHOD ADDRESS`.
pub(crate) fn needs() -> BTreeMap<String, Needed> {
    let text = page("reference/http-api.md");
    let section = text.split("\n## Rights\n").nth(1).unwrap().split("\n## ").next().unwrap();
    section.lines().filter_map(need_row).flatten().collect()
}

// `| `GET`, `HEAD /v2/…` | `pull` | |`
fn need_row(line: &str) -> Option<Vec<(String, Needed)>> {
    let cells: Vec<_> = line.strip_prefix('|')?.trim_end_matches('|').split('|').map(str::trim).collect();
    let [request, rights, own] = cells.as_slice() else { return None };
    let words = quoted(request);
    let address = words.last()?.split_once(' ')?.1;
    let rights = quoted(rights);
    let needed = Needed {
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        own: quoted(own).first().map(|right| (*right).to_owned()),
    };
    let methods = words.iter().map(|word| word.split(' ').next().unwrap());
    Some(methods.map(|method| (format!("{method} {address}"), needed.clone())).collect())
}

fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn page(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
