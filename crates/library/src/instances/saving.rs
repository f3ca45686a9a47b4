//! Follows the saving of an instance as an image.

use tokio::sync::watch;

use super::{fault::InstanceFault, saving_progress::SavingProgress, verbs::InstanceTarget};
use crate::{error::Error, library::Library};

/// Follows the saving of an instance.
#[derive(Debug)]
pub struct SavingWatch {
    progress: watch::Receiver<SavingProgress>,
    is_new: bool,
}

impl SavingWatch {
    /// How far it is: at once the first time, and then after each change. `None` once it has ended.
    pub async fn next(&mut self) -> Option<SavingProgress> {
        if !std::mem::take(&mut self.is_new) {
            self.progress.changed().await.ok()?;
        }
        Some(*self.progress.borrow_and_update())
    }
}

impl Library {
    /// Follows the saving of an instance.
    ///
    /// # Errors
    /// There is no such instance, or nobody saves it.
    pub async fn watch_saving(&self, target: InstanceTarget) -> Result<SavingWatch, Error> {
        let instance = self.target(target).await?;
        let progress = self.0.instances.saving(instance.id).ok_or(InstanceFault::NotBeingSaved)?;
        Ok(SavingWatch { progress, is_new: true })
    }
}
