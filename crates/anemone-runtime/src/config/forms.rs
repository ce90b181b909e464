//! How values are written down: text with units for durations and bytes, words for what is left
//! out. Each form is a module for serde's `with`; every value may also be read from text.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anemone_engine::{Device, Precision};
use serde::Serialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::Unit;

const DURATION: &str =
    "a whole number with a unit (`ns`, `us`, `ms`, `s`, `m`, `h`, `d`), such as `250ms`";
const BYTES: &str =
    "a whole number, or one with a unit (`KB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`, `TB`, `TiB`)";

/// Nanoseconds of each unit, the longest first.
const TIMES: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Bytes of each unit; those that values are written with first, the largest first.
const SIZES: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("", 1),
];

/// Values that have a name.
pub(super) trait Named: Copy + 'static {
    /// All of them.
    const EACH: &'static [Self];

    /// The name.
    fn word(self) -> &'static str;
}

/// One module per form: the type, how text is read (an error says what is allowed), how it is
/// written.
macro_rules! forms {
    ($($form:ident: $type:ty, $read:expr, $write:expr;)*) => {
        $(pub(super) mod $form {
            use super::*;

            pub(in super::super) fn serialize<S: serde::Serializer>(
                value: &$type,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&$write(value), serializer)
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$type, D::Error> {
                let text = deserializer.deserialize_any(Plain)?;
                $read(text.trim()).map_err(de::Error::custom)
            }
        })*
    };
}

forms! {
    count: usize, read_count, |n: &usize| *n;
    auto_count: Option<NonZeroUsize>,
        |text| or("auto", text, read_positive), |n: &Option<NonZeroUsize>| number("auto", *n);
    optional_count: Option<usize>,
        |text| or("unlimited", text, read_count), |n: &Option<usize>| number("unlimited", *n);
    bytes: u64, read_bytes, |n: &u64| show_bytes(*n);
    auto_bytes: Option<u64>,
        |text| or("auto", text, read_budget),
        |n: &Option<u64>| n.map_or_else(|| "auto".to_owned(), show_budget);
    duration: Duration, read_duration, |d: &Duration| show_duration(*d);
    optional_duration: Option<Duration>,
        |text| or("none", text, read_duration),
        |d: &Option<Duration>| d.map_or_else(|| "none".to_owned(), show_duration);
    switch: bool, read_switch, |on: &bool| *on;
    device: Device, read_device, |device: &Device| device.name();
    precision: Precision, read_named, |precision: &Precision| precision.word();
    units: Vec<Unit>, read_units, |units: &Vec<Unit>| show_units(units);
    optional_path: Option<PathBuf>,
        |text| or("none", text, read_path),
        |path: &Option<PathBuf>| path.clone().unwrap_or_else(|| "none".into());
}

/// A number where there is one, else a word.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<T> {
    Number(T),
    Word(&'static str),
}

fn number<T>(word: &'static str, value: Option<T>) -> Written<T> {
    value.map_or(Written::Word(word), Written::Number)
}

fn or<T>(
    word: &str,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text == word {
        return Ok(None);
    }
    read(text).map(Some).map_err(|allowed| format!("`{word}` or {allowed}"))
}

fn read_count(text: &str) -> Result<usize, String> {
    digits(text).ok_or_else(|| "a whole number".to_owned())
}

fn read_positive(text: &str) -> Result<NonZeroUsize, String> {
    digits(text).ok_or_else(|| "a whole number of at least 1".to_owned())
}

/// Digits, between which `_` may stand.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '_');
    is_plain.then(|| text.replace('_', "").parse().ok())?
}

fn amount(text: &str) -> Option<(u128, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    Some((digits(&text[..end])?, text[end..].trim_start()))
}

fn read_bytes(text: &str) -> Result<u64, String> {
    let bytes = amount(text).and_then(|(number, unit)| {
        let (_, size) = SIZES.into_iter().find(|(name, _)| *name == unit)?;
        u64::try_from(number.checked_mul(size.into())?).ok()
    });
    bytes.ok_or_else(|| BYTES.to_owned())
}

fn read_budget(text: &str) -> Result<u64, String> {
    or("unlimited", text, read_bytes).map(|bytes| bytes.unwrap_or(u64::MAX))
}

/// With the largest unit that leaves a whole number.
pub(super) fn show_bytes(bytes: u64) -> String {
    let (name, size) = SIZES
        .into_iter()
        .find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size))
        .unwrap_or(("B", 1));
    format!("{}{name}", bytes / size)
}

pub(super) fn show_budget(bytes: u64) -> String {
    if bytes == u64::MAX { "unlimited".to_owned() } else { show_bytes(bytes) }
}

fn read_duration(text: &str) -> Result<Duration, String> {
    let duration = amount(text).and_then(|(number, unit)| {
        let (_, length) = TIMES.into_iter().find(|(name, _)| *name == unit)?;
        let nanoseconds = number.checked_mul(length)?;
        let seconds = u64::try_from(nanoseconds / 1_000_000_000).ok()?;
        Some(Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32))
    });
    duration.ok_or_else(|| DURATION.to_owned())
}

/// With the longest unit that leaves a whole number.
pub(super) fn show_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (name, length) = TIMES
        .into_iter()
        .find(|(_, length)| nanoseconds >= *length && nanoseconds.is_multiple_of(*length))
        .unwrap_or(("s", 1_000_000_000));
    format!("{}{name}", nanoseconds / length)
}

fn read_switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "`true` or `false`".to_owned())
}

fn read_device(text: &str) -> Result<Device, String> {
    text.parse().map_err(|_| alternatives(Device::EACH.map(Device::name)))
}

fn read_named<T: Named>(text: &str) -> Result<T, String> {
    let found = T::EACH.iter().copied().find(|value| value.word() == text);
    found.ok_or_else(|| alternatives(T::EACH.iter().map(|value| value.word())))
}

fn read_units(text: &str) -> Result<Vec<Unit>, String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.unwrap_or(text).trim();
    if inner.is_empty() && inner != text || inner == "none" {
        return Ok(Vec::new());
    }
    let units: Result<Vec<Unit>, String> =
        inner.split(',').map(|name| read_named(name.trim())).collect();
    units.map_err(|allowed| format!("`none`, or one or more of {allowed}"))
}

pub(super) fn show_units(units: &[Unit]) -> Vec<&'static str> {
    units.iter().map(|unit| unit.name()).collect()
}

fn read_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a folder's path".to_owned()) } else { Ok(text.into()) }
}

fn alternatives(words: impl IntoIterator<Item = &'static str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Named for Precision {
    const EACH: &'static [Precision] = &[Precision::Exact, Precision::Fast, Precision::Int8];

    fn word(self) -> &'static str {
        match self {
            Precision::Exact => "exact",
            Precision::Fast => "fast",
            Precision::Int8 => "int8",
        }
    }
}

impl Named for Unit {
    const EACH: &'static [Unit] = &[Unit::Cpu, Unit::Gpu, Unit::NeuralEngine];

    fn word(self) -> &'static str {
        self.name()
    }
}

/// Takes any value as its text: a list is one in brackets.
struct Plain;

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, a switch or a list")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    /// A float keeps its point, so that it is no whole number.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        Ok(format!("{value:?}"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<String, A::Error> {
        let mut words: Vec<String> = Vec::new();
        while let Some(word) = list.next_element_seed(Plain)? {
            words.push(word);
        }
        Ok(format!("[{}]", words.join(", ")))
    }
}
