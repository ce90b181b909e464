"""A scratch folder, the binary, and what every call must keep."""

import contextlib
import json
import os
import pathlib
import re
import stat
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "all-MiniLM-L6-v2"
SECONDS = 30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SOURCES = {
    "read.py": "def read_rows(path):\n    '''Reads comma separated rows.'''\n    return open(path).read()\n",
    "sub/retry.rs": "/// Tries again and waits longer.\nfn retry_with_backoff(n: u32) -> u32 {\n    n\n}\n",
    "notes.md": "# Weights\n\nWeights are mapped into memory.\n\n# Kills\n\nA killed run loses nothing.\n",
}


class Skip(Exception):
    """A part that cannot be tried here."""


class Done:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return lines[0] if lines else ""


class Bench:
    """A scratch folder, the binary, and the faults that were found."""

    def __init__(self, scratch, binary):
        self.scratch, self.binary, self.model = scratch, binary, MODEL
        self.faults, self.calls, self.part, self.count = [], 0, "", 0
        self.trees = {}
        self.as_user = []
        self.env = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        self.env |= {"LANG": "C.UTF-8", "TERM": "xterm-256color", "HOME": str(scratch / "home")}
        self.env["XDG_CACHE_HOME"] = str(scratch / "cache")

    def fault(self, what):
        self.faults.append(f"{self.part}: {what}")

    def expect(self, is_right, what):
        if not is_right:
            self.fault(what)
        return is_right

    def fresh(self, name):
        """A name in the scratch folder that nobody has."""
        self.count += 1
        return self.scratch / f"{name}-{self.count}"

    def tree(self, files=None, name="tree"):
        """A tree that must stay as it is, until `moves` says otherwise."""
        root = self.fresh(name)
        root.mkdir()
        for path, content in (SOURCES if files is None else files).items():
            put(root, path, content)
        self.trees[root] = True
        return root

    @contextlib.contextmanager
    def moves(self, root):
        self.trees[root] = False
        yield
        self.trees[root] = True

    def command(self, arguments, model):
        words = [*self.as_user, str(self.binary), *(a if isinstance(a, bytes) else str(a) for a in arguments)]
        takes_model = arguments[0] in ("search", "embed") or arguments[:2] != ["index", "status"]
        takes_model = takes_model and arguments[:2] != ["index", "clear"]
        return words + (["--model", str(model or self.model)] if takes_model else [])

    def start(self, *arguments, model=None, **options):
        command = self.command(list(arguments), model)
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "stdin": subprocess.DEVNULL,
        } | options
        child = subprocess.Popen(command, **({"env": self.env, "cwd": self.scratch} | options))
        child.words = " ".join(repr(a)[:80] for a in arguments)
        return child

    def end(self, child, code=0, says=None, seconds=SECONDS):
        """Waits for a call and judges what all calls have in common."""
        self.calls += 1
        try:
            out, err = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            self.fault(f"{child.words}: still runs after {seconds} s")
            return Done(child.words, None, "", "")
        done = Done(child.words, child.returncode, text(out), text(err))
        self.judge(done, [code] if isinstance(code, int) else code, says)
        return done

    def judge(self, done, codes, says):
        panic = re.search(r"panicked at \S*", done.err)
        told = panic[0] if panic else repr(done.err.strip()[-300:])
        told = f"{done.command}: exit {done.code}: {told}"
        errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
        self.expect(done.code in codes, f"{told}; expected exit {codes}")
        self.expect(not panic, f"{told}; a panic")
        self.expect(len(errors) == (done.code != 0), f"{told}; {len(errors)} lines of error")
        for stream in (done.out, done.err):
            found = CONTROL.search(stream)
            self.expect(not found, f"{told}; control character {found and found[0]!r}")
        if says is not None:
            self.expect(re.search(says, done.err + done.out), f"{told}; it does not say {says!r}")

    def run(self, *arguments, code=0, says=None, seconds=SECONDS, **options):
        still = [root for root in arguments if isinstance(root, pathlib.Path) and self.trees.get(root)]
        before = [snapshot(root) for root in still]
        done = self.end(self.start(*arguments, **options), code, says, seconds)
        for root, was in zip(still, before, strict=True):
            self.expect(snapshot(root) == was, f"{done.command}: the tree was changed")
        return done

    def digest(self, root, index):
        done = self.run("index", "status", root, "--digest", "--json", "--index", index)
        return done.json["digest"] if done.code == 0 else f"none of {index.name}"

    def anew(self, root):
        """The digest of an index that nothing ever happened to."""
        index = self.fresh("fresh")
        self.run("index", root, "--index", index)
        return self.digest(root, index)

    def is_fresh(self, root, index, what):
        self.expect(self.digest(root, index) == self.anew(root), f"{what}: not what a fresh index is")

    def finds(self, query, root, path, *more, **options):
        done = self.run("search", query, root, "--json", *more, **options)
        if done.code == 0:
            paths = [hit["path"] for hit in done.json["results"]]
            self.expect(paths[:1] == [path], f"{done.command}: found {paths[:3]}, not {path}")
        return done


def text(data):
    return (data or b"").decode(errors="replace")


def put(root, path, content):
    full = os.path.join(os.fsencode(root), os.fsencode(path))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def snapshot(root):
    found = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in [b"."] + folders + files:
            path = os.path.join(folder, name)
            meta = os.lstat(path)
            found[path] = (stat.S_IFMT(meta.st_mode), meta.st_size, meta.st_mtime_ns)
    return found


def many(count, rng):
    """Files with a few functions each."""
    verbs, things = ["read", "write", "sort", "merge", "count"], ["rows", "keys", "pages", "users"]
    files = {}
    for i in range(count):
        names = [f"{rng.choice(verbs)}_{rng.choice(things)}_{rng.randrange(1000)}" for _ in range(3)]
        body = "".join(f"def {name}(x):\n    '''{name} {i}'''\n    return x + {i}\n\n" for name in names)
        files[f"d{i % 4}/f{i}.py"] = body
    return files
