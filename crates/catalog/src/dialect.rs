//! The few statements in which the two databases differ.
//!
//! Everything else is one text for both; a new difference belongs here or nowhere.

/// The statements that differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Starts a transaction that others cannot get into. SQLite takes the write lock at once: upgrading a read later
    /// may fail. PostgreSQL lets them run side by side and fails one that saw what another changed.
    pub(crate) begin: &'static str,
    /// Starts a transaction whose statements each see what others have committed by then.
    pub(crate) begin_plain: &'static str,
    /// Sent on each new connection that writes.
    pub(crate) writer: &'static str,
    /// Sent on each new connection that only reads.
    pub(crate) reader: &'static str,
    /// Sent once, before the tables are made.
    pub(crate) before_tables: &'static str,
    /// Starts the transaction in which the tables are made, where the driver does not keep others out by itself.
    pub(crate) begin_tables: Option<&'static str>,
    /// The most connections that write.
    pub(crate) writers: u32,
}

/// Write-ahead logging, so that readers never wait; `FULL`, so that what was acknowledged survives a power cut.
pub(crate) const SQLITE: Dialect = Dialect {
    begin: "BEGIN IMMEDIATE",
    begin_plain: "BEGIN IMMEDIATE",
    writer: "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON",
    reader: "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON",
    before_tables: "",
    begin_tables: Some("BEGIN IMMEDIATE"),
    writers: 1,
};

/// Its order of text depends on the server's locale, so it gets the collation that SQLite has built in.
pub(crate) const POSTGRES: Dialect = Dialect {
    begin: "BEGIN ISOLATION LEVEL SERIALIZABLE",
    begin_plain: "BEGIN ISOLATION LEVEL READ COMMITTED",
    writer: "",
    reader: "",
    before_tables: r#"CREATE COLLATION IF NOT EXISTS "BINARY" FROM pg_catalog."C""#,
    begin_tables: None,
    writers: 16,
};
