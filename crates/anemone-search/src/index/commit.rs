//! The next state of the index, worked out and switched to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use anemone_embed::Encode;

use super::before::Before;
use super::folder::Folder;
use super::gather::Gain;
use super::records::{FileRecord, Limits, Meta, Passed, Stamp};
use super::update::Summary;
use super::vectors::VectorStore;
use super::{SCHEMA, Skip, versions};
use crate::IndexError;

/// A file of vectors with fewer rows that nobody needs is left as it is.
const FEW_ROWS: usize = 1024;
/// So many documents that are no more are left in the postings.
const FEW_DOCS: u32 = 4096;

/// What the next state is made from, beside files.
pub(super) struct Next<'a> {
    pub(super) root: String,
    pub(super) encoder: &'a dyn Encode,
    pub(super) limits: Limits,
    pub(super) next_doc: u32,
    /// What the walk did not take.
    pub(super) walk_skips: BTreeMap<Skip, u64>,
}

/// How the tables change.
#[derive(Default)]
struct Delta {
    /// Paths that go, with the first document of those that were searched.
    gone: Vec<(String, Option<u32>)>,
    /// Paths whose records are written.
    files: HashSet<String>,
    passed: Vec<(String, Passed)>,
    /// Documents that are no more.
    dead: u32,
}

/// Switches to the state that `before` becomes by `gain`, from the files `read`, and without the
/// files `gone`.
pub(super) fn commit(
    folder: &Folder,
    before: Before,
    read: &[&str],
    gone: Vec<String>,
    mut gain: Gain,
    store: Option<VectorStore>,
    next: Next<'_>,
) -> Result<Summary, IndexError> {
    let mut summary =
        Summary { anew: before.anew.clone(), reused: gain.reused, ..Summary::default() };
    let mut before = before;
    let mut files = std::mem::take(&mut before.files);
    let mut passed = std::mem::take(&mut before.passed);
    let mut delta = Delta::default();
    for path in gone {
        delta.forget(path, &mut files, &mut passed, &mut summary.removed);
    }
    delta.turn(read, &mut gain, &mut files, &mut passed, &mut summary);
    for file in &mut gain.files {
        for (chunk, key) in file.record.chunks.iter_mut().zip(&file.keys) {
            let row = store.as_ref().and_then(|store| store.get(key));
            chunk.row = row.expect("every chunk was embedded or had its vector");
        }
        delta.files.insert(file.record.path.clone());
        files.insert(file.record.path.clone(), file.record.clone());
    }
    let skipped = count_skips(next.walk_skips, &passed, gain.unreadable.len());
    summary.unreadable = std::mem::take(&mut gain.unreadable);
    summary.skipped = skipped.clone();
    let chunks = |file: &FileRecord| file.chunks.len() as u32;
    summary.files = files.len() as u32;
    summary.chunks = files.values().map(chunks).sum();
    summary.tokens = files.values().map(|file| u64::from(file.tokens)).sum();
    summary.is_changed = !before.is_kept()
        || !delta.is_empty()
        || before.meta.as_ref().is_none_or(|meta| meta.skipped != skipped);
    if !summary.is_changed {
        return Ok(summary);
    }
    let store = match store {
        Some(store) => Some(compact(folder, store, &mut files, &mut delta)?),
        None => None,
    };
    let (vector_file, rows) = match (&store, &before.vectors) {
        (Some(store), _) => (store.name().to_owned(), store.rows()),
        (None, Some((name, rows))) => (name.clone(), *rows),
        (None, None) => unreachable!("an index that is made anew has opened its vectors"),
    };
    let dead = before.meta.as_ref().map_or(0, |meta| meta.dead) + delta.dead;
    let rewrites = dead > summary.chunks.saturating_add(FEW_DOCS);
    let meta = Meta {
        schema: SCHEMA,
        root: next.root,
        model: next.encoder.identity(),
        model_name: next.encoder.name().to_owned(),
        dimension: next.encoder.dimension(),
        versions: versions(),
        limits: next.limits,
        generation: before.meta.as_ref().map_or(0, |meta| meta.generation) + 1,
        vector_file,
        rows,
        files: summary.files,
        chunks: summary.chunks,
        tokens: summary.tokens,
        length: files.values().flat_map(|file| &file.chunks).map(|c| u64::from(c.length)).sum(),
        next_doc: next.next_doc,
        dead: if rewrites { 0 } else { dead },
        skipped,
        when: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    };
    if let Some(store) = &store {
        store.sync()?;
    }
    let change = before.begin_change(folder)?;
    change.remove(delta.gone.iter().map(|(path, first)| (path.as_str(), *first)))?;
    change.put_files(delta.files.iter().filter_map(|path| files.get(path)))?;
    change.put_passed(delta.passed.iter().map(|(path, passed)| (path.as_str(), passed)))?;
    let with_chunks = gain.files.iter().filter(|file| !file.chunks.is_empty());
    change.put_chunks(with_chunks.map(|file| (file.record.first_doc, file.chunks.as_slice())))?;
    if !gain.words.is_empty() {
        gain.words.each(|lists| change.extend_postings(lists))?;
    }
    if rewrites {
        let live: HashSet<u32> =
            files.values().flat_map(|file| file.first_doc..file.first_doc + chunks(file)).collect();
        change.rewrite_postings(|doc| live.contains(&doc))?;
    }
    change.commit(&meta)?;
    folder.sweep(&meta.vector_file)?;
    Ok(summary)
}

impl Delta {
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.files.is_empty() && self.passed.is_empty()
    }

    /// Forgets a file, searched or not; tells whether it was searched.
    fn forget(
        &mut self,
        path: String,
        files: &mut BTreeMap<String, FileRecord>,
        passed: &mut BTreeMap<String, Passed>,
        removed: &mut usize,
    ) {
        if let Some(old) = files.remove(&path) {
            *removed += 1;
            self.dead += old.chunks.len() as u32;
            let first = (!old.chunks.is_empty()).then_some(old.first_doc);
            self.gone.push((path, first));
        } else if passed.remove(&path).is_some() {
            self.gone.push((path, None));
        }
    }

    /// Forgets what the files that were read have been, and notes what they are, other than
    /// searched.
    fn turn(
        &mut self,
        read: &[&str],
        gain: &mut Gain,
        files: &mut BTreeMap<String, FileRecord>,
        passed: &mut BTreeMap<String, Passed>,
        summary: &mut Summary,
    ) {
        let touched: HashMap<String, Stamp> = gain.touched.drain(..).collect();
        let now_passed: HashMap<String, Passed> = gain.passed.drain(..).collect();
        let new: HashSet<&str> = gain.files.iter().map(|file| file.record.path.as_str()).collect();
        for &path in read {
            if let Some(&stamp) = touched.get(path) {
                if let Some(file) = files.get_mut(path).filter(|file| file.stamp != stamp) {
                    file.stamp = stamp;
                    self.files.insert(path.to_owned());
                }
                continue;
            }
            let now = now_passed.get(path);
            if now.is_some() && passed.get(path) == now {
                continue;
            }
            let mut removed = 0;
            self.forget(path.to_owned(), files, passed, &mut removed);
            match (new.contains(path), removed) {
                (true, 0) => summary.added += 1,
                (true, _) => summary.changed += 1,
                (false, _) => summary.removed += removed,
            }
            if let Some(now) = now {
                passed.insert(path.to_owned(), *now);
                self.passed.push((path.to_owned(), *now));
            }
        }
    }
}

/// A file of vectors without the rows that nobody needs, once they are more than the others.
fn compact(
    folder: &Folder,
    store: VectorStore,
    files: &mut BTreeMap<String, FileRecord>,
    delta: &mut Delta,
) -> Result<VectorStore, IndexError> {
    let mut live: Vec<u32> =
        files.values().flat_map(|file| &file.chunks).map(|chunk| chunk.row).collect();
    live.sort_unstable();
    live.dedup();
    if store.rows() as usize <= 2 * live.len() + FEW_ROWS {
        return Ok(store);
    }
    let smaller = store.compact(folder, &live)?;
    for file in files.values_mut() {
        for chunk in &mut file.chunks {
            let place = live.binary_search(&chunk.row).expect("all rows of chunks are live");
            chunk.row = place as u32;
        }
    }
    delta.files.extend(files.keys().cloned());
    Ok(smaller)
}

/// How many files and folders are not searched, by reason.
pub(super) fn count_skips(
    mut skips: BTreeMap<Skip, u64>,
    passed: &BTreeMap<String, Passed>,
    unreadable: usize,
) -> BTreeMap<Skip, u64> {
    for passed in passed.values() {
        *skips.entry(passed.skip).or_default() += 1;
    }
    if unreadable > 0 {
        *skips.entry(Skip::Unreadable).or_default() += unreadable as u64;
    }
    skips
}
