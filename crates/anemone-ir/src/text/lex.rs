//! Tokens of MIL text.

use super::error::Fault;
use super::names::{is_word, is_word_start};

/// A token; what stands between quotes is still escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A bare word.
    Word(&'t str),
    /// A name in backquotes.
    Name(&'t str),
    /// A text in double quotes.
    Text(&'t str),
    /// A number, with its sign.
    Number(&'t str),
    /// A word after `@`.
    At(&'t str),
    /// `->`.
    Arrow,
    /// `...`.
    Dots,
    /// Any other character.
    Mark(char),
    /// The end of the text.
    End,
}

impl Token<'_> {
    /// What a person would call this token.
    pub(super) fn describe(self) -> String {
        let shown = |text: &str| text.chars().take(40).collect::<String>();
        match self {
            Token::Word(word) => format!("`{}`", shown(word)),
            Token::Name(name) => format!("the name `{}`", shown(name)),
            Token::Text(text) => format!("the text \"{}\"", shown(text)),
            Token::Number(word) => format!("`{}`", shown(word)),
            Token::At(word) => format!("`@{}`", shown(word)),
            Token::Arrow => "`->`".to_owned(),
            Token::Dots => "`...`".to_owned(),
            Token::Mark(mark) => format!("`{mark}`"),
            Token::End => "the end of the text".to_owned(),
        }
    }
}

/// The part of a text that is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'t> {
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { rest: text }
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with("//") {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, after)| after);
        }
    }

    /// The next token; the lexer must stand at its first character.
    pub(super) fn next(&mut self) -> Result<Token<'t>, Fault> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        if first.is_ascii_digit() || self.rest.starts_with("nan:") {
            return Ok(Token::Number(self.number()));
        }
        if is_word_start(first) {
            return Ok(Token::Word(self.take(is_word)));
        }
        match first {
            '"' => self.quoted('"').map(Token::Text),
            '`' => self.quoted('`').map(Token::Name),
            '@' => {
                self.advance(1);
                Ok(Token::At(self.take(is_word)))
            }
            '-' if self.rest.starts_with("->") => {
                self.advance(2);
                Ok(Token::Arrow)
            }
            '.' if self.rest.starts_with("...") => {
                self.advance(3);
                Ok(Token::Dots)
            }
            '-' | '.' => Ok(Token::Number(self.number())),
            mark => {
                self.advance(mark.len_utf8());
                Ok(Token::Mark(mark))
            }
        }
    }

    fn advance(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    /// A number, with the payload after `nan:` where it has one.
    fn number(&mut self) -> &'t str {
        let text = self.rest;
        let hexadecimal = text.trim_start_matches('-').starts_with("0x");
        let mut before = None;
        let mut end = text
            .find(|c: char| {
                let signed = match before {
                    None => c == '-',
                    Some('p') => hexadecimal && matches!(c, '+' | '-'),
                    Some('e' | 'E') => !hexadecimal && matches!(c, '+' | '-'),
                    Some(_) => false,
                };
                before = Some(c);
                !(signed || is_word(c) || c == '.')
            })
            .unwrap_or(text.len());
        if matches!(&text[..end], "nan" | "-nan") && text[end..].starts_with(':') {
            let payload = &text[end + 1..];
            end += 1 + payload.find(|c| !is_word(c)).unwrap_or(payload.len());
        }
        self.advance(end)
    }

    fn quoted(&mut self, quote: char) -> Result<&'t str, Fault> {
        let mut escaped = false;
        let end = self.rest[1..].find(|c| {
            let found = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            found
        });
        let end = end.ok_or(Fault::Unclosed)?;
        let quoted = self.advance(end + 2);
        Ok(&quoted[1..=end])
    }
}
