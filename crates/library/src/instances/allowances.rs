//! What accounts may have at most, and the volumes that keep their data.

use entrepot_access::Audit;
use entrepot_catalog::{InstanceReason, QuotaRecord};
use entrepot_engine::Error as EngineError;

use super::{fault::InstanceFault, halt::Halt, settings::QuotaSettings};
use crate::{error::Error, library::Library};

impl Library {
    /// Sets what an account may have at most.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_quota(
        &self,
        account: (i64, &str),
        limits: QuotaSettings,
        by: Audit,
    ) -> Result<(), Error> {
        let (account_id, name) = account;
        let QuotaSettings { instances, cards, hours } = limits;
        let quota = QuotaRecord { account_id, instances, cards, hours };
        let work = async move |library: Self| Ok(library.0.catalog.set_quota(&quota).await?);
        self.deed(by, "quota.set", name.to_owned(), work).await
    }

    /// Lets the configuration say again what an account may have at most.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_quota(&self, account: (i64, &str), by: Audit) -> Result<(), Error> {
        let (id, name) = account;
        let work = async move |library: Self| {
            library.0.catalog.remove_quota(id).await.map(drop).map_err(Error::from)
        };
        self.deed(by, "quota.remove", name.to_owned(), work).await
    }

    /// Removes a volume that no instance has, with all that is in it.
    ///
    /// # Errors
    /// There is no such volume of this account, an instance has it, or its node does not answer.
    pub async fn remove_data_volume(&self, name: &str, account: Option<i64>, by: Audit) -> Result<(), Error> {
        let volume = name.to_owned();
        let work = async move |library: Self| library.try_remove_data_volume(&volume, account).await;
        self.deed(by, "volume.remove", name.to_owned(), work).await
    }

    async fn try_remove_data_volume(&self, name: &str, account: Option<i64>) -> Result<(), Error> {
        let found = self.0.catalog.volume(name).await?;
        let own = found.filter(|volume| account.is_none_or(|account| volume.account_id == account));
        let volume = own.ok_or_else(|| Error::Unknown { kind: "volume", id: name.to_owned() })?;
        if volume.instance_id.is_some() {
            return Err(InstanceFault::VolumeInUse(volume.name).into());
        }
        if let Some(node) = self.0.catalog.node(volume.node_id).await? {
            let removed = match (self.engine(&node).await, volume.name.parse()) {
                (Ok(engine), Ok(name)) => engine.remove_volume(&name).await,
                _ => return Err(InstanceFault::NodeSilent(node.settings.name).into()),
            };
            match removed {
                Ok(()) | Err(EngineError::NotFound(_)) => {}
                Err(error) => {
                    let halt = Halt::engine(InstanceReason::Stuck, &error);
                    tracing::info!(volume = volume.name, ?halt, "a volume cannot be removed");
                    return Err(InstanceFault::NodeSilent(node.settings.name).into());
                }
            }
        }
        self.0.catalog.remove_volume(&volume.name).await?;
        Ok(())
    }
}
