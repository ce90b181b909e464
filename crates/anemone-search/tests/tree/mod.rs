//! A tree of files in a temporary folder, an index beside it, and a model that is none.
#![allow(clippy::disallowed_methods, reason = "tests make and break files")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anemone_embed::{EmbedError, Embeddings, Encode, Stop, Watch};
use anemone_search::IndexError;
use anemone_search::index::{self, Observer, Options, Reader, Summary};

/// Makes of each text a vector that depends on nothing but the text and the model's seed.
pub(crate) struct Hashes {
    pub(crate) seed: u8,
    /// Texts that it has embedded.
    pub(crate) texts: AtomicUsize,
    /// Asks for an end once so many texts are embedded.
    pub(crate) stop: Option<(usize, Stop)>,
}

pub(crate) const DIMENSION: usize = 24;

pub(crate) fn hashes(seed: u8) -> Hashes {
    Hashes { seed, texts: AtomicUsize::new(0), stop: None }
}

impl Encode for Hashes {
    fn identity(&self) -> [u8; 32] {
        [self.seed; 32]
    }

    fn name(&self) -> &str {
        "hashes"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn max_tokens(&self) -> usize {
        128
    }

    fn token_starts(&self, text: &str) -> Result<Vec<usize>, EmbedError> {
        let mut starts = Vec::new();
        let mut in_word = false;
        for (at, character) in text.char_indices() {
            let is_word = character.is_alphanumeric();
            if !(character.is_whitespace() || is_word && in_word) {
                starts.push(at);
            }
            in_word = is_word;
        }
        Ok(starts)
    }

    fn embed(&self, texts: &[&str], watch: &Watch<'_>) -> Result<Embeddings, EmbedError> {
        let mut found = Embeddings { dimension: DIMENSION, ..Embeddings::default() };
        for text in texts {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&[self.seed]).update(text.as_bytes());
            let hash = hasher.finalize();
            let raw: Vec<f32> =
                hash.as_bytes()[..DIMENSION].iter().map(|&byte| f32::from(byte) - 127.5).collect();
            let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
            found.vectors.extend(raw.iter().map(|x| x / length));
        }
        watch.done(texts.len(), texts.iter().map(|text| text.len() / 4).sum());
        let done = self.texts.fetch_add(texts.len(), Ordering::Relaxed) + texts.len();
        if let Some((limit, stop)) = &self.stop
            && done >= *limit
        {
            stop.set();
        }
        Ok(found)
    }
}

/// A folder that goes when this does, with a tree and a place for its index in it.
pub(crate) struct Tree {
    folder: PathBuf,
}

impl Tree {
    pub(crate) fn new() -> Tree {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "anemone-index-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("tree")).unwrap();
        Tree { folder }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("tree")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join("index")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn update(&self) -> Result<Summary, IndexError> {
        self.update_by(&hashes(1), &Options::default())
    }

    pub(crate) fn update_by(
        &self,
        encoder: &Hashes,
        options: &Options,
    ) -> Result<Summary, IndexError> {
        let stop = encoder.stop.as_ref().map(|(_, stop)| stop);
        let observer = Observer { progress: None, stop };
        index::update(&self.root(), &self.index(), encoder, options, &observer)
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.index()).unwrap()
    }

    /// The digest of the index, and that of one that is made of the tree as it is now.
    pub(crate) fn digests(&self) -> ([u8; 32], [u8; 32]) {
        let fresh = self.folder.join("fresh");
        let _ = fs::remove_dir_all(&fresh);
        let observer = Observer::default();
        index::update(&self.root(), &fresh, &hashes(1), &Options::default(), &observer).unwrap();
        let fresh = Reader::open(&fresh).unwrap().digest().unwrap();
        (self.reader().digest().unwrap(), fresh)
    }

    pub(crate) fn is_as_fresh(&self) -> bool {
        let (index, fresh) = self.digests();
        index == fresh
    }

    /// The names of the files in the index's folder, in order.
    pub(crate) fn index_files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.index())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The file of vectors.
    pub(crate) fn vectors(&self) -> PathBuf {
        self.index().join(&self.reader().meta().vector_file)
    }

    /// A few files that give some chunks each.
    pub(crate) fn fill(&self, files: usize) {
        for number in 0..files {
            self.write(&format!("src/part{}/file{number}.rs", number % 3), source(number, 5));
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A source of `functions` functions, which differs from that of any other `seed`.
pub(crate) fn source(seed: usize, functions: usize) -> String {
    let mut text = format!("//! Part {seed}.\n\n");
    for number in 0..functions {
        let body: String = (0..12)
            .map(|line| {
                let value = seed.wrapping_mul(31).wrapping_add(number * 7 + line);
                format!("    let readValue{} = parse_item(input, {value});\n", value % 50)
            })
            .collect();
        text +=
            &format!("/// Does {number}.\nfn work_{seed}_{number}(input: &str) {{\n{body}}}\n\n");
    }
    text
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % limit
    }
}

pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
