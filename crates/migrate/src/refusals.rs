//! Explains refusals of registries, with hints. Pure.

use entrepot_remote::{Error, Refusal};
use entrepot_sync::{Place, Provider};

use crate::{outcome::CheckOutcome, requirements::Role};

/// The operation that was attempted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistryOperation<'a> {
    pub(crate) provider: Provider,
    pub(crate) place: &'a Place,
    pub(crate) role: Role,
    pub(crate) has_account: bool,
}

impl RegistryOperation<'_> {
    fn host(&self) -> String {
        self.place.host().map_or_else(String::new, ToString::to_string)
    }

    fn namespace(&self) -> String {
        let Place::Registry { repository, .. } = self.place else { return String::new() };
        repository.parts().next().unwrap_or_default().to_owned()
    }
}

fn failed(what: impl Into<String>, hint: impl Into<String>) -> CheckOutcome {
    CheckOutcome::Failed { what: what.into(), hint: hint.into() }
}

/// The token allows less than was attempted.
pub(crate) fn too_little(operation: &RegistryOperation<'_>, actions: &[String]) -> CheckOutcome {
    let given = if actions.is_empty() { "nothing".to_owned() } else { actions.join(" and ") };
    let what = format!("it gives a token for {given} alone, without saying so");
    if !operation.has_account {
        return failed(what, log_in(operation));
    }
    failed(what, rights(operation))
}

/// Explains a refusal.
pub(crate) fn refused(operation: &RegistryOperation<'_>, error: &Error) -> CheckOutcome {
    let host = operation.host();
    match error {
        Error::NotFound => not_there(operation),
        Error::Denied { status, reason } => denied(operation, *status, reason, error.refusal()),
        Error::Limited { .. } => failed(
            format!("`{host}` asks to slow down"),
            "try again later, or with an account that has a higher limit",
        ),
        Error::Unreachable { fault, .. } => {
            failed(format!("`{host}` cannot be reached: {}", error.reason()), fault.hint())
        }
        Error::TimedOut => failed(
            format!("`{host}` does not answer"),
            "look at the name, the network, and `endpoints` under `registries`",
        ),
        other => failed(format!("`{host}`: {other}"), "try again later; `-vv` shows what was attempt"),
    }
}

fn denied(
    operation: &RegistryOperation<'_>,
    status: u16,
    reason: &str,
    refusal: Option<Refusal>,
) -> CheckOutcome {
    let words = reason.to_ascii_lowercase();
    let said = if reason.is_empty() { format!("status {status}") } else { format!("{status}: {reason}") };
    if operation.provider == Provider::Ghcr
        && let Some(outcome) = ghcr(operation, &words, &said)
    {
        return outcome;
    }
    match refusal {
        Some(Refusal::Repository) => not_there(operation),
        Some(Refusal::Name) => failed(
            format!("it does not accept this repository name ({said})"),
            "give it another one under `names`",
        ),
        Some(Refusal::StorageQuota) => failed(
            format!("there is no space left ({said})"),
            "raise the quota of the account or the project",
        ),
        Some(Refusal::Unsupported) => failed(
            format!("it does not support this ({said})"),
            "see whether it is a registry that takes pushes",
        ),
        _ if !operation.has_account => failed(format!("it requires a login ({said})"), log_in(operation)),
        _ if status == 401 => failed(
            format!("it does not accept the account ({said})"),
            format!(
                "look at user name and password, which may have expired: `entrepot login {}`",
                operation.host()
            ),
        ),
        _ => failed(format!("the account may not do this ({said})"), rights(operation)),
    }
}

// GHCR's messages say more than its error codes (docs.github.com, "Troubleshooting" of the Container registry, and user
// reports).
fn ghcr(operation: &RegistryOperation<'_>, words: &str, said: &str) -> Option<CheckOutcome> {
    let owner = operation.namespace();
    let (what, hint) = if words.contains("installation not allowed") {
        (
            format!("the workflow or app may not create or write packages of `{owner}` ({said})"),
            format!(
                "let `{owner}` create packages (its settings, Packages), link the package to the repository or let that \
                 in under Manage Actions access with the role Write; a GitHub App cannot: take `GITHUB_TOKEN` or a \
                 classic token"
            ),
        )
    } else if words.contains("write_package") {
        (
            format!("the package is there, and the token may not write it ({said})"),
            "add the repository under Manage Actions access of the package with the role Write, or take a classic \
             token with `write:packages`"
                .to_owned(),
        )
    } else if words.contains("create_package") {
        (
            format!("the token may not create packages of `{owner}` ({said})"),
            format!(
                "allow it in the settings of `{owner}` (Packages), or look whether `{owner}` is the right owner"
            ),
        )
    } else if words.contains("expected scopes") || words.contains("fine-grained") {
        (
            format!("the token lacks the required scopes ({said})"),
            format!(
                "make a classic personal access token with `{}`; fine-grained ones do not work",
                if operation.role == Role::Write { "write:packages" } else { "read:packages" }
            ),
        )
    } else {
        return None;
    };
    Some(failed(what, hint))
}

fn not_there(operation: &RegistryOperation<'_>) -> CheckOutcome {
    let (place, owner) = (operation.place, operation.namespace());
    if operation.role == Role::Read {
        let hint = if operation.has_account {
            "look at the spelling; some registries also say this of what the account may not see".to_owned()
        } else {
            format!("look at the spelling; if it is private, {}", log_in(operation))
        };
        return failed(format!("`{place}` is not there"), hint);
    }
    let hint = match operation.provider {
        Provider::Ecr => {
            "create it: `aws ecr create-repository`, or a creation template with `CREATE_ON_PUSH`".to_owned()
        }
        Provider::Harbor => format!("create the project `{owner}` there"),
        Provider::GitLab => format!("create the project that it belongs to, below `{owner}`"),
        Provider::Swr => format!("create the organization `{owner}` there"),
        Provider::ArtifactRegistry => "create the repository of Artifact Registry".to_owned(),
        Provider::AliyunPersonal | Provider::AliyunEnterprise => {
            format!("create the namespace `{owner}`, and switch on the automatic creation of repositories")
        }
        _ => "create it, or the project or namespace that it belongs to".to_owned(),
    };
    failed(format!("`{place}` is not there, and pushing does not create it"), hint)
}

fn log_in(operation: &RegistryOperation<'_>) -> String {
    let host = operation.host();
    match (operation.provider, operation.role) {
        (Provider::Ghcr, Role::Write) => {
            format!("log in with a classic token that has `write:packages`: `entrepot login {host}`")
        }
        _ => format!("log in: `entrepot login {host}`"),
    }
}

fn rights(operation: &RegistryOperation<'_>) -> String {
    let owner = operation.namespace();
    match (operation.provider, operation.role) {
        (_, Role::Read) => "give the account the right to pull, or use another one".to_owned(),
        (Provider::DockerHub, _) => format!(
            "is `{owner}` the right namespace? The account must be a member that may push there, and its access token \
             have `Read & Write`"
        ),
        (Provider::Ghcr, _) => format!(
            "is `{owner}` the right owner? It takes a classic token with `write:packages` of a member; fine-grained ones \
             do not do"
        ),
        (Provider::Quay, _) => {
            format!(
                "give the robot account `Write` on the repository, or the role `Creator` in a team of `{owner}`"
            )
        }
        _ => format!("is `{owner}` the right namespace? Give the account the right to push there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(host: &str, error: &Error) -> (String, String) {
        let place = Place::Registry { host: host.parse().unwrap(), repository: "team/app".parse().unwrap() };
        let provider = Provider::of(place.host().unwrap());
        let attempt = RegistryOperation { provider, place: &place, role: Role::Write, has_account: true };
        let CheckOutcome::Failed { what, hint } = refused(&attempt, error) else { panic!() };
        (what, hint)
    }

    #[test]
    fn refusals_are_translated() {
        let denied = |status, reason: &str| Error::Denied { status, reason: reason.to_owned() };
        for (host, error, what, hint) in [
            (
                "ghcr.io",
                denied(403, "DENIED: installation not allowed to Create organization package"),
                "the workflow or app may not create or write packages of `team`",
                "let `team` create packages (its settings, Packages), link the package",
            ),
            (
                "ghcr.io",
                denied(403, "DENIED: permission_denied: write_package"),
                "the package is there, and the token may not write it",
                "add the repository under Manage Actions access",
            ),
            (
                "ghcr.io",
                denied(403, "DENIED: permission_denied: The token provided does not match expected scopes."),
                "the token lacks the required scopes",
                "make a classic personal access token with `write:packages`; fine-grained",
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                denied(404, "NAME_UNKNOWN: The repository with name 'team/app' does not exist"),
                "`123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app` is not there, and pushing does not create it",
                "create it: `aws ecr create-repository`",
            ),
            (
                "docker.io",
                denied(403, "`me` may not push to `team/app`"),
                "the account may not do this (403: `me` may not push to `team/app`)",
                "is `team` the right namespace?",
            ),
            (
                "lab.test",
                denied(401, ""),
                "it does not accept the account (status 401)",
                "look at user name and password",
            ),
            ("lab.test", Error::TimedOut, "`lab.test` does not answer", "look at the name, the network"),
        ] {
            let (said, way) = explained(host, &error);
            assert!(said.starts_with(what) && way.starts_with(hint), "{said}\n{way}");
        }
    }
}
