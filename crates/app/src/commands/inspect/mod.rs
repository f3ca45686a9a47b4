//! `entrepot inspect`: shows the contents of an image without pulling it.
//!
//! - `look` asks the registry; `render` formats the result, pure

mod look;
mod render;

use entrepot_oci::{ImageRef, Platform};
use serde::Serialize;

use super::session::{self, Common, RegistryContext};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Inspect {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The image.
    pub(crate) image: ImageRef,
    /// The platform to show.
    pub(crate) platform: Option<Platform>,
    /// Print the raw manifest.
    pub(crate) raw: bool,
}

/// Summary of an image, shown before it is copied.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImageBrief {
    /// The digest its tag points at.
    pub(crate) digest: String,
    /// Each platform with its size.
    pub(crate) platforms: Vec<OnPlatform>,
}

/// A platform of an image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OnPlatform {
    /// The platform's name.
    pub(crate) platform: String,
    /// Size of layers and configuration, in bytes.
    pub(crate) size: u64,
}

/// Fetches the summary of an image.
pub(crate) async fn brief(context: &RegistryContext, image: &ImageRef) -> Result<ImageBrief, Failure> {
    let seen = look::look(context, image, None).await?;
    let platforms = seen.platforms.into_iter().filter(|one| !one.missing);
    let platforms = platforms.map(|one| OnPlatform { platform: one.platform, size: one.size }).collect();
    Ok(ImageBrief { digest: seen.digest, platforms })
}

/// Runs the command.
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
