//! One question to one endpoint: accounts, challenges and redirects on the way to an answer.
//!
//! `exchange` tries account after account; `follow` goes where the registry redirects, leaving `Authorization` behind;
//! `authorized` answers one challenge; `send` puts one request on the wire. Every request passes through `send`.

use std::time::Instant;

use http::header;
use url::Url;

use crate::{
    answer::Answer,
    ask::{Ask, Wire},
    auth::{self, Key},
    egress::{EgressError, MAX_REDIRECTS},
    endpoints::Endpoint,
    error::{self, Error, InvalidAnswer},
    limits::Subject,
    outcome::Receipt,
    rate_limit::RateLimit,
    remote::Remote,
};

/// Where one hop led.
enum Step {
    /// To the answer.
    There(Answer),
    /// To another address.
    Further(Url),
}

impl Remote {
    /// Asks one endpoint, as each account in turn while they are denied or limited.
    pub(crate) async fn exchange(&self, endpoint: Endpoint, ask: &Ask<'_>) -> Result<Answer, Error> {
        let url = ask.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        self.exchange_at(endpoint, url, ask).await
    }

    /// The same at an address on that endpoint, such as the next page of a listing.
    pub(crate) async fn exchange_at(
        &self,
        endpoint: Endpoint,
        url: Url,
        ask: &Ask<'_>,
    ) -> Result<Answer, Error> {
        let accounts = self.inner().credentials.iter().enumerate();
        let accounts = accounts.filter(|(_, credential)| credential.covers(ask.repository()));
        let accounts: Vec<usize> = accounts.map(|(account, _)| account).collect();
        if accounts.is_empty() {
            return self.within_limits(endpoint, url, ask, None).await;
        }
        let mut refusal = None;
        for account in accounts {
            match self.within_limits(endpoint, url.clone(), ask, Some(account)).await {
                Err(limited @ Error::Limited { .. }) => refusal = Some(limited),
                // That one account is limited says more than that another one is wrong.
                Err(denied @ Error::Denied { .. }) => refusal = refusal.or(Some(denied)),
                other => return other,
            }
        }
        Err(refusal.unwrap_or(Error::NotFound))
    }

    // Nothing is sent while the registry has asked this account not to.
    async fn within_limits(
        &self,
        endpoint: Endpoint,
        url: Url,
        ask: &Ask<'_>,
        account: Option<usize>,
    ) -> Result<Answer, Error> {
        let (method, topic) = ask.topic();
        let subject = Subject { endpoint, account, method: method.clone(), topic: topic.to_owned() };
        if let Some(left) = self.limits().left(&subject, Instant::now()) {
            return Err(Error::Limited { retry_after: Some(left) });
        }
        let answer = self.follow(endpoint, url, ask, account).await;
        match &answer {
            Ok(_) => self.limits().answered(&subject),
            Err(Error::Limited { retry_after }) => {
                self.limits().limited(subject, *retry_after, Instant::now());
            }
            Err(_) => {}
        }
        answer
    }

    async fn follow(
        &self,
        endpoint: Endpoint,
        mut url: Url,
        ask: &Ask<'_>,
        account: Option<usize>,
    ) -> Result<Answer, Error> {
        let origin = self.endpoint(endpoint).origin();
        for _ in 0..=MAX_REDIRECTS {
            let home = url.origin() == origin;
            let step = self.step(&url, ask, account.filter(|_| home)).await;
            self.note(endpoint, home, &step);
            match step? {
                Step::There(answer) => return Ok(answer),
                Step::Further(target) => url = target,
            }
        }
        Err(EgressError::TooManyRedirects.into())
    }

    async fn step(&self, url: &Url, ask: &Ask<'_>, account: Option<usize>) -> Result<Step, Error> {
        let answer = self.authorized(url, ask, account).await?;
        match self.target(&answer) {
            None => answer.successful().await.map(Step::There),
            Some(Ok(target)) => {
                answer.drain().await;
                Ok(Step::Further(target))
            }
            Some(Err(refused)) => Err(answer.fail(refused)),
        }
    }

    fn target(&self, answer: &Answer) -> Option<Result<Url, Error>> {
        if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let Some(location) = answer.header(&header::LOCATION) else {
            return Some(Err(InvalidAnswer::Status(answer.status().as_u16()).into()));
        };
        Some(self.gate().redirect(answer.url(), location).map_err(Error::from))
    }

    // At most two requests for it, whatever the server says to the second: a token that is turned down the moment it was
    // given will not be better the next time.
    async fn authorized(&self, url: &Url, ask: &Ask<'_>, account: Option<usize>) -> Result<Answer, Error> {
        let key = Key::pull(url, ask.repository(), account);
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
        let grant = self.obtain(&key, offer, url).await?;
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
            Err(Error::Unreachable { source }) if !is_connect(source.as_ref()) => self.send_once(wire).await,
            other => other,
        }
    }

    async fn send_once(&self, wire: &Wire) -> Result<Answer, Error> {
        let receipt = Receipt::new(self.observer(), self.host().clone());
        let request = self.inner().clients.of(&wire.url).request(wire.method.clone(), wire.url.clone());
        let sent = request.headers(wire.headers.clone()).send();
        match tokio::time::timeout(self.patience().headers, sent).await {
            Ok(Ok(response)) => {
                if let Some(limit) = RateLimit::read(response.headers()) {
                    self.told(limit);
                }
                Ok(Answer::new(response, receipt))
            }
            Ok(Err(failed)) => Err(receipt.fail(error::before_answer(failed))),
            Err(_) => Err(receipt.fail(Error::TimedOut)),
        }
    }
}

fn is_connect(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_none_or(reqwest::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

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
        let patience =
            Patience { connect: short, headers: short, idle: short, document: short, give_up: short };
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
