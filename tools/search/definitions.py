"""Where a symbol is defined: its first and last line in Rust or Python source, or in Markdown."""

import ast
import re

RUST_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])'|[{};()\[\]]""",
    re.S,
)
OPEN, CLOSE = "{([", "})]"


def lines_of(path, text, symbol):
    """All definitions of `symbol`, as pairs of lines, counted from 1; a method is `Type::name`."""
    if path.endswith(".rs"):
        spans = rust(text, symbol.split("::"), 0, len(text))
        return [(text.count("\n", 0, a) + 1, text.count("\n", 0, b) + 1) for a, b in spans]
    if path.endswith(".py"):
        return [
            (node.lineno, node.end_lineno)
            for node in ast.walk(ast.parse(text))
            if getattr(node, "name", None) == symbol
        ]
    return section(text, symbol)


def rust(text, names, start, end):
    name, rest = re.escape(names[0]), names[1:]
    heads = rf"\b(?:fn|struct|enum|trait|union|type|const|static|mod)\s+{name}\b"
    if rest:
        heads = rf"\b(?:trait\s+{name}\b|impl\b(?:[^{{;]*?\W)?{name}\b(?!\s*(?:<[^{{]*>\s*)?for\b))"
    for head in re.finditer(heads, text[start:end]):
        at = start + head.start()
        last = body_end(text, start + head.end())
        if not rest:
            yield at, last
        else:
            yield from rust(text, rest, at + len(head.group()), last)


def body_end(text, at):
    """The end of the first braces at depth 0, or the `;` before them."""
    depth = 0
    for token in RUST_TOKEN.finditer(text, at):
        mark = token.group()
        if mark in OPEN:
            depth += 1
        elif mark in CLOSE:
            depth -= 1
            if depth == 0 and mark == "}":
                return token.start()
        elif mark == ";" and depth == 0:
            return token.start()
    return len(text)


def section(text, heading):
    lines, fenced, found = text.splitlines(), False, None
    for number, line in enumerate(lines, 1):
        fenced ^= line.startswith("```")
        mark = re.match(r"(#+)\s+(.*)", line)
        if fenced or not mark:
            continue
        if found and len(mark[1]) <= found[1]:
            return [(found[0], number - 1)]
        if not found and mark[2].strip() == heading:
            found = number, len(mark[1])
    return [(found[0], len(lines))] if found else []
