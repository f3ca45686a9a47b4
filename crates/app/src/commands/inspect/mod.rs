//! `entrepot inspect`: what an image is made of, without pulling it.
//!
//! - what there is: `look`, which asks; how it is said: `render`, pure

mod look;
mod render;

use entrepot_oci::{ImageRef, Platform};
use serde::Serialize;

use super::session::{self, Common, Session};
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
    pub(crate) image: ImageRef,
    /// Which platform of it.
    pub(crate) platform: Option<Platform>,
    /// Whether to print the document as it is.
    pub(crate) raw: bool,
}

/// What is worth knowing of an image before it is copied.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Brief {
    /// What its tag points at.
    pub(crate) digest: String,
    /// Each platform, and how large it is.
    pub(crate) platforms: Vec<OnPlatform>,
}

/// A platform of an image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OnPlatform {
    /// Which.
    pub(crate) platform: String,
    /// Layers and configuration, in bytes.
    pub(crate) size: u64,
}

/// Asks for what is worth knowing of an image.
pub(crate) async fn brief(session: &Session, image: &ImageRef) -> Result<Brief, Failure> {
    let seen = look::look(session, image, None).await?;
    let platforms = seen.platforms.into_iter();
    let platforms = platforms.map(|one| OnPlatform { platform: one.platform, size: one.size }).collect();
    Ok(Brief { digest: seen.digest, platforms })
}

/// Asks and prints.
pub(crate) fn run(Inspect { common, image, platform, raw }: Inspect) -> Result<(), Failure> {
    session::run(&common, async |session, stop| {
        let work = async {
            if raw {
                let document = look::document(&session, &image, platform.as_ref()).await?;
                return output::print_exact(&document);
            }
            let seen = look::look(&session, &image, platform.as_ref()).await?;
            match common.output {
                Output::Json => output::print_json(&seen),
                Output::Text => output::print(&render::text(&seen)),
            }
        };
        tokio::select! {
            done = work => done,
            () = stop.cancelled() => Err(Failure::new("interrupted")),
        }
    })
}
