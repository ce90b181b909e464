//! What each language's definitions become: small sources, and the chunks expected of them.

use std::fmt::Write;

use anemone_chunk::{Language, Limits, chunk};

/// One line for each chunk: its lines, kind and symbol. A line is a token; what has three lines is
/// not merged with its neighbours, and what has twelve is not split.
fn table(text: &str, language: Language) -> String {
    let mut at = 0;
    let mut tokens = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            tokens.push(at);
        }
        at += line.len();
    }
    let mut table = String::new();
    for chunk in chunk(text, language, &tokens, Limits { target: 8, maximum: 12 }) {
        let (first, last) = (chunk.lines.start(), chunk.lines.end());
        let line = format!("{first}-{last} {} {}", chunk.kind.name(), chunk.symbol);
        writeln!(table, "{}", line.trim_end()).unwrap();
    }
    table
}

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

const JAVASCRIPT: &str = r#"import a from "a";
const fs = require("fs");
const path = require("path");

/** Doc. */
export const add = (a, b) => {
  return a + b;
};

export default class Walker extends Base {
  #state = 0;
  static count = 1;

  constructor(root) {
    this.root = root;
  }

  handle = async () => {
    await this.next();
  };

  get size() {
    return 1;
  }
}

Walker.prototype.extra = function () {
  return 2;
};

function* generate() {
  yield 1;
}

describe("walker", () => {
  it("walks", () => {
    expect(1);
  });
});
"#;

const JAVASCRIPT_TABLE: &str = "\
1-3 text
5-8 function add
10-12 type Walker
14-16 method Walker.constructor
18-20 method Walker.handle
22-25 method Walker.size
27-29 function Walker.prototype.extra
31-33 function generate
35-39 text
";

#[test]
fn javascript_functions_are_named_where_they_are_assigned() {
    assert_eq!(table(JAVASCRIPT, Language::JavaScript), JAVASCRIPT_TABLE);
}

#[test]
fn javascript_reads_the_same_as_typescript() {
    assert_eq!(table(JAVASCRIPT, Language::TypeScript), JAVASCRIPT_TABLE);
    assert_eq!(table(JAVASCRIPT, Language::Tsx), JAVASCRIPT_TABLE);
}

#[test]
fn typescript_has_interfaces_enums_and_namespaces() {
    let text = r#"export interface Options {
  depth: number;
}

type Pair<T> = {
  a: T;
};

export enum Color {
  Red,
}

declare module "walk" {
  export function walk(
    root: string,
  ): void;
}

namespace A.B {
  export function inner(): number {
    return 1;
  }
}

@Component({
  selector: "x",
})
export abstract class View<T> {
  @Input() name: string = "";
  private x = 1;

  @Listen("x")
  on(): void {
    this.x = 2;
  }

  abstract draw(
    a: number,
  ): void;
}

export default function () {
  return 1;
}
"#;
    let expected = "\
1-3 type Options
5-7 type Pair
9-11 type Color
13-17 function walk.walk
19-23 function A.B.inner
25-30 type View
32-35 method View.on
37-40 method View.draw
42-44 function default
";
    assert_eq!(table(text, Language::TypeScript), expected);
    assert_eq!(table(text, Language::Tsx), expected);
}

#[test]
fn tsx_has_elements() {
    let text = "export const View = ({ name }: Props) => {
  const [a, b] = use();
  return <div onClick={() => b(1)}>{name}</div>;
};
";
    assert_eq!(table(text, Language::Tsx), "1-4 function View\n");
    assert_eq!(table(&text.replace(": Props", ""), Language::JavaScript), "1-4 function View\n");
}

#[test]
fn go_methods_are_named_by_receiver() {
    let text = r#"package main

import (
	"fmt"
)

// Doc.
type Server[T any] struct {
	name string
}

type (
	// A is one.
	A struct {
		x int
	}
	B interface {
		Run(a int) error
	}
)

const (
	First = iota
	Second
)

// Run runs.
func (s *Server[T]) Run(a int) error {
	return nil
}

func (A) Stop() {
	fmt.Println()
}

func main() {
	Run()
}
"#;
    let expected = "\
1-5 text
7-10 type Server
12-16 type A
17-20 type B
22-25 constant First, Second
27-30 method Server.Run
32-34 method A.Stop
36-38 function main
";
    assert_eq!(table(text, Language::Go), expected);
}

#[test]
fn c_functions_are_named_by_their_declarators() {
    let text = r#"#ifndef A_H
#define A_H
#include <stdio.h>
#include <stdlib.h>

#define MAX(a, b) \
    ((a) > (b) \
     ? (a) : (b))

/* Doc. */
struct point {
    int x;
};

typedef struct {
    int y;
} pair;

static const int table[] = {
    1,
};

int (*choose(int a))(int)
{
    return 0;
}

extern "C" {
char **names(void)
{
    return 0;
}
}

#ifdef FAST
void run(void)
{
}
#else
void walk(void)
{
}
#endif
#endif
"#;
    let expected = "\
1-4 text
6-8 macro MAX
10-13 type point
15-17 type pair
19-21 constant table
23-26 function choose
28-33 function names
35-38 function run
39-44 function walk
";
    assert_eq!(table(text, Language::C), expected);
}

#[test]
fn cpp_functions_are_named_by_namespace_and_class() {
    let text = r#"#include <vector>
#include <map>
using namespace std;

namespace a::b {

/// Doc.
template <typename T>
class Shape : public Base {
 public:
  // Doc.
  Shape(
      int x);
  virtual ~Shape() {
    clear();
  }
  int operator+(int b) const {
    return x_ + b;
  }
  enum class Mode {
    On,
  };
 private:
  int x_;
};

template <class T>
int Shape<T>::area(int y) {
  return y;
}

namespace {
void hidden() {
  return;
}
}

}

Shape::operator bool() {
  return true;
}
"#;
    let expected = "\
1-3 text
5-9 type a::b::Shape
10-13 method a::b::Shape::Shape
14-16 method a::b::Shape::~Shape
17-19 method a::b::Shape::operator+
20-22 type a::b::Shape::Mode
23-25 type a::b::Shape
27-30 method a::b::Shape::area
32-38 function a::b::hidden
40-42 method Shape::operator bool
";
    assert_eq!(table(text, Language::Cpp), expected);
    assert_eq!(table(text, Language::C), expected, "a header that reads like C++");
}

#[test]
fn java_members_are_named_by_class() {
    let text = r#"package a.b;

import java.util.List;

/** Doc. */
@Deprecated
public class Walker<T> extends Base {
  private int depth = 1;

  public Walker(int depth) {
    this.depth = depth;
  }

  // Doc.
  @Override
  public List<T> next() {
    return null;
  }

  enum Mode {
    ON, OFF;
    void set() {
      x();
    }
  }

  interface Visitor {
    void visit(
        int a);
  }

  record Pair(int a, int b) {
    Pair {
      check();
    }
    int sum() {
      return a + b;
    }
  }
}
"#;
    let expected = "\
1-3 text
5-8 type Walker
10-12 method Walker.Walker
14-18 method Walker.next
20-25 type Walker.Mode
27-30 type Walker.Visitor
32-35 type Walker.Pair, Walker.Pair.Pair
36-40 method Walker.Pair.sum
";
    assert_eq!(table(text, Language::Java), expected);
}

#[test]
fn markdown_sections_are_named_by_the_headings_above_them() {
    let text = r#"---
title: x
---
Before.

More.

# Guide

Some
text
here.

## Install `it`

```sh
# not a heading
make
make install
```

## Use
Short.
### Deep
Short.

Other
=====

> # Quoted
> a
"#;
    let expected = "\
1-6 text
8-12 section Guide
14-20 section Guide > Install it
22-25 section Guide > Use
27-31 section Other
";
    assert_eq!(table(text, Language::Markdown), expected);
}

#[test]
fn other_text_is_cut_at_blank_lines() {
    let text = "[a]\nb = 1\nc = 2\nd = 3\n\n".repeat(5);
    assert_eq!(table(&text, Language::Text), "1-9 text\n11-24 text\n");
}

#[test]
fn what_does_not_parse_is_kept_as_text() {
    let text = "fn good() {\n    a();\n}\n\n@@ bad\n@@ bad\n@@ bad\n\nfn fine() {\n    b();\n}\n";
    let expected = "1-3 function good\n5-7 text\n9-11 function fine\n";
    assert_eq!(table(text, Language::Rust), expected);
}

#[test]
fn a_long_function_is_cut_between_its_outer_statements() {
    let mut text = "fn long() {\n".to_owned();
    for _ in 0..8 {
        text += "    // About it.\n    if a {\n        b();\n    } else {\n        c();\n    }\n";
    }
    text += "}\n";
    let mut expected = String::new();
    for first in (2..50).step_by(6) {
        let (first, last) = (if first == 2 { 1 } else { first }, first + 5 + first / 44);
        writeln!(expected, "{first}-{last} function long").unwrap();
    }
    assert_eq!(table(&text, Language::Rust), expected);
}
