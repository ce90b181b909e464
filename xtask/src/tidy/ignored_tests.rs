//! No test is ignored: what does not pass yet is listed with its reason, where passing is noticed.

use super::Fault;
use super::tokens::tokens;
use crate::tree::File;

pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    if !file.is_rust() {
        return;
    }
    let attributes = tokens(file.text());
    let attributes = attributes.windows(3).filter_map(|three| {
        let words = three.iter().map(|token| token.text.as_str());
        words.eq(["#", "[", "ignore"]).then_some(three[0].line)
    });
    let fences = file.text().lines().enumerate().filter_map(|(index, line)| {
        let comment = line.trim().strip_prefix("//")?.trim_start_matches(['/', '!', ' ']);
        comment.starts_with("```ignore").then_some(index + 1)
    });
    for line in attributes.chain(fences) {
        faults.push(Fault::new(
            &file.path,
            line,
            "an ignored test",
            "let it run, or list what is expected to fail; a block that is no test is ```text",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens::planted;

    #[test]
    fn an_ignored_test_is_a_fault() {
        let code = "//! A.\n#[test]\n#[ignore = \"slow\"]\nfn slow() {}\n/// ```ignore\n/// a\n";
        let lines: Vec<usize> =
            planted(check, "crates/a/src/a.rs", &format!("{code}/// ```\nfn b() {{}}\n"))
                .iter()
                .map(|fault| fault.line)
                .collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(planted(check, "crates/a/src/a.rs", "/// ```text\nfn a() {}\n").len(), 0);
    }
}
