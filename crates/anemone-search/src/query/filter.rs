//! Which files a query looks at.

use anemone_chunk::Language;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use thiserror::Error;

/// Which files a query looks at: all of them unless languages or paths are given.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    languages: Vec<Language>,
    paths: Option<GlobSet>,
}

/// A pattern of paths that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{pattern}` is no pattern of paths: {why}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Filter {
    /// Files of one of these languages, if there are any, whose path fits one of the patterns, if
    /// there are any. A pattern is a glob (`**/tests/*.rs`), or a folder or file under the root.
    pub fn new(languages: &[Language], patterns: &[String]) -> Result<Filter, PatternError> {
        let languages = languages.to_vec();
        if patterns.is_empty() {
            return Ok(Filter { languages, paths: None });
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let broken = |error: globset::Error| PatternError {
                pattern: pattern.clone(),
                why: error.kind().to_string(),
            };
            let plain = pattern.trim_start_matches("./").trim_end_matches('/');
            for glob in [plain.to_owned(), format!("{plain}/**")] {
                let glob = GlobBuilder::new(&glob).literal_separator(true).build();
                set.add(glob.map_err(broken)?);
            }
        }
        let paths = set.build().map_err(|error| PatternError {
            pattern: patterns.join(", "),
            why: error.to_string(),
        })?;
        Ok(Filter { languages, paths: Some(paths) })
    }

    /// Whether the query looks at a file of this language and path.
    pub(super) fn takes(&self, language: Language, path: &str) -> bool {
        let knows = self.languages.is_empty() || self.languages.contains(&language);
        knows && self.paths.as_ref().is_none_or(|paths| paths.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_glob_or_a_place() {
        let cases = [
            ("src", "src/a.rs", true),
            ("./src/", "src/deep/a.rs", true),
            ("src", "srcs/a.rs", false),
            ("src/a.rs", "src/a.rs", true),
            ("*.rs", "a.rs", true),
            ("*.rs", "src/a.rs", false),
            ("**/*.rs", "src/a.rs", true),
            ("**/tests/**", "x/tests/a.rs", true),
        ];
        for (pattern, path, expected) in cases {
            let filter = Filter::new(&[], &[pattern.to_owned()]).unwrap();
            assert_eq!(filter.takes(Language::Rust, path), expected, "{pattern} {path}");
        }
        assert!(Filter::new(&[], &["a[".to_owned()]).is_err());
    }

    #[test]
    fn languages_and_paths_must_both_fit() {
        let filter = Filter::new(&[Language::Rust, Language::Go], &["src".to_owned()]).unwrap();
        assert!(filter.takes(Language::Go, "src/a.go"));
        assert!(!filter.takes(Language::Java, "src/a.java"));
        assert!(!filter.takes(Language::Go, "a.go"));
    }
}
