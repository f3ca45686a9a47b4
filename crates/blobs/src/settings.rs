//! The `blobs.s3` section of the configuration.

use std::time::Duration;

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::{connections::Connector, error::Error};

/// The S3 bucket, of any service with an S3 API, that stores the blobs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
    /// The bucket. It must exist, and should have a lifecycle rule that aborts old incomplete multipart uploads.
    pub bucket: String,
    /// The service's URL, without the bucket. `http://` means unencrypted.
    pub endpoint: Url,
    /// The region to sign for. Default `us-east-1`, which services without regions accept.
    #[serde(default = "default_region")]
    pub region: String,
    /// Prefix of all keys, so that a bucket can be shared. Default: none.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The access key. Default: the usual `AWS_…` variables or the machine's own role.
    #[serde(default)]
    pub access_key: Option<SecretString>,
    /// The secret key; required with `access_key`.
    #[serde(default)]
    pub secret_key: Option<SecretString>,
    /// Puts the bucket into the host name (`https://bucket.endpoint/key`) rather than the path. Some services, such as
    /// Aliyun OSS, accept nothing else.
    #[serde(default)]
    pub virtual_hosted: bool,
    /// Redirects clients to the service for large blobs; they must be able to reach it.
    #[serde(default)]
    pub redirect: bool,
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

/// How patiently a client of the service waits.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    connect: Duration,
    // Applies to silence; a whole blob may take any time.
    idle: Duration,
    retries: usize,
    // No retry begins later than this after the first attempt.
    retry_within: Duration,
}

impl Patience {
    /// For reading: a client waits for the answer, and other places may have the bytes.
    pub(crate) const READING: Self = Self {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(20),
        retries: 3,
        retry_within: Duration::from_secs(5),
    };
    /// For writing: whatever is given up has to be sent again.
    pub(crate) const WRITING: Self = Self {
        connect: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        retries: 5,
        retry_within: Duration::from_secs(60),
    };
}

// Only variables that identify us. Reading all `AWS_…` variables would let the environment override the endpoint.
const CREDENTIALS: [AmazonS3ConfigKey; 9] = [
    AmazonS3ConfigKey::AccessKeyId,
    AmazonS3ConfigKey::SecretAccessKey,
    AmazonS3ConfigKey::Token,
    AmazonS3ConfigKey::WebIdentityTokenFile,
    AmazonS3ConfigKey::RoleArn,
    AmazonS3ConfigKey::RoleSessionName,
    AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    AmazonS3ConfigKey::ContainerCredentialsFullUri,
    AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
];

impl S3Settings {
    /// A client for these settings; sends no request yet.
    pub(crate) fn client(&self, patience: Patience) -> Result<AmazonS3, Error> {
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(patience.connect)
            .with_read_timeout(patience.idle)
            .with_allow_http(self.endpoint.scheme() == "http");
        let builder = AmazonS3Builder::new()
            .with_client_options(options)
            .with_http_connector(Connector)
            .with_retry(retry(patience))
            // Not every service supports bulk deletes, and blobs are deleted one at a time.
            .with_disable_bulk_delete(true)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(self.virtual_hosted)
            .with_endpoint(self.address().as_str().trim_end_matches('/'));
        Ok(self.with_credentials(builder).build()?)
    }

    /// The URL for requests. With `virtual_hosted`, the client expects the bucket in the host name.
    fn address(&self) -> Url {
        let mut address = self.endpoint.clone();
        if let (true, Some(host)) = (self.virtual_hosted, self.endpoint.host_str()) {
            let with_bucket = format!("{}.{host}", self.bucket);
            // A bucket that cannot be part of a host name leaves the URL unchanged, and the service reports the error.
            let _ = address.set_host(Some(&with_bucket));
        }
        address
    }

    fn with_credentials(&self, mut builder: AmazonS3Builder) -> AmazonS3Builder {
        if self.access_key.is_none() && self.secret_key.is_none() {
            return CREDENTIALS.into_iter().fold(builder, from_environment);
        }
        if let Some(key) = &self.access_key {
            builder = builder.with_access_key_id(key.expose_secret());
        }
        if let Some(key) = &self.secret_key {
            builder = builder.with_secret_access_key(key.expose_secret());
        }
        builder
    }
}

fn from_environment(builder: AmazonS3Builder, key: AmazonS3ConfigKey) -> AmazonS3Builder {
    match std::env::var(key.as_ref().to_uppercase()) {
        Ok(value) => builder.with_config(key, value),
        Err(_) => builder,
    }
}

fn retry(patience: Patience) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: patience.retries, retry_timeout: patience.retry_within }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"bucket": "b", "endpoint": "https://s3.test"}"#;

    #[test]
    fn bucket_and_endpoint_are_enough() {
        let settings: S3Settings = serde_json::from_str(MINIMAL).unwrap();
        assert_eq!(settings.region, "us-east-1");
        assert!(!settings.redirect && settings.prefix.is_none());
    }

    #[test]
    fn the_bucket_may_be_part_of_the_host() {
        let mut settings: S3Settings = serde_json::from_str(MINIMAL).unwrap();
        assert_eq!(settings.address().as_str(), "https://s3.test/");
        settings.virtual_hosted = true;
        assert_eq!(settings.address().as_str(), "https://b.s3.test/");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error =
            serde_json::from_str::<S3Settings>(r#"{"bucket": "b", "endpoint": "https://s3.test", "x": 1}"#);
        assert!(error.unwrap_err().to_string().contains("unknown field `x`"));
    }

    #[test]
    fn half_a_key_pair_is_refused() {
        let mut settings: S3Settings = serde_json::from_str(MINIMAL).unwrap();
        settings.access_key = Some("AK".into());
        assert!(matches!(settings.client(Patience::READING), Err(Error::Store { .. })));
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut settings: S3Settings = serde_json::from_str(MINIMAL).unwrap();
        settings.access_key = Some("canary-access".into());
        settings.secret_key = Some("canary-secret".into());
        assert!(!format!("{settings:?}").contains("canary"));
    }
}
