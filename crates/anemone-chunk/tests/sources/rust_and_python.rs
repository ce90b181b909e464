//! Rust and Python.

use anemone_chunk::Language;

use super::table;

#[test]
fn rust_items_are_named_by_impl_and_module() {
    let text = r#"//! A file.
use std::fmt;
use std::io;

/// Doc.
#[derive(Debug)]
pub struct Index<'a> {
    name: &'a str,
}

impl<'a> Index<'a> {
    /// Doc.
    pub fn open() -> Self {
        fn nested() {}
        todo!()
    }

    const LIMIT: usize = 3;

    #[inline]
    fn close(self) {
        drop(self)
    }
}

impl fmt::Display for &Index<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

pub trait Walk {
    /// Doc.
    type Item;
    fn next(
        &mut self,
    ) -> Option<Self::Item>;
}

macro_rules! twice {
    ($a:expr) => {
        $a + $a
    };
}

extern "C" {
    fn puts(
        text: *const u8,
    ) -> i32;
}

mod elsewhere;

#[cfg(test)]
mod tests {
    #[test]
    fn it_opens() {
        Index::open();
    }

    #[test]
    fn it_closes() {
        Index::open().close();
    }
}
"#;
    let expected = "\
1-3 text
5-9 type Index
11-18 method Index::open, Index::LIMIT
20-24 method Index::close
26-30 method Index::fmt
32-34 type Walk
35-38 method Walk::next
40-44 macro twice
46-52 function puts
54-59 function tests::it_opens
61-65 function tests::it_closes
";
    assert_eq!(table(text, Language::Rust), expected);
}

#[test]
fn python_methods_are_named_by_class() {
    let text = r#""""A module."""
import os
import sys

LIMIT = 3


@decorator(
    1,
)
def first(
    a,
):
    return a


class Outer(Base):
    """Doc."""
    field = 1

    class Inner:
        def deep(self):
            x = 1
            return x

    # About it.
    @property
    async def second(self):
        return 2


if sys.platform == "x":
    def third():
        a = 1
        return a
else:
    def third():
        a = 2
        return a

if __name__ == "__main__":
    args = parse()
    first(args)
    print(args)
"#;
    let expected = "\
1-5 constant LIMIT
8-14 function first
17-19 type Outer
21-24 type Outer.Inner
26-29 method Outer.second
32-35 function third
36-39 function third
41-44 text
";
    assert_eq!(table(text, Language::Python), expected);
}
