//! JSON Web Tokens of others: their signature, and what each must say (RFC 7519, RFC 8725, OpenID Connect Core §3.1.3.7).
//! Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, AlgorithmFamily, Validation, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{claims::Claims, keys::PublicKeys};

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_LENGTH: usize = 16 << 10;
/// How far an issuer's clock may be from ours, in seconds.
const LEEWAY: f64 = 60.0;

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedClaims<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
}

/// Why a token of somebody else is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a signed JSON Web Token.
    #[error("it is not a signed JSON Web Token")]
    Malformed,
    /// It is signed in a way that is not accepted: `none`, with a shared secret, or unknown.
    #[error("the token's algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// It has a critical extension, or is of another kind than asked for.
    #[error("the token's header asks for something that is not supported")]
    Header,
    /// Its issuer has no key that fits.
    #[error("the token is signed with a key that its issuer does not publish")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// Somebody else issued it.
    #[error("the token was issued by `{0}`")]
    Issuer(String),
    /// It is for somebody else.
    #[error("the token is for somebody else: its audience is {0}")]
    Audience(String),
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet; are the clocks right?")]
    Early,
    /// It lacks a claim, or the claim has a form that makes no sense.
    #[error("the token has no usable claim `{0}`")]
    Claim(&'static str),
    /// It belongs to another login.
    #[error("the token belongs to another login")]
    Nonce,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// True if a text has the form of a JSON Web Token.
pub(crate) fn is_meant(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_base64url);
    text.starts_with("eyJ") && text.split('.').count() == 3 && text.split('.').all(is_part)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Who a token says issued it, unverified: it only chooses the keys that it is verified with.
pub(crate) fn claimed_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1).filter(|_| token.len() <= MAX_LENGTH)?;
    let claims: Map<String, Value> = decoded(payload).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Verifies a token's signature, then what it says. Keys that the token brings along are not looked at.
///
/// # Errors
/// It is refused.
pub(crate) fn verify(
    token: &str,
    keys: &PublicKeys,
    expected: ExpectedClaims<'_>,
    now: SystemTime,
) -> Result<Claims, TokenError> {
    let claims = signed(token, keys)?;
    check(&claims, expected, now)?;
    Ok(claims)
}

fn signed(token: &str, keys: &PublicKeys) -> Result<Claims, TokenError> {
    if token.len() > MAX_LENGTH || !is_meant(token) {
        return Err(TokenError::Malformed);
    }
    let (header, _) = token.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = decoded(header)?;
    let is_kind = |typ: &String| typ.eq_ignore_ascii_case("jwt");
    if header.crit.is_some() || !header.typ.iter().all(is_kind) {
        return Err(TokenError::Header);
    }
    let algorithm = header.alg.parse::<Algorithm>().ok();
    let algorithm = algorithm.filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac);
    let algorithm = algorithm.ok_or_else(|| TokenError::Algorithm(printable(&header.alg)))?;
    // What it says is checked here, at a time that a test can choose.
    let mut validation = Validation::new(algorithm);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let mut failed = TokenError::UnknownKey;
    for key in keys.candidates(header.kid.as_deref(), algorithm) {
        match jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation) {
            Ok(data) => return Ok(Claims::new(data.claims)),
            Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => return Err(TokenError::Malformed),
            Err(_) => failed = TokenError::Signature,
        }
    }
    Err(failed)
}

fn check(claims: &Claims, expected: ExpectedClaims<'_>, now: SystemTime) -> Result<(), TokenError> {
    let issuer = claims.text("iss").ok_or(TokenError::Claim("iss"))?;
    if issuer != expected.issuer {
        return Err(TokenError::Issuer(printable(issuer)));
    }
    let audiences = claims.values("aud").ok_or(TokenError::Claim("aud"))?;
    if !audiences.iter().any(|audience| audience == expected.audience) {
        return Err(TokenError::Audience(printable(&format!("`{}`", audiences.join("`, `")))));
    }
    if claims.text("sub").is_none_or(str::is_empty) {
        return Err(TokenError::Claim("sub"));
    }
    check_times(claims, now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
}

fn check_times(claims: &Claims, now: f64) -> Result<(), TokenError> {
    let expires = claims.seconds("exp").ok_or(TokenError::Claim("exp"))?;
    let issued = claims.seconds("iat").ok_or(TokenError::Claim("iat"))?;
    if expires <= issued {
        return Err(TokenError::Claim("exp"));
    }
    if expires + LEEWAY <= now {
        return Err(TokenError::Expired);
    }
    let begins = match claims.get("nbf") {
        Some(_) => claims.seconds("nbf").ok_or(TokenError::Claim("nbf"))?,
        None => issued,
    };
    if begins.max(issued) > now + LEEWAY { Err(TokenError::Early) } else { Ok(()) }
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

/// A text of somebody else, short and on one line.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(200).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
