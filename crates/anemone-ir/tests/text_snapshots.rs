//! MIL texts as they are read and printed again: `text/in` to `text/out`; `UPDATE=1` rewrites.
#![allow(clippy::disallowed_methods)]

use anemone_ir::program::TypeDecl;
use anemone_ir::text::{parse, print};
use anemone_tensor::Buffer;

fn no_weights(_: &str, _: u64, _: &TypeDecl) -> Result<Buffer, String> {
    Ok(Buffer::from_bytes(&[]))
}

#[test]
fn texts_are_written_as_before() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.join("in")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "mil") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let program =
            parse(&text, &mut no_weights).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let found = print(&program);
        assert_eq!(parse(&found, &mut no_weights).as_ref(), Ok(&program), "{}", path.display());
        let expected = folder.join("out").join(path.file_name().unwrap());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &found).unwrap();
        }
        assert_eq!(found, std::fs::read_to_string(&expected).unwrap(), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}
