//! The bytes of blobs: whether somebody may have more of them, and how fast they go.
//!
//! Bytes are charged as they are sent. Whoever has used up what they may have gets the rest as fast as it comes back, and never
//! slower than [`SLOWEST`]; only what would be owed for longer than [`LONGEST_DEBT`] is refused before it begins. All answers of
//! a client share its buckets, over all of its connections.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use entrepot_mirror::{Mirror, RepoKey, Temperature};
use entrepot_oci::{Digest, Rate};
use entrepot_policy::{Bucket, LONGEST_DEBT, Pace, PullLimits, Volume, rate_bucket};
use tokio::time::Sleep;

use super::{
    holder::{BucketOwner, LimitedClient},
    in_force::LimitsInForce,
    ledger::{BucketCharge, BucketKey, BucketKind, Total},
    refusals::MetLimit,
};
use crate::error::Refusal;

/// Smaller blobs may be read as often as one likes: they cost no more than a question.
const REPEATED: u64 = 1 << 20;
/// Blobs up to this size go in one piece, and are charged when they begin.
const SMALL: u64 = 64 << 10;

/// A blob that is about to be sent.
#[derive(Clone, Copy)]
pub(crate) struct SentBlob<'a> {
    pub(crate) key: &'a RepoKey,
    pub(crate) digest: &'a Digest,
    /// Its size, and how many bytes of it are wanted, as far as that is known.
    pub(crate) size: Option<u64>,
    pub(crate) length: Option<u64>,
    pub(crate) temperature: Temperature,
}

/// What the bytes of one answer are charged to, and how fast they go.
pub(crate) struct StreamShaping {
    limits: LimitsInForce,
    charges: Vec<Charge>,
    repeats: Option<Repeats>,
    pace: Pace,
    pause: Option<Pin<Box<Sleep>>>,
    /// How many bytes may go at once.
    most: u64,
    /// What came in a larger piece than goes at once.
    rest: Bytes,
}

/// A limit on bytes.
#[derive(Clone, Copy)]
struct Charge {
    counted: BucketCharge,
    limit: &'static str,
    owner: BucketOwner,
    said: StreamLimit,
}

/// What a limit says, as it is written.
#[derive(Clone, Copy)]
enum StreamLimit {
    /// So much of what is held, or has to be fetched.
    Volume(Volume, Temperature),
    /// The same for a network: a multiple of what is written.
    Network(Temperature),
    /// So fast.
    Rate(Rate),
    /// So much of an image.
    Image(Volume),
}

/// The same blob for the same client: beyond its downloads, it goes at a rate.
#[derive(Clone, Copy)]
struct Repeats {
    downloads: BucketCharge,
    rate: Option<BucketCharge>,
}

impl LimitsInForce {
    /// Refuses a blob that would have to be fetched, before it is, if its client owes too much for such blobs already.
    pub(crate) async fn check_cold(
        &self,
        mirror: &Mirror,
        client: &LimitedClient<'_>,
        (key, digest): (&RepoKey, &Digest),
    ) -> Result<(), Refusal> {
        let limits = Arc::clone(&self.limits());
        let Some(holder) = client.holder(&limits).filter(|_| limits.per_client.cold.is_some()) else {
            return Ok(());
        };
        let now = self.0.ledger.now();
        let volumes = of_client(&limits, holder, Temperature::Cold).into_iter().filter(Charge::is_volume);
        let mut owing = volumes.map(|charge| {
            let is_none = charge.counted.bucket.is_none();
            let debt = || self.0.ledger.debt(charge.counted, now).saturating_sub(LONGEST_DEBT);
            OwedCharge { charge, wait: (!is_none).then(debt) }
        });
        let owing = owing.find(|owing| owing.wait.is_none_or(|wait| !wait.is_zero()));
        match owing {
            Some(owing) if !mirror.has_blob(key, digest).await => Err(self.refuse(client, &owing, key)),
            _ => Ok(()),
        }
    }

    /// What a blob that is about to be sent is charged to; `None` if its bytes are not counted.
    ///
    /// # Errors
    /// Its client, or all together, owe too much already.
    pub(crate) fn shape(
        &self,
        client: &LimitedClient<'_>,
        sent: SentBlob<'_>,
    ) -> Result<Option<StreamShaping>, Refusal> {
        self.shape_at(client, sent, self.0.ledger.now())
    }

    fn shape_at(
        &self,
        client: &LimitedClient<'_>,
        sent: SentBlob<'_>,
        now: Duration,
    ) -> Result<Option<StreamShaping>, Refusal> {
        let limits = self.limits();
        let Some(holder) = client.holder(&limits) else { return Ok(None) };
        let mut charges = of_client(&limits, holder, sent.temperature);
        charges.extend(self.of_all(&limits, sent));
        let repeats = self.repeats(&limits, holder, sent);
        if charges.is_empty() && repeats.is_none() {
            return Ok(None);
        }
        if sent.size.is_some_and(|size| size <= SMALL) {
            let bytes = sent.length.unwrap_or(SMALL);
            let charged = self.charge_whole(client, (bytes, &charges), now);
            return charged.map(|()| None).map_err(|owing| self.refuse(client, &owing, sent.key));
        }
        let admitted = self.charge_whole(client, (0, &charges), now);
        admitted.map_err(|owing| self.refuse(client, &owing, sent.key))?;
        let tightest = charges.iter().map(|charge| charge.counted.bucket.each_second()).min();
        let pace = Pace::new(tightest.unwrap_or(u64::MAX));
        let most = pace.piece(Duration::ZERO);
        let (limits, pause, rest) = (self.clone(), None, Bytes::new());
        Ok(Some(StreamShaping { limits, charges, repeats, pace, pause, most, rest }))
    }

    // Charges a blob that goes in one piece, to all limits or to none.
    fn charge_whole(
        &self,
        client: &LimitedClient<'_>,
        (bytes, charges): (u64, &[Charge]),
        now: Duration,
    ) -> Result<(), OwedCharge> {
        let ledger = &self.0.ledger;
        for (nth, charge) in charges.iter().enumerate() {
            let owed = ledger.charge_within(bytes, charge.counted, now, LONGEST_DEBT);
            if owed.is_none_or(|owed| !owed.is_zero()) && charge.is_a_clients() {
                self.met(client, &charge.fact(None));
            }
            if owed.is_none_or(|owed| owed > LONGEST_DEBT) {
                charges[..nth].iter().for_each(|charge| ledger.give_back(bytes, &[charge.counted]));
                return Err(OwedCharge { charge: *charge, wait: owed.map(|owed| owed - LONGEST_DEBT) });
            }
        }
        Ok(())
    }

    fn refuse(&self, client: &LimitedClient<'_>, owing: &OwedCharge, key: &RepoKey) -> Refusal {
        let OwedCharge { charge, wait } = *owing;
        let (limit, holder, fact) = (charge.limit, charge.owner, charge.fact(Some(key)));
        self.0.refusals.refuse(MetLimit { limit, owner: holder, fact, wait, asker: client })
    }

    fn of_all(&self, limits: &PullLimits, sent: SentBlob<'_>) -> impl Iterator<Item = Charge> {
        let image = limits.per_image.egress.map(|of| {
            let place = BucketKey::Image(self.0.ledger.number(sent.key));
            charge((place, of.bucket()), "image_egress", BucketOwner::Everybody, StreamLimit::Image(of))
        });
        let all = |rate: Rate, place: Total, limit: &'static str| {
            charge(
                (BucketKey::Total(place), rate_bucket(rate)),
                limit,
                BucketOwner::Everybody,
                StreamLimit::Rate(rate),
            )
        };
        let total = limits.total.rate.map(|rate| all(rate, Total::Rate, "total_rate"));
        let cold = limits.total.cold_rate.filter(|_| sent.temperature == Temperature::Cold);
        let cold = cold.map(|rate| all(rate, Total::ColdRate, "total_cold_rate"));
        image.into_iter().chain(total).chain(cold)
    }

    // operate.md row 22
    fn repeats(&self, limits: &PullLimits, owner: BucketOwner, sent: SentBlob<'_>) -> Option<Repeats> {
        let size = sent.size.filter(|size| *size >= REPEATED)?;
        let number = self.0.ledger.number((owner, sent.digest));
        let downloads = limits.per_client.repeats?.bucket_of(size);
        let rate = limits.per_client.repeat_rate.map(rate_bucket);
        Some(Repeats {
            downloads: BucketCharge { key: BucketKey::Downloads(number), bucket: downloads },
            rate: rate.map(|bucket| BucketCharge { key: BucketKey::Repeat(number), bucket }),
        })
    }
}

/// A limit that more cannot be had of, and when it can; `None` is never.
struct OwedCharge {
    charge: Charge,
    wait: Option<Duration>,
}

fn charge(
    (place, bucket): (BucketKey, Bucket),
    limit: &'static str,
    owner: BucketOwner,
    said: StreamLimit,
) -> Charge {
    Charge { counted: BucketCharge { key: place, bucket }, limit, owner, said }
}

// What its own limits and those of the network around it say.
fn of_client(limits: &PullLimits, owner: BucketOwner, temperature: Temperature) -> Vec<Charge> {
    let own = &limits.per_client;
    let (kind, volume, [name, of_network]) = match temperature {
        Temperature::Cold => (BucketKind::Cold, own.cold, ["client_cold", "network_cold"]),
        Temperature::Hot => (BucketKind::Hot, own.hot, ["client_hot", "network_hot"]),
    };
    let mut charges = Vec::with_capacity(6);
    if let Some(of) = volume {
        let place = BucketKey::Of(owner, kind);
        charges.push(charge((place, of.bucket()), name, owner, StreamLimit::Volume(of, temperature)));
        if let Some((network, times)) = owner.network() {
            let counted = (BucketKey::Of(network, kind), of.bucket().times(times));
            charges.push(charge(counted, of_network, network, StreamLimit::Network(temperature)));
        }
    }
    if let Some(rate) = own.rate {
        let place = BucketKey::Of(owner, BucketKind::Rate);
        charges.push(charge((place, rate_bucket(rate)), "client_rate", owner, StreamLimit::Rate(rate)));
    }
    charges
}

impl Charge {
    fn fact(&self, key: Option<&RepoKey>) -> String {
        let what = |temperature| match temperature {
            Temperature::Cold => " that has to be fetched",
            Temperature::Hot => "",
        };
        let subject = self.owner.subject();
        match (self.said, self.owner) {
            (StreamLimit::Volume(of, temperature), _) => {
                format!("{subject} reads more{} than {of}", what(temperature))
            }
            (StreamLimit::Network(temperature), _) => {
                format!("{subject} reads too much{}", what(temperature))
            }
            (StreamLimit::Rate(rate), BucketOwner::Everybody) => {
                format!("all downloads together reach {rate}")
            }
            (StreamLimit::Rate(rate), _) => format!("the downloads of {subject} together reach {rate}"),
            (StreamLimit::Image(of), _) => {
                let image = key.map(|key| format!("`{key}`")).unwrap_or_default();
                format!("{image} is read more than {of}")
            }
        }
    }

    // What somebody may have in a time, and not how fast.
    fn is_volume(&self) -> bool {
        matches!(self.said, StreamLimit::Volume(..) | StreamLimit::Network(_))
    }

    // Meeting it again and again leads to a ban.
    fn is_a_clients(&self) -> bool {
        matches!(self.said, StreamLimit::Volume(..))
    }
}

impl StreamShaping {
    /// True if bytes go no faster than a rate: then they have to go through here.
    pub(crate) fn has_rate(&self) -> bool {
        let is_rate = |charge: &Charge| {
            matches!(
                charge.counted.key,
                BucketKey::Of(_, BucketKind::Rate) | BucketKey::Total(Total::Rate | Total::ColdRate)
            )
        };
        let ledger = &self.limits.0.ledger;
        let is_over = |repeats: &Repeats| {
            repeats.rate.is_some() && !ledger.debt(repeats.downloads, ledger.now()).is_zero()
        };
        self.charges.iter().any(is_rate) || self.repeats.as_ref().is_some_and(is_over)
    }

    /// Charges bytes that somebody else sends.
    pub(crate) fn sent_elsewhere(self, bytes: u64) {
        self.charge(bytes, self.limits.0.ledger.now());
    }

    /// Waits until more may go, and says how many bytes may go at once. Never waits before the first byte.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
            self.most = self.piece_at(self.limits.0.ledger.now());
        }
        Poll::Ready(self.most)
    }

    fn piece_at(&self, now: Duration) -> u64 {
        let owed = self.charges.iter().map(|charge| self.limits.0.ledger.debt(charge.counted, now)).max();
        self.pace.piece(owed.unwrap_or_default())
    }

    /// What is left of a larger piece.
    pub(crate) fn rest(&self) -> usize {
        self.rest.len()
    }

    /// The next part of what is left of a larger piece.
    pub(crate) fn next_of_rest(&mut self) -> Option<Bytes> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| self.cut(rest))
    }

    /// As much of a piece as may go at once; the rest is kept.
    pub(crate) fn cut(&mut self, mut bytes: Bytes) -> Bytes {
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        if bytes.len() > most {
            self.rest = bytes.split_off(most);
        }
        bytes
    }

    /// Charges bytes that go now, and decides how long the next ones wait.
    pub(crate) fn sent(&mut self, bytes: u64) {
        let wait = self.sent_at(bytes, self.limits.0.ledger.now());
        if wait.is_zero() {
            self.most = self.pace.piece(wait);
        } else {
            self.pause = Some(Box::pin(tokio::time::sleep(wait)));
        }
    }

    fn sent_at(&self, bytes: u64, now: Duration) -> Duration {
        self.pace.wait(bytes, self.charge(bytes, now))
    }

    // Returns how long the limits want the next bytes to wait.
    fn charge(&self, bytes: u64, now: Duration) -> Duration {
        let ledger = &self.limits.0.ledger;
        let waits = self.charges.iter().map(|charge| ledger.charge(bytes, charge.counted, now));
        let wait = waits.max().unwrap_or_default();
        let Some(repeats) = self.repeats else { return wait };
        let is_over =
            !ledger.charge(bytes, repeats.downloads, now).is_zero() || repeats.downloads.bucket.is_none();
        let slowed = repeats.rate.filter(|_| is_over).map(|rate| ledger.charge(bytes, rate, now));
        wait.max(slowed.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use entrepot_access::Principal;
    use entrepot_mirror::Origin;
    use entrepot_oci::Host;
    use entrepot_policy::LimitsSection;

    use super::*;

    const MIB: u64 = 1 << 20;

    struct Ground {
        limits: LimitsInForce,
        key: RepoKey,
        digest: Digest,
    }

    impl Ground {
        fn new(change: impl FnOnce(&mut LimitsSection)) -> Self {
            let mut section = LimitsSection::default();
            change(&mut section);
            let origin = Origin::Upstream(Host::docker_hub());
            let key = RepoKey { origin, repository: "library/a".parse().unwrap() };
            Self { limits: LimitsInForce::new(PullLimits::of(&section)), key, digest: Digest::of(b"a") }
        }

        fn shape(&self, address: &str, temperature: Temperature, now: f64) -> Result<StreamShaping, Refusal> {
            let asker = LimitedClient { principal: &Principal::ANONYMOUS, address: address.parse().ok() };
            let size = Some(10 * MIB);
            let sent = SentBlob { key: &self.key, digest: &self.digest, size, length: size, temperature };
            let now = Duration::from_secs_f64(now);
            self.limits.shape_at(&asker, sent, now).map(|shaped| shaped.unwrap())
        }

        /// How long it takes, in seconds.
        fn send(&self, address: &str, temperature: Temperature, bytes: u64) -> f64 {
            sent_together(vec![self.shape(address, temperature, 0.0).unwrap()], bytes, 0.0)[0]
        }
    }

    /// How long each takes to send so many bytes, all of them at once, from `start` on. Pieces themselves take no time.
    fn sent_together(shaped: Vec<StreamShaping>, bytes: u64, start: f64) -> Vec<f64> {
        let begun = Duration::from_secs_f64(start);
        let mut all: Vec<_> = shaped.into_iter().map(|one| (one, begun, bytes)).collect();
        while let Some((one, due, left)) =
            all.iter_mut().filter(|(.., left)| *left > 0).min_by_key(|(_, due, _)| *due)
        {
            let piece = one.piece_at(*due).min(*left);
            *left -= piece;
            let wait = one.sent_at(piece, *due);
            if *left > 0 {
                *due += wait;
            }
        }
        all.into_iter().map(|(_, due, _)| due.as_secs_f64() - start).collect()
    }

    #[test]
    fn answers_of_a_client_share_its_rate_and_those_of_others_do_not() {
        let ground = Ground::new(|section| section.per_client.rate = "10MiB/s".parse().ok());
        let shape = |from: &str| ground.shape(from, Temperature::Hot, 0.0).unwrap();
        let took =
            sent_together(vec![shape("192.0.2.1"), shape("192.0.2.1"), shape("192.0.2.2")], 30 * MIB, 0.0);
        // 60 MiB at 10 MiB/s, of which one second may be had at once.
        assert!((3.5..5.5).contains(&took[0]) && (4.5..5.5).contains(&took[1]), "{took:?}");
        assert!((1.5..2.5).contains(&took[2]), "{took:?}");
    }

    // operate.md rows 22, 29
    #[test]
    fn a_blob_that_is_read_again_and_again_goes_slowly() {
        let ground = Ground::new(|section| {
            section.per_client.repeats = "2/d".parse().ok();
            section.per_client.repeat_rate = "1MiB/s".parse().ok();
        });
        let read = |from: &str| ground.send(from, Temperature::Hot, 10 * MIB);
        assert_eq!((read("192.0.2.1"), read("192.0.2.1")), (0.0, 0.0));
        let slow = read("192.0.2.1");
        assert!((8.0..11.0).contains(&slow), "{slow:?}");
        assert_eq!(read("192.0.2.9"), 0.0, "somebody else");
    }

    // operate.md row 29
    #[test]
    fn who_used_up_a_volume_goes_on_slowly_and_is_refused_when_owing_too_much() {
        let ground = Ground::new(|section| section.per_client.cold = "1MiB/h".parse().ok());
        let took = ground.send("192.0.2.1", Temperature::Cold, 2 * MIB);
        // The rest at 64 KiB/s: it moves.
        assert!((14.0..17.5).contains(&took), "{took:?}");
        let refused = ground.shape("192.0.2.1", Temperature::Cold, took).err().unwrap();
        let said = "this address reads more that has to be fetched than 1MiB/h; hint: try again in ";
        assert!(refused.message.starts_with(said), "{}", refused.message);
        let wait: f64 = refused.headers[0].1.to_str().unwrap().parse().unwrap();
        assert!(wait > 3000.0, "{wait:?}");
        assert!(ground.shape("192.0.2.1", Temperature::Cold, took + wait).is_ok(), "it was true");
        let none = Ground::new(|section| section.per_client.hot = "0B/d".parse().ok());
        assert!(none.shape("192.0.2.1", Temperature::Hot, 0.0).is_err(), "none is none");
    }

    #[test]
    fn images_and_all_together_have_their_own() {
        let ground = Ground::new(|section| {
            section.per_image.egress = "20MiB/d".parse().ok();
            section.total.rate = "5MiB/s".parse().ok();
            section.total.cold_rate = "1MiB/s".parse().ok();
        });
        let hot = ground.send("192.0.2.1", Temperature::Hot, 10 * MIB);
        assert!((0.8..1.3).contains(&hot), "{hot:?}");
        let cold = ground.shape("192.0.2.2", Temperature::Cold, 2.0).unwrap();
        let cold = sent_together(vec![cold], 4 * MIB, 2.0)[0];
        assert!((2.5..3.5).contains(&cold), "{cold:?}");
        let shaped = ground.shape("192.0.2.3", Temperature::Hot, 9.0).unwrap();
        assert!(shaped.has_rate());
        shaped.sent_elsewhere(100 * MIB);
        let refused = ground.shape("192.0.2.4", Temperature::Hot, 60.0).err().unwrap();
        assert!(
            refused.message.starts_with("`docker.io/library/a` is read more than 20MiB/d"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn small_blobs_are_charged_at_once_to_all_limits_or_to_none() {
        let ground = Ground::new(|section| {
            section.per_client.hot = "100kB/d".parse().ok();
            section.per_client.rate = "10kB/s".parse().ok();
        });
        let asker = LimitedClient { principal: &Principal::ANONYMOUS, address: "192.0.2.1".parse().ok() };
        let (key, digest, length) = (&ground.key, &ground.digest, Some(4096));
        let sent = SentBlob { key, digest, size: length, length, temperature: Temperature::Hot };
        let given = (0..99).take_while(|_| match ground.limits.shape_at(&asker, sent, Duration::ZERO) {
            Ok(shaped) => {
                assert!(shaped.is_none(), "there is nothing left to wait for");
                true
            }
            Err(_) => false,
        });
        // A second's worth at once, and one that is owed.
        assert_eq!(given.count(), 5);
        let left = ground.limits.standing(&asker).left;
        let hot = left.iter().find(|left| left.key == "per_client.hot").unwrap();
        assert_eq!(hot.left, Some(100_000 - 5 * 4096), "what was refused costs nothing");
    }

    #[test]
    fn large_pieces_are_cut() {
        let ground = Ground::new(|section| section.per_client.rate = "10MiB/s".parse().ok());
        let mut shaped = ground.shape("192.0.2.1", Temperature::Hot, 0.0).unwrap();
        let first = shaped.cut(Bytes::from(vec![7; 2_000_000]));
        assert_eq!((first.len() as u64, shaped.rest()), (shaped.most, 2_000_000 - first.len()));
        let mut left = 0;
        while let Some(next) = shaped.next_of_rest() {
            left += next.len();
        }
        assert_eq!((left, shaped.rest()), (2_000_000 - first.len(), 0));
    }
}
