//! `entrepot cache verify`: compares stored bytes with records.

use entrepot_api::{CacheFault, CacheVerification};

use super::{holder::CacheBackend, print::print, render};
use crate::{
    failure::Failure,
    output::{Output, counted},
};

/// What to do about findings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repair {
    /// Repair what can be repaired.
    pub(crate) repair: bool,
    /// Also if most of what is held would go.
    pub(crate) yes: bool,
}

/// Looks at everything; repairs it in a second round.
pub(super) async fn verify(backend: &CacheBackend, how: Repair, output: Output) -> Result<(), Failure> {
    let mut found = backend.verify(false).await?;
    if how.repair && !found.findings.is_empty() {
        beware(&found, how)?;
        found = backend.verify(true).await?;
    }
    print(output, &found, || render::verification(&found))?;
    let (unrepaired, lost) = (left(&found), lost(&found));
    if unrepaired == 0 {
        return Ok(());
    }
    let failure = Failure::new(format!("bytes and records disagree: {}", counted(unrepaired, "finding")));
    Err(if lost == unrepaired && how.repair {
        failure.with_hint("push again what was pushed, or remove it: `entrepot cache rm NAME`")
    } else {
        failure.with_hint("repair what can be repaired: `entrepot cache verify --repair`")
    })
}

// Where most of it disagrees, store and database probably do not belong together.
fn beware(found: &CacheVerification, how: Repair) -> Result<(), Failure> {
    let unrecorded = count(found, |fault, _| fault == CacheFault::MissingRecord);
    let lost = count(found, |fault, _| fault == CacheFault::MissingBytes);
    if how.yes {
        return Ok(());
    }
    if unrecorded > found.stored / 2 {
        let what = format!("{unrecorded} of {} have no record", counted(found.stored, "stored blob"));
        return Err(Failure::wrong(what).with_hint("is this the right database? say `--yes` to delete them"));
    }
    if lost > found.records / 2 {
        let what = format!("{lost} of {} have no bytes", counted(found.records, "record"));
        return Err(Failure::wrong(what).with_hint("is this the right store? say `--yes` to forget them"));
    }
    Ok(())
}

fn left(found: &CacheVerification) -> u64 {
    count(found, |_, repaired| !repaired)
}

fn lost(found: &CacheVerification) -> u64 {
    count(found, |fault, repaired| !repaired && fault == CacheFault::MissingBytes)
}

fn count(found: &CacheVerification, is_meant: impl Fn(CacheFault, bool) -> bool) -> u64 {
    found.findings.iter().filter(|finding| is_meant(finding.fault, finding.repaired)).count() as u64
}

#[cfg(test)]
mod tests {
    use entrepot_api::CacheFinding;
    use entrepot_oci::Digest;

    use super::*;

    fn found(fault: CacheFault, times: usize, stored: u64) -> CacheVerification {
        let finding =
            CacheFinding { digest: Digest::of(b"a"), size: 1, fault, repositories: vec![], repaired: false };
        CacheVerification {
            stored,
            records: stored,
            findings: vec![finding; times],
            ..CacheVerification::default()
        }
    }

    #[test]
    fn deleting_most_of_it_wants_a_word() {
        let (careful, sure) = (Repair { repair: true, yes: false }, Repair { repair: true, yes: true });
        let most = found(CacheFault::MissingRecord, 3, 5);
        let told = "3 of 5 stored blobs have no record\nhint: is this the right database? say `--yes` to delete them";
        assert_eq!(beware(&most, careful).unwrap_err().to_string(), told);
        assert_eq!(beware(&most, sure), Ok(()));
        assert_eq!(beware(&found(CacheFault::MissingRecord, 2, 5), careful), Ok(()));
        let most = found(CacheFault::MissingBytes, 3, 5);
        let told = "3 of 5 records have no bytes\nhint: is this the right store? say `--yes` to forget them";
        assert_eq!(beware(&most, careful).unwrap_err().to_string(), told);
        assert_eq!(beware(&found(CacheFault::MissingBytes, 2, 5), careful), Ok(()));
    }
}
