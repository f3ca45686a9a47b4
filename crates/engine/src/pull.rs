//! Lets an engine pull an image.

use std::{collections::VecDeque, fmt};

use entrepot_oci::{ImageRef, Platform, Reference};
use http::Method;

use crate::{
    body::Body,
    engine::{Api, Engine, request, with_query},
    error::Error,
    json_lines::JsonLines,
    pull_auth::{HEADER, PullAuth},
    pull_event::{self, PullEvent},
    pull_failure::{PullFailure, classify},
    transport::Wait,
};

/// A pull that is under way. Dropping it ends the pull, as far as the engine notices.
pub struct ImagePull {
    state: PullStream,
    lines: JsonLines,
    waiting: VecDeque<Result<PullEvent, PullFailure>>,
}

enum PullStream {
    Running(Body),
    /// What came last has been told. From here on there is nothing.
    Over,
}

impl fmt::Debug for ImagePull {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pull").finish_non_exhaustive()
    }
}

impl Engine {
    /// Begins a pull. Some engines do not answer before the registry does: how long that may take is the caller's to say.
    ///
    /// An image for another platform is no error to Podman where a registry has no other: the caller looks at what came.
    ///
    /// What fails before the first event is in the same words as what fails later: both are a [`PullFailure`] of
    /// [`ImagePull::next`].
    ///
    /// # Errors
    /// The engine itself cannot be reached.
    pub async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&Platform>,
        auth: Option<&PullAuth>,
    ) -> Result<ImagePull, PullStop> {
        let mut request = request(Method::POST, &self.pull_path(image, platform), None)?;
        if let Some(auth) = auth {
            request.headers_mut().insert(HEADER, auth.header()?);
        }
        match self.send(request, Wait::Forever).await {
            Ok(answer) => Ok(ImagePull {
                state: PullStream::Running(answer.body),
                lines: JsonLines::default(),
                waiting: VecDeque::new(),
            }),
            Err(error) => Err(PullStop::of_engine(error)),
        }
    }

    // Without a tag Docker would pull all of them.
    fn pull_path(&self, image: &ImageRef, platform: Option<&Platform>) -> String {
        let name = format!("{}/{}", image.host(), image.repository());
        let tag = match image.reference() {
            Reference::Tag(tag) => tag.to_string(),
            Reference::Digest(digest) => digest.to_string(),
        };
        let platform = platform.map(Platform::to_string);
        let mut query = vec![("fromImage", name.as_str()), ("tag", tag.as_str())];
        query.extend(platform.iter().map(|platform| ("platform", platform.as_str())));
        with_query(&self.path(Api::Docker, "images/create"), &query)
    }
}

/// Why a pull ends without the image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullStop {
    /// The engine says why.
    #[error("{0}")]
    Failed(PullFailure),
    /// There is no connection to the engine, or it is not understood.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl PullStop {
    /// Engines may answer with an error of their own where the registry refused.
    pub(crate) fn of_engine(error: Error) -> Self {
        match error {
            Error::NotFound(message) | Error::Conflict(message) | Error::Refused { message, .. } => {
                Self::Failed(classify(message.as_str()))
            }
            error => Self::Engine(error),
        }
    }
}

impl ImagePull {
    /// What the engine says next, however long that takes. `None` means that the image is there, now and whenever it is
    /// asked again; after an error there is nothing more either.
    ///
    /// # Errors
    /// The pull failed, or the connection to the engine broke.
    pub async fn next(&mut self) -> Result<Option<PullEvent>, PullStop> {
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            (self.state, self.waiting) = (PullStream::Over, VecDeque::new());
        }
        next
    }

    async fn read(&mut self) -> Result<Option<PullEvent>, PullStop> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event.map(Some).map_err(PullStop::Failed);
            }
            let PullStream::Running(body) = &mut self.state else { return Ok(None) };
            let Some(data) = body.next().await? else {
                self.waiting.extend(self.lines.rest().and_then(|line| pull_event::read(&line).transpose()));
                self.state = PullStream::Over;
                continue;
            };
            self.lines.push(&data);
            while let Some(line) = self.lines.next()? {
                self.waiting.extend(pull_event::read(&line).transpose());
            }
        }
    }
}
