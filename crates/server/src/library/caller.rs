//! Who asks the library, and what they may do.

use entrepot_access::{Identity, Operation};
use entrepot_library::{Library, Tenant};

use crate::{
    sync::problem::Problem,
    web::{
        allowed::{allowed, may, refused},
        call::WebCall,
    },
};

/// The library, if the caller may do this with it.
pub(crate) fn library(call: &WebCall, operation: Operation) -> Result<&Library, Problem> {
    allowed(call, operation)?;
    call.state.library.as_ref().ok_or_else(Problem::not_found)
}

/// The caller, as the owner of instances.
///
/// # Errors
/// The caller is neither an account nor the server's owner.
pub(crate) fn tenant(call: &WebCall) -> Result<Tenant, Problem> {
    match &call.caller.sender.principal.identity {
        Identity::Owner => Ok(Tenant::owner()),
        Identity::Account(account) => Ok(Tenant::account(account.id, account.name.as_str())),
        _ => Err(refused(call)),
    }
}

/// Whose instances and volumes the caller sees: those of this account, or `None` for all.
///
/// # Errors
/// As for [`tenant`].
pub(crate) fn whose(call: &WebCall) -> Result<Option<i64>, Problem> {
    Ok(if sees_all(call) { None } else { Some(tenant(call)?.id()) })
}

/// True if the caller sees the instances of all.
pub(crate) fn sees_all(call: &WebCall) -> bool {
    may(call, Operation::ManageInstances)
}
