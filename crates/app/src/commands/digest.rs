//! `entrepot digest`: resolves a tag with a `HEAD` request, which Docker Hub does not count as a pull.

use entrepot_oci::{Digest, ImageRef, MediaType, Reference};
use serde::Serialize;

use super::session::{self, Common, RegistryContext};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct DigestOf {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The image.
    pub(crate) image: ImageRef,
}

/// Runs the command.
pub(crate) fn run(DigestOf { common, image }: DigestOf) -> Result<(), Failure> {
    session::run(&common, async |session, stop| {
        tokio::select! {
            found = find(&session, &image) => print(&image, found?, common.output),
            () = stop.cancelled() => Err(Failure::new("interrupted")),
        }
    })
}

#[derive(Serialize)]
struct DigestReport {
    image: String,
    digest: String,
    media_type: Option<String>,
}

/// The registry's response.
struct DigestResponse {
    digest: Digest,
    media_type: Option<MediaType>,
}

async fn find(context: &RegistryContext, image: &ImageRef) -> Result<DigestResponse, Failure> {
    let remote = context.remote(image.host())?;
    let (repository, reference) = (image.repository(), image.reference());
    let failure = |error| context.to_failure(image.host(), &image.to_string(), &error);
    let head = remote.find_manifest(repository, &reference).await.map_err(failure)?.into_head();
    let said = match (&reference, head.digest) {
        (Reference::Digest(asked), _) => Some(*asked),
        (Reference::Tag(_), said) => said,
    };
    match said {
        Some(digest) => Ok(DigestResponse { digest, media_type: head.media_type }),
        // Registries may omit the digest; then compute it from the manifest.
        None => {
            let whole = remote.manifest(repository, &reference).await.map_err(failure)?;
            Ok(DigestResponse { digest: whole.digest, media_type: Some(whole.media_type) })
        }
    }
}

fn print(image: &ImageRef, found: DigestResponse, output: Output) -> Result<(), Failure> {
    let DigestResponse { digest, media_type } = found;
    match output {
        Output::Text => output::print(&format!("{digest}\n")),
        Output::Json => output::print_json(&DigestReport {
            image: image.to_string(),
            digest: digest.to_string(),
            media_type: media_type.map(|media_type| media_type.to_string()),
        }),
    }
}
