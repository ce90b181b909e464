//! Go and Java.

use anemone_chunk::Language;

use super::table;

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
