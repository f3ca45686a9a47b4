//! Keeps verified bytes by digest, on disk or S3.
