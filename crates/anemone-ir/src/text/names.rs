//! Words that texts share: names and their quotes, opsets, hexadecimal bytes.

use std::fmt::{Result, Write};

use crate::Opset;

/// The name in protobuf of an opset that is written as `word`.
pub(super) fn opset_from_word(word: &str) -> &str {
    Opset::ALL.into_iter().find(|o| opset_word(*o) == word).map_or(word, |o| o.name())
}

pub(super) fn write_opset(out: &mut dyn Write, opset: &str) -> Result {
    match Opset::ALL.into_iter().find(|o| o.name() == opset) {
        Some(known) => out.write_str(&opset_word(known)),
        None if opset_from_word(opset) != opset => write_quoted(out, opset, '`'),
        None => write_name(out, opset),
    }
}

fn opset_word(opset: Opset) -> String {
    opset.to_string().to_lowercase()
}

/// A name: bare where it reads back as one, otherwise in backquotes.
pub(super) fn write_name(out: &mut dyn Write, name: &str) -> Result {
    let bare = name.starts_with(is_word_start) && name.chars().all(is_word);
    match bare && !matches!(name, "true" | "false") {
        true => out.write_str(name),
        false => write_quoted(out, name, '`'),
    }
}

pub(super) fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn write_quoted(out: &mut dyn Write, text: &str, quote: char) -> Result {
    out.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c == quote || c == '\\' => write!(out, "\\{c}")?,
            c if c.is_control() => write!(out, "\\u{{{:x}}}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char(quote)
}

/// The text inside a pair of quotes; the part that is no escape where there is one.
pub(super) fn unquote(raw: &str) -> std::result::Result<String, String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let first = escape.chars().next().ok_or_else(String::new)?;
        let mut taken = first.len_utf8();
        text.push(match first {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' | '"' | '\'' | '`' => first,
            'u' => {
                let end = escape.find('}').map_or(escape.len(), |i| i + 1);
                taken = end;
                code_point(&escape[..end])
                    .ok_or_else(|| escape.chars().take(10).collect::<String>())?
            }
            other => return Err(other.to_string()),
        });
        rest = &escape[taken..];
    }
    text.push_str(rest);
    Ok(text)
}

fn code_point(escape: &str) -> Option<char> {
    let digits = escape.strip_prefix("u{")?.strip_suffix('}')?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// `@word("6869")`, the way unknown bytes are kept.
pub(super) fn write_bytes(out: &mut dyn Write, word: &str, bytes: &[u8]) -> Result {
    write!(out, "@{word}(\"")?;
    bytes.iter().try_for_each(|b| write!(out, "{b:02x}"))?;
    out.write_str("\")")
}

pub(super) fn bytes_from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|p| Some(nibble(p[0])? << 4 | nibble(*p.get(1)?)?)).collect()
}
