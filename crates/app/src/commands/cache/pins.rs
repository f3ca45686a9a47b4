//! `entrepot cache pin`, `unpin` and `pins`.

use std::time::Duration;

use entrepot_api::{CachePinQuery, CachePinSource, NewCachePin};
use entrepot_oci::Reference;
use serde::Serialize;

use super::{clock::now, holder::CacheBackend, names::Selection, print::print, render_work as render};
use crate::{
    failure::Failure,
    output::{Output, amount, sentence},
};

/// An image to be pinned.
#[derive(Debug)]
pub(crate) struct NewPin {
    /// The image.
    pub(crate) image: Selection,
    /// Why.
    pub(crate) reason: String,
    /// How long; `None` until it is ended.
    pub(crate) time: Option<Duration>,
}

/// Which pins are meant.
#[derive(Debug)]
pub(crate) struct Pins {
    /// Those of this repository or image.
    pub(crate) image: Option<Selection>,
    /// Those of this source.
    pub(crate) source: Option<CachePinSource>,
    /// Those that this one holds.
    pub(crate) held_by: Option<String>,
}

pub(super) async fn pin(backend: &CacheBackend, new: NewPin, output: Output) -> Result<(), Failure> {
    let Some(reference) = &new.image.reference else {
        return Err(Failure::wrong(format!("`{}` is a whole repository", new.image))
            .with_hint("pin one image: `NAME:TAG` or `NAME@DIGEST`"));
    };
    let pin = NewCachePin {
        name: new.image.name.to_string(),
        reference: reference.to_string(),
        reason: new.reason,
        expires: new.time.map(|time| now().saturating_add(time.as_secs())),
    };
    let pins = backend.pin(&pin).await?;
    print(output, &PinReport { pins: &pins }, || render::pins(&pins, now()))
}

pub(super) async fn unpin(backend: &CacheBackend, which: &Pins, output: Output) -> Result<(), Failure> {
    if which.image.is_none() && which.source.is_none() && which.held_by.is_none() {
        return Err(Failure::wrong("nothing says which pins are meant")
            .with_hint("name an image, or give `--source` or `--held-by`"));
    }
    let query = query(backend, which).await?;
    let ended = backend.unpin(&query).await?;
    print(output, &ended, || sentence!("{pins} ended", pins = amount(ended.pins, "pin")) + "\n")
}

pub(super) async fn list(backend: &CacheBackend, which: &Pins, output: Output) -> Result<(), Failure> {
    let pins = backend.pins(&query(backend, which).await?).await?;
    print(output, &PinReport { pins: &pins }, || render::pins(&pins, now()))
}

/// A tag is looked up: pins are on manifests.
async fn query(backend: &CacheBackend, which: &Pins) -> Result<CachePinQuery, Failure> {
    let digest = match which.image.as_ref().and_then(|image| image.reference.as_ref().map(|of| (image, of))) {
        None => None,
        Some((_, Reference::Digest(digest))) => Some(*digest),
        Some((image, Reference::Tag(_))) => {
            let images = backend.images(&image.name).await?;
            let found = images.into_iter().find(|held| image.takes(held));
            let unknown = || {
                Failure::new(format!("`{image}` is not held"))
                    .with_hint("pins of what is not held are found by digest: `NAME@DIGEST`")
            };
            Some(found.ok_or_else(unknown)?.digest)
        }
    };
    Ok(CachePinQuery {
        name: which.image.as_ref().map(|image| image.name.to_string()),
        digest: digest.map(|digest| digest.to_string()),
        source: which.source.map(|source| source.to_string()),
        held_by: which.held_by.clone(),
        n: None,
        last: None,
    })
}

#[derive(Serialize)]
struct PinReport<'a> {
    pins: &'a [entrepot_api::CachePin],
}
