"""A corpus for code search: documented functions, and the first sentence of their documentation.

Python functions come from source folders, Rust functions from crates' sources. Each function lies in
a file of its own whose name is a number, without its documentation; its query is the first sentence
of that. The filters are those of CodeSearchNet: 3 to 30 words, mostly ASCII, no test, no duplicate,
at least three lines.
"""

import ast
import json
import pathlib
import random
import re
import subprocess
import sysconfig
import textwrap

from definitions import body_end
from words import split

EACH_PACKAGE = 200
TEST_PLACE = re.compile(r"(^|[/_])(tests?|testing|benches|benchmarks?|examples?|conftest|vendored)([/_.]|$)")
RUST_HEAD = re.compile(
    r"""(?P<doc>(?:^[ \t]*///[^\n]*\n)+)(?P<attributes>(?:^[ \t]*\#\[[^\n]*\]\n)*)"""
    r"""(?P<head>^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:(?:default|const|async|unsafe|extern\s+"[^"]*")\s+)*fn\s+(?P<name>\w+))""",
    re.M,
)


def python_folders():
    paths = sysconfig.get_paths()
    return [pathlib.Path(paths["stdlib"]), pathlib.Path(paths["purelib"])]


def crate_folders(repo):
    """The sources of the packages from elsewhere that the workspace depends on."""
    told = subprocess.run(
        ["cargo", "metadata", "--format-version", "1"], cwd=repo, check=True, capture_output=True, text=True
    )
    packages = json.loads(told.stdout)["packages"]
    return sorted(pathlib.Path(p["manifest_path"]).parent for p in packages if p["source"])


def source_files(folder, suffix):
    for path in sorted(folder.rglob(f"*{suffix}")):
        inner = path.relative_to(folder).as_posix()
        if not TEST_PLACE.search(inner) and path.is_file() and path.stat().st_size < 1_000_000:
            try:
                yield inner, path.read_text()
            except UnicodeDecodeError:
                pass


def python_functions(folder):
    """Yields package, name, documentation, and the function without it."""
    for inner, text in source_files(folder, ".py"):
        if folder.name != "site-packages" and inner.startswith("site-packages/"):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        lines = text.splitlines()
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or len(node.body) < 2:
                continue
            doc = ast.get_docstring(node)
            if not doc or node.name.startswith(("__", "test")):
                continue
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            string = node.body[0]
            if string.end_lineno >= node.body[1].lineno or string.lineno <= node.lineno:
                continue
            kept = lines[first - 1 : string.lineno - 1] + lines[string.end_lineno : node.end_lineno]
            yield inner.split("/")[0], node.name, doc, textwrap.dedent("\n".join(kept))


def rust_functions(folder):
    package = re.sub(r"-\d.*", "", folder.name)
    for _, text in source_files(folder / "src", ".rs"):
        tests = re.search(r"^\s*mod tests?\s*\{", text, re.M)
        for head in RUST_HEAD.finditer(text, 0, tests.start() if tests else len(text)):
            end = body_end(text, head.end())
            if text[end : end + 1] != "}":
                continue
            doc = re.sub(r"^[ \t]*///[ ]?", "", head["doc"], flags=re.M)
            code = textwrap.dedent(head["attributes"] + text[head.start("head") : end + 1])
            if "```" not in code:
                yield package, head["name"], doc, code


def first_sentence(doc):
    paragraph = re.split(r"\n\s*\n|\n\s*(?:[-*#:>]|\.\. )", doc.strip(), maxsplit=1)[0]
    text = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?", r"\1", paragraph)
    text = re.sub(r":\w+:`([^`]*)`", r"\1", text).replace("`", "")
    text = " ".join(text.split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text, maxsplit=1)[0].strip()


def is_query(query, name):
    words = query.split()
    return (
        3 <= len(words) <= 30
        and sum(c.isascii() and (c.isalpha() or c == " ") for c in query) >= 0.8 * len(query)
        and not re.search(r"https?:|>>>|TODO|FIXME|[Dd]eprecated|@|\\|^See |^Alias|^Same as|^Like ", query)
        and split(query) != split(name)
    )


def functions(folders, each):
    """Usable functions in a fixed order, without those that equal an earlier one, few of each package."""
    seen, taken = set(), {}
    for folder in folders:
        for package, name, doc, code in each(folder):
            query = first_sentence(doc)
            lines = [line for line in code.splitlines() if line.strip()]
            keys = {" ".join(code.split()), query.lower().rstrip(".")}
            if len(lines) < 3 or not is_query(query, name) or "test" in split(name) or keys & seen:
                continue
            seen |= keys
            taken.setdefault(package, []).append({"package": package, "name": name, "query": query, "code": code})
    rng = random.Random(1)
    for package in sorted(taken):
        rng.shuffle(taken[package])
        yield from taken[package][:EACH_PACKAGE]


def build(languages, size, queries, seed):
    """`size` functions of each language, `queries` of which are asked for: half in `dev`, half in `test`."""
    corpus = []
    for language, folders, each in languages:
        rng = random.Random(seed)
        found = list(functions(folders, each))
        rng.shuffle(found)
        found = found[:size]
        for index, function in enumerate(found):
            part = None if index >= queries else "dev" if index % 2 else "test"
            corpus.append(function | {"language": language, "path": f"{language}/{index:05}.{language}", "part": part})
    return corpus


def write(corpus, tree):
    for function in corpus:
        path = tree / function["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(function["code"] + "\n")
