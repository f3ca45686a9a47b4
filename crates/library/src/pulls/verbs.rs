//! What can be done with pulls.

use std::time::SystemTime;

use entrepot_access::{Audit, AuditAction};
use entrepot_catalog::{Listing, NewPull, NodeFilter, NodeRecord, PullFilter, PullRecord, PullStatus};
use entrepot_mirror::RegistryHint;
use entrepot_oci::{ImageRef, Name, Reference, Tag};

use super::{
    fault::{PullFailure, PullFault},
    image::LibraryImage,
    jobs::{PullState, PullWatch},
    run::{PullRun, ended, failed},
    source::{SourceError, on_node},
};
use crate::{
    error::Error,
    ids::{EntryId, NodeId, PullId},
    library::Library,
};

/// An image that nodes are to pull.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// The image.
    pub image: LibraryImage,
    /// The entry that it is of.
    pub entry: Option<EntryId>,
}

impl Library {
    /// The image that a text names, in the words of our mirror: `nginx:1.27`, `quay.io/a/b@sha256:…`, `local/app`.
    ///
    /// # Errors
    /// It names none.
    pub fn image_named(&self, text: &str) -> Result<LibraryImage, Error> {
        let wrong = Error::NotAnImage;
        let (name, tag, digest) = ImageRef::split(self.names().without_own(text.trim()));
        let name: Name =
            name.parse().map_err(|error: entrepot_oci::RepositoryError| wrong(error.to_string()))?;
        let reference = match (digest, tag) {
            (Some(digest), _) => {
                let digest =
                    digest.parse().map_err(|error: entrepot_oci::DigestError| wrong(error.to_string()))?;
                Reference::Digest(digest)
            }
            (None, Some(tag)) => {
                Reference::Tag(tag.parse().map_err(|error: entrepot_oci::TagError| wrong(error.to_string()))?)
            }
            (None, None) => Reference::Tag(Tag::latest()),
        };
        let target = self.0.mirror.locate(&name, RegistryHint { host: None, namespace: None });
        Ok(LibraryImage::new(target.map_err(|error| wrong(error.to_string()))?.key, reference))
    }

    /// The image that a text names to be pushed here. A name alone goes below the first prefix that takes pushes.
    ///
    /// # Errors
    /// It names none.
    pub fn image_to_push(&self, text: &str) -> Result<LibraryImage, Error> {
        match self.names().hosted_prefixes().first().filter(|_| !text.contains('/')) {
            Some(prefix) => self.image_named(&format!("{prefix}{}", text.trim())),
            None => self.image_named(text),
        }
    }

    /// The image of an entry, to be pulled: as it was at the last check.
    ///
    /// # Errors
    /// There is no such entry, or the database failed.
    pub async fn request_of_entry(&self, id: EntryId) -> Result<PullRequest, Error> {
        let unknown = || Error::Unknown { kind: "entry", id: id.to_string() };
        let entry = self.0.catalog.entry(id.into()).await?.ok_or_else(unknown)?;
        let image = LibraryImage::of_entry(&entry).ok_or_else(unknown)?;
        Ok(PullRequest { image, entry: Some(id) })
    }

    /// What a node calls an image once it has pulled it.
    ///
    /// # Errors
    /// It is not known where the node reaches this server, or the image has no name there.
    pub fn image_on_node(&self, image: &LibraryImage, node: &NodeRecord) -> Result<ImageRef, SourceError> {
        on_node(image, &node.settings, self.0.address.as_ref())
    }

    /// The pulls that a filter selects, the latest first. Those that are under way are as they are now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pulls(&self, filter: &PullFilter, limit: usize) -> Result<Listing<PullState>, Error> {
        let Listing { rows, more } = self.0.catalog.pulls(filter, limit).await?;
        let live = |record: PullRecord| {
            self.0.pulls.state(record.id).unwrap_or(PullState { record, progress: None })
        };
        Ok(Listing { rows: rows.into_iter().map(live).collect(), more })
    }

    /// Follows a pull.
    ///
    /// # Errors
    /// There is none with this id, or the database failed.
    pub async fn watch_pull(&self, id: PullId) -> Result<PullWatch, Error> {
        if let Some(watch) = self.0.pulls.watch(id.into()) {
            return Ok(watch);
        }
        let record = self.0.catalog.pull(id.into()).await?;
        Ok(PullWatch::of_record(record.ok_or_else(|| unknown(id))?))
    }

    /// Lets a node pull an image. Whoever asks for what the node pulls already joins that pull.
    ///
    /// # Errors
    /// There is no such node, it is drained, or the database failed.
    pub async fn pull(&self, node: NodeId, request: PullRequest, by: &Audit) -> Result<PullRecord, Error> {
        let node = self.node(node).await?;
        if node.settings.drained {
            return Err(Error::Drained { node: node.settings.name });
        }
        let object = format!("{}: {}", node.settings.name, request.image);
        let begun = self.begin_pull(&node, request, by).await;
        self.recorded(by, AuditAction { action: "pull.create", object: &object, detail: None }, begun).await
    }

    /// Lets all nodes of a region pull an image, but those that are drained.
    ///
    /// # Errors
    /// There is no node in the region that takes it, or the database failed.
    pub async fn pull_in_region(
        &self,
        region: &str,
        request: PullRequest,
        by: &Audit,
    ) -> Result<Vec<PullRecord>, Error> {
        let filter =
            NodeFilter { region: Some(region.to_owned()), drained: Some(false), ..NodeFilter::default() };
        let nodes = self.nodes_of(filter).await?;
        if nodes.is_empty() {
            return Err(Error::EmptyRegion { region: region.to_owned() });
        }
        let mut begun = Vec::new();
        for node in nodes {
            let id: NodeId = node.id.try_into().map_err(|_| Error::Stale)?;
            begun.push(self.pull(id, request.clone(), by).await?);
        }
        Ok(begun)
    }

    /// Lets a node pull an image, and waits for the end.
    ///
    /// # Errors
    /// The pull failed, or was stopped.
    pub async fn pulled(&self, node: NodeId, request: PullRequest, by: &Audit) -> Result<(), PullFailure> {
        let broken = |error: Error| PullFault::NodeUnusable.because(error.to_string());
        let record = self.node(node).await.map_err(broken)?;
        let pull = self.begin_pull(&record, request, by).await.map_err(broken)?;
        let id: PullId = pull.id.try_into().map_err(|_| PullFault::Interrupted.because("it has no id"))?;
        let mut watch = self.watch_pull(id).await.map_err(broken)?;
        let mut last = None;
        while let Some(state) = watch.next().await {
            last = Some(state.record);
        }
        match last {
            Some(record) if record.step.status == PullStatus::Succeeded => Ok(()),
            Some(record) => {
                let fault = record.error.as_deref().and_then(PullFault::of).unwrap_or(PullFault::Interrupted);
                Err(fault.because(record.detail.unwrap_or_else(|| "it was stopped".to_owned())))
            }
            None => Err(PullFault::Interrupted.because("the server stops")),
        }
    }

    /// Stops a pull. The node's engine keeps the layers that it has.
    ///
    /// # Errors
    /// There is no such pull, it has ended, or the database failed.
    pub async fn cancel_pull(&self, id: PullId, by: &Audit) -> Result<(), Error> {
        let canceled = self.try_cancel(id).await;
        let object = id.to_string();
        self.recorded(by, AuditAction { action: "pull.cancel", object: &object, detail: None }, canceled)
            .await
    }

    async fn try_cancel(&self, id: PullId) -> Result<(), Error> {
        let mut watch = self.watch_pull(id).await?;
        if !self.0.pulls.cancel(id.into()) {
            return Err(Error::Ended { kind: "pull", id: id.to_string() });
        }
        while watch.next().await.is_some() {}
        Ok(())
    }

    async fn begin_pull(
        &self,
        node: &NodeRecord,
        request: PullRequest,
        by: &Audit,
    ) -> Result<PullRecord, Error> {
        let new = NewPull {
            node: node.id,
            reference: request.image.to_string(),
            entry: request.entry.map(Into::into),
            created_by: by.actor.clone(),
        };
        let _one = self.0.pulls.beginning.lock().await;
        let (record, is_new) = self.0.catalog.add_pull(&new, SystemTime::now()).await?;
        if is_new {
            let (told, cancel) = self.0.pulls.begin(record.clone());
            let run = PullRun { library: self.clone(), record: record.clone(), image: request.image, told };
            tokio::spawn(async move {
                let end = tokio::select! {
                    end = run.to_the_end() => end,
                    () = cancel.cancelled() => ended(PullStatus::Canceled),
                };
                if let Err(error) = run.settle(end).await {
                    tracing::warn!(
                        cause = &error as &dyn std::error::Error,
                        "the end of a pull cannot be recorded"
                    );
                }
            });
        }
        Ok(record)
    }

    /// Ends what a server that was stopped has left under way: its engines have stopped with it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn settle_pulls(&self) -> Result<(), Error> {
        for pull in self.0.catalog.unfinished_pulls().await? {
            let end = failed(PullFault::Interrupted.because("the server was stopped meanwhile"));
            self.0.catalog.pull_ended(pull.id, &end, SystemTime::now()).await?;
        }
        Ok(())
    }
}

fn unknown(id: PullId) -> Error {
    Error::Unknown { kind: "pull", id: id.to_string() }
}
