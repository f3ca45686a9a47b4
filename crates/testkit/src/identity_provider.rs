//! A small real OpenID provider on loopback: discovery, keys, the authorization code flow with PKCE, userinfo.
//!
//! Everybody who comes is logged in as [`IdentityProvider::set_person`] says. Tokens are signed with Ed25519.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The client that the provider knows.
pub const CLIENT_ID: &str = "entrepot";
/// Its secret, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "s3cr:t/+%";

/// An OpenID provider. It stops when it is dropped.
pub struct IdentityProvider {
    issuer: String,
    state: Arc<Mutex<ProviderState>>,
    task: JoinHandle<()>,
}

struct ProviderState {
    key: Ed25519KeyPair,
    keys: u32,
    /// What ID tokens say beside the usual claims, and what userinfo says.
    id_claims: Value,
    userinfo: Value,
    codes: HashMap<String, Code>,
    requests: HashMap<String, usize>,
    faults: HashMap<String, ProviderFault>,
    /// What discovery calls the issuer, if that is not the truth.
    told_issuer: Option<String>,
}

struct Code {
    redirect_uri: String,
    challenge: String,
    nonce: String,
}

/// What an address does instead of answering.
#[derive(Clone, Copy, Debug)]
pub enum ProviderFault {
    /// It answers with this status.
    Status(u16),
    /// It answers with something that is not JSON.
    Html,
}

impl IdentityProvider {
    /// Starts a provider that knows nobody yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(ProviderState {
            key: Ed25519KeyPair::generate().unwrap(),
            keys: 1,
            id_claims: json!({"sub": "nobody"}),
            userinfo: json!({"sub": "nobody"}),
            codes: HashMap::new(),
            requests: HashMap::new(),
            faults: HashMap::new(),
            told_issuer: None,
        }));
        let task = tokio::spawn(accept(listener, issuer.clone(), Arc::clone(&state)));
        Self { issuer, state, task }
    }

    /// Its identifier and address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Says who logs in from now on: claims of the ID token, and those of userinfo. Both need `sub`.
    pub fn set_person(&self, id_claims: Value, userinfo: Value) {
        let mut state = self.state.lock().unwrap();
        (state.id_claims, state.userinfo) = (id_claims, userinfo);
    }

    /// Calls itself something else from now on.
    pub fn set_told_issuer(&self, issuer: &str) {
        self.state.lock().unwrap().told_issuer = Some(issuer.to_owned());
    }

    /// Signs with a new key from now on, and forgets the one before.
    pub fn rotate_key(&self) {
        let mut state = self.state.lock().unwrap();
        state.key = Ed25519KeyPair::generate().unwrap();
        state.keys += 1;
    }

    /// Signs with a new key from now on that has the id of the one before.
    pub fn replace_key(&self) {
        self.state.lock().unwrap().key = Ed25519KeyPair::generate().unwrap();
    }

    /// The keys as it publishes them.
    pub fn keys(&self) -> String {
        keys(&self.state.lock().unwrap()).to_string()
    }

    /// Makes an address fail, such as `/token`; `None` mends it.
    pub fn set_fault(&self, path: &str, fault: Option<ProviderFault>) {
        let mut state = self.state.lock().unwrap();
        match fault {
            Some(fault) => drop(state.faults.insert(path.to_owned(), fault)),
            None => drop(state.faults.remove(path)),
        }
    }

    /// How often an address was asked for.
    pub fn requests(&self, path: &str) -> usize {
        self.state.lock().unwrap().requests.get(path).copied().unwrap_or_default()
    }

    /// A token with these claims, completed with issuer and times if it lacks them.
    pub fn token(&self, claims: Value) -> String {
        sign(&self.state.lock().unwrap(), &self.issuer, &claims)
    }

    /// What a browser does at `address`, the one that a login leads to: it logs in. Returns the address that it is sent to.
    pub fn log_in(&self, address: &str) -> String {
        let (_, query) = address.split_once('?').unwrap();
        let asked: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut state = self.state.lock().unwrap();
        let code = format!("code-{}", state.codes.len());
        let bound = Code {
            redirect_uri: asked["redirect_uri"].clone(),
            challenge: asked["code_challenge"].clone(),
            nonce: asked["nonce"].clone(),
        };
        state.codes.insert(code.clone(), bound);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .finish();
        format!("{}?{query}", asked["redirect_uri"])
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, issuer: String, state: Arc<Mutex<ProviderState>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (issuer, state) = (issuer.clone(), Arc::clone(&state));
        let service = service_fn(move |request| serve(request, issuer.clone(), Arc::clone(&state)));
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn serve(
    request: Request<Incoming>,
    issuer: String,
    state: Arc<Mutex<ProviderState>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut state = state.lock().unwrap();
    let path = head.uri.path().to_owned();
    *state.requests.entry(path.clone()).or_default() += 1;
    let (status, answer) = match state.faults.get(&path) {
        Some(ProviderFault::Status(status)) => (*status, "{}".to_owned()),
        Some(ProviderFault::Html) => (200, "<html></html>".to_owned()),
        None => {
            let authorization = head.headers.get(header::AUTHORIZATION);
            let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
            let (status, answer) = answer(&mut state, &issuer, &path, (authorization, &body));
            (status, answer.to_string())
        }
    };
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    Ok(response.header(header::CONTENT_TYPE, "application/json").body(Full::from(answer)).unwrap())
}

fn answer(
    state: &mut ProviderState,
    issuer: &str,
    path: &str,
    (authorization, body): (&str, &[u8]),
) -> (u16, Value) {
    match path {
        "/.well-known/openid-configuration" => (
            200,
            json!({
                "issuer": state.told_issuer.as_deref().unwrap_or(issuer),
                "jwks_uri": format!("{issuer}/keys"),
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "end_session_endpoint": format!("{issuer}/logout"),
            }),
        ),
        "/keys" => (200, keys(state)),
        "/token" => redeem(state, issuer, authorization, body),
        "/userinfo" if authorization == "Bearer access" => (200, state.userinfo.clone()),
        "/userinfo" => (401, json!({"error": "invalid_token"})),
        _ => (404, json!({})),
    }
}

fn keys(state: &ProviderState) -> Value {
    let x = BASE64_URL_SAFE_NO_PAD.encode(state.key.public_key());
    let kid = format!("key-{}", state.keys);
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": x}]})
}

fn redeem(state: &mut ProviderState, issuer: &str, authorization: &str, body: &[u8]) -> (u16, Value) {
    let refused = |error| (400, json!({"error": error, "error_description": "as a test wants it"}));
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = BASE64_STANDARD.encode(format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET)));
    if authorization != format!("Basic {expected}") {
        return (401, json!({"error": "invalid_client"}));
    }
    let form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    let Some(code) = state.codes.remove(&form["code"]) else { return refused("invalid_grant") };
    let hash = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    if BASE64_URL_SAFE_NO_PAD.encode(hash) != code.challenge || form["redirect_uri"] != code.redirect_uri {
        return refused("invalid_grant");
    }
    let mut claims = json!({"aud": CLIENT_ID, "nonce": code.nonce});
    for (name, value) in state.id_claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let id_token = sign(state, issuer, &claims);
    (200, json!({"token_type": "Bearer", "access_token": "access", "id_token": id_token}))
}

fn sign(state: &ProviderState, issuer: &str, claims: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut all = json!({"iss": issuer, "iat": now, "exp": now + 300});
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": format!("key-{}", state.keys)});
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&all));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(state.key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
