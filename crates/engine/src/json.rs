//! Reads what engines write as JSON.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{error::Error, message::Message};

/// Reads a document.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::Answer("it is not the JSON that was expected"))
}

/// Go writes `null` for what is empty.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Deserialize)]
struct ErrorBody {
    message: Option<String>,
    cause: Option<String>,
}

/// What the body of an error says: Docker has a `message`, Podman a `cause` too.
pub(crate) fn error_message(body: &[u8]) -> Message {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { message: Some(message), .. }) => Message::new(&message),
        Ok(ErrorBody { cause: Some(cause), .. }) => Message::new(&cause),
        _ => Message::from_bytes(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_in_every_form() {
        for (body, message) in [
            (r#"{"message":"No such container: x"}"#, "No such container: x"),
            (r#"{"cause":"no such image","message":"no such image: x","response":404}"#, "no such image: x"),
            (r#"{"cause":"no such image"}"#, "no such image"),
            ("404 page not found\n", "404 page not found"),
            (
                "Client sent an HTTP request to an HTTPS server.\n",
                "Client sent an HTTP request to an HTTPS server.",
            ),
            ("", "no reason given"),
        ] {
            assert_eq!(error_message(body.as_bytes()).to_string(), message);
        }
    }
}
