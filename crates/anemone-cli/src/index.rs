//! `anemone index`: the index of a tree made, told and removed.

use std::path::Path;
use std::time::Instant;

use anemone_search::index::{Options, Reader, Summary, clear};
use serde_json::{Value, json};

use crate::arguments::{IndexAction, IndexArguments, PlaceArguments};
use crate::exit::Failure;
use crate::{freshness, index_folder, model_folder, table};

/// Makes the index, or what else was asked for.
pub(crate) fn index(arguments: &IndexArguments, json: bool) -> Result<String, Failure> {
    match &arguments.action {
        None => make(arguments, json),
        Some(IndexAction::Status { place, digest }) => status(place, *digest, json),
        Some(IndexAction::Clear { place }) => remove(place, json),
    }
}

fn make(arguments: &IndexArguments, json: bool) -> Result<String, Failure> {
    let root = index_folder::canonical(&arguments.place.path)?;
    let folder = index_folder::of(arguments.place.index.as_deref(), &root)?;
    let embedder = model_folder::open(arguments.model.as_deref(), arguments.threads)?;
    let options = Options {
        wait: true,
        verify: arguments.verify,
        threads: arguments.threads.map(Into::into),
        ..Options::default()
    };
    let start = Instant::now();
    let summary = freshness::run(&root, &folder, &embedder, &options)?;
    let seconds = start.elapsed().as_secs_f64();
    if json {
        return Ok(format!("{:#}\n", as_json(&root, &folder, &summary, seconds)));
    }
    Ok(format!(
        "{}{seconds:.1} s; the index is in {}\n",
        freshness::summary(&summary),
        table::harmless_name(&folder.display().to_string())
    ))
}

fn as_json(root: &Path, folder: &Path, summary: &Summary, seconds: f64) -> Value {
    let skipped: serde_json::Map<String, Value> =
        summary.skipped.iter().map(|(skip, count)| (skip.name().into(), json!(count))).collect();
    json!({
        "root": root.to_string_lossy(),
        "index": folder.to_string_lossy(),
        "files": summary.files,
        "chunks": summary.chunks,
        "tokens": summary.tokens,
        "added": summary.added,
        "changed": summary.changed,
        "removed": summary.removed,
        "embedded": summary.embedded,
        "reused": summary.reused,
        "truncated": summary.truncated,
        "skipped": skipped,
        "unreadable": summary.unreadable,
        "seconds": seconds,
    })
}

fn status(place: &PlaceArguments, digest: bool, json: bool) -> Result<String, Failure> {
    let folder = index_folder::of(place.index.as_deref(), &place.path)?;
    let reader = Reader::open(&folder)?;
    let status = reader.status()?;
    let digest = match digest {
        true => Some(blake3::Hash::from(reader.digest()?).to_hex().to_string()),
        false => None,
    };
    if json {
        let skipped: serde_json::Map<String, Value> =
            status.skipped.iter().map(|(skip, count)| (skip.name().into(), json!(count))).collect();
        let report = json!({
            "root": status.root,
            "index": status.folder.to_string_lossy(),
            "model": status.model,
            "dimension": status.dimension,
            "schema": status.schema,
            "files": status.files,
            "chunks": status.chunks,
            "tokens": status.tokens,
            "bytes": status.size,
            "updated": status.when,
            "skipped": skipped,
            "digest": digest,
        });
        return Ok(format!("{report:#}\n"));
    }
    let rows = [
        ("tree", table::harmless_name(&status.root)),
        ("index", table::harmless_name(&status.folder.display().to_string())),
        ("size", table::size(status.size)),
        ("model", format!("{}, {} elements", status.model, status.dimension)),
        ("files", status.files.to_string()),
        ("chunks", status.chunks.to_string()),
        ("tokens", table::count(status.tokens)),
    ];
    let mut rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    rows.extend(digest.map(|digest| vec!["digest".to_owned(), digest]));
    let skipped = freshness::skipped(status.skipped.iter().map(|(skip, n)| (skip.name(), *n)));
    Ok(table::columns(&rows) + &skipped)
}

fn remove(place: &PlaceArguments, json: bool) -> Result<String, Failure> {
    let folder = index_folder::of(place.index.as_deref(), &place.path)?;
    clear(&folder)?;
    if json {
        return Ok(format!("{}\n", json!({ "cleared": folder.to_string_lossy() })));
    }
    let folder = table::harmless_name(&folder.display().to_string());
    Ok(format!("there is no index in {folder} any more\n"))
}
