//! Pulls as registries count them: which account a pull is made with, whether it may be made now, and what is left.
//!
//! Of several accounts, the one with most pulls left is used first; a repository keeps its account for a while, so that the
//! requests of one pull share a token. What an account has left is known to all clients of the process (`quotas`).

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use entrepot_oci::Repository;
use http::Method;

use crate::{
    accounts::Account,
    destination::Destination,
    endpoint::Endpoint,
    error::Error,
    pull_quota::{PullQuota, QuotaHeaders},
    quota::{AccountQuota, Quota},
    quotas::QuotaOwner,
    remote::Remote,
    request::Request,
    response::Response,
};

/// Whether registries count the request as a pull.
pub(crate) fn is_pull(request: &Request) -> bool {
    let (method, topic) = request.topic();
    method == Method::GET && topic == "manifests"
}

impl Remote {
    /// The registry's pull quota, as far as it tells one: that of the account with most pulls left.
    pub fn pull_quota(&self) -> Option<PullQuota> {
        let now = Instant::now();
        let known = self.payers().into_iter().filter_map(|payer| {
            self.quota(&payer, |quota| {
                let (remaining, limit) = (quota.left(now)?, quota.limit()?);
                Some(PullQuota { limit, remaining, window: quota.window() })
            })
        });
        known.max_by_key(|quota| quota.remaining)
    }

    /// What each account has left, in the order of the configuration; one without a name if there is no account. Of several
    /// links without an account, it is that of the link with most left.
    pub fn account_quotas(&self) -> Vec<AccountQuota> {
        let now = Instant::now();
        let mut payers = self.payers();
        payers.sort_by_cached_key(|payer| {
            // Accounts stay in their order.
            payer.link.as_ref().map(|_| Reverse(self.quota(payer, |quota| quota.left(now))))
        });
        payers.dedup_by(|one, other| one.account == other.account);
        let view = |payer: QuotaOwner| self.quota(&payer, |quota| quota.view(payer.account.clone(), now));
        payers.into_iter().map(view).collect()
    }

    /// The pulls that background work leaves to others: as configured, else a fifth of the limit.
    pub fn pull_reserve(&self) -> u64 {
        let usual = || self.pull_quota().map_or(0, |quota| quota.limit / 5);
        self.inner().reserve.unwrap_or_else(usual)
    }

    /// True if background work would take from the reserve now. What is not known is no reason to hold back.
    pub fn is_at_pull_reserve(&self) -> bool {
        self.pull_quota().is_some_and(|quota| quota.remaining <= self.pull_reserve())
    }

    // User names, each once; accounts of several namespaces may share one.
    fn payers(&self) -> Vec<QuotaOwner> {
        let mut payers: Vec<QuotaOwner> = Vec::new();
        for account in self.accounts().iter() {
            let payer = of_account(&account.credential.username);
            if !payers.contains(&payer) {
                payers.push(payer);
            }
        }
        if payers.is_empty() {
            payers.extend((0..self.link_count()).map(|link| self.payer(link, None)));
        }
        payers
    }

    fn payer(&self, link: usize, account: Option<usize>) -> QuotaOwner {
        match self.username(account) {
            Some(username) => of_account(&username),
            None if self.link_count() > 1 => {
                QuotaOwner { account: None, link: Some(self.lane(link).link.name().to_owned()) }
            }
            None => QuotaOwner::default(),
        }
    }

    /// The ids of accounts in the order in which they are tried: those of the narrowest namespace first, of these the one that the
    /// repository was pulled with last, then those with most left. Who tells nothing may have any number.
    pub(crate) fn in_order(&self, accounts: &[&Account], repository: Option<&Repository>) -> Vec<usize> {
        let [_, _, ..] = accounts else { return accounts.iter().map(|account| account.id).collect() };
        let now = Instant::now();
        let last = repository.and_then(|repository| self.inner().last_accounts.of(repository));
        let width =
            |account: &Account| account.credential.namespace.as_ref().map_or(0, |name| name.parts().count());
        let left = |account: &Account| {
            let left = self.quota(&of_account(&account.credential.username), |quota| quota.left(now));
            left.unwrap_or(u64::MAX)
        };
        let mut ordered: Vec<_> = accounts
            .iter()
            .map(|account| {
                let left = left(account);
                let stays = left > 0 && last == Some(account.id);
                ((Reverse(width(account)), Reverse(stays), Reverse(left)), account.id)
            })
            .collect();
        // Stable: equals stay in the order of the configuration.
        ordered.sort_by_key(|(key, _)| *key);
        ordered.into_iter().map(|(_, id)| id).collect()
    }

    /// Remembers which account a repository was pulled with.
    pub(crate) fn note_account(&self, repository: Option<&Repository>, account: usize) {
        if let Some(repository) = repository
            && self.accounts().len() > 1
        {
            self.inner().last_accounts.note(repository, account);
        }
    }

    /// Lets a request be sent, unless it is a pull and its account has nothing left.
    pub(crate) fn may_send(
        &self,
        endpoint: Endpoint,
        account: Option<usize>,
        request: &Request,
    ) -> Result<(), Error> {
        if !is_pull(request) {
            return Ok(());
        }
        let may = self.quota(&self.payer(endpoint.link, account), |quota| quota.may_pull(Instant::now()));
        may.map_err(|wait| Error::Limited { retry_after: Some(wait) })
    }

    /// Takes note of a response to a request that was sent there.
    pub(crate) fn note_answer(&self, sent: &Destination, request: &Request, response: &Response) {
        let (link, account) = (sent.endpoint.link, sent.account);
        // What another server says, to which the registry has redirected, is not about its quota.
        if !self.lane(link).clients.owns(response.url()) {
            return;
        }
        let is_given = is_pull(request) && response.status().is_success();
        let told = QuotaHeaders::read(response.headers());
        let is_news = self.quota(&self.payer(link, account), |quota| {
            let before = quota.counts_address();
            quota.answered(told, is_given, Instant::now());
            account.is_some() && quota.counts_address() && !before
        });
        if is_news {
            let username = self.username(account);
            tracing::warn!(
                registry = %self.host(), username,
                "the registry counts pulls for our address although an account is used; hint: see `entrepot budget`, and \
                 whether the account is confirmed there"
            );
        }
    }

    /// The registry has refused a request with this account as one too many.
    pub(crate) fn note_limited(&self, endpoint: Endpoint, account: Option<usize>, wait: Option<Duration>) {
        // One of several links may be limited for its address, and the account not over the others.
        if account.is_none() || self.link_count() == 1 {
            self.quota(&self.payer(endpoint.link, account), |quota| quota.limited(wait, Instant::now()));
        }
    }

    fn quota<T>(&self, owner: &QuotaOwner, look: impl FnOnce(&mut Quota) -> T) -> T {
        self.inner().quotas.with(self.host(), owner, look)
    }

    fn username(&self, account: Option<usize>) -> Option<String> {
        account.and_then(|id| self.credential(id)).map(|credential| credential.username)
    }
}

fn of_account(username: &str) -> QuotaOwner {
    QuotaOwner { account: Some(username.to_owned()), link: None }
}
