//! Why there is no certificate, in words, and what can be done about it. Pure.

use std::{
    error::Error as StdError,
    iter,
    time::{Duration, SystemTime},
};

use instant_acme::{Error, Identifier, Problem};
use jiff::civil::DateTime;

use crate::name::Name;

/// The beginning of the types of problems (RFC 8555 §6.7).
const TYPES: &str = "urn:ietf:params:acme:error:";

/// An order that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderFailure {
    /// What happened.
    pub(crate) what: String,
    /// A way out.
    pub(crate) hint: &'static str,
    /// The time before which the authority will refuse again.
    pub(crate) not_before: Option<SystemTime>,
    /// The names that the authority refuses; empty if it is not about names.
    pub(crate) names: Vec<Name>,
}

impl OrderFailure {
    /// A fault of our own.
    pub(crate) fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self { what: what.into(), hint, not_before: None, names: Vec::new() }
    }

    /// How long the authority wants us to wait.
    pub(crate) fn wait(&self, now: SystemTime) -> Option<Duration> {
        self.not_before.and_then(|at| at.duration_since(now).ok())
    }

    /// What the authority says about each name; `None` if it says nothing.
    pub(crate) fn of_names(problems: &[(String, Problem)]) -> Option<Self> {
        let (first, problem) = problems.first()?;
        let others = problems[1..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let others = if others.is_empty() { others } else { format!("; and not {others} either") };
        let fault = Self::from(problem);
        let names = problems.iter().filter_map(|(name, _)| Name::parse(name)).collect();
        Some(Self { what: format!("{first}: {}{others}", fault.what), names, ..fault })
    }
}

impl From<&Problem> for OrderFailure {
    fn from(problem: &Problem) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = kind.strip_prefix(TYPES).unwrap_or(kind);
        let subproblems = problem.subproblems.iter().filter_map(|problem| problem.detail.as_deref());
        let details = problem.detail.as_deref().into_iter().chain(subproblems).collect::<Vec<_>>().join("; ");
        let what = if details.is_empty() { "no details".to_owned() } else { details };
        let named = problem.subproblems.iter().filter_map(|problem| match &problem.identifier {
            Some(Identifier::Dns(name)) => Name::parse(name),
            _ => None,
        });
        Self {
            not_before: retry_after(&what),
            what: format!("{what} ({kind})"),
            hint: hint(kind),
            names: named.collect(),
        }
    }
}

impl From<Error> for OrderFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::from(&problem),
            Error::Timeout(_) => Self::new(
                "the ACME server did not decide in time",
                "it is asked again; see whether it can reach this server from the internet",
            ),
            Error::Json(_) => Self::new(
                "the ACME server's answer is not one",
                "check `tls.acme.directory`: it is the URL of an ACME directory",
            ),
            other => {
                let causes = iter::successors(Some(&other as &dyn StdError), |&error| error.source());
                Self::new(
                    causes.map(ToString::to_string).collect::<Vec<_>>().join(": "),
                    "check `tls.acme.directory`, and whether this machine can reach it; a private authority needs \
                     `tls.acme.directory_ca`",
                )
            }
        }
    }
}

/// True if the authority does not know our account (any more).
pub(crate) fn is_of_unknown_account(problem: &Problem) -> bool {
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix(TYPES)) == Some("accountDoesNotExist")
}

fn hint(kind: &str) -> &'static str {
    match kind {
        "rateLimited" => {
            "the authority has a limit; it is asked again when that is over, and restarts do not help"
        }
        "dns" => {
            "give the name an A or AAAA record that leads to this server, or take it out of the configuration"
        }
        "connection" => {
            "the authority must reach port 443 of this server, or port 80 if `tls.acme.http` is set: look at firewall, \
             port forwarding and the name's A and AAAA records"
        }
        "unauthorized" | "incorrectResponse" | "tls" => {
            "another server answers for the name: look at its A and AAAA records, and at proxies in front of this server"
        }
        "caa" => "a CAA record of the domain forbids this authority: add one that allows it",
        "externalAccountRequired" => "the authority wants an account of its own: set `tls.acme.eab`",
        "rejectedIdentifier" => "the authority does not sign this name: take it out of the configuration",
        "invalidContact" | "unsupportedContact" => "the authority refuses the address in `tls.acme.email`",
        "accountDoesNotExist" => {
            "the authority does not know the account: remove `acme/` below the data directory, and restart"
        }
        _ => "the ACME server's own words say why; it is asked again",
    }
}

// Let's Encrypt: "… retry after 2026-12-01 10:00:00 UTC: see …".
fn retry_after(detail: &str) -> Option<SystemTime> {
    let (_, rest) = detail.split_once("retry after ")?;
    let time: DateTime = rest.get(..19)?.parse().ok()?;
    let time = rest.get(19..)?.trim_start().starts_with("UTC").then_some(time)?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use instant_acme::Subproblem;

    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        Problem {
            r#type: Some(format!("{TYPES}{kind}")),
            detail: Some(detail.to_owned()),
            status: Some(403),
            subproblems: Vec::new(),
        }
    }

    #[test]
    fn the_authority_says_when_to_ask_again() {
        let text = "too many certificates (5) already issued: retry after 2026-12-01 10:00:00 UTC: see https://x.test";
        let fault = OrderFailure::from(&problem("rateLimited", text));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_119_200);
        assert_eq!(fault.not_before, Some(at));
        assert_eq!(fault.wait(at - Duration::from_secs(60)), Some(Duration::from_secs(60)));
        assert_eq!(fault.wait(at + Duration::from_secs(60)), None);
        for other in [
            "retry after",
            "retry after soon",
            "retry after 2026-12-01 10:00:00 CET",
            "retry after 2026-99-01 10:00:00 UTC",
            "retry after ééééééééééééé",
        ] {
            assert_eq!(retry_after(other), None, "{other}");
        }
    }

    #[test]
    fn every_problem_has_a_way_out_of_its_own() {
        let kinds = [
            "rateLimited",
            "dns",
            "connection",
            "unauthorized",
            "caa",
            "externalAccountRequired",
            "rejectedIdentifier",
            "invalidContact",
            "accountDoesNotExist",
        ];
        let mut hints = kinds.map(hint).to_vec();
        hints.push(hint("serverInternal"));
        hints.sort_unstable();
        hints.dedup();
        assert_eq!(hints.len(), kinds.len() + 1);
    }

    #[test]
    fn the_name_comes_first_and_subproblems_are_said() {
        let mut told = problem("dns", "no valid A records");
        let of = |name: &str| (name.to_owned(), told.clone());
        assert_eq!(OrderFailure::of_names(&[]), None);
        let one = OrderFailure::of_names(&[of("a.example.com")]).unwrap();
        assert_eq!(one.what, "a.example.com: no valid A records (dns)");
        let three =
            OrderFailure::of_names(&[of("a.example.com"), of("b.example.com"), of("c.example.com")]).unwrap();
        assert!(three.what.ends_with("(dns); and not b.example.com, c.example.com either"), "{}", three.what);
        assert_eq!(three.names.len(), 3);
        let detail = Some("b.example.com is on no list".to_owned());
        let identifier = Some(Identifier::Dns("b.example.com".to_owned()));
        told.subproblems.push(Subproblem { identifier, r#type: None, detail });
        let fault = OrderFailure::from(&told);
        assert_eq!(fault.what, "no valid A records; b.example.com is on no list (dns)");
        assert_eq!(fault.names, [Name::parse("b.example.com").unwrap()]);
    }
}
