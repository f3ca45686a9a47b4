//! `entrepot login HOST --device`: a login that is confirmed in a browser, at a server of ours. What is stored is an API token.

use std::time::Duration;

use entrepot_api::{DeviceLogin, DeviceLoginState, DevicePoll, NewDeviceLogin};
use entrepot_credentials::{AuthFilePaths, Credential, LoginStore, LoginTarget, StoredIn};
use entrepot_oci::Host;
use reqwest::StatusCode;
use serde::Serialize;

use crate::{
    client::{ApiError, Client},
    config::Environment,
    failure::Failure,
    output::{self, Output, sentence},
    runtime, terminal,
};

/// How much longer is waited after the server asked for that (RFC 8628 §3.5).
const MORE: Duration = Duration::from_secs(5);

/// The arguments.
#[derive(Debug)]
pub(crate) struct LoginDevice {
    /// The server.
    pub(crate) target: LoginTarget,
    /// The output format.
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct LoggedIn {
    registry: String,
    username: String,
    api_token: String,
    kept: String,
}

/// Shows a code, waits until somebody confirms it, and stores the token.
pub(crate) fn run(LoginDevice { target, output }: LoginDevice) -> Result<(), Failure> {
    let client = Client::at(&address(target.host()), None)?;
    let (account, id, token) = runtime::build()?.block_on(async {
        let client_name = format!("entrepot on {}", rustix::system::uname().nodename().to_string_lossy());
        let begun: Result<DeviceLogin, ApiError> =
            client.post(&["device-logins"], &NewDeviceLogin { client: client_name }).await;
        let login = begun.map_err(|fault| not_ours(fault, &target, &client))?;
        let (address, code) = (&login.verification_uri_complete, &login.user_code);
        terminal::say(None, &sentence!("open this address in a browser:  {address}", address = address));
        terminal::say(None, &sentence!("and compare the code:            {code}", code = code));
        wait(&client, &login).await
    })?;
    let environment = Environment::of_process();
    let store = LoginStore::new(AuthFilePaths::new(|name| environment.get(name)));
    let stored = store.put(&target, &Credential { username: account.clone(), password: token.into() })?;
    print(
        LoggedIn { registry: target.to_string(), username: account, api_token: id, kept: kept(stored) },
        output,
    )
}

async fn wait(client: &Client, login: &DeviceLogin) -> Result<(String, String, String), Failure> {
    let mut interval = Duration::from_secs(login.interval.max(1));
    let poll = DevicePoll { device_code: login.device_code.clone() };
    loop {
        tokio::time::sleep(interval).await;
        let state = client.post(&["device-logins", "poll"], &poll).await;
        match state.map_err(|fault: ApiError| fault.explained(client.server()))? {
            DeviceLoginState::Done { account, id, token } => return Ok((account, id, token)),
            DeviceLoginState::Pending => {}
            DeviceLoginState::SlowDown => interval += MORE,
            DeviceLoginState::Denied => return Err(Failure::new("the login was refused in the browser")),
            DeviceLoginState::Expired => {
                return Err(Failure::new("nobody confirmed the login in time").with_hint("begin again"));
            }
        }
    }
}

// As Docker does: TLS, but to this machine.
fn address(host: &Host) -> String {
    let name = host.as_str();
    let without_port = name.rsplit_once(':').map_or(name, |(name, _)| name);
    let bare = without_port.trim_start_matches('[').trim_end_matches(']');
    let is_here =
        bare == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    format!("{}://{name}", if is_here { "http" } else { "https" })
}

fn not_ours(error: ApiError, target: &LoginTarget, client: &Client) -> Failure {
    match &error {
        ApiError::Refused {
            status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNAUTHORIZED,
            problem: None,
        }
        | ApiError::Answer(_) => {
            Failure::new(format!("`{}` is no entrepot: it has no login by a browser", target.host()))
                .with_hint(format!("log in with a password or an access token: `entrepot login {target}`"))
        }
        _ => error.explained(client.server()),
    }
}

fn kept(stored: StoredIn) -> String {
    match stored {
        StoredIn::File(path) => path.display().to_string(),
        StoredIn::Helper(name) => name,
    }
}

fn print(done: LoggedIn, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => output::print_json(&done),
        Output::Text => {
            let LoggedIn { registry, username, api_token, kept } = done;
            let logged_in =
                sentence!("logged in to `{target}` as `{name}`", target = registry, name = username);
            let token = sentence!("the API token {id} is in `{place}`", id = api_token, place = kept);
            output::print(&format!("{logged_in}\n{token}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for (host, expected) in [
            ("m.example.com", "https://m.example.com"),
            ("m.example.com:8443", "https://m.example.com:8443"),
            ("10.0.0.7:5000", "https://10.0.0.7:5000"),
            ("localhost:5000", "http://localhost:5000"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("[::1]:5000", "http://[::1]:5000"),
        ] {
            assert_eq!(address(&host.parse().unwrap()), expected);
        }
    }
}
