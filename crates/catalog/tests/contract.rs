//! What the catalog promises, held against both databases.
//!
//! Each function of `contract/*.rs` runs on SQLite, and on PostgreSQL where `ENTREPOT_TEST_POSTGRES` holds a URL; there
//! each gets its own schema. `contract/setup.rs` has the small words they are written in.

#![allow(unreachable_pub, reason = "a test binary exports nothing")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "outside of test functions, but only for them")]

#[path = "contract/setup.rs"]
mod setup;

#[path = "contract/access.rs"]
mod access;
#[path = "contract/blobs.rs"]
mod blobs;
#[path = "contract/concurrency.rs"]
mod concurrency;
#[path = "contract/eviction.rs"]
mod eviction;
#[path = "contract/instances.rs"]
mod instances;
#[path = "contract/keep.rs"]
mod keep;
#[path = "contract/library.rs"]
mod library;
#[path = "contract/limits.rs"]
mod limits;
#[path = "contract/manifests.rs"]
mod manifests;
#[path = "contract/mode_order.rs"]
mod mode_order;
#[path = "contract/nodes.rs"]
mod nodes;
#[path = "contract/prunes.rs"]
mod prunes;
#[path = "contract/pulls.rs"]
mod pulls;
#[path = "contract/removal.rs"]
mod removal;
#[path = "contract/requests.rs"]
mod requests;
#[path = "contract/secrets.rs"]
mod secrets;
#[path = "contract/servers.rs"]
mod servers;
#[path = "contract/specs.rs"]
mod specs;
#[path = "contract/sync.rs"]
mod sync;
#[path = "contract/tags.rs"]
mod tags;
#[path = "contract/usage.rs"]
mod usage;
#[path = "contract/visibility.rs"]
mod visibility;
#[path = "contract/webhooks.rs"]
mod webhooks;

/// Stamps each test on both databases.
macro_rules! on_both {
    ($($module:ident { $($test:ident),* $(,)? })*) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let home = crate::setup::Home::sqlite();
                    crate::$module::$test(&home).await;
                    home.clear().await;
                })*
            })*
        }
        mod postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let Some(home) = crate::setup::Home::postgres().await else { return };
                    crate::$module::$test(&home).await;
                    home.clear().await;
                })*
            })*
        }
    };
}

on_both! {
    access {
        accounts_have_unique_names, accounts_change_only_as_they_were_seen,
        accounts_from_elsewhere_are_found_by_subject, accounts_come_in_pages, tokens_are_renewed_with_grace,
        tokens_go_with_their_account, keys_are_kept_sealed, the_audit_is_read_backwards,
        accounts_are_found_and_ordered, tokens_that_end_soon_come_first,
        grants_end_with_the_account_that_they_are_to, the_audit_is_searched,
        sessions_are_found_and_end, sessions_end_with_what_they_stand_on, sessions_of_an_account_are_bounded,
        public_keys_are_one_for_each_account,
    }
    secrets {
        credentials_have_unique_names, credentials_change_only_as_they_were_seen, credentials_come_in_pages,
        sealed_values_are_replaced_unless_they_changed, one_that_exists_is_read_beside_its_server,
    }
    library {
        entries_are_added_and_read_back, ids_of_entries_are_never_used_twice, entries_change_only_as_they_were_seen,
        several_entries_are_stored_or_none, what_a_check_found_is_kept_until_the_address_changes,
        entries_are_found_and_ordered, entries_come_in_pages, an_entry_in_use_is_not_removed,
        a_credential_is_known_by_its_entries, many_add_entries_at_once,
    }
    tags { points_and_moves, come_in_bytewise_order, come_in_pages, are_kept_apart_by_repository, go_alone }
    manifests {
        are_remembered_with_their_tags, missing_blob_leaves_nothing, wrong_sizes_leave_nothing,
        foreign_blobs_are_not_required,
        put_again_keeps_age_and_use, removed_with_their_tags, referrers_come_oldest_first, large_ones_fit,
        referrers_come_without_large_annotations, sizes_are_what_manifests_say,
        what_names_a_manifest_or_blob_is_found,
        what_once_led_to_a_manifest_is_known,
    }
    blobs { are_linked_per_repository, unlinking_tells_who_is_left, linking_twice_is_once }
    usage {
        is_added_up, repositories_are_listed, names_written_alike_are_listed_together, images_are_roots, totals_count_once,
        counts_follow_every_change, counts_are_right_while_many_write, an_older_catalog_is_counted, what_is_recorded_is_found,
    }
    removal {
        of_nothing, of_a_tag_among_two, of_the_last_tag, of_an_index, shared_children_stay, tagged_children_stay,
        of_a_digest_takes_its_tags, referrers_go_with_their_subject, other_repositories_keep_theirs, of_a_repository,
        blobs_of_no_manifest_stay,
    }
    servers { a_second_one_is_refused, a_lost_lock_is_noticed, runs_of_servers_that_are_gone_were_interrupted }
    sync {
        runs_are_remembered, the_latest_runs_come_first_and_the_oldest_go,
        the_last_whole_run_counts, a_run_keeps_what_it_did, the_last_word_about_a_copy_stands, other_forms_and_verified_tags,
    }
    eviction {
        pins_have_holders_and_end, a_list_of_pins_is_replaced, contents_are_told_whole, an_image_goes_whole,
        what_is_needed_pinned_or_used_stays, hosted_images_are_never_retired, strays_go_when_they_are_old,
        one_that_comes_back_is_known, ghosts_are_bounded, heat_fades, a_round_goes_on_where_it_was,
    }
    limits { a_subject_has_one_ban, images_are_denied_once, pullers_are_added_up_and_trimmed }
    mode_order { is_kept_replaced_and_taken_back }
    visibility { is_kept_without_content, is_trimmed_by_age_and_number, accounts_are_remembered }
    webhooks {
        deliveries_are_tried_in_the_order_of_their_times, the_latest_deliveries_come_first,
        a_delivery_is_asked_for_once_more, deliveries_are_bounded_and_go_with_their_webhook,
    }
    prunes {
        a_later_list_replaces_one_that_waits, a_list_is_decided_about_once_and_keeps_what_became_of_it,
        lists_that_nobody_deals_with_any_more_are_interrupted, old_lists_go_with_their_tags,
    }
    nodes {
        nodes_have_unique_names, nodes_change_only_as_they_were_seen, nodes_are_found_by_what_they_are,
        checks_leave_what_people_said, nodes_with_something_on_them_stay, secrets_of_nodes_are_replaced_in_place,
        cards_are_found_again, cards_that_are_gone_stay_while_somebody_has_them, quarantine_lasts_until_somebody_ends_it,
        ids_are_never_used_twice,
    }
    specs {
        specs_are_kept_as_they_were_said, specs_have_unique_names, specs_change_only_as_they_were_seen,
        specs_are_found_by_what_they_are, specs_in_use_stay, who_waits_for_a_spec_is_kept_until_told,
    }
    pulls {
        pulls_of_one_image_by_one_node_are_one, pulls_end_once, the_latest_pulls_come_first, old_pulls_are_forgotten,
        many_ask_at_once_and_one_pulls,
    }
    requests {
        the_same_image_is_asked_for_once_by_many, who_leaves_is_not_counted, requests_go_on_after_a_restart_and_end_once,
        the_latest_requests_come_first, old_requests_are_forgotten,
    }
    keep {
        images_stand_as_they_were_seen_last, runs_end_once_and_forget_what_is_of_the_list_no_more,
    }
    instances {
        are_created_once_for_a_request, names_are_an_accounts_own, what_is_off_the_shelf_is_not_run,
        a_refusal_leaves_nothing, many_at_once_never_share_more_than_there_is, are_found_and_come_in_pages,
        change_only_as_they_were_seen, a_stopped_one_frees_its_cards, ports_are_given_once,
        quotas_and_holdings_are_told, periods_begin_and_end_once, volumes_wait_for_another_instance,
        }
    concurrency {
        sixteen_writers, unlinking_everywhere_finds_one_last, aborted_writers_leave_nothing_open, reopening_keeps_all,
        newer_tables_are_refused, two_open_at_once,
    }
}
