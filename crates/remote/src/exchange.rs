//! One question to one endpoint: accounts, challenges and redirects on the way to an answer.
//!
//! `exchange` tries account after account; `follow` goes where the registry redirects, leaving the account behind for good
//! once that is elsewhere; `authorized` answers one challenge; `send` puts one request on the wire. Every request passes
//! through `send`.

use std::time::{Duration, Instant};

use http::header;
use url::Url;

use crate::{
    answer::Answer,
    ask::{Ask, Wire},
    auth::{self, Key},
    egress_error::{EgressError, MAX_REDIRECTS},
    endpoints::Endpoint,
    error::{self, Error, InvalidAnswer},
    limits::Subject,
    outcome::Receipt,
    rate_limit::RateLimit,
    refusal::Refusal,
    remote::Remote,
    supply::{Load, Supply},
};

/// Where one hop led.
enum Step {
    /// To the answer.
    There(Answer),
    /// To another address.
    Further(Url),
}

/// Where a question goes, and as whom.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: Url,
    pub(crate) account: Option<usize>,
}

/// An answer, and the account that may still be used where it leads: none once a stranger had a say in it.
pub(crate) struct Arrival {
    pub(crate) answer: Answer,
    pub(crate) account: Option<usize>,
}

impl Remote {
    /// Asks one endpoint, as each account in turn while they are denied or limited.
    pub(crate) async fn exchange(&self, endpoint: Endpoint, ask: &Ask) -> Result<Answer, Error> {
        let url = ask.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        self.exchange_at(endpoint, url, ask).await
    }

    /// The same at an address on that endpoint, such as the next page of a listing.
    pub(crate) async fn exchange_at(&self, endpoint: Endpoint, url: Url, ask: &Ask) -> Result<Answer, Error> {
        self.exchange_as(endpoint, url, ask).await.map(|arrival| arrival.answer)
    }

    /// The same; also says which account was the right one.
    pub(crate) async fn exchange_as(
        &self,
        endpoint: Endpoint,
        url: Url,
        ask: &Ask,
    ) -> Result<Arrival, Error> {
        let way = |account| Way { endpoint, url: url.clone(), account };
        let accounts = self.inner().accounts.iter().enumerate();
        let accounts = accounts.filter(|(_, account)| account.is_for(endpoint, ask.scope().repository()));
        let accounts: Vec<usize> = accounts.map(|(account, _)| account).collect();
        if accounts.is_empty() {
            return self.walk(way(None), ask).await;
        }
        let mut refusal = None;
        for account in accounts.into_iter().map(Some) {
            match self.walk(way(account), ask).await {
                Err(limited @ Error::Limited { .. }) => refusal = Some(limited),
                // Nobody may write what is refused for what it is.
                Err(denied) if ask.changes() && denied.refusal() != Some(Refusal::Rights) => {
                    return Err(denied);
                }
                // That one account is limited says more than that another one is wrong.
                Err(denied @ Error::Denied { .. }) => refusal = refusal.or(Some(denied)),
                other => return other,
            }
        }
        Err(refusal.unwrap_or(Error::NotFound))
    }

    /// Asks as one account.
    pub(crate) async fn walk(&self, way: Way, ask: &Ask) -> Result<Arrival, Error> {
        let (endpoint, account) = (way.endpoint, way.account);
        self.within_limits(endpoint, account, ask, self.follow(way, ask)).await
    }

    /// Sends what cannot be sent again: in one request, as one account, to where it is taken or nowhere.
    pub(crate) async fn pour(&self, way: Way, ask: &Ask, load: Load) -> Result<Arrival, Error> {
        let (endpoint, account) = (way.endpoint, way.account);
        self.within_limits(endpoint, account, ask, self.pour_once(way, ask, load)).await
    }

    // Nothing is sent while the registry has asked this account not to.
    async fn within_limits(
        &self,
        endpoint: Endpoint,
        account: Option<usize>,
        ask: &Ask,
        asked: impl Future<Output = Result<Arrival, Error>>,
    ) -> Result<Arrival, Error> {
        let (method, topic) = ask.topic();
        let subject = Subject { endpoint, account, method: method.clone(), topic: topic.to_owned() };
        if let Some(left) = self.limits().left(&subject, Instant::now()) {
            return Err(Error::Limited { retry_after: Some(left) });
        }
        let arrival = asked.await;
        match &arrival {
            Ok(_) => self.limits().answered(&subject),
            Err(Error::Limited { retry_after }) => {
                self.limits().limited(subject, *retry_after, Instant::now());
            }
            Err(_) => {}
        }
        arrival
    }

    /// Whether an address is on the endpoint itself.
    pub(crate) fn is_home(&self, endpoint: Endpoint, url: &Url) -> bool {
        url.origin() == self.endpoint(endpoint).origin()
    }

    async fn pour_once(&self, way: Way, ask: &Ask, load: Load) -> Result<Arrival, Error> {
        let home = self.is_home(way.endpoint, &way.url);
        let account = way.account.filter(|_| home);
        let key = Key::of(&way.url, ask.scope(), account);
        let mut wire = ask.to(way.url);
        let known = self.grants().get(&key).await;
        if let Some(grant) = &known {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        let answer = async {
            let answer = self.dispatch(&wire, load).await?;
            if let Some(stale) = known.filter(|_| answer.status() == http::StatusCode::UNAUTHORIZED) {
                self.grants().forget(&key, &stale).await;
            }
            answer.to(ask).await
        };
        let answer = answer.await;
        self.note(way.endpoint, home, &answer);
        answer.map(|answer| Arrival { answer, account })
    }

    async fn follow(&self, way: Way, ask: &Ask) -> Result<Arrival, Error> {
        let Way { endpoint, mut url, mut account } = way;
        for _ in 0..=MAX_REDIRECTS {
            let home = self.is_home(endpoint, &url);
            // Whoever sends us back home chose what we ask for there.
            account = account.filter(|_| home);
            let step = self.step(&url, ask, account).await;
            self.note(endpoint, home, &step);
            match step? {
                Step::There(answer) => return Ok(Arrival { answer, account }),
                Step::Further(target) => url = target,
            }
        }
        Err(EgressError::TooManyRedirects.into())
    }

    async fn step(&self, url: &Url, ask: &Ask, account: Option<usize>) -> Result<Step, Error> {
        let answer = self.authorized(url, ask, account).await?;
        match self.target(&answer, ask) {
            None => answer.to(ask).await.map(Step::There),
            Some(Ok(target)) => {
                answer.drain().await;
                Ok(Step::Further(target))
            }
            Some(Err(refused)) => Err(answer.fail(refused)),
        }
    }

    fn target(&self, answer: &Answer, ask: &Ask) -> Option<Result<Url, Error>> {
        match answer.status().as_u16() {
            307 | 308 => {}
            // Behind the others there is something to be read, for whoever writes too (RFC 9110 §15.4).
            301..=303 if !ask.changes() => {}
            _ => return None,
        }
        let Some(location) = answer.header(&header::LOCATION) else {
            return Some(Err(InvalidAnswer::Status(answer.status().as_u16()).into()));
        };
        Some(self.gate().redirect(answer.url(), location).map_err(|refused| Error::Refused(refused.into())))
    }

    // At most two requests for it, whatever the server says to the second: a token that is turned down the moment it was
    // given will not be better the next time.
    async fn authorized(&self, url: &Url, ask: &Ask, account: Option<usize>) -> Result<Answer, Error> {
        let key = Key::of(url, ask.scope(), account);
        let mut wire = ask.to(url.clone());
        let known = self.grants().get(&key).await;
        if let Some(grant) = &known {
            wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        }
        let answer = self.send(&wire).await?;
        if answer.status() != http::StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let offer = match auth::offer(answer.headers(), account.is_some()) {
            Some(offer) => offer,
            None if answer.header(&header::WWW_AUTHENTICATE).is_some() => return Ok(answer),
            None => match self.offer_of_ping(url, account.is_some()).await {
                Some(offer) => offer,
                None => return Ok(answer),
            },
        };
        answer.drain().await;
        if let Some(stale) = known {
            self.grants().forget(&key, &stale).await;
        }
        let grant = self.obtain((&key, ask.scope()), offer, url).await?;
        wire.headers.insert(header::AUTHORIZATION, grant.header.clone());
        let answer = self.send(&wire).await?;
        if answer.status() == http::StatusCode::UNAUTHORIZED {
            self.grants().forget(&key, &grant).await;
        }
        Ok(answer)
    }

    // Some registries, gcr.io among them, say how to log in only when asked for `/v2/` (distribution-spec,
    // §determining support).
    async fn offer_of_ping(&self, url: &Url, has_account: bool) -> Option<auth::Offer> {
        let door = url.join("/v2/").ok().filter(|door| url.path().starts_with(door.path()))?;
        let answer = self.send(&Wire::get(door)).await.ok()?;
        let offer = auth::offer(answer.headers(), has_account);
        let is_challenge = answer.status() == http::StatusCode::UNAUTHORIZED;
        answer.drain().await;
        offer.filter(|_| is_challenge)
    }

    /// Sends one request and waits for the headers of its answer.
    pub(crate) async fn send(&self, wire: &Wire) -> Result<Answer, Error> {
        match self.send_once(wire).await {
            // A kept connection may have been closed by the other side just as the request went out.
            Err(Error::Unreachable { source }) if wire.is_repeatable && !is_connect(source.as_ref()) => {
                self.send_once(wire).await
            }
            other => other,
        }
    }

    async fn send_once(&self, wire: &Wire) -> Result<Answer, Error> {
        self.dispatch(wire, Load::Bytes(wire.body.clone())).await
    }

    async fn dispatch(&self, wire: &Wire, load: Load) -> Result<Answer, Error> {
        let own = self.inner().clients.owns(&wire.url);
        let _turn = if own { Some(self.pacing().turn().await) } else { None };
        let receipt = Receipt::new(self.observer(), self.host().clone());
        let request = self.inner().clients.of(&wire.url).request(wire.method.clone(), wire.url.clone());
        let request = request.headers(wire.headers.clone());
        let length = load.length();
        let response = if length == 0 {
            let patience = self.patience_for(&wire.method);
            let sent = tokio::time::timeout(patience, request.send()).await;
            sent.map_err(|_| Error::TimedOut).and_then(|sent| sent.map_err(error::before_answer))
        } else {
            let (supply, watch) = Supply::new(load);
            let request = request.header(header::CONTENT_LENGTH, length);
            watch.answered(request.body(reqwest::Body::wrap_stream(supply)).send(), self.patience()).await
        };
        match response {
            Ok(response) => {
                if let Some(limit) = RateLimit::read(response.headers()) {
                    self.told(limit);
                }
                Ok(Answer::new(response, receipt))
            }
            Err(failed) => Err(receipt.fail(failed)),
        }
    }

    // The end of an upload is when some storages begin to move its bytes.
    fn patience_for(&self, method: &http::Method) -> Duration {
        if method == http::Method::PUT { self.patience().commit } else { self.patience().headers }
    }
}

fn is_connect(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_none_or(reqwest::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use entrepot_oci::{Digest, Reference, Tag};
    use futures_util::StreamExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{BlobAsk, Settings, client::Patience};

    // A server that reads a request, says `answer`, and then nothing more.
    async fn stalling(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                open.push(stream);
            }
        });
        address
    }

    fn hasty(address: SocketAddr) -> Remote {
        let endpoints = vec![format!("http://{address}").parse().unwrap()];
        let settings = Settings { endpoints, ..Settings::default() };
        let short = Duration::from_millis(100);
        let patience = Patience {
            connect: short,
            headers: short,
            idle: short,
            document: short,
            give_up: short,
            commit: short,
        };
        Remote::with_patience("lab.test".parse().unwrap(), &settings, patience).unwrap()
    }

    #[tokio::test]
    async fn silence_is_not_waited_for() {
        let (repository, latest) = ("a/b".parse().unwrap(), Reference::Tag(Tag::latest()));
        let silent = hasty(stalling("").await);
        assert!(matches!(silent.manifest(&repository, &latest).await, Err(Error::TimedOut)));
        // The same again, whatever is remembered of it.
        assert!(matches!(silent.head_manifest(&repository, &latest).await, Err(Error::TimedOut)));

        let half = hasty(stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"").await);
        assert!(matches!(half.manifest(&repository, &latest).await, Err(Error::TimedOut)));
    }

    #[tokio::test]
    async fn a_stalled_blob_ends_with_what_was_missing() {
        let remote = hasty(stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await);
        let (repository, digest) = ("a/b".parse().unwrap(), Digest::of(b"x"));
        let blob = remote.blob(&repository, &digest, BlobAsk::default()).await.unwrap();
        let chunks: Vec<_> = blob.chunks.collect().await;
        assert!(matches!(chunks.as_slice(), [Ok(half), Err(Error::TimedOut)] if half == "half"));
    }
}
