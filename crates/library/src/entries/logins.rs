//! Logins that come with addresses: they go to the stored credentials, and go when their last entry goes.

use entrepot_access::Audit;
use entrepot_oci::Digest;
use entrepot_vault::{Credential, CredentialName, CredentialUpdate, Error as VaultError, NewCredential};

use super::error::EntryError;
use crate::{
    address::{AddressLogin, ImageAddress},
    library::Library,
};

impl Library {
    /// The stored credential that an entry of this address stands on: that of its login, or the one that another entry of
    /// the same repository brought.
    pub(super) async fn credential_of(
        &self,
        address: &ImageAddress,
        login: Option<AddressLogin>,
        by: &Audit,
    ) -> Result<Option<String>, EntryError> {
        // What was pushed here needs no login.
        let Some(name) = address.host().and_then(|_| name(address)) else { return Ok(None) };
        if let Some(login) = login {
            self.store_login(&name, address, login, by).await.map_err(EntryError::Login)?;
            return Ok(Some(name.to_string()));
        }
        let is_there = self.0.catalog.has_entry_with_credential(name.as_str()).await?;
        Ok(is_there.then(|| name.to_string()))
    }

    async fn store_login(
        &self,
        name: &CredentialName,
        address: &ImageAddress,
        AddressLogin { username, password }: AddressLogin,
        by: &Audit,
    ) -> Result<(), VaultError> {
        let Some(host) = address.host().cloned() else { return Ok(()) };
        let credential = Credential {
            username: username.clone(),
            password: password.clone(),
            namespace: Some(address.key().repository.clone()),
            endpoint: None,
        };
        let new = NewCredential { name: Some(name.clone()), host, credential };
        match self.0.vault.add(new, by.clone()).await {
            Err(VaultError::Exists(_)) => {
                let change =
                    CredentialUpdate { username: Some(username), password: Some(password), revision: None };
                self.0.vault.change(name.clone(), change, by.clone()).await
            }
            added => added.map(drop),
        }
    }

    /// Removes stored credentials that no entry stands on any more.
    pub(super) async fn drop_unused_logins(
        &self,
        names: impl IntoIterator<Item = String>,
        by: &Audit,
    ) -> Result<(), EntryError> {
        for name in names {
            if self.0.catalog.has_entry_with_credential(&name).await? {
                continue;
            }
            let Ok(name) = name.parse::<CredentialName>() else { continue };
            match self.0.vault.remove(name, None, by.clone()).await {
                // Somebody has removed it by hand.
                Ok(()) | Err(VaultError::Unknown(_)) => {}
                Err(error) => return Err(EntryError::Login(error)),
            }
        }
        Ok(())
    }
}

// One for each repository, which no other has: a credential that somebody made by hand is never changed or removed here.
fn name(address: &ImageAddress) -> Option<CredentialName> {
    let image = address.key().to_string();
    let short = format!("library/{image}").parse();
    // A name has at most 200 characters, a repository may have more.
    short.or_else(|_| format!("library/{}", Digest::of(image.as_bytes()).hex()).parse()).ok()
}

#[cfg(test)]
mod tests {
    use entrepot_mirror::NameResolver;
    use entrepot_oci::Host;

    use super::*;

    #[test]
    fn a_login_is_named_after_its_repository() {
        let named = |text: &str| {
            let names = NameResolver::new(Host::docker_hub(), vec![]);
            name(&ImageAddress::parse(text, &names).unwrap().0).unwrap().to_string()
        };
        assert_eq!(named("quay.io/acme/app:1"), "library/quay.io/acme/app");
        assert_eq!(named("nginx"), "library/docker.io/library/nginx");
        let long = named(&format!("quay.io/{}:1", "a".repeat(200)));
        assert_eq!((long.len(), long.starts_with("library/")), (72, true));
    }
}
