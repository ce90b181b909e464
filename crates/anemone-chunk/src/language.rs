//! The languages that are told apart, and the files that hold them.

use std::path::Path;

/// The language of a file. Those without a grammar are `Text`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Language {
    /// Rust.
    Rust,
    /// Python and its stubs.
    Python,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// C. Headers count as C; one that reads like C++ is parsed as C++ all the same.
    C,
    /// C++.
    Cpp,
    /// Java.
    Java,
    /// Markdown.
    Markdown,
    /// Anything else that is text.
    Text,
}

/// A language, its name, other names it goes by, and the extensions of its files.
type Row = (Language, &'static str, &'static [&'static str], &'static [&'static str]);

const ROWS: [Row; 11] = [
    (Language::Rust, "rust", &["rs"], &["rs"]),
    (Language::Python, "python", &["py", "python3"], &["py", "pyi", "pyw"]),
    (Language::JavaScript, "javascript", &["js", "jsx"], &["js", "mjs", "cjs", "jsx"]),
    (Language::TypeScript, "typescript", &["ts"], &["ts", "mts", "cts"]),
    (Language::Tsx, "tsx", &[], &["tsx"]),
    (Language::Go, "go", &["golang"], &["go"]),
    (Language::C, "c", &[], &["c", "h"]),
    (
        Language::Cpp,
        "c++",
        &["cpp", "cxx", "cc"],
        &["cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "ipp", "tpp", "inl", "cu", "cuh"],
    ),
    (Language::Java, "java", &[], &["java"]),
    (Language::Markdown, "markdown", &["md"], &["md", "markdown", "mdown", "mkd", "mdx"]),
    (Language::Text, "text", &["txt", "plain"], &[]),
];

impl Language {
    /// Every language.
    pub const ALL: [Language; 11] = [
        Language::Rust,
        Language::Python,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Go,
        Language::C,
        Language::Cpp,
        Language::Java,
        Language::Markdown,
        Language::Text,
    ];

    /// The language of the file of that name, by its extension.
    pub fn of(path: &Path) -> Language {
        let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
            return Language::Text;
        };
        // Unix compilers take `.C` and `.H` for C++.
        if extension == "C" || extension == "H" {
            return Language::Cpp;
        }
        let extension = extension.to_ascii_lowercase();
        ROWS.iter()
            .find(|(_, _, _, extensions)| extensions.contains(&extension.as_str()))
            .map_or(Language::Text, |row| row.0)
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        ROWS[self as usize].1
    }

    /// The language that goes by that name (`rust`, `rs`, `c++`, `cpp`), in any case.
    pub fn named(name: &str) -> Option<Language> {
        let name = name.to_ascii_lowercase();
        ROWS.iter()
            .find(|(_, known, others, _)| *known == name || others.contains(&name.as_str()))
            .map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, index);
            assert_eq!(ROWS[index].0, language);
            assert_eq!(Language::named(language.name()), Some(language));
        }
    }

    #[test]
    fn a_file_name_tells_the_language() {
        for (path, language) in [
            ("src/lib.rs", Language::Rust),
            ("setup.PY", Language::Python),
            ("a/b.test.mjs", Language::JavaScript),
            ("view.jsx", Language::JavaScript),
            ("view.tsx", Language::Tsx),
            ("index.d.ts", Language::TypeScript),
            ("main.go", Language::Go),
            ("stdio.h", Language::C),
            ("Main.C", Language::Cpp),
            ("vector.hpp", Language::Cpp),
            ("Main.java", Language::Java),
            ("README.md", Language::Markdown),
            ("Cargo.toml", Language::Text),
            ("Makefile", Language::Text),
            (".rs", Language::Text),
            ("", Language::Text),
        ] {
            assert_eq!(Language::of(Path::new(path)), language, "{path}");
        }
    }

    #[test]
    fn a_language_goes_by_several_names() {
        for (name, language) in [
            ("RS", Language::Rust),
            ("cpp", Language::Cpp),
            ("C++", Language::Cpp),
            ("ts", Language::TypeScript),
            ("golang", Language::Go),
            ("md", Language::Markdown),
        ] {
            assert_eq!(Language::named(name), Some(language), "{name}");
        }
        assert_eq!(Language::named("cobol"), None);
    }
}
