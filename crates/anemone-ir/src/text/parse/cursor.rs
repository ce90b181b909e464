//! The place in a text: tokens one by one, what they must be, and where a fault is.

use anemone_tensor::Buffer;

use crate::program::{Extra, TypeDecl};
use crate::text::error::{Fault, ParseError};
use crate::text::lex::{Lexer, Token};
use crate::text::names::{bytes_from_hex, unquote};

/// Types, literals and blocks inside one another; more than protobuf readers allow.
const DEPTH: usize = 100;

pub(super) type Result<T> = std::result::Result<T, Fault>;
pub(super) type Weights<'w> =
    dyn FnMut(&str, u64, &TypeDecl) -> std::result::Result<Buffer, String> + 'w;

pub(super) struct Parser<'t, 'w> {
    text: &'t str,
    lexer: Lexer<'t>,
    token: Token<'t>,
    /// Where the token starts.
    start: usize,
    depth: usize,
    pub(super) weights: &'w mut Weights<'w>,
}

impl<'t, 'w> Parser<'t, 'w> {
    pub(super) fn new(text: &'t str, weights: &'w mut Weights<'w>) -> Parser<'t, 'w> {
        let lexer = Lexer::new(text);
        Parser { text, lexer, token: Token::End, start: 0, depth: 0, weights }
    }

    /// The fault at the token where it was found.
    pub(super) fn locate(&self, fault: Fault) -> ParseError {
        let before = self.text.get(..self.start).unwrap_or(self.text);
        let (lines, last) = before.rsplit_once('\n').map_or((None, before), |(l, r)| (Some(l), r));
        let line = lines.map_or(1, |l| l.matches('\n').count() + 2);
        ParseError { line, column: last.chars().count() + 1, fault }
    }

    /// Reads the first token.
    pub(super) fn start(&mut self) -> Result<()> {
        self.bump().map(|_| ())
    }

    pub(super) fn peek(&self) -> Token<'t> {
        self.token
    }

    /// The token after the next.
    pub(super) fn after(&self) -> Result<Token<'t>> {
        let mut lexer = self.lexer;
        lexer.skip_space();
        lexer.next()
    }

    /// Takes the token.
    pub(super) fn bump(&mut self) -> Result<Token<'t>> {
        self.lexer.skip_space();
        self.start = self.text.len() - self.lexer.left();
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    pub(super) fn unexpected<T>(&self, expected: &'static str) -> Result<T> {
        Err(Fault::Unexpected { expected, found: self.token.describe() })
    }

    pub(super) fn token(&mut self, token: Token<'t>, expected: &'static str) -> Result<()> {
        match self.token == token {
            true if token == Token::End => Ok(()),
            true => self.bump().map(|_| ()),
            false => self.unexpected(expected),
        }
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<()> {
        self.token(Token::Word(word), word)
    }

    pub(super) fn mark(&mut self, mark: char) -> Result<()> {
        let expected = match mark {
            '(' => "`(`",
            ')' => "`)`",
            '[' => "`[`",
            ']' => "`]`",
            '{' => "`{`",
            '}' => "`}`",
            '<' => "`<`",
            '>' => "`>`",
            '=' => "`=`",
            ';' => "`;`",
            _ => "`,`",
        };
        self.token(Token::Mark(mark), expected)
    }

    /// Takes `mark` if it is next.
    pub(super) fn takes(&mut self, mark: char) -> Result<bool> {
        let found = self.token == Token::Mark(mark);
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    /// Takes `@word` if it is next.
    pub(super) fn takes_at(&mut self, word: &str) -> Result<bool> {
        let found = self.token == Token::At(word);
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    /// Items between commas up to `end`, which is taken.
    pub(super) fn list<T>(
        &mut self,
        end: char,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.takes(end)? {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.takes(end)? {
                return Ok(items);
            }
            self.mark(',')?;
        }
    }

    /// Reads a part that may hold parts of its own kind.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH {
            return Err(Fault::Depth(DEPTH));
        }
        self.depth += 1;
        let part = read(self);
        self.depth -= 1;
        part
    }

    pub(super) fn name(&mut self, expected: &'static str) -> Result<String> {
        let name = match self.token {
            Token::Word(word) => word.to_owned(),
            Token::Name(raw) => unquote(raw).map_err(Fault::Escape)?,
            _ => return self.unexpected(expected),
        };
        self.bump()?;
        Ok(name)
    }

    pub(super) fn text(&mut self) -> Result<String> {
        let Token::Text(raw) = self.token else {
            return self.unexpected("a text in quotes");
        };
        let text = unquote(raw).map_err(Fault::Escape)?;
        self.bump()?;
        Ok(text)
    }

    /// A number of the integer type that is asked for.
    pub(super) fn integer<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T> {
        if let Token::Number(word) = self.token
            && let Ok(number) = word.parse()
        {
            self.bump()?;
            return Ok(number);
        }
        self.unexpected(expected)
    }

    /// Bytes in brackets and quotes, in hexadecimal digits.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.mark('(')?;
        let Token::Text(digits) = self.token else {
            return self.unexpected("hexadecimal digits in quotes");
        };
        let Some(bytes) = bytes_from_hex(digits) else {
            return self.unexpected("hexadecimal digits in quotes");
        };
        self.bump()?;
        self.mark(')')?;
        Ok(bytes)
    }

    /// `@extra("…")`, where there is one.
    pub(super) fn extra(&mut self) -> Result<Extra> {
        match self.takes_at("extra")? {
            true => self.bytes(),
            false => Ok(Extra::new()),
        }
    }

    /// `@doc("…")`, where there is one.
    pub(super) fn doc(&mut self) -> Result<String> {
        if !self.takes_at("doc")? {
            return Ok(String::new());
        }
        self.mark('(')?;
        let doc = self.text()?;
        self.mark(')')?;
        Ok(doc)
    }
}
