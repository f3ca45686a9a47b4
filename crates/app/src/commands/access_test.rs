//! `entrepot access test`: asks the provider or directory of a configuration who somebody is, and says what that means here.
//! Nothing is stored, and no server is needed.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use entrepot_access::{LdapSettings, OidcSettings, Role};
use entrepot_federation::{Claims, Directory, DirectoryError, ExternalUser, Provider, ProviderError};
use serde::Serialize;

use super::password::Password;
use crate::{
    assembly,
    config::{self, Environment, Overrides},
    failure::{self, Failure},
    output::{self, Output, sentence, word},
    runtime,
};

/// The longest ID token, in bytes.
const MAX_TOKEN: u64 = 64 << 10;
/// What a provider is told to return to. Nothing returns there.
const CALLBACK: &str = "http://127.0.0.1/login/oidc/callback";

/// The arguments.
#[derive(Debug)]
pub(crate) struct AccessTest {
    /// The configuration file, if given.
    pub(crate) file: Option<PathBuf>,
    /// What to ask.
    pub(crate) of: IdentityQuery,
    /// The output format.
    pub(crate) output: Output,
}

/// What to ask.
#[derive(Debug)]
pub(crate) enum IdentityQuery {
    /// The OpenID provider: whether it answers and accepts us, and whose token this is.
    Oidc {
        /// Whether an ID token is on standard input.
        has_token: bool,
    },
    /// The directory: who somebody is.
    Ldap {
        /// The name that they type.
        user: String,
        /// Their password.
        password: Password,
    },
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    asked: String,
    /// The same in the terminal's language.
    #[serde(skip)]
    told: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<IdentityReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Claims>,
}

/// Somebody who is known.
#[derive(Serialize)]
struct IdentityReport {
    subject: String,
    name: String,
    groups: Option<Vec<String>>,
    /// `null` is no access.
    role: Option<&'static str>,
    #[serde(skip)]
    source: String,
}

/// Runs the command.
pub(crate) fn run(AccessTest { file, of, output }: AccessTest) -> Result<(), Failure> {
    let loaded = config::load(file.as_deref(), &Environment::of_process(), Overrides::default())?;
    failure::warn(&loaded.warnings);
    assembly::install_crypto();
    let federation = loaded.config.federation.meant;
    let report = runtime::build()?.block_on(async {
        match of {
            IdentityQuery::Oidc { has_token } => {
                oidc(federation.oidc.ok_or_else(|| absent("oidc"))?, has_token).await
            }
            IdentityQuery::Ldap { user, password } => {
                ldap(federation.ldap.ok_or_else(|| absent("ldap"))?, &user, password).await
            }
        }
    })?;
    match output {
        Output::Json => output::print_json(&report)?,
        Output::Text => output::print(&report.text())?,
    }
    match &report.person {
        Some(known) if known.role.is_none() => Err(no_role(known)),
        _ => Ok(()),
    }
}

async fn oidc(settings: OidcSettings, has_token: bool) -> Result<Report, Failure> {
    let OidcSettings { provider, roles, .. } = settings;
    let (issuer, client) = (provider.issuer.clone(), provider.client_id.clone());
    let claim = provider.groups_claim.clone();
    let failed = |error: &ProviderError| explained(error, &issuer);
    let provider =
        Provider::new(provider).map_err(|error| Failure::because("cannot set up the provider", &error))?;
    provider.probe().await.map_err(|error| failed(&error))?;
    provider.check_client(CALLBACK).await.map_err(|error| failed(&error))?;
    let asked = format!("`{issuer}` answers and accepts the client `{client}`");
    let told =
        sentence!("`{issuer}` answers and accepts the client `{client}`", issuer = issuer, client = client);
    if !has_token {
        return Ok(Report { asked, told, person: None, claims: None });
    }
    let claims = provider.verified(&token()?).await.map_err(|error| failed(&error))?;
    let person = provider.person(&claims).map_err(|error| failed(&error))?;
    let role = roles.role_of(person.groups.as_deref().unwrap_or_default());
    let person = Some(known(person, role, sentence!("claim `{claim}`", claim = claim)));
    Ok(Report { asked, told, person, claims: Some(claims) })
}

async fn ldap(settings: LdapSettings, user: &str, password: Password) -> Result<Report, Failure> {
    let LdapSettings { directory, roles } = settings;
    let url = directory.url.clone();
    let password =
        password.obtain(&sentence!("password of `{name}` in the directory: ", name = user)).await?;
    let directory =
        Directory::new(directory).map_err(|error| Failure::because("cannot set up the directory", &error))?;
    let found = directory.authenticate(user, &password).await;
    let found = found.map_err(|error| directory_failed(&error))?;
    let Some(member) = found else {
        return Err(Failure::new(format!("`{url}` has no user `{user}` with this password")).with_hint(
            "the directory does not say which of the two is wrong; `access.ldap.base` and `filter` say where users are",
        ));
    };
    let role = roles.role_of(member.person.groups.as_deref().unwrap_or_default());
    let source = sentence!("names as they are compared");
    let person = Some(known(member.person, role, source));
    let name = member.dn;
    let asked = format!("`{url}` knows `{user}` as `{name}`");
    let told = sentence!("`{url}` knows `{user}` as `{name}`", url = url, user = user, name = name);
    Ok(Report { asked, told, person, claims: None })
}

fn known(user: ExternalUser, role: Option<Role>, source: String) -> IdentityReport {
    let ExternalUser { subject, name, groups } = user;
    IdentityReport { subject, name, groups, role: role.map(Role::as_str), source }
}

fn token() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text);
    read.map_err(|error| Failure::because("cannot read standard input", &error))?;
    match text.trim() {
        "" => Err(Failure::wrong("there is no ID token on standard input")),
        token => Ok(token.to_owned()),
    }
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.told);
        if let Some(known) = &self.person {
            let groups = match &known.groups {
                None => sentence!("nothing was said about groups ({source})", source = known.source),
                Some(groups) if groups.is_empty() => word("none"),
                Some(groups) => format!("{} ({})", groups.join(" · "), known.source),
            };
            let role = known.role.map_or_else(|| word("none: no access"), str::to_owned);
            for line in [
                sentence!("subject  {subject}", subject = known.subject),
                sentence!("name     {name}", name = known.name),
                sentence!("groups   {groups}", groups = groups),
                sentence!("role     {role}", role = role),
            ] {
                text.push_str(&(line + "\n"));
            }
        }
        if let Some(claims) = &self.claims {
            let shown = serde_json::to_string_pretty(claims).unwrap_or_default();
            text.push_str(&(sentence!("claims   {claims}", claims = shown) + "\n"));
        }
        entrepot_oci::printable_lines(&text).into_owned()
    }
}

fn absent(section: &str) -> Failure {
    Failure::wrong(format!("the configuration has no section `access.{section}`"))
        .with_hint("say which file it is in: `--config FILE`")
}

fn no_role(identity: &IdentityReport) -> Failure {
    let hint = match identity.groups {
        None => "let the provider send the groups, or name the claim that has them: `groups_claim`",
        Some(_) => {
            "name one of these groups, exactly as it is written above, under `admins`, `operators`, `users` or `viewers`"
        }
    };
    Failure::new(format!("`{}` would have no access", identity.name)).with_hint(hint)
}

fn explained(error: &ProviderError, issuer: &str) -> Failure {
    let failure = Failure::because_of(error);
    match error {
        ProviderError::Unreachable { why, .. } if why.contains("certificate") => failure
            .with_hint("the provider's certificate is not trusted here: name the one that issued it, `ca: FILE`"),
        ProviderError::Unreachable { .. } => {
            failure.with_hint(format!("try from here: `curl {issuer}/.well-known/openid-configuration`"))
        }
        ProviderError::Issuer { told, .. } => failure.with_hint(format!(
            "write `issuer: {told}` if that is your provider: the two must be the same to the letter, a last `/` too"
        )),
        ProviderError::Address { .. } => {
            failure.with_hint("if that is right, write `private_network: true`")
        }
        ProviderError::Overage { .. } => failure.with_hint(
            "let the provider send only the groups that are assigned to this application, or application roles: \
             `groups_claim: roles`",
        ),
        _ => failure,
    }
}

fn directory_failed(error: &DirectoryError) -> Failure {
    let failure = Failure::because_of(error);
    match error {
        DirectoryError::Unreachable { why, .. } if why.contains("certificate") => failure.with_hint(
            "the directory's certificate is not trusted here: name the one that issued it, `ca: FILE`",
        ),
        DirectoryError::Unreachable { .. } => {
            failure.with_hint("look at `access.ldap.url`, and whether it is reached from here")
        }
        DirectoryError::Bind { .. } => failure.with_hint("look at `access.ldap.bind_dn` and `bind_password`"),
        DirectoryError::Ambiguous => {
            failure.with_hint("`access.ldap.filter` must find one entry for each name")
        }
        DirectoryError::Refused { .. } | DirectoryError::Entry(_) => failure,
    }
}
