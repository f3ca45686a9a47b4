//! What one client may ask of this server.

use entrepot_access::{Access, Audit, OngoingAccess, Operation, Principal, SshKey};
use entrepot_library::Library;
use russh::{
    Channel, ChannelId, Error, Pty,
    keys::PublicKey,
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::conversation::{self, ChannelHalves, ConversationContext};

/// How many programs a client runs at a time over one connection.
const PROGRAMS: usize = 10;

/// A connection, and who is at its other end. Dropped when it is gone, which ends what it runs.
pub(crate) struct Connection {
    pub(crate) access: Access,
    pub(crate) library: Library,
    /// The address of the other end.
    pub(crate) address: String,
    /// Where conversations run.
    pub(crate) conversations: TaskTracker,
    /// Cancelled once the client has shown its key.
    pub(crate) is_known: CancellationToken,
    pub(crate) gone: DropGuard,
    pub(crate) who: Option<KeyHolder>,
}

/// Who has shown their key.
#[derive(Clone)]
pub(crate) struct KeyHolder {
    principal: Principal,
    /// What they call the instance.
    instance: String,
    /// Cancelled when they may not go on.
    revoked: CancellationToken,
}

impl Connection {
    // The account that has this key, and may run something.
    async fn holder(&self, fingerprint: &str) -> Option<Principal> {
        match self.access.holder_of_ssh_key(fingerprint).await {
            Ok(holder) => holder.filter(|holder| self.access.rules().may(holder, Operation::RunInstances)),
            Err(cause) => {
                tracing::warn!(%cause, "accounts cannot be read");
                None
            }
        }
    }

    fn terms(&self, who: &KeyHolder) -> Option<ConversationContext> {
        Some(ConversationContext {
            library: self.library.clone(),
            instance: who.instance.clone(),
            account: who.principal.account()?.id,
            sees_all: self.access.rules().may(&who.principal, Operation::ManageInstances),
            by: Audit { actor: who.principal.label(), address: Some(self.address.clone()), request_id: None },
            gone: self.gone.token().clone(),
            revoked: who.revoked.clone(),
        })
    }

    // Ends all that somebody runs when they may not go on.
    fn watch(&self, principal: Principal, fingerprint: String) -> CancellationToken {
        let revoked = CancellationToken::new();
        let (access, gone, told) = (self.access.clone(), self.gone.token().clone(), revoked.clone());
        let lasting = OngoingAccess {
            principal,
            session: None,
            ssh_key: Some(fingerprint),
            operation: Operation::RunInstances,
        };
        self.conversations.spawn(async move {
            tokio::select! {
                () = access.until_revoked(&lasting) => told.cancel(),
                () = gone.cancelled() => {}
            }
        });
        revoked
    }
}

fn fingerprint(key: &PublicKey) -> Result<String, Error> {
    Ok(SshKey::fingerprint_of(&key.to_bytes()?))
}

impl Handler for Connection {
    type Error = Error;

    async fn auth_publickey_offered(&mut self, _: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Error> {
        let holder = self.holder(&fingerprint(offer.public_key)?).await;
        Ok(if holder.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        let fingerprint = fingerprint(key.public_key)?;
        let Some(principal) = self.holder(&fingerprint).await else { return Ok(Auth::reject()) };
        let revoked = self.watch(principal.clone(), fingerprint);
        self.who = Some(KeyHolder { principal, instance: user.to_owned(), revoked });
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Error> {
        self.is_known.cancel();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        let terms = self.who.as_ref().and_then(|who| self.terms(who));
        // One that is not accepted is refused when it is dropped. The one that watches is none.
        if let Some(terms) = terms.filter(|_| self.conversations.len() <= PROGRAMS) {
            reply.accept().await;
            let (read, write) = channel.split();
            self.conversations.spawn(conversation::talk(ChannelHalves { read, write }, terms));
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Error> {
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)
    }

    // The conversation says what there is instead, which nobody would hear of a request that failed.
    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_failure(channel)
    }
}
