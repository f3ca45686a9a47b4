//! The section `tracing` of the configuration, and what it means.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// The section as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracingSection {
    /// The collector: `http://127.0.0.1:4318`. Without it, nothing is traced.
    pub otlp: Option<String>,
    /// The share of traces that are sent: `10%`. All of them where it is left out.
    pub sample: Option<String>,
    /// Headers for the collector, such as `authorization`.
    pub headers: BTreeMap<String, SecretString>,
}

/// What it means. The headers are never shown.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    endpoint: Url,
    sample: Sample,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The share of traces that are sent. Whoever joins a trace follows its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample(
    /// Traces whose first 8 bytes are at most this are sent.
    u64,
);

/// What is wrong with the section, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The key.
    pub path: Vec<String>,
    /// What is wrong.
    pub what: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

impl TraceSettings {
    /// What a section means; `None` if nothing is traced.
    ///
    /// # Errors
    /// The first fault.
    pub fn read(section: &TracingSection) -> Result<Option<Self>, SettingsFault> {
        let sample = sample(section.sample.as_deref())?;
        let headers = section.headers.iter().map(header).collect::<Result<_, _>>()?;
        let Some(text) = &section.otlp else { return Ok(None) };
        Ok(Some(Self { endpoint: endpoint(text)?, sample, headers }))
    }

    /// Where traces are sent to.
    pub(crate) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    pub(crate) fn sample(&self) -> Sample {
        self.sample
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.headers.iter().cloned()
    }
}

impl Sample {
    /// Whether a trace with this id is sent.
    pub(crate) fn takes(self, trace: [u8; 16]) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = trace;
        self.0 > 0 && u64::from_be_bytes([a, b, c, d, e, f, g, h]) <= self.0
    }
}

fn fault(path: &[&str], what: &'static str, hint: &'static str) -> SettingsFault {
    SettingsFault { path: path.iter().map(|step| (*step).to_owned()).collect(), what, hint }
}

// A URL without a path is that of a collector, which takes traces at a path of its own (OTLP, "OTLP/HTTP request").
fn endpoint(text: &str) -> Result<Url, SettingsFault> {
    let hint = "write the address of the collector: `http://127.0.0.1:4318`";
    let wrong = || fault(&["otlp"], "this is not the address of a collector", hint);
    let mut url: Url = text.parse().map_err(|_| wrong())?;
    let is_fine = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_fine || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url)
}

fn sample(text: Option<&str>) -> Result<Sample, SettingsFault> {
    let Some(text) = text else { return Ok(Sample(u64::MAX)) };
    let wrong = || fault(&["sample"], "this is not a share", "write `100%`, `10%` or `0.1%`");
    let percent: f64 = text.trim().strip_suffix('%').and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(wrong());
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and the most, and a cast stays there"
    )]
    let most = (percent / 100.0 * u64::MAX as f64) as u64;
    Ok(Sample(most))
}

fn header((name, value): (&String, &SecretString)) -> Result<(HeaderName, HeaderValue), SettingsFault> {
    let wrong = |what| fault(&["headers", name.as_str()], what, "write `{authorization: \"env:NAME\"}`");
    let key =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("this is not the name of a header"))?;
    let value = HeaderValue::from_str(value.expose_secret());
    let mut value = value.map_err(|_| wrong("this cannot be the value of a header"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(section: Value) -> Result<Option<TraceSettings>, (String, &'static str)> {
        let section: TracingSection = serde_json::from_value(section).unwrap();
        TraceSettings::read(&section).map_err(|fault| (fault.path.join("."), fault.what))
    }

    #[test]
    fn a_collector_has_an_address_and_nothing_is_traced_without_one() {
        let endpoint = |text: &str| {
            read(json!({"otlp": text})).map(|settings| settings.unwrap().endpoint().as_str().to_owned())
        };
        assert_eq!(endpoint("http://127.0.0.1:4318").unwrap(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(endpoint("https://otel.example/x/traces").unwrap(), "https://otel.example/x/traces");
        for wrong in ["", "otel:4317", "ftp://x", "http://u:p@x"] {
            assert_eq!(endpoint(wrong).unwrap_err().0, "otlp", "{wrong}");
        }
        assert!(read(json!({})).unwrap().is_none());
        assert!(read(json!({"sample": "10%"})).unwrap().is_none());
    }

    #[test]
    fn a_share_of_traces_is_taken() {
        let taken = |text: &str| {
            let sample = sample(Some(text)).unwrap();
            (0..=u8::MAX).filter(|first| sample.takes([*first; 16])).count()
        };
        assert_eq!((taken("0%"), taken("100%")), (0, 256));
        assert_eq!(taken("25%"), 64);
        for wrong in ["", "10", "101%", "-1%", "x%"] {
            assert_eq!(read(json!({"sample": wrong})).unwrap_err().0, "sample", "{wrong}");
        }
        assert!(Sample(u64::MAX).takes([0xff; 16]));
    }

    #[test]
    fn headers_are_not_shown() {
        let section = json!({"otlp": "http://h", "headers": {"authorization": "Bearer CANARY"}});
        let settings = read(section).unwrap().unwrap();
        assert!(!format!("{settings:?}").contains("CANARY"), "{settings:?}");
        assert_eq!(settings.headers().count(), 1);
        let wrong = json!({"headers": {"a b": "x"}});
        assert_eq!(read(wrong).unwrap_err(), ("headers.a b".to_owned(), "this is not the name of a header"));
        let wrong = json!({"headers": {"a": "x\n"}});
        assert_eq!(read(wrong).unwrap_err().1, "this cannot be the value of a header");
    }
}
