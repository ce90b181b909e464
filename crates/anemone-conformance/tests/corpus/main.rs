//! Every case of the corpus through every engine and form: `cargo test -p anemone-conformance conv`
//! runs one family. `UPDATE=1` brings `expected.toml` in line with what fails.
#![allow(clippy::disallowed_methods, reason = "the corpus is read from its folder")]

mod case_run;
mod compare;
mod coverage;
mod emulated;
mod engines;
mod forms;
mod package;
mod values;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anemone_conformance::{CaseFile, Expected, Failure, load};

/// Declares one test for each case file, so that families are run and reported apart.
macro_rules! corpus {
    ($($stem:ident,)*) => {
        const STEMS: &[&str] = &[$(stringify!($stem),)*];
        $(
            #[test]
            fn $stem() {
                run_file(stringify!($stem));
            }
        )*
    };
}

corpus! {
    activation,
    compression,
    constexpr_ops,
    control_flow,
    conv,
    elementwise_binary,
    elementwise_unary,
    image_resizing,
    linear,
    normalization,
    pool,
    quantization_ops,
    recurrent,
    reduction,
    refused,
    scatter_gather,
    states,
    tensor_operation,
    tensor_transformation,
    transformers,
}

#[test]
fn every_case_file_has_its_test() {
    let stem = |entry: fs::DirEntry| {
        let path = entry.path();
        path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
    };
    let files: BTreeSet<String> = fs::read_dir(root().join("cases"))
        .expect("the folder of cases")
        .filter_map(|entry| entry.ok().and_then(stem))
        .collect();
    let stems: BTreeSet<String> = STEMS.iter().map(|stem| (*stem).to_owned()).collect();
    assert_eq!(files, stems);
    let about = |case: &str| case.split('/').next().unwrap_or_default().to_owned();
    for entry in expected().failures {
        assert!(stems.contains(&about(&entry.case)), "`{}` names no case file", entry.case);
    }
}

#[test]
fn every_version_of_every_op_has_a_case() {
    let judged = STEMS.iter().map(|stem| case_file(stem)).filter(|file| !file.tools.is_empty());
    let cases: Vec<_> = judged.flat_map(|file| file.cases).collect();
    let gaps = coverage::gaps(&coverage::used(cases.iter().map(|case| case.mil.as_str())));
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn the_emulator_runs_every_case_and_is_near_the_golden() {
    let mut wrong = Vec::new();
    for stem in STEMS {
        for case in case_file(stem).cases.iter().filter(|case| case.fault.is_none()) {
            let name = format!("{stem}/{}", case.name);
            let known = emulated::FAR.iter().find(|(far, _)| *far == name);
            match (emulated::run(case), known) {
                (Err(why), None) => wrong.push(format!("{name}: {why}")),
                (Ok(()), Some((_, why))) => wrong.push(format!("{name} is near, despite: {why}")),
                (Ok(()), None) | (Err(_), Some(_)) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn case_file(stem: &str) -> CaseFile {
    let path = root().join("cases").join(stem).with_extension("toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    load(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn run_file(stem: &str) {
    let file = case_file(stem);
    let mut failures: Vec<Failure> = Vec::new();
    for case in &file.cases {
        let found = case_run::run(case);
        failures.extend(found.into_iter().map(|(form, what)| Failure {
            case: format!("{stem}/{}", case.name),
            form,
            what,
        }));
    }
    let cases: Vec<String> = file.cases.iter().map(|c| format!("{stem}/{}", c.name)).collect();
    if std::env::var_os("UPDATE").is_some() {
        update(stem, &cases, &failures);
    }
    let expected = expected();
    let (unforeseen, untrue) = expected.judge(stem, &cases, &failures);
    let mut report: Vec<String> =
        unforeseen.iter().map(|f| format!("`{}` ({}): {}", f.case, f.form, f.what)).collect();
    report.extend(untrue);
    assert!(
        report.is_empty(),
        "{} cases of {stem}, {} faults:\n{}",
        cases.len(),
        report.len(),
        report.join("\n")
    );
}

fn expected() -> Expected {
    let text = fs::read_to_string(root().join("expected.toml")).expect("expected.toml");
    toml::from_str(&text).unwrap_or_else(|e| panic!("expected.toml: {e}"))
}

/// Tests of several files run at once, and each rewrites only what is about its own.
fn update(stem: &str, cases: &[String], failures: &[Failure]) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut expected = expected();
    expected.update(stem, cases, failures);
    fs::write(root().join("expected.toml"), expected.print()).expect("expected.toml");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
