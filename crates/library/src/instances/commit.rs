//! Saves the disk of an instance as an image of ours.

use std::{collections::BTreeMap, time::Duration};

use entrepot_access::Audit;
use entrepot_catalog::{InstanceRecord, Origin};
use entrepot_engine::{CommitRequest, Container, Engine, Error as EngineError, PullAuth, PushEvent};
use entrepot_oci::{Digest, ImageRef, Reference};

use super::{
    fault::InstanceFault, request::RunSettings, saving_progress::PushedBytes, snapshot::Snapshot,
    streams::ReachedContainer, verbs::InstanceTarget, work::Saving,
};
use crate::{error::Error, library::Library, pulls::LibraryImage, split};

/// How long a node has to save and send an image.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// An image that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceImage {
    /// Its name in the words of our mirror.
    pub image: String,
    /// What it is.
    pub digest: Digest,
}

impl Library {
    /// Saves the disk of an instance, without its data volume, as an image of ours. Programs in it are held while it is saved.
    /// Variables that were set for the instance are not in the image: they may be secrets.
    ///
    /// # Errors
    /// The name is none that takes pushes, there is no such instance, it has no container, it is being saved already, or its
    /// node cannot do it.
    pub async fn commit_instance(
        &self,
        target: InstanceTarget,
        image: LibraryImage,
        by: Audit,
    ) -> Result<InstanceImage, Error> {
        let object = format!("{} as {image}", target.id);
        let work = async move |library: Self| library.try_commit(target, &image).await;
        self.deed(by, "instance.commit", object, work).await
    }

    async fn try_commit(&self, target: InstanceTarget, image: &LibraryImage) -> Result<InstanceImage, Error> {
        if image.key().origin != Origin::Hosted || !matches!(image.reference(), Reference::Tag(_)) {
            return Err(InstanceFault::NotHosted(self.names().hosted()).into());
        }
        let instance = self.target(target).await?;
        let saving = self.0.instances.begin_saving(instance.id).ok_or(InstanceFault::BeingSaved)?;
        let node = self.0.catalog.node(instance.node_id).await?.ok_or(Error::Stale)?;
        let not_saved = |why: String| Error::from(InstanceFault::NotSaved(why));
        let name = self.image_on_node(image, &node).map_err(|error| not_saved(error.to_string()))?;
        let reached = self.reached(&instance).await?;
        let saved = async {
            self.save(&instance, &reached, &name).await?;
            self.send(&reached.engine, image, (&name, &node.settings.name), &saving).await
        };
        let saved = tokio::time::timeout(PATIENCE, saved).await;
        // The image is here, or nobody wants it: the node need not keep it.
        if let Err(error) = reached.engine.remove_image(&name).await {
            tracing::debug!(instance = instance.id, %error, "a saved image stays on its node");
        }
        drop(saving);
        let digest = saved.map_err(|_| not_saved("it took more than an hour".to_owned()))??;
        Ok(InstanceImage { image: image.to_string(), digest })
    }

    // Nobody else is at work on the container meanwhile.
    async fn save(
        &self,
        instance: &InstanceRecord,
        container: &ReachedContainer,
        name: &ImageRef,
    ) -> Result<(), Error> {
        let busy = self.0.instances.begin_when_free(instance.id).await;
        let asked = RunSettings::read(&instance.settings)?;
        let variables = self.image_variables(instance, &container.engine).await?;
        let environment = environment(&container.container, &asked, variables);
        let commit = CommitRequest { image: name.clone(), environment };
        let saved = container.engine.commit(&container.container.id, &commit).await;
        drop(busy);
        saved.map(drop).map_err(|error| match error {
            EngineError::Refused { message, .. } => InstanceFault::NotSaved(message.to_string()).into(),
            error => container.refused(&error),
        })
    }

    // Those of the image that it was made of, as far as its node still has that.
    async fn image_variables(
        &self,
        instance: &InstanceRecord,
        engine: &Engine,
    ) -> Result<BTreeMap<String, String>, Error> {
        let node = self.0.catalog.node(instance.node_id).await?.ok_or(Error::Stale)?;
        let image = Snapshot::read(&instance.snapshot)?.image();
        let name = image.and_then(|image| self.image_on_node(&image, &node).ok());
        let Some(name) = name else { return Ok(BTreeMap::new()) };
        Ok(engine.image(&name).await.map(|image| image.config.environment).unwrap_or_default())
    }

    async fn send(
        &self,
        engine: &Engine,
        image: &LibraryImage,
        (name, node): (&ImageRef, &str),
        saving: &Saving,
    ) -> Result<Digest, Error> {
        let not_saved = |why: String| Error::from(InstanceFault::NotSaved(why));
        let repository = image.key().to_string().parse();
        let repository = repository.map_err(|_| not_saved("its name cannot be pushed to".to_owned()))?;
        let pass = self.0.access.push_pass(&format!("node:{node}"), repository, PATIENCE);
        let auth = PullAuth {
            host: name.host().clone(),
            username: pass.username().to_owned(),
            password: pass.password().clone(),
        };
        let mut push = engine.push(name, &auth).await.map_err(|stop| not_saved(stop.to_string()))?;
        let (mut pushed, mut sent) = (None, PushedBytes::default());
        while let Some(event) = push.next().await.map_err(|stop| not_saved(stop.to_string()))? {
            saving.tell(sent.after(&event));
            if let PushEvent::Pushed(digest) = event {
                pushed = Some(digest);
            }
        }
        pushed.ok_or_else(|| not_saved("its node does not say what it sent".to_owned()))
    }
}

/// The variables of the image that is made of a container: those of the image before. What was set for the container stays in
/// what an engine saves, so it is emptied.
fn environment(
    container: &Container,
    asked: &RunSettings,
    image: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let is_asked = |name: &str| asked.environment.iter().any(|(asked, _)| asked == name);
    let set = container.settings.environment.keys().filter(|name| split::is_ours(name) || is_asked(name));
    let emptied: BTreeMap<_, _> = set.map(|name| (name.clone(), String::new())).collect();
    emptied.into_iter().chain(image).collect()
}
