//! Text output of `entrepot cache`. Pure.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    CacheFault, CacheFinding, CacheImage, CacheRemoval, CacheRepository, CacheTotals, CacheVerification,
};

use crate::output::{Column, age, amount, sentence, size, table, word};

/// A table of repositories.
pub(super) fn repositories(repositories: &[CacheRepository], now: u64) -> String {
    if repositories.is_empty() {
        return sentence!("nothing is held") + "\n";
    }
    let columns = [
        Column("NAME", Left),
        Column("TAGS", Right),
        Column("SIZE", Right),
        Column("PULLS", Right),
        Column("LAST PULL", Left),
    ];
    let rows = repositories.iter().map(|repository| {
        vec![
            repository.name.clone(),
            repository.tags.to_string(),
            size(repository.bytes),
            repository.pulls.to_string(),
            age(repository.last_pulled, now),
        ]
    });
    table(&columns, rows.collect())
}

/// A table of images.
pub(super) fn images(images: &[CacheImage], now: u64) -> String {
    if images.is_empty() {
        return sentence!("no image is held") + "\n";
    }
    let columns = [
        Column("TAGS", Left),
        Column("DIGEST", Left),
        Column("SIZE", Right),
        Column("PULLS", Right),
        Column("LAST PULL", Left),
    ];
    let rows = images.iter().map(|image| {
        vec![
            tags(image),
            image.digest.to_string(),
            size(image.bytes),
            image.pulls.to_string(),
            age(image.last_pulled, now),
        ]
    });
    table(&columns, rows.collect())
}

/// The counts, one per line.
pub(super) fn totals(totals: &CacheTotals) -> String {
    format!(
        "{}\n{}\n{}\n{}\n{}\n",
        amount(totals.repositories, "repository"),
        amount(totals.tags, "tag"),
        amount(totals.manifests, "manifest"),
        amount(totals.blobs, "blob"),
        size(totals.bytes),
    )
}

/// A table of what disagrees, and a line about the whole.
pub(super) fn verification(found: &CacheVerification) -> String {
    let whole = sentence!(
        "{blobs} and {records} compared, {findings}",
        blobs = amount(found.stored, "stored blob"),
        records = amount(found.records, "record"),
        findings = amount(found.findings.len(), "finding"),
    ) + "\n";
    if found.findings.is_empty() {
        return whole;
    }
    let columns = [
        Column("FINDING", Left),
        Column("DIGEST", Left),
        Column("SIZE", Right),
        Column("STATE", Left),
        Column("REPOSITORIES", Left),
    ];
    let rows = found.findings.iter().map(|finding| {
        let fault = match finding.fault {
            CacheFault::MissingBytes => word("record without bytes"),
            CacheFault::MissingRecord => word("bytes without record"),
        };
        vec![
            fault,
            finding.digest.to_string(),
            size(finding.size),
            if finding.repaired { word("repaired") } else { "-".to_owned() },
            repositories_of(finding),
        ]
    });
    table(&columns, rows.collect()) + &whole
}

fn repositories_of(finding: &CacheFinding) -> String {
    if finding.repositories.is_empty() { "-".to_owned() } else { finding.repositories.join(",") }
}

/// The images that a removal would delete.
pub(super) fn planned(images: &[CacheImage]) -> String {
    if images.is_empty() {
        return sentence!("would remove blobs that belong to no image") + "\n";
    }
    let lines = images.iter().map(|image| {
        sentence!("would remove {digest} {tags}", digest = image.digest, tags = tags(image)) + "\n"
    });
    lines.collect()
}

/// The result of a removal.
pub(super) fn removed(removal: &CacheRemoval) -> String {
    sentence!(
        "removed {manifests} and {blobs}, {freed} freed",
        manifests = amount(removal.manifests, "manifest"),
        blobs = amount(removal.blobs, "blob"),
        freed = size(removal.freed)
    ) + "\n"
}

fn tags(image: &CacheImage) -> String {
    if image.tags.is_empty() { "-".to_owned() } else { image.tags.join(",") }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::Digest;

    use super::*;

    #[test]
    fn counts_read_well() {
        let counts = CacheTotals { repositories: 1, tags: 2, manifests: 3, blobs: 0, bytes: 2048 };
        assert_eq!(totals(&counts), "1 repository\n2 tags\n3 manifests\n0 blobs\n2.0 KiB\n");
        let removal = CacheRemoval { manifests: 1, blobs: 2, freed: 0 };
        assert_eq!(removed(&removal), "removed 1 manifest and 2 blobs, 0 B freed\n");
    }

    #[test]
    fn findings_are_named() {
        let none = CacheVerification { records: 1, stored: 2, ..CacheVerification::default() };
        assert_eq!(verification(&none), "2 stored blobs and 1 record compared, 0 findings\n");
        let digest = Digest::of(b"a");
        let finding =
            |fault, repositories, repaired| CacheFinding { digest, size: 1, fault, repositories, repaired };
        let lost = finding(CacheFault::MissingBytes, vec!["local/a".to_owned(), "local/b".to_owned()], false);
        let findings = vec![lost, finding(CacheFault::MissingRecord, vec![], true)];
        let lines = verification(&CacheVerification { findings, ..none });
        let cells: Vec<Vec<&str>> = lines
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        let digest = digest.to_string();
        assert_eq!(cells[1], ["record without bytes", &digest, "1 B", "-", "local/a,local/b"]);
        assert_eq!(cells[2], ["bytes without record", &digest, "1 B", "repaired", "-"]);
        assert_eq!(cells[3], ["2 stored blobs and 1 record compared, 2 findings"]);
    }

    #[test]
    fn images_show_their_tags() {
        let image = |tags: &[&str]| CacheImage {
            digest: Digest::of(b"a"),
            media_type: String::new(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            bytes: 1,
            pulls: 0,
            last_pulled: None,
            since: None,
        };
        let digest = Digest::of(b"a");
        assert_eq!(
            planned(&[image(&["a", "b"]), image(&[])]),
            format!("would remove {digest} a,b\nwould remove {digest} -\n")
        );
        assert_eq!(images(&[], 0), "no image is held\n");
        assert_eq!(repositories(&[], 0), "nothing is held\n");
    }
}
