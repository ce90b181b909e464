//! Known failures: what does not pass yet, why, and the rule that an entry must fail.

use std::fmt::Write;

use serde::Deserialize;

/// Every known failure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The entries.
    #[serde(default, rename = "failure")]
    pub failures: Vec<KnownFailure>,
}

/// A case that fails, or all of those whose names begin alike.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// `stem/name` of the case; a `*` at the end stands for any rest.
    pub case: String,
    /// The form in which it fails; every form where it is left out.
    pub form: Option<String>,
    /// Why.
    pub reason: String,
}

/// A failure that the runner found.
#[derive(Clone, Debug)]
pub struct Failure {
    /// `stem/name` of the case.
    pub case: String,
    /// The engine and form in which it failed, such as `cpu run`.
    pub form: String,
    /// What differs.
    pub what: String,
}

impl KnownFailure {
    /// Whether the entry is about this case.
    pub fn names(&self, case: &str) -> bool {
        match self.case.strip_suffix('*') {
            Some(prefix) => case.starts_with(prefix),
            None => case == self.case,
        }
    }

    /// Whether the entry foretells `failure`.
    pub fn foretells(&self, failure: &Failure) -> bool {
        self.names(&failure.case) && self.form.as_ref().is_none_or(|form| *form == failure.form)
    }
}

impl Expected {
    /// Holds the failures of `cases`, all the cases of one file, against the entries about that
    /// file: which failures nobody foretold, and which entries do not come true.
    pub fn judge<'a>(
        &self,
        stem: &str,
        cases: &[String],
        failures: &'a [Failure],
    ) -> (Vec<&'a Failure>, Vec<String>) {
        let about = |entry: &&KnownFailure| entry.case.split('/').next() == Some(stem);
        let entries: Vec<&KnownFailure> = self.failures.iter().filter(about).collect();
        let unforeseen =
            failures.iter().filter(|f| !entries.iter().any(|e| e.foretells(f))).collect();
        let mut untrue = Vec::new();
        for entry in entries {
            if entry.reason.is_empty() {
                untrue.push(format!("the entry `{}` gives no reason", entry.case));
            }
            let named: Vec<&String> = cases.iter().filter(|case| entry.names(case)).collect();
            if named.is_empty() {
                untrue.push(format!("the entry `{}` names no case", entry.case));
            }
            for case in named {
                if !failures.iter().any(|f| f.case == *case && entry.foretells(f)) {
                    untrue.push(format!("`{case}` passes: take it out of expected.toml"));
                }
            }
        }
        (unforeseen, untrue)
    }

    /// The entries of `stem` brought in line with `failures`: those that came true stay, and
    /// failures that nobody foretold are added with what differs as their reason.
    pub fn update(&mut self, stem: &str, cases: &[String], failures: &[Failure]) {
        self.failures.retain(|entry| {
            let mut named = cases.iter().filter(|case| entry.names(case)).peekable();
            entry.case.split('/').next() != Some(stem)
                || (named.peek().is_some()
                    && named.all(|c| failures.iter().any(|f| f.case == *c && entry.foretells(f))))
        });
        for failure in failures {
            if !self.failures.iter().any(|entry| entry.foretells(failure)) {
                self.failures.push(KnownFailure {
                    case: failure.case.clone(),
                    form: Some(failure.form.clone()),
                    reason: failure.what.clone(),
                });
            }
        }
        self.failures.sort();
    }

    /// The text of `expected.toml`.
    pub fn print(&self) -> String {
        let mut text = String::from(
            "# What does not pass yet, and why. An entry whose case passes fails the test.\n\
             # `UPDATE=1 cargo test -p anemone-conformance` takes such entries out and adds new\n\
             # failures with what differs as their reason.\n",
        );
        for entry in &self.failures {
            let quoted = |text: &str| toml::Value::from(text).to_string();
            let _ = write!(text, "\n[[failure]]\ncase = {}\n", quoted(&entry.case));
            if let Some(form) = &entry.form {
                let _ = writeln!(text, "form = {}", quoted(form));
            }
            let _ = writeln!(text, "reason = {}", quoted(&entry.reason));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(case: &str, form: Option<&str>) -> KnownFailure {
        KnownFailure {
            case: case.to_owned(),
            form: form.map(str::to_owned),
            reason: "why".to_owned(),
        }
    }

    fn failure(case: &str, form: &str) -> Failure {
        Failure { case: case.to_owned(), form: form.to_owned(), what: "1, not 2".to_owned() }
    }

    fn counts(entries: &[KnownFailure], failures: &[Failure]) -> (usize, usize) {
        let cases = ["f/a", "f/ab", "f/c"].map(str::to_owned);
        let expected = Expected { failures: entries.to_vec() };
        let (unforeseen, untrue) = expected.judge("f", &cases, failures);
        (unforeseen.len(), untrue.len())
    }

    #[test]
    fn an_entry_must_fail_and_a_failure_needs_an_entry() {
        let (a, ab) = (failure("f/a", "cpu run"), failure("f/ab", "check"));
        assert_eq!(counts(&[], std::slice::from_ref(&a)), (1, 0));
        assert_eq!(counts(&[entry("f/a", None)], std::slice::from_ref(&a)), (0, 0));
        assert_eq!(counts(&[entry("f/a", Some("check"))], std::slice::from_ref(&a)), (1, 1));
        assert_eq!(counts(&[entry("f/a*", None)], &[a.clone(), ab]), (0, 0));
        assert_eq!(counts(&[entry("f/a*", None)], &[a]), (0, 1));
        assert_eq!(counts(&[entry("f/none", None), entry("g/a", None)], &[]), (0, 1));
    }

    #[test]
    fn an_update_keeps_what_is_true_and_can_be_read_again() {
        let cases = ["f/a", "f/b"].map(str::to_owned);
        let mut expected = Expected { failures: vec![entry("f/b", None), entry("g/a", None)] };
        expected.update("f", &cases, &[failure("f/a", "cpu run")]);
        let again: Expected = toml::from_str(&expected.print()).unwrap();
        assert_eq!(again.failures, expected.failures);
        let names: Vec<&str> = again.failures.iter().map(|e| e.case.as_str()).collect();
        assert_eq!(names, ["f/a", "g/a"]);
    }
}
