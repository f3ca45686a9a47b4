//! Which server a command talks to.

use std::{os::unix::net::UnixStream, path::PathBuf};

use secrecy::SecretString;

use super::{Client, login};
use crate::{
    config::{self, Environment},
    data,
    failure::Failure,
    output::Output,
};

/// The default address of a server.
const USUAL_SERVER: &str = "http://127.0.0.1:5000";

/// The way to find the server.
#[derive(Debug)]
pub(crate) enum ServerLocation {
    /// At this address.
    At(String),
    /// Over the socket in the configured data directory; without a socket, at the default address.
    Here {
        /// The configuration file, if given.
        file: Option<PathBuf>,
        /// The data directory, if given.
        data: Option<PathBuf>,
    },
}

/// The server that a command talks to, and how the command answers.
#[derive(Debug)]
pub(crate) struct ServerTarget {
    /// The server.
    pub(crate) server: ServerLocation,
    /// What `Authorization` has there; the local socket needs none.
    pub(crate) token: Option<SecretString>,
    /// The output format.
    pub(crate) output: Output,
}

impl ServerTarget {
    // Without a token, the login of this user.
    fn at(server: &str, token: Option<SecretString>) -> Result<Client, Failure> {
        if token.is_some() {
            return Client::at(server, token);
        }
        let client = Client::at(server, None)?;
        Ok(match login::find(client.address(), &Environment::of_process()) {
            Some(login) => client.logged_in(login),
            None => client,
        })
    }

    /// A client for the server.
    ///
    /// # Errors
    /// The address is not one, or the configuration cannot be read.
    pub(crate) fn client(self) -> Result<Client, Failure> {
        let token = self.token;
        let (file, data) = match self.server {
            ServerLocation::At(server) => return Self::at(&server, token),
            ServerLocation::Here { file, data } => (file, data),
        };
        let data = config::data_directory(file.as_deref(), &Environment::of_process(), data)?;
        let socket = data::socket(&data);
        // The socket first: it is private and needs no token. It may be left over from a server that has exited.
        match UnixStream::connect(&socket) {
            Ok(_) => Client::over(socket),
            Err(_) => Client::at(USUAL_SERVER, token),
        }
    }
}
