//! Remembers, in SQLite or PostgreSQL, what we hold.
