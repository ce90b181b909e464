//! Settings from a file and from the environment, laid over the defaults one by one, so that each
//! fault is told with where it came from.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use anemone_engine::ErrorKind;
use figment::Figment;
use figment::error::Kind;
use figment::providers::Serialized;
use toml::{Table, Value};

use super::check::Faults;
use super::{Config, ConfigErrors, ConfigFault, ConfigOrigin};

/// One value of one field.
struct Setting {
    field: String,
    value: Value,
    origin: ConfigOrigin,
}

/// The fields that there are: `queue.requests`, …
struct Known(BTreeSet<String>);

/// Lays `variables` over the file's text over the defaults.
pub(super) fn merge(
    file: Option<(&Path, io::Result<String>)>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigErrors> {
    let known = Known::new();
    let mut faults = Faults::default();
    let mut settings = Vec::new();
    match file {
        Some((path, Ok(text))) => settings.extend(from_file(path, &text, &known, &mut faults)),
        Some((path, Err(error))) => faults.0.push(unread(path, &error)),
        None => {}
    }
    settings.extend(from_variables(variables, &known, &mut faults));
    let mut config = Config::default();
    let mut merged = Figment::from(Serialized::defaults(&config));
    settings.retain(|setting| {
        let next = merged.clone().merge(Serialized::default(&setting.field, &setting.value));
        match next.extract() {
            Ok(found) => (config, merged) = (found, next),
            Err(error) => {
                faults.0.push(setting.fault(&error));
                return false;
            }
        }
        true
    });
    let read = faults.0.len();
    config.gather(&mut faults);
    for fault in &mut faults.0[read..] {
        if let ConfigFault::Value { field, origin, .. } = fault
            && let Some(setting) = settings.iter().rev().find(|setting| setting.field == *field)
        {
            *origin = setting.origin.clone();
        }
    }
    faults.result().map(|()| config)
}

fn unread(path: &Path, error: &io::Error) -> ConfigFault {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Invalid,
    };
    ConfigFault::File { path: path.to_owned(), kind, why: error.to_string() }
}

fn from_file(path: &Path, text: &str, known: &Known, faults: &mut Faults) -> Vec<Setting> {
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let (path, why) = (path.to_owned(), error.to_string().trim_end().to_owned());
            faults.0.push(ConfigFault::File { path, kind: ErrorKind::Invalid, why });
            return Vec::new();
        }
    };
    let origin = ConfigOrigin::File(path.to_owned());
    let mut settings = Vec::new();
    flatten("", table, &mut |field, value| {
        if known.accept(&field, &value, &origin, faults) {
            settings.push(Setting { field, value, origin: origin.clone() });
        }
    });
    settings
}

fn flatten(prefix: &str, table: Table, see: &mut dyn FnMut(String, Value)) {
    for (key, value) in table {
        let key = if key.contains('.') { format!("\"{key}\"") } else { key };
        let field = format!("{prefix}{key}");
        match value {
            Value::Table(inner) if !inner.is_empty() => flatten(&format!("{field}."), inner, see),
            // `Datetime` would be a table to whoever reads it.
            Value::Datetime(date) => see(field, Value::String(date.to_string())),
            value => see(field, value),
        }
    }
}

fn from_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: &Known,
    faults: &mut Faults,
) -> Vec<Setting> {
    let mut given: Vec<(String, OsString)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect();
    given.sort();
    let mut settings: Vec<Setting> = Vec::new();
    for (name, value) in given {
        let Some(rest) = name.strip_prefix("ANEMONE_") else { continue };
        let field = rest.to_lowercase().replace("__", ".").replace('_', "-");
        let is_foreign = !field.contains('.') && !known.is_table(&field);
        if is_foreign && known.nearest(&field).is_none() {
            continue;
        }
        let origin = ConfigOrigin::Variable(name);
        let is_text = value.to_str().is_some();
        let value = Value::String(value.to_string_lossy().into_owned());
        if !is_text {
            faults.0.push(wrong(&field, &value, &origin, "text in UTF-8".to_owned()));
            continue;
        }
        if !known.accept(&field, &value, &origin, faults) {
            continue;
        }
        match settings.iter().find(|setting| setting.field == field) {
            Some(other) => {
                let origins = [other.origin.clone(), origin];
                faults.0.push(ConfigFault::Twice { field, origins });
            }
            None => settings.push(Setting { field, value, origin }),
        }
    }
    settings
}

impl Setting {
    fn fault(&self, error: &figment::Error) -> ConfigFault {
        let allowed = match &error.kind {
            Kind::Message(allowed) | Kind::InvalidType(_, allowed) => allowed.clone(),
            other => other.to_string(),
        };
        wrong(&self.field, &self.value, &self.origin, allowed)
    }
}

impl Known {
    fn new() -> Known {
        let mut fields = BTreeSet::new();
        let defaults = Table::try_from(Config::default()).expect("the defaults have a TOML form");
        flatten("", defaults, &mut |field, _| {
            fields.insert(field);
        });
        Known(fields)
    }

    fn is_table(&self, field: &str) -> bool {
        self.0.iter().any(|known| known.strip_prefix(field).is_some_and(|r| r.starts_with('.')))
    }

    /// Whether `field` is one; else tells the fault.
    fn accept(
        &self,
        field: &str,
        value: &Value,
        origin: &ConfigOrigin,
        faults: &mut Faults,
    ) -> bool {
        if self.0.contains(field) {
            return true;
        }
        if !self.is_table(field) {
            let nearest = self.nearest(field).map(str::to_owned);
            let (field, origin) = (field.to_owned(), origin.clone());
            faults.0.push(ConfigFault::Unknown { field, origin, nearest });
        } else if !value.is_table() {
            let inner = self.0.iter().filter(|known| known.starts_with(&format!("{field}.")));
            let inner: Vec<String> = inner.map(|known| format!("`{known}`")).collect();
            let allowed = format!("a table: {}", inner.join(", "));
            faults.0.push(wrong(field, value, origin, allowed));
        }
        false
    }

    /// The field that was meant: one of another table, or one that differs by a letter in four.
    fn nearest(&self, field: &str) -> Option<&str> {
        let last = |field: &'_ str| field.rsplit('.').next().map(str::to_owned);
        let moved = self.0.iter().find(|known| last(known) == last(field));
        let similar = || {
            let near = self.0.iter().filter_map(|known| {
                let most = (known.len() / 4).max(1);
                let is_close = known.len().abs_diff(field.len()) <= most;
                let count = is_close.then(|| differences(field, known))?;
                (count <= most).then_some((count, known))
            });
            near.min().map(|(_, known)| known)
        };
        moved.or_else(similar).map(String::as_str)
    }
}

fn wrong(field: &str, value: &Value, origin: &ConfigOrigin, allowed: String) -> ConfigFault {
    ConfigFault::Value {
        field: field.to_owned(),
        value: value.to_string(),
        origin: origin.clone(),
        allowed,
        hint: None,
    }
}

/// The fewest letters to put in, leave out, replace or swap with the next to get from `a` to `b`
/// (the optimal string alignment distance).
fn differences(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
pub(super) fn fields() -> Vec<String> {
    Known::new().0.into_iter().collect()
}
