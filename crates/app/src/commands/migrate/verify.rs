//! `entrepot migrate verify`: checks that both sides have the same images.

use comfy_table::CellAlignment::Left;
use entrepot_migrate::{Proof, TagComparison, verify};

use super::{Args, MigrationContext, apply, are};
use crate::{
    commands::session,
    failure::{Failure, told},
    output::{self, Column, Output, amount, counted, sentence, table, word},
};

/// Compares both sides.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let scene = MigrationContext::of(&session, &args)?;
        let copies = apply::looked_at(&scene, &args.common, &stop).await?;
        let proof = tokio::select! {
            proof = async { verify(&scene.registries(), &copies).await } => proof,
            () = stop.cancelled() => return Err(Failure::new("interrupted")),
        };
        match args.common.output {
            Output::Json => output::print_json(&proof)?,
            Output::Text => output::print(&text(&proof))?,
        }
        verdict(&proof)
    })
}

fn verdict(proof: &Proof) -> Result<(), Failure> {
    if proof.equal {
        return Ok(());
    }
    let tags = proof.counts.different + proof.counts.missing + proof.counts.unknown;
    let of = counted(proof.tags.len() as u64, "tag");
    let what = match (tags, proof.referrers.len()) {
        (0, referrers) => format!("{} missing", are(referrers, "referrer")),
        (tags, 0) => format!("{tags} of {of} not proven equal"),
        (tags, referrers) => {
            format!("{tags} of {of} not proven equal, {} missing", are(referrers, "referrer"))
        }
    };
    Err(Failure::new(what).with_hint("copy what is missing: `entrepot migrate apply`"))
}

fn text(proof: &Proof) -> String {
    let shown = proof.tags.iter().filter(|pair| pair.standing != TagComparison::Equal);
    let rows: Vec<Vec<String>> = shown
        .map(|pair| {
            let digest = |digest: &Option<entrepot_oci::Digest>| {
                digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string())
            };
            let standing = match &pair.standing {
                TagComparison::Unknown { what } => told(what).into_owned(),
                other => word(other.word()),
            };
            vec![pair.source.clone(), pair.target.clone(), standing, digest(&pair.here), digest(&pair.there)]
        })
        .collect();
    let columns = [
        Column("SOURCE", Left),
        Column("TARGET", Left),
        Column("IS", Left),
        Column("HERE", Left),
        Column("THERE", Left),
    ];
    let mut text = if rows.is_empty() { String::new() } else { table(&columns, rows) + "\n" };
    for missing in &proof.referrers {
        text += &output::line(&format!("{}: {}", missing.image, told(&missing.what)));
    }
    let counts = &proof.counts;
    let converted = sentence!(
        "{count} equal in another form, as recorded when they were copied",
        count = counts.converted
    );
    let tags = output::sums([
        (counts.equal, sentence!("{count} equal by digest", count = counts.equal)),
        (counts.converted, converted),
        (counts.different, sentence!("{count} different", count = counts.different)),
        (counts.missing, sentence!("{count} missing", count = counts.missing)),
        (counts.unknown, sentence!("{count} unknown", count = counts.unknown)),
    ]);
    let tags = if tags.is_empty() { sentence!("there are no tags") } else { tags };
    let referrers = match counts.referrers {
        0 => String::new(),
        count => sentence!("; {referrers} with them", referrers = amount(count, "referrer")),
    };
    text + &format!("{tags}{referrers}\n")
}
