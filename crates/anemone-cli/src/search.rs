//! `anemone search`: questions to a tree of files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anemone_chunk::Language;
use anemone_embed::{Encode, Watch};
use anemone_search::IndexError;
use anemone_search::index::{Options, Reader};
use anemone_search::query::{Filter, Hit, Query, Searcher};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::arguments::{SearchArguments, SearchMode};
use crate::exit::{self, Failure};
use crate::freshness::{self, Freshness};
use crate::{files, index_folder, model_folder, table};

/// Lines of a hit that people see.
const SHOWN: usize = 4;
/// Characters of a line that people see.
const WIDTH: usize = 110;

const PATH: Style = AnsiColor::Cyan.on_default().bold();
const SYMBOL: Style = AnsiColor::Green.on_default();
const FAINT: Style = Style::new().dimmed();

/// Answers one question, or those of a file.
pub(crate) fn search(arguments: &SearchArguments, json: bool) -> Result<String, Failure> {
    let (questions, root) = questions(arguments)?;
    if let Some(at) = questions.iter().position(|question| question.trim().is_empty()) {
        let which = if questions.len() > 1 { format!(" {}", at + 1) } else { String::new() };
        return Err(Failure::usage(format!("query{which} is empty")));
    }
    let filter = filter(arguments)?;
    let root = index_folder::canonical(&root)?;
    let folder = index_folder::of(arguments.index.as_deref(), &root)?;
    let embedder = model_folder::open(arguments.model.as_deref(), arguments.threads)?;
    let mut options = Options { threads: arguments.threads.map(Into::into), ..Options::default() };
    let mut is_stale = refresh(&root, &folder, &embedder, &options)?;
    let texts: Vec<&str> = questions.iter().map(String::as_str).collect();
    let vectors = match arguments.mode {
        SearchMode::Lexical => None,
        SearchMode::Hybrid | SearchMode::Dense => Some(embedder.embed(&texts, &Watch::default())?),
    };
    if let Some(made) = vectors.as_ref().filter(|made| !made.truncated.is_empty()) {
        let (cut, of, limit) = (made.truncated.len(), texts.len(), embedder.max_tokens());
        exit::say(&format!(
            "note: {cut} of {of} queries are longer than the {limit} tokens that the model reads; \
             their meaning is taken from their starts"
        ));
    }
    let query = |at: usize| Query {
        text: texts[at],
        vector: vectors.as_ref().map(|vectors| vectors.vector(at)),
        mode: arguments.mode.into(),
        top: arguments.top.into(),
        filter: &filter,
        dense_weight: arguments.dense_weight,
    };
    let ask = || -> Result<Vec<Vec<Hit>>, IndexError> {
        let searcher = Searcher::new(Reader::open(&folder)?)?;
        searcher.reader().fits(&embedder)?;
        (0..texts.len()).map(|at| searcher.search(&query(at))).collect()
    };
    let answers = match ask() {
        Err(error @ IndexError::Corrupt { .. }) => {
            exit::say(&format!("note: {error}; it is made anew"));
            options.verify = true;
            is_stale = refresh(&root, &folder, &embedder, &options)?;
            ask()?
        }
        other => other?,
    };
    let mut sources = Sources { root: &root, lines: BTreeMap::new() };
    let mut told = String::new();
    for (text, hits) in texts.iter().zip(&answers) {
        if json {
            let report = as_json(text, arguments, is_stale, hits, &mut sources);
            told += &match arguments.queries {
                Some(_) => format!("{report}\n"),
                None => format!("{report:#}\n"),
            };
            continue;
        }
        if arguments.queries.is_some() {
            let text = table::harmless_name(text);
            told += &format!("{}# {text}{}\n\n", FAINT.render(), FAINT.render_reset());
        }
        if hits.is_empty() {
            exit::say("nothing found");
        }
        told += &for_people(hits, &mut sources);
    }
    Ok(told)
}

/// Brings the index up to date, and tells where it could not be.
fn refresh(
    root: &Path,
    folder: &Path,
    embedder: &dyn Encode,
    options: &Options,
) -> Result<bool, Failure> {
    match freshness::bring_up_to_date(root, folder, embedder, options)? {
        Freshness::Stale(why) => {
            exit::say(&format!("note: {why}; the last finished index answers"));
            Ok(true)
        }
        Freshness::UpToDate(summary) if summary.files == 0 => {
            let skipped = freshness::skipped(summary.skipped.iter().map(|(s, n)| (s.name(), *n)));
            let skipped = skipped.trim();
            let told = if skipped.is_empty() { String::new() } else { format!(" ({skipped})") };
            Err(Failure::new(format!("`{}` has no file to search{told}", root.display())))
        }
        Freshness::UpToDate(_) => Ok(false),
    }
}

/// The questions, and the tree that they go to.
fn questions(arguments: &SearchArguments) -> Result<(Vec<String>, PathBuf), Failure> {
    let here = || PathBuf::from(".");
    let words = arguments.words.as_slice();
    let Some(file) = &arguments.queries else {
        return match words {
            [] => Err(Failure::usage("there is no query").hint("anemone search QUERY [PATH]")),
            [query] => Ok((vec![text_of(query)?], here())),
            [query, path, ..] => Ok((vec![text_of(query)?], path.into())),
        };
    };
    let root = match words {
        [] => here(),
        [path] => path.into(),
        _ => return Err(Failure::usage("with --queries only a PATH may follow")),
    };
    let text = if file.as_os_str() == "-" { files::read_input()? } else { files::read_text(file)? };
    let questions: Vec<String> = text.lines().map(str::to_owned).collect();
    if questions.is_empty() {
        return Err(Failure::usage("there is no query in the file"));
    }
    Ok((questions, root))
}

/// A query as it was typed; a folder's name may be no Unicode, a query may not.
fn text_of(query: &OsStr) -> Result<String, Failure> {
    let text = query.to_str().ok_or_else(|| Failure::usage("the query is no UTF-8"))?;
    Ok(text.to_owned())
}

fn filter(arguments: &SearchArguments) -> Result<Filter, Failure> {
    let mut languages = Vec::new();
    for name in &arguments.languages {
        languages.push(Language::named(name).ok_or_else(|| {
            let known: Vec<&str> = Language::ALL.iter().map(|language| language.name()).collect();
            Failure::usage(format!("language `{name}` is unknown"))
                .hint(format!("known are {}", known.join(", ")))
        })?);
    }
    Filter::new(&languages, &arguments.paths).map_err(|error| Failure::usage(error.to_string()))
}

/// The files that hits lie in, as they are now.
struct Sources<'a> {
    root: &'a Path,
    lines: BTreeMap<String, Option<Vec<String>>>,
}

impl Sources<'_> {
    /// The lines of a hit; nothing where the file has gone or become shorter.
    fn lines(&mut self, hit: &Hit) -> Option<&[String]> {
        let root = self.root;
        let read = || {
            let text = files::read_lossy(&root.join(&hit.path)).ok()?;
            Some(text.lines().map(str::to_owned).collect::<Vec<_>>())
        };
        let lines = self.lines.entry(hit.path.clone()).or_insert_with(read).as_ref()?;
        let (first, last) = (*hit.lines.start() as usize, *hit.lines.end() as usize);
        lines.get(first.checked_sub(1)?..last)
    }
}

fn as_json(
    question: &str,
    arguments: &SearchArguments,
    is_stale: bool,
    hits: &[Hit],
    sources: &mut Sources<'_>,
) -> Value {
    let root = sources.root.to_string_lossy().into_owned();
    let mut result = |hit: &Hit| {
        json!({
            "path": hit.path,
            "lines": [hit.lines.start(), hit.lines.end()],
            "symbol": hit.symbol,
            "kind": hit.kind.name(),
            "language": hit.language.name(),
            "score": hit.score,
            "dense": hit.dense,
            "lexical": hit.lexical,
            "text": sources.lines(hit).map(|lines| lines.join("\n")),
        })
    };
    let results: Vec<Value> = hits.iter().map(&mut result).collect();
    json!({
        "query": question,
        "root": root,
        "mode": arguments.mode.name(),
        "stale": is_stale,
        "results": results,
    })
}

fn for_people(hits: &[Hit], sources: &mut Sources<'_>) -> String {
    let mut told = String::new();
    for hit in hits {
        let (first, last) = (hit.lines.start(), hit.lines.end());
        told += &format!(
            "{}{}:{first}-{last}{}",
            PATH.render(),
            table::harmless_name(&hit.path),
            PATH.render_reset()
        );
        if !hit.symbol.is_empty() {
            let symbol = table::harmless_name(&hit.symbol);
            told += &format!("  {}{symbol}{}", SYMBOL.render(), SYMBOL.render_reset());
        }
        told += &format!("  {}{:.3}{}\n", FAINT.render(), hit.score, FAINT.render_reset());
        match sources.lines(hit) {
            Some(lines) => {
                let lines = lines.iter().filter(|line| !line.trim().is_empty());
                for line in lines.take(SHOWN) {
                    let line = line.replace('\t', "    ");
                    let short: String = line.chars().take(WIDTH).collect();
                    told += &format!("    {}\n", table::harmless(&short));
                }
            }
            None => told += "    (the file has changed since)\n",
        }
        told.push('\n');
    }
    told
}
