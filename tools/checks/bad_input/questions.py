"""What is asked for, where, of which files, by which model; and who listens."""

import contextlib
import os
import pathlib
import pty
import random
import re
import select
import shutil
import stat
import subprocess
import time

import numpy as np

from .bench import CONTROL, MODEL, ROOT, SECONDS, SOURCES, many, put, snapshot

DIGITS = ROOT / "models" / "tiny-digits" / "tiny-digits.mlpackage"
# What a bar and colours are made of: nothing else may move a terminal.
PLAIN = re.compile(rb"\x1b\[(?:[0124]|3[1236])?(?:;3[1236])?m|\x1b\[2?K|\x1b\[\d*[AB]|\x1b\[\?25[lh]")
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[35m\x9b5m\x08\x7f"


def queries(b):
    tree = b.tree()
    for empty in ["", "   ", "\t\n", "\u3000"]:
        b.run("search", empty, tree, code=2, says="empty")
    b.run("search", code=2, says="no query")
    b.run("search", "?!.;", tree)
    b.run("search", "?!.;", tree, "--mode", "lexical", says="nothing found")
    b.run("search", "retry backoff " * 7200, tree, says="1 of 1 queries are longer")
    b.run("search", "x" * 100_000, tree, "--mode", "lexical", says="nothing found")
    b.finds("tries again and waits longer", tree, "sub/retry.rs")
    b.run("search", b"\xff\xfe", tree, code=2)
    b.run("search", "--queries", "-", tree, code=2, says="no query")
    lines = b.fresh("lines")
    lines.write_text("retry\n\nrows\n")
    b.run("search", "--queries", lines, tree, code=2, says="query 2 is empty")
    lines.write_bytes(b"retry \xff\n")
    b.run("search", "--queries", lines, tree, code=1, says="cannot read")
    for option in [
        ["--lang", "elvish"],
        ["--path", "["],
        ["--top", "0"],
        ["--dense-weight", "2"],
        ["--top", "-1"],
    ]:
        b.run("search", "retry", tree, *option, code=2)
    b.run("search", "retry", tree, "--top", 2**64 - 1)
    b.run("embed", "", code=(1, 2), says="empty")
    b.run("embed", code=2)
    b.run("embed", "-", code=(1, 2), says="no text")


def places(b):
    tree, empty = b.tree(), b.tree({})
    b.run("search", "x", empty, code=1, says="no file to search")
    b.run("index", empty, says="0 files")
    b.run("search", "x", b.tree({"a.png": b"\x89PNG", "Cargo.lock": "x"}), code=1, says=r"binary.*|lock")
    for wrong in [tree / "read.py", tree / "none", tree / "read.py" / "x", "", "n" * 5000]:
        b.run("search", "x", wrong, code=(1, 2))
        b.run("index", wrong, code=(1, 2))
        b.run("index", "status", wrong, code=(1, 2))
    b.run("index", "status", b.tree(), code=1, says="no index")
    b.run("index", "clear", b.tree())
    link = b.fresh("link")
    link.symlink_to(tree)
    b.run("index", tree)
    ways = [
        tree,
        f"{tree}/",
        f"{tree}//",
        link,
        f"{link}/",
        f"{tree}/sub/..",
        os.path.relpath(tree, b.scratch),
    ]
    folders = {b.run("index", "status", way, "--json").json["index"] for way in ways}
    b.expect(len(folders) == 1, f"one tree has several indexes: {folders}")
    b.finds("retry", f"{link}/", "sub/retry.rs")
    odd = b.fresh("odd")
    odd = pathlib.Path(os.fsdecode(os.fsencode(odd) + b"-\xff"))
    put(odd, "a.py", SOURCES["read.py"])
    b.run("index", odd)
    b.run("search", "rows", odd)
    gone = b.fresh("gone")
    gone.mkdir()
    shell = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone), *b.command(["search", "x"], None)]
    child = subprocess.Popen(shell, env=b.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.words = "search in a folder that is gone"
    b.end(child, code=1)


def homes(b):
    tree = b.tree()
    env = dict(b.env)
    del env["XDG_CACHE_HOME"]
    b.run("search", "rows", tree, env=env)
    b.expect(b.run("index", "status", tree, env=env).code == 0, "no index in the home folder")
    env["XDG_CACHE_HOME"] = "not/absolute"
    b.run("index", tree, env=env)
    b.expect(not (b.scratch / "not").exists(), "a relative XDG_CACHE_HOME was used")
    env = {name: value for name, value in env.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    # The user's own record of a home is asked then; it may name one that is not there.
    done = b.run("search", "rows", tree, env=env, code=(0, 1))
    if done.code == 0:
        folder = pathlib.Path(b.run("index", "clear", tree, "--json", env=env).json["cleared"])
        for parent in folder.parents[:2]:
            with contextlib.suppress(OSError):
                parent.rmdir()
    b.run("search", "rows", tree, "--index", b.fresh("index"), env=env)


def contents(b):
    tree = b.tree(
        {
            "latin.py": b"def caf\xe9():\n    return 'menu of the caf\xe9'\n",
            "zeros.py": b"\0" * 64,
            "noise.txt": bytes(random.Random(1).randrange(128, 256) for _ in range(4000)),
            "long.py": "x = '" + "retry backoff " * 7143 + "'\n",
            "long.txt": "y" * 100_000,
            "long.md": "# Long\n\n" + "weights memory " * 6667,
            "deep.js": "[" * 50_000,
            "empty.py": "",
            "blank.py": "\n \n\t\n",
            "bom.py": b"\xef\xbb\xbfdef marked():\n    pass\n",
            "wide.py": "def größe():\n    return '" + "\U0001f41a" * 500 + "'\n",
            "r.py": "def a():\r\n    pass\rdef b():\r    pass\r",
            b"caf\xe9.py": "x = 1\n",
            b"dir\xff/a.py": "x = 1\n",
            "new\nline.py": "def strange_name():\n    pass\n",
            "a" * 250 + ".py": "def long_name():\n    pass\n",
        }
    )
    with open(tree / "huge.py", "wb") as file:
        file.truncate(2 << 30)
    os.mkfifo(tree / "pipe.py")
    (tree / "loop").symlink_to(".")
    (tree / "self").symlink_to("self")
    (tree / "up").symlink_to("..")
    (tree / "outside.py").symlink_to("/etc/passwd")
    os.makedirs(tree / "/".join("deep" for _ in range(300)))
    index = b.fresh("index")
    done = b.run("index", tree, "--index", index, "--json")
    if done.code == 0:
        report = done.json
        expected = {"minified": 1, "binary": 2, "large": 1, "link": 4, "special": 1, "name": 2}
        b.expect(report["skipped"] == expected, f"skipped {report['skipped']}, not {expected}")
        b.expect(report["unreadable"] == [], f"unreadable: {report['unreadable']}")
    b.is_fresh(tree, index, "odd contents")
    again = b.run("index", tree, "--index", index, "--json").json
    b.expect(again["embedded"] == again["changed"] == again["added"] == 0, f"the second run: {again}")
    b.finds("menu of the café", tree, "latin.py", "--index", index)
    done = b.run("search", "retry backoff weights yyyy", tree, "--index", index, "--top", "50")
    longest = max(map(len, done.out.splitlines()), default=0)
    b.expect(longest < 400, f"a line of {longest} characters is printed")
    done = b.run("search", "strange name", tree, "--index", index, "--mode", "lexical")
    first = done.out.splitlines()[:1]
    b.expect(first and "line.py:" in first[0], f"a name with a line's end is printed as {first}")
    for wrong in [tree / "pipe.py", tree / "self"]:
        b.run("search", "x", wrong, code=1)
        b.run("index", wrong, code=1)
        b.run("search", "--queries", wrong, tree, code=1)
    b.run("search", "--queries", tree / "huge.py", tree, code=1, says="more than are read")
    b.run("embed", tree / "huge.py")
    b.run("embed", tree / "long.py", says="ends were left out")
    b.run("embed", tree / "zeros.py", tree / "noise.txt")
    b.run("embed", tree / "empty.py", code=1, says="empty")
    for odd in [tree / "pipe.py", tree / "loop"]:
        b.run("embed", odd, code=1)


def terminal(b):
    """What a terminal gets, with names, contents and messages that try to move it."""
    root = b.tree(
        {
            f"evil{HOSTILE}.py": f"def evil():\n    '''{HOSTILE}\x9b2J'''\n    return 'rows {HOSTILE}'\n",
            f"evil{HOSTILE}/x.md": f"# Rows {HOSTILE}\n\nrows {HOSTILE}\n",
        },
        name=f"root{HOSTILE}",
    )
    closed = b.tree({"a.py": "x = 1\n"}, name=f"closed{HOSTILE}")
    wrong = f"wrong{HOSTILE}"
    calls = [
        (["index", root], 0),
        (["search", f"rows {HOSTILE}", root], 0),
        (["search", "rows", root, "--json"], 0),
        (["index", "status", root], 0),
        (["index", root, "--index", b.scratch / wrong], 0),
        (["index", closed, "--index", b.scratch / wrong], 1),
        (["search", "x", closed, "--index", b.scratch / wrong], 1),
        (["index", "status", root, "--index", b.scratch / wrong], 0),
        (["index", "clear", root, "--index", b.scratch / wrong], 0),
        (["index", "clear", root], 0),
        (["search", "x", wrong], 1),
        (["search", "x", root, "--lang", wrong], 2),
        (["search", "x", root, "--path", f"[{wrong}"], 2),
        (["search", "x", closed, "--path", HOSTILE.replace("[", "")], 0),
        (["embed", f"text {HOSTILE}", f"more {HOSTILE}"], 0),
        (["embed", "x", "--npy", b.scratch / f"{wrong}.npy"], 0),
        (["embed", "x", "--npy", b.scratch / wrong / "x.npy"], 1),
        (["embed", "x", "--model", wrong], 1),
        (["search", "x", root, f"--{wrong}"], 2),
        (["search", "x", root, "--mode", wrong], 2),
        (["search", "x", root, "--dense-weight", wrong], 2),
        ([wrong], 2),
    ]
    for arguments, code in calls:
        before = snapshot(root)
        words = b.command(arguments, None)[: None if "--model" not in arguments else -2]
        found, shown = on_terminal(words, b.env, b.scratch)
        b.calls += 1
        told = " ".join(repr(str(a))[:60] for a in arguments)
        b.expect(found == code, f"{told}: exit {found}, not {code}: {shown[-200:]!r}")
        rest = PLAIN.sub(b"", shown).decode(errors="replace")
        raw = CONTROL.search(rest.replace("\r", ""))
        around = raw and rest[max(0, raw.start() - 30) : raw.start() + 20]
        b.expect(not raw, f"{told}: raw control characters on the terminal: {around!r}")
        b.expect(b"panicked" not in shown, f"{told}: {shown[-300:]!r}")
        b.expect(snapshot(root) == before, f"{told}: the tree was changed")


def on_terminal(words, env, folder):
    master, slave = pty.openpty()
    child = subprocess.Popen(words, env=env, cwd=folder, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown, deadline = b"", time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(master, 1 << 16)
        except OSError:  # nobody holds the other end any more
            break
        if not data:
            break
        shown += data
    else:
        child.kill()
    os.close(master)
    return child.wait(), shown


def readers(b):
    """Outputs whose other end is gone, closed or full."""
    tree = b.tree(many(20, random.Random(3)))
    b.run("index", tree)
    shell = 'set -o pipefail; "$@" | head -1 >/dev/null'
    for arguments in [
        ["search", "rows", tree],
        ["search", "rows", tree, "--json", "--top", 100],
        ["index", "status", tree],
    ]:
        child = subprocess.Popen(
            ["bash", "-c", shell, "x", *b.command(arguments, None)], env=b.env, stderr=subprocess.PIPE
        )
        child.words = f"{arguments[0]} | head -1"
        b.expect(b.end(child).err == "", f"{child.words}: it complains")
        read, write = os.pipe()
        os.close(read)
        done = b.run(*arguments, stdout=write)
        os.close(write)
        b.expect(done.err == "", f"{done.command} into a pipe that nobody reads: {done.err!r}")
        b.run(*arguments, stdout=None, preexec_fn=lambda: os.close(1))
        b.run(*arguments, preexec_fn=lambda: os.closerange(0, 3), stdout=None, stderr=None)
        with open("/dev/full", "wb") as full:
            b.run(*arguments, stdout=full, code=1, says="standard output")
    # Nobody can be told then; the work is done all the same.
    with open("/dev/full", "wb") as full:
        for arguments, code in [
            (["index", tree, "--index", b.fresh("index")], 0),
            (["search", "x", tree / "none"], 1),
        ]:
            child = b.start(*arguments, stderr=full)
            child.communicate(timeout=SECONDS)
            b.expect(
                child.returncode == code, f"{child.words} 2>/dev/full: exit {child.returncode}, not {code}"
            )


def models(b):
    tree, good = b.tree(), b.fresh("index")
    b.run("index", tree, "--index", good)
    before = b.digest(tree, good)

    def broken(name, change):
        folder = b.fresh(name)
        shutil.copytree(MODEL, folder)
        change(folder)
        for arguments in [
            ["search", "rows", tree, "--index", good],
            ["index", tree, "--index", good],
            ["embed", "rows"],
        ]:
            b.run(*arguments, model=folder, code=1)

    def other(folder):
        shutil.rmtree(folder / "model.mlpackage")
        shutil.copytree(DIGITS, folder / "model.mlpackage")

    def cut(folder):
        weights = next(folder.rglob("weight.bin"))
        weights.write_bytes(weights.read_bytes()[:100_000])

    broken("garbage", lambda folder: (folder / "tokenizer.json").write_text("garbage"))
    broken("other-json", lambda folder: (folder / "tokenizer.json").write_text('{"version": "1.0"}'))
    broken("no-text", lambda folder: (folder / "tokenizer.json").write_bytes(b"\xff\0"))
    broken("no-tokenizer", lambda folder: (folder / "tokenizer.json").unlink())
    broken("digits", other)
    broken("no-model", lambda folder: shutil.rmtree(folder / "model.mlpackage"))
    broken("no-manifest", lambda folder: next(folder.rglob("Manifest.json")).unlink())
    broken("cut", cut)
    for wrong in [b.scratch / "none", tree / "read.py", DIGITS, tree]:
        b.run("search", "rows", tree, model=wrong, code=1)
    b.expect(b.digest(tree, good) == before, "a model that is none changed the index")


def arrays(b):
    folder = b.tree({"text.md": "cats sleep\n"})
    out = b.scratch / "vectors.npy"
    b.run("embed", "cats sleep", folder / "text.md", "--npy", out)
    made = np.load(out)
    b.expect(made.shape == (2, 384) and made.dtype == np.float32, f"{made.dtype} {made.shape}")
    b.expect(np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-3), "vectors are not of length 1")
    b.run("embed", "x", "--npy", b.scratch / "none" / "x.npy", code=1, says="cannot write")
    b.run("embed", "x", "--npy", folder, code=1, says="cannot write")
    b.run("embed", "x", "--npy", folder / "text.md" / "x.npy", code=1, says="cannot write")
    b.run("embed", "x", "--npy", "", code=(1, 2))
    # Neither a pipe nor a link loses its place to a file.
    pipe, link = b.fresh("pipe"), b.fresh("link")
    os.mkfifo(pipe)
    link.symlink_to(out)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    b.run("embed", "cats sleep", "--npy", pipe)
    if b.expect(stat.S_ISFIFO(os.lstat(pipe).st_mode), "a pipe was replaced by a file"):
        b.expect(os.read(end, 1 << 16).startswith(b"\x93NUMPY"), "the array did not go into the pipe")
    os.close(end)
    b.run("embed", "cats sleep", "--npy", link)
    b.expect(link.is_symlink() and np.load(out).shape == (1, 384), "a link was replaced by a file")
    b.expect(not list(b.scratch.rglob("*.part")), "something half written is left")
