//! What can be done with requests.

use std::time::SystemTime;

use entrepot_catalog::{
    ImageRequestFilter, ImageRequestRecord, ImageRequestStatus, Listing, NewImageRequest, Origin,
};
use entrepot_mirror::WholeImage;
use entrepot_oci::Platform;

use crate::{
    asked::Image,
    error::Error,
    jobs::{RequestState, RequestWatch},
    queue::{DAY, may_ask},
    requests::Requests,
    run::ended,
};

/// An image, and the platforms that it is wanted for.
#[derive(Clone, Debug)]
pub struct RequestedImage {
    /// The image.
    pub image: Image,
    /// The platforms; none for those of the settings, as far as the image has them.
    pub platforms: Vec<Platform>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// As limits know them: `account:alice`, an address, or the network of one.
    pub client: String,
    /// True for those who are not limited.
    pub is_exempt: bool,
}

/// What there is to an image, before anybody asks for it.
#[derive(Clone, Debug)]
pub struct ImageLook {
    /// What its reference leads to, and its size.
    pub whole: WholeImage,
    /// How many bytes of it are not here.
    pub missing: u64,
    /// How many requests would come before it.
    pub ahead: u64,
}

impl Requests {
    /// Looks an image up. It is not queued, and none of its layers are fetched.
    ///
    /// # Errors
    /// It was pushed here, is not for these platforms, is too large, or its registry does not give it.
    pub async fn look(&self, requested: &RequestedImage) -> Result<ImageLook, Error> {
        let image = &requested.image;
        if image.key().origin == Origin::Hosted {
            return Err(Error::Hosted(image.name()));
        }
        // It is never closed.
        let _one = self.0.looks.acquire().await;
        let platforms = self.platforms(requested);
        let whole = self.0.mirror.whole_image(image.key(), image.reference(), &platforms).await?;
        self.fits(&image.explicit(), &whole, !requested.platforms.is_empty())?;
        let missing = self.0.mirror.missing_blobs(image.key(), &whole).await?;
        let missing = missing.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
        let ahead = u64::try_from(self.0.jobs.count()).unwrap_or(u64::MAX);
        Ok(ImageLook { whole, missing, ahead })
    }

    fn platforms(&self, requested: &RequestedImage) -> Vec<Platform> {
        if requested.platforms.is_empty() {
            self.0.settings.platforms.clone()
        } else {
            requested.platforms.clone()
        }
    }

    /// Whether an image is for the platforms that were asked for, and as small as images have to be. Where nobody named
    /// platforms, one of those of the settings is enough.
    pub(crate) fn fits(&self, image: &str, whole: &WholeImage, are_named: bool) -> Result<(), Error> {
        if whole.platforms.is_empty() || are_named && !whole.absent.is_empty() {
            let (absent, offered) = (whole.absent.clone(), whole.offered.clone());
            return Err(Error::NoPlatform { image: image.to_owned(), absent, offered });
        }
        match self.0.settings.size {
            Some(limit) if whole.size() > limit => {
                Err(Error::TooLarge { image: image.to_owned(), size: whole.size(), limit })
            }
            _ => Ok(()),
        }
    }

    /// Asks for an image, or joins those who have. Returns the request, and whether it is new.
    ///
    /// # Errors
    /// As [`Requests::look`]; the queue is full, or the client has asked too often.
    pub async fn ask(
        &self,
        requested: &RequestedImage,
        requester: &Requester,
    ) -> Result<(RequestState, bool), Error> {
        let look = self.look(requested).await?;
        let mut platforms: Vec<String> = look.whole.platforms.iter().map(ToString::to_string).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let new = NewImageRequest {
            image: requested.image.explicit(),
            platforms: platforms.join(","),
            digest: look.whole.digest,
            size: look.whole.size(),
            client: requester.client.clone(),
        };
        let _one = self.0.asking.lock().await;
        let now = SystemTime::now();
        self.has_room(&new, requester, now).await?;
        let (record, is_new) = self.0.catalog.ask_for_image(&new, now).await?;
        self.0.jobs.note(record.clone());
        self.count_open();
        if !is_new {
            self.0.metrics.joined.inc();
        }
        Ok((self.0.jobs.told(record), is_new))
    }

    // Whoever joins takes no place in the queue, and whoever asks again nothing at all.
    async fn has_room(
        &self,
        new: &NewImageRequest,
        requester: &Requester,
        now: SystemTime,
    ) -> Result<(), Error> {
        let open = self.0.jobs.open_as(&new.image, &new.platforms);
        if let Some(id) = open
            && self.0.catalog.has_asked(id, &requester.client).await?
        {
            return Ok(());
        }
        if !requester.is_exempt {
            let since = now.checked_sub(DAY).unwrap_or(SystemTime::UNIX_EPOCH);
            let counts = self.0.catalog.image_request_counts(&requester.client, since).await?;
            may_ask(counts, self.0.settings.per_client, now)?;
        }
        let most = self.0.settings.queue;
        let is_full = self.0.jobs.count() >= usize::try_from(most).unwrap_or(usize::MAX);
        if open.is_none() && is_full { Err(Error::Full(most)) } else { Ok(()) }
    }

    /// The requests that a filter selects, the latest first. Those that are open are as they are now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(
        &self,
        filter: &ImageRequestFilter,
        limit: usize,
    ) -> Result<Listing<RequestState>, Error> {
        let page = self.0.catalog.image_requests(filter, limit).await?;
        let rows = page.rows.into_iter().map(|record| self.0.jobs.told(record)).collect();
        Ok(Listing { rows, more: page.more })
    }

    /// Follows a request: of anybody, or, with a client, only one that this client has asked for.
    ///
    /// # Errors
    /// There is no such request, or the database failed.
    pub async fn watch(&self, id: i64, client: Option<&str>) -> Result<RequestWatch, Error> {
        let record = self.visible(id, client).await?;
        Ok(self.0.jobs.watch(id).unwrap_or_else(|| RequestWatch::of_record(record)))
    }

    async fn visible(&self, id: i64, client: Option<&str>) -> Result<ImageRequestRecord, Error> {
        if let Some(client) = client
            && !self.0.catalog.has_asked(id, client).await?
        {
            return Err(Error::Unknown(id.to_string()));
        }
        self.0.catalog.image_request(id).await?.ok_or_else(|| Error::Unknown(id.to_string()))
    }

    /// Takes back what a client has asked for. A request that nobody asks for any more leaves the queue.
    ///
    /// # Errors
    /// The client has not asked for it, it has ended, or the database failed.
    pub async fn leave(&self, id: i64, client: &str) -> Result<(), Error> {
        let record = self.visible(id, Some(client)).await?;
        if record.finished.is_some() {
            return Err(Error::Ended(id));
        }
        let _one = self.0.asking.lock().await;
        match self.0.catalog.leave_image_request(id, client, SystemTime::now()).await? {
            // Taken back already.
            None => Ok(()),
            Some(0) => self.stop(id).await,
            Some(askers) => {
                self.0.jobs.note(ImageRequestRecord { askers, ..record });
                Ok(())
            }
        }
    }

    /// Stops a request, whoever asks for it.
    ///
    /// # Errors
    /// There is no such request, it has ended, or the database failed.
    pub async fn cancel(&self, id: i64) -> Result<(), Error> {
        let record = self.visible(id, None).await?;
        if record.finished.is_some() {
            return Err(Error::Ended(id));
        }
        let _one = self.0.asking.lock().await;
        self.stop(id).await
    }

    async fn stop(&self, id: i64) -> Result<(), Error> {
        if self.0.jobs.cancel(id) {
            if let Some(mut watch) = self.0.jobs.watch(id) {
                while watch.next().await.is_some() {}
            }
            return Ok(());
        }
        Ok(self.settle(id, ended(ImageRequestStatus::Canceled)).await?)
    }
}
