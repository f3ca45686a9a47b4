//! Tokens as attackers and issuers write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "entrepot";

/// One key of each kind that is accepted.
struct Signers {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Signers {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn document(&self) -> Value {
        let rsa = self.rsa.public_key();
        let n = encode(rsa.modulus().big_endian_without_leading_zero());
        let e = encode(rsa.exponent().big_endian_without_leading_zero());
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": n, "e": e},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": encode(self.ed.public_key().as_ref())},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": n, "e": e},
            {"kty": "oct", "kid": "shared", "k": encode(b"a shared secret is no public key")},
            {"kty": "new", "kid": "unknown"},
        ]})
    }

    fn keys(&self) -> PublicKeys {
        PublicKeys::parse(self.document().to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let (message, random) = (text.as_bytes(), SystemRandom::new());
        let signature = match header["kid"].as_str().unwrap_or("ed") {
            "rsa" | "enc" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            "ec" => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            _ => self.ed.sign(message).as_ref().to_vec(),
        };
        format!("{text}.{}", encode(&signature))
    }

    fn verdict(&self, header: &Value, claims: &Value) -> Result<Claims, TokenError> {
        check_token(&self.sign(header, claims), &self.keys())
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn check_token(token: &str, keys: &PublicKeys) -> Result<Claims, TokenError> {
    verify(token, keys, ExpectedClaims { issuer: ISSUER, audience: AUDIENCE }, at(NOW))
}

fn header(alg: &str, kid: &str) -> Value {
    json!({"alg": alg, "kid": kid, "typ": "JWT"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

#[test]
fn signatures_of_each_kind_are_verified() {
    let signers = Signers::new();
    for (alg, kid) in [("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        let token = signers.sign(&header(alg, kid), &claims());
        assert_eq!(check_token(&token, &signers.keys()).unwrap().text("sub"), Some("1"), "{alg}");
        let (body, _) = token.rsplit_once('.').unwrap();
        let other = Signers::new().sign(&header(alg, kid), &claims());
        let foreign = format!("{body}.{}", other.rsplit_once('.').unwrap().1);
        assert_eq!(check_token(&foreign, &signers.keys()), Err(TokenError::Signature), "{alg}");
    }
    let without_id = json!({"alg": "EdDSA"});
    assert!(signers.verdict(&without_id, &claims()).is_ok(), "no `kid`, and one key that fits");
}

// Advisories: `none`, a shared secret made of a public key, and a key that the token brings along.
#[test]
fn no_token_chooses_how_it_is_verified() {
    let signers = Signers::new();
    let keys = signers.keys();
    for alg in ["none", "None", "", "HS256", "HS512", "RS1", "dir"] {
        for kid in ["rsa", "shared"] {
            let told = signers.verdict(&header(alg, kid), &claims());
            assert_eq!(told, Err(TokenError::Algorithm(alg.to_owned())), "{alg} {kid}");
        }
    }
    // An HMAC with the public key as the secret.
    let text = format!(
        "{}.{}",
        encode(header("HS256", "rsa").to_string().as_bytes()),
        encode(claims().to_string().as_bytes())
    );
    let secret =
        hmac::Key::new(hmac::HMAC_SHA256, signers.document()["keys"][0]["n"].as_str().unwrap().as_bytes());
    let forged = format!("{text}.{}", encode(hmac::sign(&secret, text.as_bytes()).as_ref()));
    assert_eq!(check_token(&forged, &keys), Err(TokenError::Algorithm("HS256".to_owned())));
    // An embedded key, and addresses of keys.
    let attacker = Signers::new();
    let mut brought = header("EdDSA", "ed");
    brought["jwk"] = attacker.document()["keys"][2].clone();
    brought["jku"] = json!("https://evil.example/keys");
    brought["x5c"] = json!(["MIIB"]);
    assert_eq!(attacker.verdict(&brought, &claims()).map(drop), Ok(()), "the key is its own issuer's");
    assert_eq!(check_token(&attacker.sign(&brought, &claims()), &keys), Err(TokenError::Signature));
    // A key for something else, an algorithm that is not the key's, and keys that are unknown.
    for (alg, kid) in [("RS256", "enc"), ("RS512", "rsa"), ("ES256", "rsa"), ("EdDSA", "other")] {
        assert_eq!(signers.verdict(&header(alg, kid), &claims()), Err(TokenError::UnknownKey), "{alg} {kid}");
    }
}

#[test]
fn critical_extensions_and_other_kinds_are_refused() {
    let signers = Signers::new();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("typ", json!("at+jwt")),
        ("typ", json!("logout+jwt")),
    ] {
        let mut header = header("EdDSA", "ed");
        header[name] = value.clone();
        assert_eq!(signers.verdict(&header, &claims()), Err(TokenError::Header), "{name} {value}");
    }
}

#[test]
fn issuer_audience_and_subject_must_be_right() {
    let signers = Signers::new();
    let verdict = |claims: &Value| signers.verdict(&header("EdDSA", "ed"), claims).map(drop);
    assert_eq!(verdict(&with("aud", json!(["other", AUDIENCE]))), Ok(()));
    for (name, value, expected) in [
        ("iss", json!("https://id.example/"), TokenError::Issuer("https://id.example/".to_owned())),
        ("iss", Value::Null, TokenError::Claim("iss")),
        ("aud", json!("Entrepot"), TokenError::Audience("`Entrepot`".to_owned())),
        ("aud", json!(["a", "b"]), TokenError::Audience("`a`, `b`".to_owned())),
        ("aud", Value::Null, TokenError::Claim("aud")),
        ("sub", Value::Null, TokenError::Claim("sub")),
        ("sub", json!(""), TokenError::Claim("sub")),
        ("sub", json!(7), TokenError::Claim("sub")),
    ] {
        assert_eq!(verdict(&with(name, value.clone())), Err(expected), "{name} {value}");
    }
}

// Rows 51 and 79 of the traps: 60 s of leeway, and no more.
#[test]
fn times_are_checked_with_a_minute_of_leeway() {
    let signers = Signers::new();
    let verdict = |claims: &Value| signers.verdict(&header("EdDSA", "ed"), claims).map(drop);
    for (name, value, expected) in [
        ("exp", json!(NOW - 59), Ok(())),
        ("exp", json!(NOW - 60), Err(TokenError::Expired)),
        ("nbf", json!(NOW + 60), Ok(())),
        ("nbf", json!(NOW + 61), Err(TokenError::Early)),
        ("nbf", Value::Null, Ok(())),
        ("nbf", json!("soon"), Err(TokenError::Claim("nbf"))),
        ("iat", json!(NOW + 60), Ok(())),
        ("iat", json!(NOW + 61), Err(TokenError::Early)),
        ("iat", Value::Null, Err(TokenError::Claim("iat"))),
        ("exp", Value::Null, Err(TokenError::Claim("exp"))),
        ("exp", json!("9999999999"), Err(TokenError::Claim("exp"))),
        ("exp", json!(-1), Err(TokenError::Claim("exp"))),
        ("exp", json!(1e300), Ok(())),
        ("exp", json!(NOW as f64 + 0.5), Ok(())),
    ] {
        let mut claims = with(name, value.clone());
        if name == "exp" {
            claims["iat"] = json!(NOW - 1000);
        }
        assert_eq!(verdict(&claims), expected, "{name} {value}");
    }
    assert_eq!(verdict(&with("iat", json!(NOW + 300))), Err(TokenError::Claim("exp")), "ends when it begins");
}

#[test]
fn what_is_no_token() {
    let signers = Signers::new();
    let good = signers.sign(&header("EdDSA", "ed"), &claims());
    for bad in ["", ".", "a.b.c", "eyJ.eyJ", &good[1..], &format!("{good}."), &format!("{good}=")] {
        assert_eq!(check_token(bad, &signers.keys()), Err(TokenError::Malformed), "{bad}");
    }
    let long = with("x", json!("x".repeat(MAX_LENGTH)));
    assert_eq!(signers.verdict(&header("EdDSA", "ed"), &long), Err(TokenError::Malformed));
    assert!(is_meant(&good) && !is_meant("ep_0123456789") && !is_meant("eyJhbGciOiJub25lIn0.e30."));
    assert_eq!(claimed_issuer(&good).as_deref(), Some(ISSUER));
    assert_eq!(claimed_issuer("eyJ.x.y"), None);
}

#[test]
fn a_set_without_usable_keys_is_no_set() {
    for bad in [r#"{"keys": []}"#, "{}", "[]", "<html>", r#"{"keys": [{"kty": "oct", "k": "YQ"}]}"#] {
        assert!(PublicKeys::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn hostile_tokens_are_refused(token in "eyJ[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
        prop_assert!(check_token(&token, &PublicKeys::default()).is_err());
    }
}
