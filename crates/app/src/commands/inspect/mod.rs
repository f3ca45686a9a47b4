//! `entrepot inspect`: what an image is made of, without pulling it.
//!
//! - what there is: `look`, which asks; how it is said: `tell`, pure

mod look;
mod tell;

use entrepot_oci::{Image, Platform};

use super::session::{self, Common};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Inspect {
    /// What every such command can be told.
    pub(crate) common: Common,
    /// Which image.
    pub(crate) image: Image,
    /// Which platform of it.
    pub(crate) platform: Option<Platform>,
    /// Whether to print the document as it is.
    pub(crate) raw: bool,
}

/// Asks and prints.
pub(crate) fn run(Inspect { common, image, platform, raw }: Inspect) -> Result<(), Failure> {
    session::run(&common, async |session, stop| {
        let work = async {
            if raw {
                let document = look::document(&session, &image, platform.as_ref()).await?;
                return output::print(&String::from_utf8_lossy(&document));
            }
            let seen = look::look(&session, &image, platform.as_ref()).await?;
            match common.output {
                Output::Json => output::print_json(&seen),
                Output::Text => output::print(&tell::text(&seen)),
            }
        };
        tokio::select! {
            done = work => done,
            () = stop.cancelled() => Err(Failure::new("interrupted")),
        }
    })
}
