//! Holds every query of a request path to its index, in a catalog of 100,000 repositories.
//!
//! A clock would lie on a busy machine; SQLite says how it goes about a query.

use sqlx::AssertSqlSafe;

use crate::{
    access, bans, blobs, counts,
    database::Catalog,
    denials, eviction, images, keep,
    key::{Origin, RepoKey},
    library::{self, instance_queries},
    lineage, manifests,
    open::Location,
    pullers, recorded, removal, requests, sql, sync, tags, upkeep, usage, visibility, webhooks,
};

const QUERIES: &[(&str, &str)] = &[
    ("tag", tags::TAG),
    ("tags", tags::TAGS),
    ("tag checked", tags::CHECKED),
    ("remove tag", tags::REMOVE),
    ("repository", sql::FIND_REPOSITORY),
    ("drop if empty", sql::DROP_IF_EMPTY),
    ("is held", sql::IS_HELD),
    ("manifest", manifests::MANIFEST),
    ("referrers", manifests::REFERRERS),
    ("said size", manifests::SAID_SIZE),
    ("image size", manifests::IMAGE_SIZE),
    ("named by", manifests::NAMED_BY),
    ("above", lineage::ABOVE),
    ("tags of a manifest", lineage::TAGS_OF),
    ("former tags of a manifest", lineage::FORMER_TAGS_OF),
    ("keep former tag", manifests::KEEP_FORMER),
    ("missing blob", manifests::MISSING_BLOB),
    ("wrong size", manifests::WRONG_SIZE),
    ("remove manifest", manifests::REMOVE),
    ("blob", blobs::BLOB),
    ("holders", blobs::HOLDERS),
    ("unlink", blobs::UNLINK),
    ("used", usage::USED),
    ("warm", usage::WARM),
    ("pins", eviction::PINS),
    ("pins of a holder", eviction::UNPIN_HOLDER),
    ("next repositories", eviction::NEXT_REPOSITORIES),
    ("pinned in a repository", eviction::PINNED_IN),
    ("state of a manifest", eviction::STATE),
    ("tags at a manifest", eviction::TAGS_AT),
    ("strays", eviction::STRAYS),
    ("evicted bytes", eviction::EVICTED_BYTES),
    ("ghost", eviction::GHOST),
    ("returned", eviction::RETURNED),
    ("trim ghosts", eviction::TRIM_GHOSTS),
    ("trim many ghosts", eviction::TRIM_MANY_GHOSTS),
    ("returned images", eviction::SAVINGS),
    ("upkeep", upkeep::GET),
    ("repositories", usage::REPOSITORIES),
    ("count", counts::COUNT),
    ("recorded blobs", recorded::BLOBS),
    ("recorded manifests", recorded::MANIFESTS),
    ("manifest holders", recorded::MANIFEST_HOLDERS),
    ("images", images::IMAGES),
    ("tags between", images::TAGS_BETWEEN),
    ("take tag", removal::TAKE_TAG),
    ("facts", removal::FACTS),
    ("parents", removal::PARENTS),
    ("leads to", removal::LEADS_TO),
    ("blobs of", removal::BLOBS_OF),
    ("unlink unnamed", removal::UNLINK_UNNAMED),
    ("only here", removal::ONLY_HERE),
    ("all manifests", removal::ALL_MANIFESTS),
    ("all blobs", removal::ALL_BLOBS),
    ("visibility", visibility::VISIBILITY),
    ("trim visibility", visibility::TRIM),
    ("trim private", visibility::TRIM_PRIVATE),
    ("upstream accounts", visibility::ACCOUNTS),
    ("remove ban", bans::REMOVE),
    ("trim bans", bans::TRIM),
    ("remove denial", denials::REMOVE),
    ("pullers", pullers::PULLERS),
    ("trim pullers", pullers::TRIM),
    ("prune", sync::PRUNE),
    ("latest prune", sync::LATEST),
    ("prunes", sync::PRUNES),
    ("prunes of a rule", sync::PRUNES_OF),
    ("tags of a prune", sync::PRUNE_TAGS),
    ("replace prunes", sync::REPLACE),
    ("trim prunes", sync::TRIM_PRUNES),
    ("end wait", library::END_WAIT),
    ("end waits", library::END_WAITS),
    ("next delivery", webhooks::NEXT),
    ("delivery", webhooks::DELIVERY),
    ("deliveries", webhooks::DELIVERIES),
    ("deliveries to a webhook", webhooks::DELIVERIES_OF),
    ("trim deliveries", webhooks::TRIM),
    ("trim deliveries that wait", webhooks::TRIM_WAITING),
    ("deliveries that wait", webhooks::WAITING),
    ("forget a webhook", webhooks::FORGET),
    ("account", access::ACCOUNT),
    ("account by name", access::BY_NAME),
    ("account by subject", access::BY_SUBJECT),
    ("accounts", access::ACCOUNTS),
    ("accounts by name", access::BY_NAME_UP),
    ("accounts by name, backwards", access::BY_NAME_BACK),
    ("accounts by age", access::BY_AGE),
    ("accounts by age, backwards", access::BY_AGE_BACK),
    ("remove account", access::REMOVE_ACCOUNT),
    ("remove grant", access::REMOVE_GRANT),
    ("remove grants of an account", access::REMOVE_GRANTS_OF),
    ("tokens that end", access::ENDING),
    ("token", access::TOKEN),
    ("tokens of an account", access::TOKENS_OF),
    ("secrets", access::SECRETS),
    ("session", access::SESSION),
    ("sessions of an account", access::SESSIONS_OF),
    ("remove session", access::REMOVE_SESSION),
    ("remove sessions of an account", access::REMOVE_SESSIONS),
    ("remove ended sessions", access::REMOVE_ENDED_SESSIONS),
    ("public key of an account", access::SSH_KEY_OF),
    ("public key by fingerprint", access::SSH_KEY_WITH),
    ("remove public key", access::REMOVE_SSH_KEY),
    ("audit", access::AUDIT),
    ("audit of somebody", access::AUDIT_OF),
    ("audit of an action", access::AUDIT_OF_ACTION),
    ("trim audit", access::TRIM_AUDIT),
    ("run", sync::RUN),
    ("runs", sync::RUNS),
    ("runs of a rule", sync::RUNS_OF),
    ("heartbeat", sync::HEARTBEAT),
    ("interrupt", sync::INTERRUPT),
    ("trim", sync::TRIM),
    ("last whole run", sync::LAST_WHOLE),
    ("run's copies", sync::RUN_COPIES),
    ("source tags", sync::SOURCE_TAGS),
    ("copies", sync::COPIES),
    ("converted", sync::CONVERTED),
    ("verified", sync::VERIFIED),
    ("entry", library::ENTRY),
    ("entries of a name", library::ENTRIES_NAMED),
    ("entries of an image", library::ENTRIES_OF_IMAGE),
    ("entries by age", library::ENTRIES_BY_AGE),
    ("entries by age, backwards", library::ENTRIES_BY_AGE_BACK),
    ("entries by name", library::ENTRIES_BY_NAME),
    ("entries by name, backwards", library::ENTRIES_BY_NAME_BACK),
    ("page of entries", library::ENTRIES_PAGE),
    ("entries, counted", library::COUNT_ENTRIES),
    ("entry with a credential", library::ENTRY_WITH_CREDENTIAL),
    ("instances of an entry", library::ENTRY_USES),
    ("installation", library::INSTALLATION),
    ("node", library::NODE),
    ("node by name", library::NODE_BY_NAME),
    ("nodes", library::NODES),
    ("what is on a node", library::NODE_USES),
    ("data on a node", library::HOLDS_DATA),
    ("remove node", library::REMOVE_NODE),
    ("secret of a node", library::NODE_SECRET),
    ("cards of nodes", library::DEVICES_OF),
    ("all cards", library::ALL_DEVICES),
    ("cards that are gone", library::DEVICES_GONE),
    ("forget cards", library::FORGET_DEVICES),
    ("spec", library::SPEC),
    ("spec by name", library::SPEC_BY_NAME),
    ("specs", library::SPECS),
    ("uses of a spec", library::SPEC_USES),
    ("remove spec", library::REMOVE_SPEC),
    ("pull", library::PULL),
    ("pull under way", library::ACTIVE_PULL),
    ("pulls under way", library::UNFINISHED_PULLS),
    ("pulls", library::PULLS),
    ("pulls of a node", library::PULLS_OF),
    ("trim pulls", library::TRIM_PULLS),
    ("request", requests::REQUEST),
    ("open request", requests::OPEN),
    ("requests under way", requests::UNFINISHED),
    ("requests", requests::REQUESTS),
    ("requests of a client", requests::REQUESTS_OF),
    ("leave request", requests::LEAVE),
    ("open requests of a client", requests::OPEN_OF),
    ("requests of a client since", requests::ASKED_SINCE),
    ("who asked", requests::HAS_ASKED),
    ("trim requests", requests::TRIM),
    ("kept images", keep::IMAGES),
    ("kept images, counted", keep::COUNTS),
    ("forget kept images", keep::FORGET),
    ("last run of a keep list", keep::LAST),
    ("trim runs of a keep list", keep::TRIM),
];

/// What is computed on the way, and therefore read whole.
const INTERMEDIATE: [&str; 1] = ["SCAN held"];

const NUMBERS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) INSERT INTO";

async fn large(path: std::path::PathBuf) -> Catalog {
    let catalog = Catalog::open(&Location::Sqlite(path)).await.unwrap();
    let digest = "'sha256:' || printf('%064x', i)";
    for text in [
        format!("{NUMBERS} repository (id, path, origin) SELECT i, 'quay.io/r' || i, 'quay.io' FROM n"),
        format!(
            "{NUMBERS} manifest (repository_id, digest, media_type, size, created_ms) \
             SELECT i, {digest}, 'a/b', 1, i FROM n"
        ),
        format!("{NUMBERS} tag SELECT i, 'latest', {digest}, i, i FROM n"),
        format!("{NUMBERS} reference SELECT i, {digest}, 'sha256:' || i, 0, 1 FROM n"),
        format!("{NUMBERS} blob SELECT 'sha256:' || i % 1000, i, 1, 1 FROM n"),
    ] {
        sqlx::query(AssertSqlSafe(text)).execute(&catalog.writer).await.unwrap();
    }
    catalog
}

#[tokio::test]
async fn every_query_goes_by_index() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = large(dir.path().join("large.db")).await;
    let key = RepoKey {
        origin: Origin::Upstream("quay.io".parse().unwrap()),
        repository: "r77777".parse().unwrap(),
    };
    let record = catalog.tag(&key, &"latest".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.digest.hex(), format!("{:064x}", 77777));

    for (name, text) in QUERIES.iter().chain(&instance_queries::ALL) {
        let text = text.replace("{}", "(1, 2)");
        let rows =
            sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
                .fetch_all(&catalog.reader)
                .await
                .unwrap();
        let steps: Vec<_> = rows.iter().map(|row| row.3.as_str()).collect();
        let reads_all = |step: &str| {
            // A repository may have as many references as a registry has repositories.
            let by_half = step.contains("_reference_1 (repository_id=?)");
            step.starts_with("SCAN") && !INTERMEDIATE.contains(&step) || step.contains("AUTOMATIC") || by_half
        };
        assert!(!steps.iter().any(|step| reads_all(step)), "{name}: {steps:#?}");
    }
}
