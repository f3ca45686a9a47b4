//! The contract of a store: one suite, run on disk and on S3.
//!
//! - `cases`: the contract, written against [`place::Place`]
//! - `disk`, `s3`: cases for one backend only, including faults

#![allow(clippy::unwrap_used, clippy::print_stderr, unreachable_pub, reason = "tests and their helpers")]

mod cases;
mod disk;
mod place;
mod s3;

macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod on_disk {
            $(#[tokio::test]
            async fn $case() {
                crate::cases::$case(&crate::place::Place::disk()).await;
            })*
        }
        mod on_s3 {
            $(#[tokio::test]
            async fn $case() {
                crate::cases::$case(&crate::place::Place::s3().await).await;
            })*
        }
    };
}

contract! {
    puts_and_gets,
    keeps_across_a_restart,
    refuses_a_wrong_digest,
    reads_up_to_a_limit,
    removes,
    lists_all_in_pages,
    looks_behind_the_cache,
    remembers_no_miss,
    knows_sha512,
    keeps_nothing_at_all,
    commits_what_was_staged,
    commits_the_same_again,
    commits_many_parts,
    commits_one_digest_many_times_at_once,
    gives_any_range,
    stages_across_a_restart,
    keeps_notes,
    lists_what_is_staged,
    replaces_what_is_staged,
    discards_what_is_staged,
    shows_a_file_while_it_grows,
    takes_no_changes_after_a_commit,
    never_takes_mapped_bytes_away,
    sweeps_up_after_a_crash,
    is_within_reach,
}
