//! Which files are no worth searching, by their names and by what is in them.

use std::path::Path;

use anemone_chunk::Language;

use super::Skip;

/// Changes whenever a rule does, so that older indexes are made anew.
pub(super) const VERSION: u32 = 3;

/// Folders with a dot that people write in, and files.
const SHOWN: [&str; 14] = [
    ".buildkite",
    ".cargo",
    ".changeset",
    ".ci",
    ".circleci",
    ".config",
    ".devcontainer",
    ".github",
    ".gitlab",
    ".gitlab-ci.yml",
    ".husky",
    ".pre-commit-config.yaml",
    ".storybook",
    ".travis.yml",
];

/// What versioning systems keep of their own; not told of, since nobody misses it.
const VERSIONING: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

const INSTALLED: [&str; 4] = ["__pycache__", "bower_components", "jspm_packages", "node_modules"];

const LOCKS: [&str; 10] = [
    "bun.lockb",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pnpm-lock.yaml",
    "project.assets.json",
];

const DATA: [&str; 9] = ["csv", "geojson", "jsonl", "ndjson", "po", "pot", "sarif", "svg", "tsv"];

const BINARY: [&str; 83] = [
    "7z",
    "a",
    "aac",
    "aar",
    "apk",
    "avi",
    "avif",
    "bin",
    "bmp",
    "br",
    "bz2",
    "class",
    "dat",
    "db",
    "deb",
    "dll",
    "dmg",
    "doc",
    "docx",
    "dylib",
    "ear",
    "eot",
    "exe",
    "f16",
    "fbx",
    "flac",
    "gguf",
    "gif",
    "glb",
    "gz",
    "h5",
    "heic",
    "ico",
    "icns",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "key",
    "lib",
    "m4a",
    "mkv",
    "mlmodel",
    "mov",
    "mp3",
    "mp4",
    "npy",
    "npz",
    "o",
    "obj",
    "odt",
    "ogg",
    "onnx",
    "otf",
    "parquet",
    "pb",
    "pdf",
    "pkl",
    "png",
    "ppt",
    "pptx",
    "psd",
    "pt",
    "pth",
    "pyc",
    "rar",
    "redb",
    "rlib",
    "rpm",
    "safetensors",
    "so",
    "sqlite",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "ttf",
    "wasm",
    "wav",
    "webm",
    "webp",
    "woff",
    "woff2",
];
const MORE_BINARY: [&str; 6] = ["xls", "xlsx", "xz", "zip", "zst", "pack"];

/// Languages that are often shrunk for machines.
const SHRUNK: [&str; 8] = ["cjs", "css", "htm", "html", "js", "json", "mjs", "xml"];

/// A folder on the way that is not entered: why, or `None` where that is not even counted.
pub(super) fn hidden(name: &str) -> Option<Option<Skip>> {
    if VERSIONING.contains(&name) {
        return Some(None);
    }
    (name.starts_with('.') && !SHOWN.contains(&name)).then_some(Some(Skip::Hidden))
}

/// Whether a folder of that name holds what was installed or made by a tool.
pub(super) fn is_installed(name: &str) -> bool {
    INSTALLED.contains(&name)
}

/// Why a file of that name is not read.
pub(super) fn by_name(name: &str) -> Option<Skip> {
    let name = name.to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if extension == "lock" || LOCKS.contains(&name.as_str()) {
        Some(Skip::Lock)
    } else if name.contains(".min.") || name.ends_with(".map") && name.matches('.').count() > 1 {
        Some(Skip::Minified)
    } else if BINARY.contains(&extension) || MORE_BINARY.contains(&extension) {
        Some(Skip::Binary)
    } else if DATA.contains(&extension) {
        Some(Skip::Data)
    } else {
        None
    }
}

/// Why a file with these bytes is not searched, or its text. What is not UTF-8 in it is replaced,
/// if it is little; a mark of the byte order is left out.
pub(super) fn by_content(name: &str, bytes: &[u8]) -> Result<String, Skip> {
    if bytes[..bytes.len().min(8192)].contains(&0) {
        return Err(Skip::Binary);
    }
    let text = decode(bytes).ok_or(Skip::Binary)?;
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if is_minified(extension, &text) {
        return Err(Skip::Minified);
    }
    if is_generated(&text) {
        return Err(Skip::Generated);
    }
    if is_data(name, extension, &text) {
        return Err(Skip::Data);
    }
    Ok(text)
}

/// Whether a file of no language that is known is numbers or records for programs: lookup tables,
/// recorded results, vocabularies. Settings and prose have few digits, and are short.
fn is_data(name: &str, extension: &str, text: &str) -> bool {
    const SMALL: usize = 8 << 10;
    const RECORDS: usize = 64 << 10;
    if text.len() < SMALL || Language::of(Path::new(name)) != Language::Text {
        return false;
    }
    let visible = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_json = extension.eq_ignore_ascii_case("json");
    8 * digits >= visible || is_json && text.len() >= RECORDS
}

/// The text of a file, or `None` where more than one byte in fifty is no text.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let mut text = String::with_capacity(bytes.len());
    let mut invalid = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            invalid += chunk.invalid().len();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (invalid <= 4 || invalid * 50 <= bytes.len()).then_some(text)
}

fn is_minified(extension: &str, text: &str) -> bool {
    let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let average = text.len() / lines;
    let extension = extension.to_ascii_lowercase();
    text.len() > 4096 && average > 300 && SHRUNK.contains(&extension.as_str())
}

/// Whether a comment at the file's head says that a program wrote it.
fn is_generated(text: &str) -> bool {
    const COMMENTS: [&str; 9] = ["//", "#", "/*", "*", "--", ";", "<!--", "%", "\"\"\""];
    text.lines().take(20).map(str::trim_start).any(|line| {
        if !COMMENTS.iter().any(|start| line.starts_with(start)) || line.len() > 400 {
            return false;
        }
        let lower = line.to_ascii_lowercase();
        line.contains("@generated")
            || line.contains("DO NOT EDIT")
            || lower.contains("code generated by")
            || lower.contains("automatically generated")
            || lower.contains("autogenerated")
            || lower.contains("auto-generated by")
            || lower.contains("<auto-generated")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_not_read() {
        let cases = [
            ("Cargo.lock", Some(Skip::Lock)),
            ("go.sum", Some(Skip::Lock)),
            ("jquery.min.js", Some(Skip::Minified)),
            ("app.js.map", Some(Skip::Minified)),
            ("a.PNG", Some(Skip::Binary)),
            ("logo.svg", Some(Skip::Data)),
            ("lock.rs", None),
            ("Makefile", None),
            ("world.map", None),
            ("admin.rs", None),
        ];
        for (name, expected) in cases {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }

    #[test]
    fn folders_with_a_dot_are_hidden_but_for_a_few() {
        assert_eq!(hidden(".git"), Some(None));
        assert_eq!(hidden(".env"), Some(Some(Skip::Hidden)));
        assert_eq!(hidden(".github"), None);
        assert_eq!(hidden("src"), None);
        assert!(is_installed("node_modules") && !is_installed("target"));
    }

    #[test]
    fn contents_tell_what_is_not_searched() {
        let long = format!("var a;{}", "b=1;".repeat(2000));
        assert_eq!(by_content("a.js", long.as_bytes()), Err(Skip::Minified));
        assert!(by_content("a.md", long.as_bytes()).is_ok());
        assert_eq!(by_content("a.rs", b"fn a() {\0}"), Err(Skip::Binary));
        assert_eq!(by_content("a.rs", &[0xff; 100]), Err(Skip::Binary));
        let marks =
            ["// @generated by x\nfn a() {}", "# DO NOT EDIT\n", "\n/* Code generated by y."];
        for text in marks {
            assert_eq!(by_content("a", text.as_bytes()), Err(Skip::Generated), "{text}");
        }
        let numbers = "x = [0.25, 1.5, -3.125]\n".repeat(1000);
        assert_eq!(by_content("a.toml", numbers.as_bytes()), Err(Skip::Data));
        assert!(by_content("a.toml", &numbers.as_bytes()[..4000]).is_ok());
        assert!(by_content("a.py", numbers.as_bytes()).is_ok());
        let records = "{\"name\": \"value\"}\n".repeat(5000);
        assert_eq!(by_content("a.json", records.as_bytes()), Err(Skip::Data));
        assert!(by_content("a.txt", records.as_bytes()).is_ok());
        let quoted = "let mark = \"// @generated\";\n";
        assert_eq!(by_content("a", quoted.as_bytes()).as_deref(), Ok(quoted));
    }

    #[test]
    fn a_little_that_is_no_text_is_replaced() {
        assert_eq!(decode(b"caf\xe9 au lait").as_deref(), Some("caf\u{fffd} au lait"));
        assert_eq!(decode(b"\xef\xbb\xbfa").as_deref(), Some("a"));
        assert_eq!(decode(b"").as_deref(), Some(""));
    }
}
