//! JavaScript and TypeScript.

use anemone_chunk::Language;

use super::table;

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
