//! Links in Markdown files lead to files that exist.

use std::collections::HashSet;

use super::Fault;
use crate::tree::File;

pub(super) fn check(files: &[File], faults: &mut Vec<Fault>) {
    let mut places = HashSet::new();
    for file in files {
        let mut path = file.path.as_str();
        places.insert(path);
        while let Some((folder, _)) = path.rsplit_once('/') {
            places.insert(folder);
            path = folder;
        }
    }
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (index, line) in file.text().lines().enumerate() {
            for target in targets(line) {
                if !places.contains(resolve(&file.path, target).as_str()) {
                    faults.push(Fault::new(
                        &file.path,
                        index + 1,
                        format!("the link `{target}` leads nowhere"),
                        "name a tracked file, relative to this one, or write the name without a link",
                    ));
                }
            }
        }
    }
}

/// Link targets in a line that are paths: neither web addresses nor anchors.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#', ' ']).next()?;
        let is_path = !target.is_empty() && !target.contains(':');
        is_path.then_some(target)
    })
}

fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nowhere_is_a_fault() {
        let file = |path: &str, text: &str| File { path: path.into(), text: Some(text.into()) };
        let text = "[a](../LICENSE) [b](ops.md#top) [c](https://example.org/x) [d](#here)\n\
                    [e](gone.md) [f](../docs)";
        let mut faults = Vec::new();
        check(
            &[file("docs/a.md", text), file("docs/ops.md", ""), file("LICENSE", "")],
            &mut faults,
        );
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].line, faults[0].wrong.contains("gone.md")), (2, true));
    }
}
