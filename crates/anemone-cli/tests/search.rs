//! Search, index and embed as people and programs call them, on the model in the repository.
#![allow(clippy::disallowed_methods, reason = "tests read and write their own files")]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use program::{Folder, Run, anemone};
use serde_json::Value;

/// A small project, and a folder for its index beside it.
struct Project {
    folder: Folder,
}

impl Project {
    fn new(name: &str) -> Project {
        let project = Project { folder: Folder::new(name) };
        fs::create_dir(project.tree()).unwrap();
        project.write(
            "retry.py",
            "def fetch(url, attempts=3):\n    \"\"\"Download a page; wait longer after each failure.\"\"\"\n    \
             for attempt in range(attempts):\n        sleep(2 ** attempt)\n",
        );
        project.write(
            "src/geometry.rs",
            "/// The distance between two points of the plane.\n\
             pub fn distance(a: Point, b: Point) -> f64 {\n    (a.x - b.x).hypot(a.y - b.y)\n}\n",
        );
        project.write("README.md", "# Kitchen\n\nHow to bake bread with sour dough.\n");
        project
    }

    fn tree(&self) -> PathBuf {
        self.folder.file("tree")
    }

    fn index(&self) -> PathBuf {
        self.folder.file("index")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.tree().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, command: &[&str], more: &[&str]) -> Run {
        let (tree, index) = (self.tree(), self.index());
        let place = [text(&tree), "--index", text(&index)];
        anemone(&[command, &place, more].concat())
    }

    fn search(&self, query: &str, more: &[&str]) -> Run {
        self.run(&["search", query], more)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn results(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, 0, "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    report["results"].as_array().unwrap().clone()
}

fn fails(run: &Run, code: i32, part: &str) {
    assert_eq!(run.code, code, "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    let errors = run.stderr.lines().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.filter(|line| line.contains(part)).count(), 1, "{run:?}");
}

#[test]
fn a_question_in_other_words_finds_what_is_meant() {
    let project = Project::new("words");
    let found = results(&project.search("try a network request again with backoff", &["--json"]));
    assert_eq!(found[0]["path"], "retry.py");
    assert_eq!(found[0]["symbol"], "fetch");
    assert_eq!(found[0]["lines"], serde_json::json!([1, 4]));
    assert!(found[0]["text"].as_str().unwrap().starts_with("def fetch"));
    let told = project.search("how far apart are they", &["--top", "1"]);
    assert!(told.stdout.starts_with("src/geometry.rs:1-4  distance  "), "{told:?}");
    assert!(!told.stdout.contains('\u{1b}'), "no colour off a terminal");
    let names: Vec<_> =
        fs::read_dir(project.tree()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "nothing is written into the tree: {names:?}");
}

#[test]
fn what_changed_is_found_at_the_next_search() {
    let project = Project::new("changes");
    assert_eq!(results(&project.search("sour dough", &["--json"]))[0]["path"], "README.md");
    project.write("README.md", "# Garage\n\nHow to change a tyre.\n");
    project.write(
        "new.py",
        "def knead():\n    \"\"\"Work the dough until it is smooth.\"\"\"\n    pass\n",
    );
    let found = results(&project.search("dough", &["--json", "--mode", "lexical"]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["path"], "new.py");
    fs::remove_file(project.tree().join("new.py")).unwrap();
    let none = project.search("dough", &["--mode", "lexical"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("nothing found"), "{none:?}");
}

#[test]
fn languages_and_paths_narrow_a_search() {
    let project = Project::new("filters");
    let found = results(&project.search("function", &["--json", "--lang", "rs"]));
    assert!(!found.is_empty() && found.iter().all(|hit| hit["language"] == "rust"));
    let found = results(&project.search("function", &["--json", "--path", "src"]));
    assert!(!found.is_empty() && found.iter().all(|hit| hit["path"] == "src/geometry.rs"));
    fails(&project.search("x", &["--lang", "cobol"]), 2, "language `cobol` is unknown");
    fails(&project.search("x", &["--path", "a["]), 2, "`a[` is no pattern of paths");
}

#[test]
fn many_queries_get_a_line_each() {
    let project = Project::new("queries");
    let queries = project.folder.file("queries.txt");
    fs::write(&queries, "bread\ndistance of points\n").unwrap();
    let (tree, index) = (project.tree(), project.index());
    let arguments = ["search", "--queries", text(&queries), text(&tree), "--index", text(&index)];
    let run = anemone(&[&arguments[..], &["--json"]].concat());
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    assert_eq!(lines[0]["query"], "bread");
    assert_eq!(lines[1]["results"][0]["symbol"], "distance");
}

#[test]
fn wrong_questions_and_places_get_one_clear_line() {
    let project = Project::new("wrong");
    fails(&project.search("  ", &[]), 2, "query is empty");
    fails(&anemone(&["search"]), 2, "there is no query");
    fails(&anemone(&["search", "x", "no/such/folder"]), 1, "`no/such/folder`: ");
    let readme = project.tree().join("README.md");
    fails(&anemone(&["search", "x", text(&readme)]), 1, "not a folder");
    let empty = project.folder.file("empty");
    fs::create_dir(&empty).unwrap();
    let index = project.index();
    let run = anemone(&["search", "x", text(&empty), "--index", text(&index)]);
    fails(&run, 1, "has no file to search");
    fails(&project.search("x", &["--model", "no/such/model"]), 1, "`no/such/model`: ");
    fails(&project.search("x", &["--dense-weight", "2"]), 2, "--dense-weight");
}

#[test]
fn an_index_is_made_told_and_removed() {
    let project = Project::new("index");
    fails(&project.run(&["index", "status"], &[]), 1, "holds no index");
    let made = project.run(&["index"], &["--json"]);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&made["files"], &made["added"]), (&Value::from(3), &Value::from(3)));
    let again: Value = serde_json::from_str(&project.run(&["index"], &["--json"]).stdout).unwrap();
    assert_eq!((&again["added"], &again["embedded"]), (&Value::from(0), &Value::from(0)));
    let status = project.run(&["index", "status"], &["--digest", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["model"], "all-MiniLM-L6-v2");
    assert_eq!(status["digest"].as_str().unwrap().len(), 64);
    assert_eq!(project.run(&["index", "clear"], &[]).code, 0);
    assert!(!project.index().exists());
    assert_eq!(project.run(&["index", "clear"], &[]).code, 0, "nothing to remove is no fault");
}

#[test]
fn texts_become_vectors_of_length_one() {
    let folder = Folder::new("embed");
    let note = folder.file("note.txt");
    fs::write(&note, "a dog barks").unwrap();
    let run = anemone(&["embed", "a cat sleeps", "a kitten naps", text(&note), "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let vectors: Vec<Vec<f64>> = serde_json::from_value(report["vectors"].clone()).unwrap();
    let dot = |a: usize, b: usize| -> f64 {
        vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum()
    };
    assert_eq!((vectors.len(), vectors[0].len()), (3, 384));
    assert!((0..3).all(|i| (dot(i, i) - 1.0).abs() < 1e-5));
    assert!(dot(0, 1) > 0.6 && dot(0, 1) > dot(0, 2));
    let alone = anemone(&["embed", "a kitten naps", "--json"]);
    let alone: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert_eq!(alone["vectors"][0], report["vectors"][1], "a vector depends on its text alone");
}

#[test]
fn texts_that_are_too_long_or_empty_are_told() {
    let folder = Folder::new("long");
    let array = folder.file("v.npy");
    let long = "word ".repeat(1000);
    let run = anemone(&["embed", &long, "--npy", text(&array)]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("1 of 1 texts are longer than the 254 tokens"), "{run:?}");
    assert!(fs::read(&array).unwrap().starts_with(b"\x93NUMPY"));
    fails(&anemone(&["embed", "a", " "]), 1, "text 2 (` `) is empty");
}
