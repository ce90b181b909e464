//! The form of a case file.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

/// The cases of one family of ops.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The script that wrote the file, or `by hand`.
    pub generator: String,
    /// The implementations that judged, with their versions.
    pub tools: Vec<String>,
    /// The cases.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// One program with what goes in and what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is tried: a sentence in snake case, of its own in the file.
    pub name: String,
    /// The program, as MIL text.
    pub mil: String,
    /// Who gave the outputs.
    #[serde(default)]
    pub judge: String,
    /// Inputs by name, as MIL literals.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Outputs by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// States before the run, by name.
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// States after the run.
    #[serde(default)]
    pub new_states: BTreeMap<String, String>,
    /// Outputs where every op's result is rounded to its declared type, if they are tried.
    #[serde(default)]
    pub declared: BTreeMap<String, String>,
    /// Types of inputs with free dimensions, under which the program must give the same outputs.
    #[serde(default)]
    pub symbolic: BTreeMap<String, String>,
    /// Types of outputs that coremltools infers for those.
    #[serde(default)]
    pub symbolic_outputs: BTreeMap<String, String>,
    /// A tolerance other than the element type's own.
    pub tolerance: Option<Tolerance>,
    /// Words of the fault that must come instead of outputs.
    pub fault: Option<String>,
}

/// How far from the golden an output may be: `atol + rtol * |golden|`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Relative to the golden.
    pub rtol: f64,
    /// Absolute.
    pub atol: f64,
    /// Why the default will not do.
    pub why: String,
}

/// Why a case file is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Not TOML, or not of this form.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Two cases of one name.
    #[error("there are two cases `{0}`")]
    Repeated(String),
    /// A tolerance without a reason.
    #[error("the tolerance of `{0}` has no reason")]
    NoReason(String),
    /// A case that expects nothing.
    #[error("`{0}` has neither outputs nor a fault")]
    Nothing(String),
}

/// Reads a case file.
pub fn load(text: &str) -> Result<CaseFile, LoadError> {
    let file: CaseFile = toml::from_str(text)?;
    let mut names: Vec<&str> = Vec::new();
    for case in &file.cases {
        if names.contains(&case.name.as_str()) {
            return Err(LoadError::Repeated(case.name.clone()));
        }
        if case.tolerance.as_ref().is_some_and(|t| t.why.is_empty()) {
            return Err(LoadError::NoReason(case.name.clone()));
        }
        if case.outputs.is_empty() && case.new_states.is_empty() && case.fault.is_none() {
            return Err(LoadError::Nothing(case.name.clone()));
        }
        names.push(&case.name);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_needs_a_name_of_its_own_and_something_to_expect() {
        let head = "generator = \"by hand\"\ntools = []\n";
        let case =
            |name: &str, rest: &str| format!("[[case]]\nname = \"{name}\"\nmil = \"\"\n{rest}\n");
        let fault = "fault = \"shape\"";
        let good = format!("{head}{}{}", case("a", fault), case("b", fault));
        assert_eq!(load(&good).unwrap().cases.len(), 2);
        let cases = [
            case("a", ""),
            case("a", "falt = \"\""),
            format!("{}{}", case("a", fault), case("a", fault)),
            case("a", "fault = \"\"\ntolerance = { rtol = 1.0, atol = 0.0, why = \"\" }"),
        ];
        for text in cases {
            assert!(load(&format!("{head}{text}")).is_err(), "{text}");
        }
    }
}
