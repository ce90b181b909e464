//! A model of texts as a folder, laid out as sentence-transformers lays its own out.

use std::path::{Path, PathBuf};

use anemone_tensor::{Buffer, MappedFile};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::EmbedError;

/// The parts of a model of texts: `model.mlpackage` (or the only package there), `tokenizer.json`,
/// and, where they are there, `sentence_bert_config.json` and `1_Pooling/config.json`.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
    /// The model.
    pub package: PathBuf,
    /// The tokenizer's file, in the format of Hugging Face's `tokenizers`.
    pub tokenizer: Buffer,
    /// The longest text in tokens, special ones included, where the folder says so.
    pub max_tokens: Option<usize>,
    /// How vectors of tokens become one of the text, for models that leave this to their user.
    pub pooling: Pooling,
}

/// How vectors of tokens become the vector of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The first token's.
    First,
}

#[derive(Deserialize)]
struct Lengths {
    max_seq_length: Option<usize>,
}

#[derive(Deserialize)]
struct PoolingModes {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

impl ModelFolder {
    /// Reads the small files of the folder at `path`, and finds the model.
    pub fn read(path: &Path) -> Result<ModelFolder, EmbedError> {
        let fault = |path: &Path, what: &str| EmbedError::Folder {
            path: path.to_owned(),
            what: what.to_owned(),
        };
        if !path.is_dir() {
            return Err(fault(path, "there is no such folder"));
        }
        let package = path.join("model.mlpackage");
        if !package.exists() {
            return Err(fault(path, "there is no `model.mlpackage` in it"));
        }
        let tokenizer = path.join("tokenizer.json");
        let tokenizer = map(&tokenizer)?.ok_or_else(|| fault(&tokenizer, "it is missing"))?;
        let lengths: Option<Lengths> = json(&path.join("sentence_bert_config.json"))?;
        let file = path.join("1_Pooling").join("config.json");
        let pooling = match json::<PoolingModes>(&file)? {
            None => Pooling::Mean,
            Some(modes) => match (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token) {
                (true, false) => Pooling::Mean,
                (false, true) => Pooling::First,
                _ => return Err(fault(&file, "only pooling by mean or by first token is known")),
            },
        };
        let max_tokens = lengths.and_then(|lengths| lengths.max_seq_length);
        Ok(ModelFolder { path: path.to_owned(), package, tokenizer, max_tokens, pooling })
    }

    /// The folder's name, as people know the model by it.
    pub fn name(&self) -> String {
        let full = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        full.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
    }
}

/// The bytes of a file; nothing where there is none.
fn map(path: &Path) -> Result<Option<Buffer>, EmbedError> {
    if !path.exists() {
        return Ok(None);
    }
    match MappedFile::open(path) {
        Ok(file) => Ok(Some(file.buffer().clone())),
        Err(error) => Err(EmbedError::Folder { path: path.to_owned(), what: error.to_string() }),
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EmbedError> {
    let Some(bytes) = map(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| EmbedError::Folder {
        path: path.to_owned(),
        what: format!("it is not what it should be: {error}"),
    })
}
