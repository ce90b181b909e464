//! Long functions, and texts that do not parse.

use std::fmt::Write;

use anemone_chunk::Language;

use super::table;

#[test]
fn what_does_not_parse_is_kept_as_text() {
    let text = "fn good() {\n    a();\n}\n\n@@ bad\n@@ bad\n@@ bad\n\nfn fine() {\n    b();\n}\n";
    let expected = "1-3 function good\n5-7 text\n9-11 function fine\n";
    assert_eq!(table(text, Language::Rust), expected);
}

#[test]
fn a_long_function_is_cut_between_its_outer_statements() {
    let mut text = "fn long() {\n".to_owned();
    for _ in 0..8 {
        text += "    // About it.\n    if a {\n        b();\n    } else {\n        c();\n    }\n";
    }
    text += "}\n";
    let mut expected = String::new();
    for first in (2..50).step_by(6) {
        let (first, last) = (if first == 2 { 1 } else { first }, first + 5 + first / 44);
        writeln!(expected, "{first}-{last} function long").unwrap();
    }
    assert_eq!(table(&text, Language::Rust), expected);
}
