//! The page is whole, loads nothing, and no text of a model becomes more than text.

use std::collections::BTreeMap;

use anemone::ane::{Report, Shapes, Target, forecast};
use anemone::ir::{check, text};

use super::*;

fn report(name: &str) -> Report {
    let program = format!(
        "program(1.0) {{ func main<ios18>(tensor<fp16, [1, 64]> x) {{ \
         @type(\"\") {name} = relu(x = x); }} -> ({name}); }}"
    );
    let program = text::parse(&program, &mut |_, _, _| Err("no weights".into())).expect("MIL text");
    let checked = check(&program).expect("a good program");
    forecast(&checked, &Target::new("m4").expect("a chip"), &Shapes::default()).expect("a forecast")
}

/// The report that stands in a page.
fn held(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the data's beginning");
    let (data, _) = rest.split_once("</script>").expect("the data's end");
    serde_json::from_str(data).expect("JSON")
}

const TEMPLATE_MARKS: [&str; 5] = ["{{nonce}}", "{{title}}", "{{style}}", "{{data}}", "{{script}}"];

const HOSTILE: [&str; 6] = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\" onload=\"alert(1)",
    "{{script}}{{data}}",
    "\u{202e}\u{2028}\u{9b}\u{0}",
    "]]> &lt;/script&gt; & 'x'",
];

#[test]
fn a_hostile_name_stays_a_name() {
    for name in HOSTILE {
        let mut report = report("y");
        report.ops[0].path = name.to_owned();
        report.ops[0].reason = name.to_owned();
        let page = page(name, &report, &[[0, 0]]).expect("a page");
        let data = held(&page);
        assert_eq!(data["title"], name);
        assert_eq!(data["report"]["ops"][0]["path"], name);
        assert_eq!(data["report"]["ops"][0]["reason"], name);
        assert_eq!(data["edges"], serde_json::json!([[0, 0]]));
        let without = super::page("", &self::report("y"), &[]).expect("a page");
        for mark in ["<script", "</script", "<!--", "onload=\""] {
            assert_eq!(page.matches(mark).count(), without.matches(mark).count(), "{mark} {name}");
        }
        let harmless = |c: char| !c.is_control() || c == '\n';
        assert!(page.chars().all(harmless), "{name}");
    }
}

#[test]
fn every_mark_of_the_template_is_filled() {
    let page = page("a model", &report("y"), &[]).expect("a page");
    assert!(
        !TEMPLATE_MARKS.iter().any(|mark| page.contains(mark))
            && page.contains("<h1 id=\"title\">a model</h1>")
    );
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn the_page_loads_nothing() {
    let page = page("a model", &report("y"), &[]).expect("a page");
    let own = [TEMPLATE, STYLE, &SCRIPTS.concat()].concat();
    for loader in
        ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "<link", "import(", "eval("]
    {
        assert!(!own.contains(loader), "{loader}");
    }
    assert!(page.contains("default-src 'none'"));
    // Addresses stand in the data alone, and the script makes links of them.
    let (before, rest) = page.split_once("id=\"data\">").expect("the data");
    let (_, after) = rest.split_once("</script>").expect("the data's end");
    for part in [before, after] {
        assert!(!part.replace("https://${address}", "").contains("://"));
    }
}

#[test]
fn html_is_never_made_from_text() {
    for maker in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "new Function"]
    {
        assert!(!SCRIPTS.concat().contains(maker), "{maker}");
    }
}

#[test]
fn the_word_that_lets_a_script_run_depends_on_what_the_page_holds() {
    let nonce = |title: &str| {
        let page = page(title, &report("y"), &[]).expect("a page");
        let (_, rest) = page.split_once("script-src 'nonce-").expect("a policy");
        let word = rest.split('\'').next().unwrap_or_default().to_owned();
        assert_eq!(page.matches(&format!("nonce=\"{word}\"")).count(), 2, "style and script");
        word
    };
    let words: BTreeMap<String, &str> = ["a", "b", "c"].map(|title| (nonce(title), title)).into();
    assert_eq!(words.len(), 3);
    assert_eq!(nonce("a"), nonce("a"));
}
