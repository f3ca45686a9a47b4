//! Verification of what is held, on request and in the background.

use std::time::Duration;

use entrepot_events::{Event, ScrubFound};
use entrepot_oci::Digest;

use crate::{
    error::Error,
    findings::{Discrepancy, Finding, Verification, are_few},
    holdings::verify::Check,
    mirror::Mirror,
};

/// How long after the start what is held is verified for the first time: what a kill left behind is then repaired.
const FIRST: Duration = Duration::from_secs(60);
/// How often it is verified.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause between two parts, so that pulls do not notice.
const PAUSE: Duration = Duration::from_millis(200);
/// The most findings that one round repairs.
const FINDINGS: usize = 10_000;

impl Mirror {
    /// Compares the bytes and the records of a part of all digests: those that follow `after`, or the first ones.
    ///
    /// # Errors
    /// The store failed.
    pub async fn verify(&self, after: Option<&Digest>, check: Check) -> Result<Verification, Error> {
        self.0.holdings.verify(after, check).await
    }

    /// Verifies everything and repairs what can be repaired, without haste: with a pause after each part. Where suspiciously
    /// much disagrees, nothing is repaired.
    ///
    /// # Errors
    /// The store failed. What has been found by then is repaired in the next round.
    pub async fn heal(&self, pause: Duration) -> Result<Verification, Error> {
        let mut all = Verification::default();
        loop {
            let part = self.verify(all.last.as_ref(), Check::default()).await?;
            all.records += part.records;
            all.stored += part.stored;
            all.findings.extend(part.findings);
            all.findings.truncate(FINDINGS);
            all.last = part.last;
            if all.last.is_none() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        let repairs = [(Discrepancy::MissingBytes, all.records), (Discrepancy::MissingRecord, all.stored)];
        for (fault, of) in repairs {
            let number = all.findings.iter().filter(|finding| finding.discrepancy == fault).count() as u64;
            if !are_few(number, of) {
                tracing::warn!(
                    number,
                    of,
                    ?fault,
                    "bytes and records disagree suspiciously often; nothing is repaired: do this store and this database \
                     belong together? `entrepot cache verify` lists what disagrees"
                );
                continue;
            }
            for finding in all.findings.iter_mut().filter(|finding| finding.discrepancy == fault) {
                // It may have been put right meanwhile.
                let repaired = self.0.holdings.examine(&finding.digest, true).await?;
                finding.repaired = repaired.is_none_or(|repaired| repaired.repaired);
                tell(finding);
            }
        }
        if let Some(found) = lost(&all) {
            self.0.events.raise(Event::ScrubFound(found));
        }
        Ok(all)
    }

    pub(crate) async fn healing(self) {
        let mut wait = FIRST;
        loop {
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(wait) => {}
            }
            tokio::select! {
                () = self.stopping() => return,
                healed = self.heal(PAUSE) => if healed.is_err() {
                    tracing::warn!("what is held could not be verified");
                },
            }
            wait = EVERY;
        }
    }
}

// Bytes without a record harm nobody.
fn lost(all: &Verification) -> Option<ScrubFound> {
    let lost = all.findings.iter().filter(|finding| finding.discrepancy == Discrepancy::MissingBytes);
    let (wrong, repaired) =
        (lost.clone().count() as u64, lost.filter(|finding| finding.repaired).count() as u64);
    (wrong > 0).then_some(ScrubFound { checked: all.records, wrong, repaired })
}

fn tell(finding: &Finding) {
    let Finding { digest, size, .. } = finding;
    match (finding.discrepancy, finding.repaired) {
        (Discrepancy::MissingRecord, true) => {
            tracing::info!(%digest, size, "bytes without a record were deleted")
        }
        (Discrepancy::MissingBytes, true) => {
            tracing::warn!(%digest, size, "bytes are lost; they are fetched again when somebody asks for them");
        }
        (Discrepancy::MissingRecord, false) => {
            tracing::warn!(%digest, size, "bytes without a record could not be deleted")
        }
        (Discrepancy::MissingBytes, false) => {
            let repositories = finding.repositories.join(", ");
            tracing::error!(%digest, size, repositories, "bytes of pushed content are lost: push it again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(discrepancy: Discrepancy, repaired: bool) -> Finding {
        Finding { digest: Digest::of(b"x"), size: 1, discrepancy, repositories: Vec::new(), repaired }
    }

    #[test]
    fn operators_hear_of_bytes_that_are_lost_and_of_nothing_else() {
        let found = |findings| Verification { records: 10, stored: 12, findings, last: None };
        assert_eq!(lost(&found(vec![finding(Discrepancy::MissingRecord, true)])), None);
        let findings = vec![
            finding(Discrepancy::MissingBytes, true),
            finding(Discrepancy::MissingBytes, false),
            finding(Discrepancy::MissingRecord, true),
        ];
        assert_eq!(lost(&found(findings)), Some(ScrubFound { checked: 10, wrong: 2, repaired: 1 }));
    }
}
