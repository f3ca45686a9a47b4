//! The first password of `admin`, for servers that start without anybody at their machine.

use entrepot_access::Access;

use crate::{
    config::{Environment, secret_variable},
    failure::{self, Failure},
};

/// The variable that holds it: the password, or `file:PATH`.
const VARIABLE: &str = "ENTREPOT_ADMIN_PASSWORD";

/// Sets the password of `admin` if nobody has a password yet. Later starts leave it as it is, so that one that was changed
/// stays.
///
/// # Errors
/// The file cannot be read, the password is not accepted, or the database failed. The message does not hold it.
pub(crate) async fn set(access: &Access, environment: &Environment) -> Result<(), Failure> {
    let Some((password, warnings)) = secret_variable(VARIABLE, environment)? else { return Ok(()) };
    failure::warn(&warnings);
    let is_set = access.set_first_password(password).await.map_err(|error| {
        let failure = Failure::because(format!("cannot set the password in `{VARIABLE}`"), &error);
        failure.with_hint(
            "choose another one, or leave the variable out and use `entrepot account password admin`",
        )
    })?;
    if is_set {
        tracing::info!("`admin` has the password in `{VARIABLE}`; the variable is not needed any more");
    }
    Ok(())
}
