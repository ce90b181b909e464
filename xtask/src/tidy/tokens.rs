//! Rust source as a flat list of tokens, so that rules see neither comments nor strings.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[cfg(test)]
use super::Fault;
#[cfg(test)]
use crate::tree::File;

/// A word, a literal or one character of punctuation.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The tokens of `source`; none where it is not Rust, which the compiler reports better.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut list = Vec::new();
    if let Ok(stream) = TokenStream::from_str(source) {
        flatten(stream, &mut list);
    }
    list
}

fn flatten(stream: TokenStream, list: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let TokenTree::Group(group) = tree else {
            list.push(Token { text: tree.to_string(), line });
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        let end = group.span_close().end().line;
        list.push(Token { text: open.into(), line });
        flatten(group.stream(), list);
        list.push(Token { text: close.into(), line: end });
    }
}

/// The faults that `rule` finds in one file made for a test.
#[cfg(test)]
pub(super) fn planted(rule: fn(&File, &mut Vec<Fault>), path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    rule(&File { path: path.into(), text: Some(text.into()) }, &mut faults);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_words() {
        let found = tokens("// unsafe\nfn a() { \"unsafe\"; }\n/* unsafe */");
        assert!(found.iter().all(|token| token.text != "unsafe"));
        assert_eq!(found.last().map(|token| (token.text.as_str(), token.line)), Some(("}", 2)));
    }
}
