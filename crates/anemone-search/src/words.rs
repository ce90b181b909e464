//! The words of code, prose and paths: what lexical search counts.

/// Changes whenever the same text may give other words, so that older indexes are made anew.
pub const VERSION: u32 = 1;

/// What is longer, in bytes, is data and no word.
const LONGEST: usize = 64;

/// Gives the words of `text` to `push`, in order and in lower case. An identifier gives each of
/// its parts (split at case, digits and underscores), then itself as one word if it has several;
/// a character of a script without spaces is a word.
pub fn words(text: &str, push: &mut dyn FnMut(&str)) {
    let mut scratch = Scratch::default();
    let mut start = None;
    for (at, character) in text.char_indices() {
        let is_word = character.is_alphanumeric() || character == '_';
        let stands_alone = is_word && is_ideograph(character);
        if is_word && !stands_alone {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            scratch.identifier(&text[start..at], push);
        }
        if stands_alone {
            push(&text[at..at + character.len_utf8()]);
        }
    }
    if let Some(start) = start {
        scratch.identifier(&text[start..], push);
    }
}

/// Gives the words of `text` as they are spelt, in lower case: the parts of identifiers alone.
pub(crate) fn parts(text: &str, push: &mut dyn FnMut(&str)) {
    let mut word = String::new();
    for identifier in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
        let mut start = 0;
        while start < identifier.len() {
            let end = start + part_length(&identifier[start..]);
            word.clear();
            lower(identifier[start..end].trim_start_matches('_'), &mut word);
            if !word.is_empty() {
                push(&word);
            }
            start = end;
        }
    }
}

/// Memory that is kept from identifier to identifier.
#[derive(Default)]
struct Scratch {
    word: String,
    whole: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Underscore,
}

fn class(character: char) -> Class {
    match character {
        '_' => Class::Underscore,
        'a'..='z' => Class::Lower,
        'A'..='Z' => Class::Upper,
        _ if character.is_numeric() => Class::Digit,
        _ if character.is_uppercase() => Class::Upper,
        _ => Class::Lower,
    }
}

impl Scratch {
    fn identifier(&mut self, text: &str, push: &mut dyn FnMut(&str)) {
        self.whole.clear();
        let mut parts = 0;
        let mut start = 0;
        while start < text.len() {
            let end = start + part_length(&text[start..]);
            let part = text[start..end].trim_start_matches('_');
            if !part.is_empty() {
                parts += 1;
                self.word.clear();
                lower(part, &mut self.word);
                if self.whole.len() <= LONGEST {
                    self.whole.push_str(&self.word);
                }
                stem(&mut self.word);
                give(&self.word, push);
            }
            start = end;
        }
        if parts > 1 {
            stem(&mut self.whole);
            give(&self.whole, push);
        }
    }
}

fn give(word: &str, push: &mut dyn FnMut(&str)) {
    if word.len() <= LONGEST {
        push(word);
    }
}

/// Bytes of the first part of an identifier, the underscores before it counted.
fn part_length(text: &str) -> usize {
    let mut before = Class::Underscore;
    let mut last = Class::Underscore;
    let mut last_at = 0;
    for (at, character) in text.char_indices() {
        let now = class(character);
        let ends = match (last, now) {
            (Class::Underscore, _) | (Class::Upper, Class::Lower) => false,
            (last, now) => last != now,
        };
        if ends {
            return at;
        }
        // The last capital of several begins the next word: `HTTPServer`.
        if before == Class::Upper && last == Class::Upper && now == Class::Lower {
            return last_at;
        }
        (before, last, last_at) = (last, now, at);
    }
    text.len()
}

fn lower(text: &str, into: &mut String) {
    if text.is_ascii() {
        into.push_str(text);
        let start = into.len() - text.len();
        into[start..].make_ascii_lowercase();
    } else {
        into.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// Brings the forms of an English word together: plurals, `-ing`, `-ed` and the last `e`. The
/// result need not be a word, only the same for its forms.
fn stem(word: &mut String) {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return;
    }
    let ends = |word: &str, endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if word.ends_with('s') && !ends(word, &["ss", "us", "is"]) {
        word.pop();
    }
    for ending in ["ing", "ed"] {
        let Some(left) = word.strip_suffix(ending) else { continue };
        let has_vowel = left.bytes().any(|byte| b"aeiouy".contains(&byte));
        if left.len() < 3 || !has_vowel {
            continue;
        }
        word.truncate(left.len());
        let bytes = word.as_bytes();
        let doubled = bytes[bytes.len() - 1] == bytes[bytes.len() - 2];
        if doubled && bytes.len() > 3 && !ends(word, &["ll", "ss", "zz", "ee"]) {
            word.pop();
        }
        return;
    }
    if word.len() > 4 && word.ends_with('e') && !word.ends_with("ee") {
        word.pop();
    }
}

/// Han, kana and hangul, which are written without spaces or inflected without them.
fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(text, &mut |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn identifiers_give_their_parts_and_themselves() {
        let cases: [(&str, &[&str]); 12] = [
            ("readFile", &["read", "file", "readfil"]),
            ("read_file", &["read", "file", "readfil"]),
            ("HTTPServer", &["http", "server", "httpserver"]),
            ("__init__", &["init"]),
            ("utf8", &["utf", "8", "utf8"]),
            ("x86_64", &["x", "86", "64", "x8664"]),
            ("a.b->c", &["a", "b", "c"]),
            ("src/index/walk.rs", &["src", "index", "walk", "rs"]),
            ("Größe ÄRGER", &["größe", "ärger"]),
            ("漢字x", &["漢", "字", "x"]),
            ("___", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn forms_of_a_word_are_one() {
        let cases: [&[&str]; 7] = [
            &["parse", "parses", "parsed", "parsing"],
            &["run", "runs", "running"],
            &["query", "queries"],
            &["cache", "caches", "cached", "caching"],
            &["token", "tokens"],
            &["class", "classes"],
            &["file", "files"],
        ];
        for forms in cases {
            for form in forms {
                assert_eq!(of(form), of(forms[0]), "{form}");
            }
        }
        for alone in ["is", "this", "status", "string", "bring", "red", "need", "less", "tree"] {
            assert_eq!(of(alone), [alone]);
        }
    }

    #[test]
    fn what_is_too_long_is_no_word() {
        assert_eq!(of(&"a".repeat(65)), Vec::<String>::new());
        assert_eq!(of(&"a".repeat(64)).len(), 1);
        let long = format!("{}_{}", "a".repeat(40), "b".repeat(40));
        assert_eq!(of(&long), ["a".repeat(40), "b".repeat(40)]);
    }
}
