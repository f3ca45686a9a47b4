//! The environment of a container.

use std::collections::BTreeMap;

use crate::device::{ASCEND_OPTIONS, ASCEND_TEMPLATE, ASCEND_VISIBLE, Devices, NVIDIA_VISIBLE};

/// The most bytes of all variables: what a program can be started with.
const MAX_BYTES: usize = 128 << 10;

/// The variables of a container. Those that say which cards it gets are not among them: they follow from the cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    bytes: usize,
}

/// Why a variable cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// The name is none.
    #[error("a variable's name has letters, digits, `_`, `.` and `-`, and does not begin with a digit")]
    Name,
    /// A value cannot have a zero byte.
    #[error("a variable's value has no zero byte")]
    Value,
    /// It says which cards the container gets.
    #[error("which cards a container gets follows from what it was given, and cannot be set by a variable")]
    Devices,
    /// Programs cannot be started with so much.
    #[error("all variables together have at most 128 KiB")]
    TooLong,
}

impl Environment {
    /// Sets a variable. The last one of a name counts.
    ///
    /// # Errors
    /// Name or value cannot be set.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), EnvironmentError> {
        if !is_name(name) {
            return Err(EnvironmentError::Name);
        }
        if [NVIDIA_VISIBLE, ASCEND_VISIBLE, ASCEND_TEMPLATE, ASCEND_OPTIONS].contains(&name) {
            return Err(EnvironmentError::Devices);
        }
        if value.contains('\0') {
            return Err(EnvironmentError::Value);
        }
        let before = self.variables.get(name).map_or(0, |value| name.len() + value.len() + 2);
        let bytes = self.bytes - before + name.len() + value.len() + 2;
        if bytes > MAX_BYTES {
            return Err(EnvironmentError::TooLong);
        }
        self.bytes = bytes;
        self.variables.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All variables with those of the cards, by name.
    pub(crate) fn with(&self, devices: &Devices) -> BTreeMap<String, String> {
        let of_devices = devices.environment().into_iter().map(|(name, value)| (name.to_owned(), value));
        self.variables.clone().into_iter().chain(of_devices).collect()
    }
}

// What shells call a name, and what images use besides.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=256).contains(&name.len()) && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_once() {
        let mut environment = Environment::default();
        assert_eq!(environment.set("A", "1"), Ok(()));
        assert_eq!(environment.set("A", "2"), Ok(()));
        assert_eq!(environment.get("A"), Some("2"));
        assert_eq!(environment.bytes, 4);
        for name in ["", "1A", "A=B", "A B", "Ä"] {
            assert_eq!(environment.set(name, ""), Err(EnvironmentError::Name), "{name}");
        }
        assert_eq!(environment.set("A", "\0"), Err(EnvironmentError::Value));
        assert_eq!(environment.set("B", &"x".repeat(MAX_BYTES)), Err(EnvironmentError::TooLong));
    }

    // Row 18.
    #[test]
    fn cards_are_not_given_by_variables() {
        let mut environment = Environment::default();
        for name in [
            "NVIDIA_VISIBLE_DEVICES",
            "ASCEND_VISIBLE_DEVICES",
            "ASCEND_VNPU_SPECS",
            "ASCEND_RUNTIME_OPTIONS",
        ] {
            assert_eq!(environment.set(name, "all"), Err(EnvironmentError::Devices));
        }
        let all = environment.with(&Devices::None);
        assert_eq!(all["NVIDIA_VISIBLE_DEVICES"], "void");
    }
}
