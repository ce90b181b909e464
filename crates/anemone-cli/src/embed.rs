//! `anemone embed`: texts and files as vectors.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant;

use anemone::engine::Array;
use anemone_embed::{Embeddings, Encode, Watch};
use serde_json::json;

use crate::arguments::EmbedArguments;
use crate::exit::{self, Failure};
use crate::progress::Progress;
use crate::{files, model_folder, npy, table};

/// Elements of a vector that people see.
const SHOWN: usize = 4;
/// Texts whose similarities people see.
const COMPARED: usize = 8;
/// Longest name of a text, in characters.
const NAME: usize = 40;

/// A text and what to call it.
struct Named {
    name: String,
    text: String,
}

/// Tells the vectors, or writes them to a file.
pub(crate) fn embed(arguments: &EmbedArguments, json: bool) -> Result<String, Failure> {
    let texts = texts(arguments)?;
    if texts.is_empty() {
        return Err(Failure::usage("there is no text to embed"));
    }
    if let Some(at) = texts.iter().position(|named| named.text.trim().is_empty()) {
        return Err(Failure::new(format!("text {} (`{}`) is empty", at + 1, texts[at].name)));
    }
    let embedder = model_folder::open(arguments.model.as_deref(), arguments.threads)?;
    let plain: Vec<&str> = texts.iter().map(|named| named.text.as_str()).collect();
    let bar = Progress::counting("embedding", texts.len() as u64, "texts");
    let start = Instant::now();
    let tell = |count: usize, _tokens: usize| bar.advance(count as u64);
    let watch = Watch { progress: Some(&tell), ..Watch::default() };
    let made = embedder.embed(&plain, &watch)?;
    let seconds = start.elapsed().as_secs_f64();
    bar.finish();
    if !made.truncated.is_empty() {
        let (cut, of) = (made.truncated.len(), texts.len());
        let limit = embedder.max_tokens();
        exit::say(&format!(
            "note: {cut} of {of} texts are longer than the {limit} tokens that the model reads; \
             their ends were left out"
        ));
    }
    if let Some(path) = &arguments.npy {
        let array = Array::from_f32(vec![texts.len(), made.dimension], &made.vectors)
            .map_err(|error| Failure::new(error.to_string()))?;
        let bytes = npy::write(&array).map_err(|error| Failure::new(error.to_string()))?;
        files::write_all(&[(path.clone(), bytes)])?;
    }
    if json {
        let with_vectors = arguments.npy.is_none();
        return Ok(as_json(&embedder, &texts, &made, seconds, with_vectors));
    }
    let rate = texts.len() as f64 / seconds;
    let told = format!(
        "{} texts, {} tokens in {seconds:.3} s: {rate:.1} texts/s",
        texts.len(),
        made.tokens,
    );
    match &arguments.npy {
        Some(path) => Ok(format!(
            "{told}\nwrote float32 [{}, {}] to {}\n",
            texts.len(),
            made.dimension,
            table::harmless_name(&path.display().to_string())
        )),
        None => Ok(for_people(&texts, &made)),
    }
}

/// An argument that names a file is the file's text, `-` is a text in each line of the input.
fn texts(arguments: &EmbedArguments) -> Result<Vec<Named>, Failure> {
    let mut texts = Vec::with_capacity(arguments.texts.len());
    for argument in &arguments.texts {
        if argument == "-" && !arguments.text {
            let lines = files::read_input()?;
            texts.extend(lines.lines().map(|line| Named { name: line.into(), text: line.into() }));
        } else if !arguments.text && Path::new(argument).exists() {
            let text = files::read_lossy(Path::new(argument)).map_err(|error| {
                Failure::from(error).hint("with --text every argument is a text itself")
            })?;
            texts.push(Named { name: argument.clone(), text });
        } else {
            texts.push(Named { name: argument.clone(), text: argument.clone() });
        }
    }
    Ok(texts)
}

fn as_json(
    embedder: &dyn Encode,
    texts: &[Named],
    made: &Embeddings,
    seconds: f64,
    with_vectors: bool,
) -> String {
    let names: Vec<&str> = texts.iter().map(|named| named.name.as_str()).collect();
    let mut report = json!({
        "model": embedder.name(),
        "dimension": made.dimension,
        "texts": names,
        "tokens": made.tokens,
        "truncated": made.truncated,
        "seconds": seconds,
    });
    if with_vectors {
        let vectors: Vec<&[f32]> = (0..made.count()).map(|text| made.vector(text)).collect();
        report["vectors"] = json!(vectors);
    }
    format!("{report}\n")
}

fn for_people(texts: &[Named], made: &Embeddings) -> String {
    let name = |text: usize| -> String {
        let line = texts[text].name.replace(char::is_control, " ");
        let short: String = line.chars().take(NAME).collect();
        if short.len() < line.len() { short + "…" } else { short }
    };
    let mut rows = Vec::with_capacity(texts.len());
    for text in 0..texts.len() {
        let first = made.vector(text).iter().take(SHOWN).map(|value| format!("{value:.4}"));
        let first: Vec<String> = first.collect();
        rows.push(vec![name(text), format!("[{}, …]", first.join(", "))]);
    }
    let mut told = format!("{} elements each, of length 1\n", made.dimension);
    told += &table::columns(&rows);
    if (2..=COMPARED).contains(&texts.len()) {
        told += "\nsimilarities (cosines)\n";
        let mut rows = Vec::new();
        for a in 0..texts.len() {
            let cosine = |b: usize| -> f32 {
                made.vector(a).iter().zip(made.vector(b)).map(|(x, y)| x * y).sum()
            };
            let mut row = vec![name(a)];
            row.extend((0..texts.len()).map(|b| format!("{:.3}", cosine(b))));
            rows.push(row);
        }
        told += &table::columns(&rows);
    }
    if !io::stdout().is_terminal() {
        exit::say("hint: --json or --npy FILE gives the whole vectors");
    }
    told
}
