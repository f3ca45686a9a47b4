//! One order: from an account to a certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, ExternalAccountKey, Identifier,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};

use crate::{
    answers::Challenges,
    certificate::for_challenge,
    name::Name,
    problem::{OrderFailure, is_of_unknown_account},
    settings::AcmeSettings,
    store::{Store, StoreError},
};

/// How long an authority may take to look at all names, and then to sign.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: RetryPolicy = RetryPolicy::new().timeout(PATIENCE);
/// What is said of a file below the data directory.
const OF_DISK: &str = "look at the data directory: the server's user must be able to write there";

/// How a name is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A file by HTTP.
    Http,
    /// A certificate by TLS.
    Tls,
}

impl Proof {
    /// The proof of the nth try: where both can be given they take turns, since one of the ports may not be reachable.
    pub(crate) fn of_try(failures: u32, has_http: bool) -> Self {
        if has_http && failures.is_multiple_of(2) { Self::Http } else { Self::Tls }
    }

    fn kind(self) -> ChallengeType {
        match self {
            Self::Http => ChallengeType::Http01,
            Self::Tls => ChallengeType::TlsAlpn01,
        }
    }
}

/// What an order is made with.
pub(crate) struct OrderContext<'a> {
    pub(crate) settings: &'a AcmeSettings,
    pub(crate) store: &'a Store,
    pub(crate) challenges: &'a Challenges,
}

impl OrderContext<'_> {
    /// Orders a certificate for `names`; returns the chain and its key in PEM format.
    pub(crate) async fn order(&self, names: &[Name], proof: Proof) -> Result<String, OrderFailure> {
        let identifiers = names.iter().map(|name| Identifier::Dns(name.to_string())).collect::<Vec<_>>();
        let wanted = NewOrder::new(&identifiers);
        let mut order = match self.account().await?.new_order(&wanted).await {
            // Authorities forget accounts, those for trying things out above all.
            Err(Error::Api(problem)) if is_of_unknown_account(&problem) => {
                self.store.forget_account().map_err(of_disk)?;
                self.account().await?.new_order(&wanted).await?
            }
            order => order?,
        };
        let _answers = self.challenges.for_one_order();
        self.prove(&mut order, proof).await?;
        let ready = order.poll_ready(&POLL).await;
        if order.state().status == OrderStatus::Invalid {
            return Err(refused(&mut order).await?);
        }
        ready?;
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&POLL).await?;
        Ok(format!("{}\n{key}", chain.trim_end()))
    }

    async fn account(&self) -> Result<Account, OrderFailure> {
        let builder = match &self.settings.directory_ca {
            Some(file) => Account::builder_with_root(file)?,
            None => Account::builder()?,
        };
        if let Some(kept) = self.store.account().map_err(of_disk)? {
            return Ok(builder.from_credentials(kept).await?);
        }
        let contact = self.settings.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact = contact.as_deref().into_iter().collect::<Vec<_>>();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let eab = self.settings.eab.as_ref();
        let eab = eab.and_then(|eab| Some(ExternalAccountKey::new(eab.kid().to_owned(), &eab.key()?)));
        let (account, kept) = builder.create(&new, self.settings.directory.to_string(), eab.as_ref()).await?;
        self.store.put_account(&kept).map_err(of_disk)?;
        Ok(account)
    }

    // What was proved a short while ago need not be proved again.
    async fn prove(&self, order: &mut Order, proof: Proof) -> Result<(), OrderFailure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization?;
            if authorization.status == AuthorizationStatus::Pending {
                self.answer(authorization, proof).await?;
            }
        }
        Ok(())
    }

    async fn answer(
        &self,
        mut authorization: AuthorizationHandle<'_>,
        proof: Proof,
    ) -> Result<(), OrderFailure> {
        let name = authorization.identifier().to_string();
        let mut challenge = authorization.challenge(proof.kind()).ok_or_else(|| {
            OrderFailure::new(
                format!("{name}: the authority takes no {proof:?} challenge"),
                "set `tls.acme.http: \":80\"` if it takes HTTP-01 alone, and leave it out if it takes TLS-ALPN-01 alone",
            )
        })?;
        let answer = challenge.key_authorization();
        match proof {
            Proof::Http => self.challenges.answer_http(challenge.token.clone(), answer.as_str().to_owned()),
            Proof::Tls => {
                let unmade = |what: String| {
                    OrderFailure::new(what, "the ACME server's answer is not one that we know")
                };
                let name = Name::parse(&name).ok_or_else(|| unmade(format!("`{name}` is no host name")))?;
                let made = for_challenge(&name, answer.digest().as_ref());
                self.challenges.answer_tls(name, made.map_err(|error| unmade(error.to_string()))?);
            }
        }
        Ok(challenge.set_ready().await?)
    }
}

fn of_disk(error: StoreError) -> OrderFailure {
    OrderFailure::new(error.to_string(), OF_DISK)
}

// Which names the authority did not believe to be ours, and why.
async fn refused(order: &mut Order) -> Result<OrderFailure, OrderFailure> {
    let mut problems = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        let state = authorization.refresh().await?;
        let problem = state.challenges.iter().find_map(|challenge| challenge.error.clone());
        problems.extend(problem.map(|problem| (name, problem)));
    }
    let error = || order.state().error.as_ref().map(OrderFailure::from);
    Ok(OrderFailure::of_names(&problems)
        .or_else(error)
        .unwrap_or_else(|| OrderFailure::new("the authority refused the order", "it is asked again")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proofs_take_turns_where_there_are_two() {
        assert_eq!(
            [0, 1, 2].map(|failures| Proof::of_try(failures, true)),
            [Proof::Http, Proof::Tls, Proof::Http]
        );
        assert_eq!([0, 1, 2].map(|failures| Proof::of_try(failures, false)), [Proof::Tls; 3]);
    }
}
