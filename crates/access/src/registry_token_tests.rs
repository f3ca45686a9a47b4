use aws_lc_rs::hmac;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

struct Issuer {
    key: SigningKey,
    keys: VerifyingKeys,
}

impl Issuer {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let mut keys = VerifyingKeys::default();
        keys.add(&key);
        Self { key, keys }
    }

    fn token(&self) -> String {
        self.key.sign(&claims(), at(NOW))
    }

    fn verify(&self, token: &str) -> Result<Claims, RegistryTokenError> {
        self.keys.verify(token, at(NOW))
    }

    /// Signs any header and payload with the right key.
    fn forge(&self, header: &Value, payload: &Value) -> String {
        let body = format!("{}.{}", encoded(header), encoded(payload));
        format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(self.key.pair.sign(body.as_bytes())))
    }

    fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "EdDSA", "kid": self.key.id()})
    }
}

fn claims() -> Claims {
    Claims {
        service: "m.example.com".to_owned(),
        subject: "account:alice".to_owned(),
        scopes: RegistryScopes::parse(["repository:docker.io/library/nginx:pull"]),
        expires: at(NOW + LIFETIME.as_secs()),
        id: "1".to_owned(),
    }
}

fn payload() -> Value {
    json!({
        "iss": "m.example.com", "sub": "account:alice", "aud": "m.example.com",
        "exp": NOW + 300, "nbf": NOW, "iat": NOW, "jti": "1", "access": [],
    })
}

#[test]
fn a_token_is_read_back() {
    let issuer = Issuer::new();
    assert_eq!(issuer.verify(&issuer.token()), Ok(claims()));
    let again = SigningKey::read(issuer.key.id().to_owned(), issuer.key.document()).unwrap();
    assert_eq!(again.public(), issuer.key.public());
    assert!(SigningKey::read("x".to_owned(), b"no key").is_err());
}

// A layer may take longer to send than a token lives.
#[test]
fn an_upload_is_finished_within_an_hour_of_the_end() {
    let issuer = Issuer::new();
    let (token, end) = (issuer.token(), NOW + LIFETIME.as_secs());
    for (now, usual, upload) in [
        (NOW, true, true),
        (end + 59, true, true),
        (end + 61, false, true),
        (end + 3599, false, true),
        (end + 3600, false, false),
    ] {
        let (keys, now) = (&issuer.keys, at(now));
        assert_eq!(keys.verify(&token, now).is_ok(), usual, "{now:?}");
        assert_eq!(keys.verify_for_upload(&token, now).is_ok(), upload, "{now:?}");
    }
    let mut endless = payload();
    endless["exp"] = (NOW + 100_000).into();
    let endless = issuer.forge(&issuer.header(), &endless);
    assert_eq!(issuer.keys.verify_for_upload(&endless, at(NOW)), Err(RegistryTokenError::Times));
}

#[test]
fn the_algorithm_is_ours_and_nothing_else() {
    let issuer = Issuer::new();
    let body = |header: &Value| format!("{}.{}", encoded(header), encoded(&payload()));
    for alg in ["none", "None", "", "HS256", "RS256", "ES256", "EdDSA "] {
        let mut header = issuer.header();
        header["alg"] = alg.into();
        assert_eq!(issuer.verify(&format!("{}.", body(&header))), Err(RegistryTokenError::Foreign), "{alg}");
        assert_eq!(
            issuer.verify(&issuer.forge(&header, &payload())),
            Err(RegistryTokenError::Foreign),
            "{alg}"
        );
    }
    // The public key as the secret of an HMAC, under each name.
    for alg in ["HS256", "EdDSA"] {
        let mut header = issuer.header();
        header["alg"] = alg.into();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &issuer.key.public());
        let body = body(&header);
        let tag = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, body.as_bytes()));
        assert!(issuer.verify(&format!("{body}.{tag}")).is_err(), "{alg}");
    }
}

#[test]
fn a_token_brings_no_key_and_no_extension() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    for (field, value) in [
        (
            "jwk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(stranger.key.public())}),
        ),
        ("jku", json!("https://evil.example/keys")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
    ] {
        let mut header = issuer.header();
        header[field] = value;
        assert_eq!(
            issuer.verify(&issuer.forge(&header, &payload())),
            Err(RegistryTokenError::Foreign),
            "{field}"
        );
    }
    assert_eq!(issuer.verify(&stranger.token()), Err(RegistryTokenError::Foreign));
    // A stranger's signature under our key's id.
    let forged = stranger.forge(&issuer.header(), &payload());
    assert_eq!(issuer.verify(&forged), Err(RegistryTokenError::Signature));
}

#[test]
fn times_must_make_sense() {
    let issuer = Issuer::new();
    let verify = |changes: &[(&str, Value)]| {
        let mut payload = payload();
        for (field, value) in changes {
            match value {
                Value::Null => drop(payload.as_object_mut().unwrap().remove(*field)),
                value => payload[*field] = value.clone(),
            }
        }
        issuer.verify(&issuer.forge(&issuer.header(), &payload)).map(drop)
    };
    use RegistryTokenError::{Expired, Foreign, Times};
    assert_eq!(verify(&[]), Ok(()));
    for missing in ["exp", "nbf", "iat", "iss", "sub", "aud", "access"] {
        assert_eq!(verify(&[(missing, Value::Null)]), Err(Foreign), "{missing}");
    }
    for bad in [json!(-1), json!(1.5), json!("300"), json!(null), json!(1e300)] {
        assert!(verify(&[("exp", bad.clone())]).is_err(), "{bad}");
    }
    assert_eq!(verify(&[("exp", json!(u64::MAX))]), Err(Times), "longer than ours live");
    assert_eq!(verify(&[("exp", json!(NOW + 301))]), Err(Times));
    assert_eq!(verify(&[("exp", json!(NOW - 1))]), Err(Times), "ends before it begins");
    let shifted = |by: i64| {
        let time = |offset: u64| json!((NOW + offset).checked_add_signed(by).unwrap());
        verify(&[("iat", time(0)), ("nbf", time(0)), ("exp", time(300))])
    };
    assert_eq!(shifted(-359), Ok(()), "within the leeway");
    assert_eq!(shifted(-360), Err(Expired));
    assert_eq!(shifted(60), Ok(()));
    assert_eq!(shifted(61), Err(Times));
    assert_eq!(verify(&[("aud", json!("other.example.com"))]), Err(Foreign));
}

#[test]
fn an_older_key_verifies_until_it_is_removed() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let mut keys = new.keys.clone();
    assert_eq!(keys.verify(&old.token(), at(NOW)), Err(RegistryTokenError::Foreign));
    keys.add(&old.key);
    assert!(keys.verify(&old.token(), at(NOW)).is_ok() && keys.verify(&new.token(), at(NOW)).is_ok());
}

proptest! {
    #[test]
    fn any_change_is_refused(at in any::<usize>(), letter in "[A-Za-z0-9_.-]") {
        let issuer = Issuer::new();
        let token = issuer.token();
        let at = at % token.len();
        let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        // The last letter of a signature has bits that stand for nothing; our decoder refuses them.
        prop_assert!(changed == token || issuer.verify(&changed).is_err(), "{}", changed);
    }

    #[test]
    fn nothing_that_is_sent_breaks_it(token in "\\PC{0,300}") {
        prop_assert!(Issuer::new().verify(&token).is_err());
    }
}
