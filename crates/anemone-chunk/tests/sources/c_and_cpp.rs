//! C and C++.

use anemone_chunk::Language;

use super::table;

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
