//! Looks up the images of documents at their registries.

use comfy_table::CellAlignment;
use entrepot_oci::ImageRef;
use futures_util::{StreamExt as _, stream};

use super::named::{ImageLookup, ImageUse};
use crate::{
    commands::{
        inspect,
        session::{self, Common, RegistryContext},
    },
    failure::{Failure, told},
    output::{self, Column},
};

/// The number of concurrent lookups.
const AT_ONCE: usize = 8;

/// Looks up all images; returns how many were not found.
pub(super) fn resolve(common: &Common, images: &mut [ImageUse]) -> Result<u64, Failure> {
    let mut missing = 0;
    session::run(common, async |session, stop| {
        tokio::select! {
            count = ask(&session, images) => missing = count,
            () = stop.cancelled() => return Err(Failure::new("interrupted")),
        }
        Ok(())
    })?;
    Ok(missing)
}

async fn ask(context: &RegistryContext, images: &mut [ImageUse]) -> u64 {
    let wanted: Vec<Option<ImageRef>> = images.iter().map(|named| named.whole.clone()).collect();
    let answers = stream::iter(wanted).map(|image| one(context, image)).buffered(AT_ONCE);
    let answers: Vec<ImageLookup> = answers.collect().await;
    let mut missing = 0;
    for (named, answer) in images.iter_mut().zip(answers) {
        missing += u64::from(matches!(answer, ImageLookup::Missing { .. }));
        named.resolved = Some(answer);
    }
    missing
}

async fn one(context: &RegistryContext, image: Option<ImageRef>) -> ImageLookup {
    let Some(image) = image else {
        return ImageLookup::Missing {
            error: "its tag is in a variable that the document does not set".to_owned(),
        };
    };
    match inspect::brief(context, &image).await {
        Ok(brief) => ImageLookup::There(brief),
        Err(failure) => ImageLookup::Missing { error: failure.to_string() },
    }
}

/// A table of the images and their lookup results.
pub(super) fn table(images: &[ImageUse]) -> String {
    let columns = [
        Column("IMAGE", CellAlignment::Left),
        Column("DIGEST", CellAlignment::Left),
        Column("SIZE", CellAlignment::Right),
        Column("PLATFORMS", CellAlignment::Left),
    ];
    output::table(&columns, images.iter().map(row).collect())
}

fn row(named: &ImageUse) -> Vec<String> {
    let (digest, size, platforms) = match &named.resolved {
        Some(ImageLookup::There(brief)) => {
            let names: Vec<&str> = brief.platforms.iter().map(|one| one.platform.as_str()).collect();
            let largest = brief.platforms.iter().map(|one| one.size).max().unwrap_or(0);
            (brief.digest.clone(), output::size(largest), names.join(", "))
        }
        Some(ImageLookup::Missing { error }) => {
            ("-".to_owned(), "-".to_owned(), told(one_line(error)).into_owned())
        }
        None => Default::default(),
    };
    vec![named.image.clone(), digest, size, platforms]
}

fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
