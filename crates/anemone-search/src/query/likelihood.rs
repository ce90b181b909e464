//! What is likelier to be meant, of chunks that answer alike: code before the tests of it.

/// A test says what it tests in the best of words, so its score is held back by this factor.
pub(super) const TEST: f32 = 0.8;

/// Whether a file holds tests, by its path.
pub(super) fn is_test_file(path: &str) -> bool {
    const FOLDERS: [&str; 5] = ["test", "tests", "__tests__", "testing", "spec"];
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or(name);
    folders.split('/').any(|folder| FOLDERS.contains(&folder))
        || stem == "tests"
        || stem == "conftest"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("Test") && stem.len() > 4
        || [".test.", ".spec."].iter().any(|part| name.contains(part))
}

/// Whether a chunk is a test, by its symbol.
pub(super) fn is_test_symbol(symbol: &str) -> bool {
    symbol.split([':', '.']).any(|part| part == "tests" || part.starts_with("test_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_their_names() {
        for path in [
            "tests/a.rs",
            "a/__tests__/b.js",
            "src/x/tests.rs",
            "test_a.py",
            "b/a_test.go",
            "a.spec.ts",
            "src/test/java/ATest.java",
            "a/BTest.java",
        ] {
            assert!(is_test_file(path), "{path}");
        }
        for path in ["src/a.rs", "latest.py", "contest/a.go", "src/attest.c", "Test.java"] {
            assert!(!is_test_file(path), "{path}");
        }
        assert!(is_test_symbol("tests::a_word") && is_test_symbol("A.test_b"));
        assert!(!is_test_symbol("contests::a") && !is_test_symbol(""));
    }
}
