//! What holds for every text, in every language and under all limits.

use std::ops::Range;

use anemone_chunk::{Chunk, Language, Limits, chunk};
use proptest::prelude::*;

/// Real sources, to be damaged.
const SOURCES: [(Language, &str); 9] = [
    (Language::Rust, include_str!("../src/walk.rs")),
    (
        Language::Markdown,
        "---\na: b\n---\n# A\n\n> # Q\n\n- a\n\n  b\n    - c\n\n```sh\n# d\n\ne\n```\n\nB\n===\n\n| f | g |\n|---|---|\n| h | i |\n\n### *j* `k`\n<p>\nl\n</p>\n",
    ),
    (
        Language::Python,
        "@a\ndef f(x):\n    '''Doc'''\n    return x\n\nclass A(B):\n    x = 1\n    def g(self): pass\n\nif a:\n  b = [1,\n   2]\nelse:\n  c()\n",
    ),
    (
        Language::JavaScript,
        "import a from 'b';\nexport const f = (x) => `${x} y`;\nclass A {\n  b = 1;\n  c() { return /x/g; }\n}\nlet d = { e: 1, f() {} };\n",
    ),
    (
        Language::Tsx,
        "type A<T> = { b: T };\n@C()\nexport class D<T> extends E {\n  f(): void { g<T>(<a b={1}>x</a>); }\n}\nnamespace H { const i = 1; }\n",
    ),
    (
        Language::Go,
        "package a\n\nimport \"b\"\n\ntype (\n\tA struct{ x int }\n\tB int\n)\n\nfunc (a *A) C() { for { return } }\n",
    ),
    (
        Language::C,
        "#ifdef A\n#define B(x) \\\n  x\nstruct c { int d; };\nint *(*e(void))(int) { return 0; }\n#else\nint f;\n#endif\n",
    ),
    (
        Language::Cpp,
        "namespace a {\ntemplate <class T> class B : C {\n public:\n  B() {}\n  ~B();\n};\nint B<int>::d() { return R\"(x)\"; }\n}\n",
    ),
    (
        Language::Java,
        "package a;\n@B\npublic class C<T> {\n  int d = 1;\n  C() {}\n  enum E { F, G { void h() {} } }\n  record I(int j) {}\n}\n",
    ),
];

/// Each character that is not blank is a token.
fn characters(text: &str) -> Vec<usize> {
    let marks = text.char_indices().filter(|(_, character)| !character.is_whitespace());
    marks.map(|(at, _)| at).collect()
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || character == '\u{feff}')
}

fn count(tokens: &[usize], bytes: &Range<usize>) -> usize {
    tokens.iter().filter(|token| bytes.contains(token)).count()
}

/// Every promise but that of whole lines, which tokens inside characters can break.
fn check(text: &str, tokens: &[usize], limits: Limits, chunks: &[Chunk]) {
    let mut at = 0;
    for chunk in chunks {
        let Chunk { bytes, lines, .. } = chunk;
        assert!(bytes.start >= at, "in order");
        assert!(is_blank(&text[at..bytes.start]), "nothing between");
        let inner = &text[bytes.clone()];
        assert!(!is_blank(inner), "not blank");
        assert_eq!(inner.trim_end(), inner);
        let is_character = inner.trim_start().chars().count() == 1;
        let maximum = limits.maximum.max(1);
        assert!(count(tokens, bytes) <= maximum || is_character, "not over the maximum");
        let newlines = |end: usize| u32::try_from(text[..end].matches('\n').count()).unwrap();
        let end = bytes.start + inner.len();
        assert_eq!(*lines.start(), newlines(bytes.start) + 1);
        assert_eq!(*lines.end(), newlines(end) + 1);
        at = bytes.end;
    }
    assert!(is_blank(&text[at..]), "nothing after");
}

/// No line stands in two chunks, unless it is too long for one.
fn check_lines(text: &str, tokens: &[usize], limits: Limits, chunks: &[Chunk]) {
    for pair in chunks.windows(2) {
        if pair[0].lines.end() == pair[1].lines.start() {
            let at = pair[1].bytes.start;
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
            assert!(count(tokens, &(start..end)) > limits.maximum, "a line in two chunks");
        }
    }
}

fn check_all(text: &str, language: Language, limits: Limits) {
    let tokens = characters(text);
    let chunks = chunk(text, language, &tokens, limits);
    check(text, &tokens, limits, &chunks);
    check_lines(text, &tokens, limits, &chunks);
}

fn languages() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..80_usize, 0..120_usize).prop_map(|(target, maximum)| Limits { target, maximum })
}

/// Texts of pieces that mean something to some language.
fn texts() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = "fn a|def f():|class A {|impl A {|mod b {|#if x|#endif|{|}|(|)|[|]|\"|'|`|\
        // c|/* c */|#|# H|## H|```|x = 1|;|:|,|<|>|@d|func (a *A) b() {|namespace n {|export |const |\
        => |template<T> |\\|\u{feff}|\0|é|漢字|- i|> q|---|===|return 1|struct S|type T|interface I"
        .split('|')
        .chain(["\n", "\n\n", "\r\n", " ", "    ", "\t", "\n", "\n    "])
        .collect();
    prop::collection::vec(prop::sample::select(pieces), 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_string_is_covered_in_order(text in any::<String>(), language in languages(), limits in limits()) {
        check_all(&text, language, limits);
    }

    #[test]
    fn any_mixture_of_words_is_covered_in_order(text in texts(), language in languages(), limits in limits()) {
        check_all(&text, language, limits);
    }

    #[test]
    fn damaged_sources_are_covered_in_order(
        source in prop::sample::select(SOURCES.to_vec()),
        cuts in prop::collection::vec((0.0..1.0_f64, 0..30_usize), 0..6),
        piece in texts(),
        limits in limits(),
    ) {
        let (language, text) = source;
        let mut text = text.to_owned();
        for (place, length) in cuts {
            let at = text.floor_char_boundary((place * text.len() as f64) as usize);
            let end = text.ceil_char_boundary((at + length).min(text.len()));
            text.replace_range(at..end, if length % 3 == 0 { &piece } else { "" });
        }
        check_all(&text, language, limits);
    }

    #[test]
    fn tokens_may_start_anywhere(
        text in texts(),
        mut tokens in prop::collection::vec(0..400_usize, 0..200),
        language in languages(),
        limits in limits(),
    ) {
        chunk(&text, language, &tokens, limits);
        tokens.sort_unstable();
        let chunks = chunk(&text, language, &tokens, limits);
        check(&text, &tokens, limits, &chunks);
    }
}

#[test]
fn an_empty_text_has_no_chunks() {
    for language in Language::ALL {
        for text in ["", "\n", "\u{feff}", " \r\n\t\n", "\u{feff}\n\u{a0}"] {
            check_all(text, language, Limits { target: 8, maximum: 8 });
            assert!(chunk(text, language, &[], Limits { target: 8, maximum: 8 }).is_empty());
        }
    }
}

#[test]
fn a_line_too_long_for_one_chunk_is_cut() {
    for language in Language::ALL {
        for text in ["x".repeat(2000), "f(a);".repeat(400), "é ".repeat(1000)] {
            let limits = Limits { target: 100, maximum: 128 };
            check_all(&text, language, limits);
            let chunks = chunk(&text, language, &characters(&text), limits);
            assert!((8..=40).contains(&chunks.len()), "{}: {}", language.name(), chunks.len());
        }
    }
}

/// What nests as deep as it is long, and what never ends; the bound on work holds it.
#[test]
fn deep_and_broken_texts_neither_overflow_nor_hang() {
    for language in Language::ALL {
        for piece in
            ["(", "[", "{", "<", "> ", "- ", "\"", "`${", "a(", "mod a{", "if x:\n ", "/*", "*a "]
        {
            let text = piece.repeat(40_000 / piece.len());
            let tokens: Vec<usize> = (0..text.len()).step_by(3).collect();
            let chunks = chunk(&text, language, &tokens, Limits { target: 64, maximum: 64 });
            assert!(!chunks.is_empty() || is_blank(&text), "{} {piece}", language.name());
        }
    }
}

#[test]
fn line_ends_and_the_byte_order_mark_change_no_chunk() {
    for (language, text) in SOURCES {
        let limits = Limits { target: 40, maximum: 60 };
        let plain = chunk(text, language, &characters(text), limits);
        let other = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let tokens: Vec<usize> = characters(&other).into_iter().skip(1).collect();
        let marked = chunk(&other, language, &tokens, limits);
        let seen = |chunks: &[Chunk]| -> Vec<_> {
            chunks.iter().map(|chunk| (chunk.lines.clone(), chunk.symbol.clone())).collect()
        };
        assert_eq!(seen(&plain), seen(&marked), "{}", language.name());
    }
}
