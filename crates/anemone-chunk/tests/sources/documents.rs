//! Markdown and other text.

use anemone_chunk::Language;

use super::table;

#[test]
fn markdown_sections_are_named_by_the_headings_above_them() {
    let text = r#"---
title: x
---
Before.

More.

# Guide

Some
text
here.

## Install `it`

```sh
# not a heading
make
make install
```

## Use
Short.
### Deep
Short.

Other
=====

> # Quoted
> a
"#;
    let expected = "\
1-6 text
8-12 section Guide
14-20 section Guide > Install it
22-25 section Guide > Use
27-31 section Other
";
    assert_eq!(table(text, Language::Markdown), expected);
}

#[test]
fn other_text_is_cut_at_blank_lines() {
    let text = "[a]\nb = 1\nc = 2\nd = 3\n\n".repeat(5);
    assert_eq!(table(&text, Language::Text), "1-9 text\n11-24 text\n");
}
