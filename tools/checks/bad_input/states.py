"""An index that is foreign, damaged, in use, killed, without room, or forbidden."""

import contextlib
import ctypes
import fcntl
import os
import random
import resource
import shutil
import signal
import subprocess
import threading
import time

from .bench import MODEL, SOURCES, Skip, many, put, snapshot
from .questions import homes

KILLS = 20
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def foreign(b):
    """Where the index should be lies something else; it must stay."""
    tree, other = b.tree(), b.tree({"z.py": "def zebra():\n    pass\n"})
    file, full, theirs = b.fresh("file"), b.fresh("full"), b.fresh("theirs")
    file.write_text("mine")
    put(full, "mine.txt", "mine")
    b.run("index", other, "--index", theirs)
    before = [snapshot(full), b.digest(other, theirs)]
    for where in [file, full, file / "below"]:
        b.run("index", tree, "--index", where, code=1, says="not a part of an index")
        b.run("search", "x", tree, "--index", where, code=1, says="not a part of an index")
        b.run("index", "status", tree, "--index", where, code=1)
        b.run("index", "clear", tree, "--index", where, code=1)
    b.run("index", tree, "--index", theirs, code=1, says="is the index of")
    b.run("search", "x", tree, "--index", theirs, code=1, says="is the index of")
    b.expect(file.read_text() == "mine", "a file was changed")
    b.expect(before == [snapshot(full), b.digest(other, theirs)], "something else's was changed")
    index = b.fresh("index")
    b.run("index", tree, "--index", index)
    put(index, "mine.txt", "mine")
    (index / "vectors-77.f16").write_text("mine")
    b.run("index", "clear", tree, "--index", index)
    left = sorted(path.name for path in index.iterdir())
    b.expect(left == ["mine.txt", "vectors-77.f16"], f"after clearing there is {left}")
    b.run("index", tree, "--index", index, code=1, says="not a part of an index")
    inside = b.tree()
    with b.moves(inside):
        b.run("index", inside, "--index", inside / "index")
    b.run("index", inside, "--index", inside / "index", "--json")
    b.expect(b.digest(inside, inside / "index") == b.anew(tree), "an index in the tree is indexed itself")


def damaged(b):
    tree, good = b.tree(many(6, random.Random(5)) | SOURCES), b.fresh("good")
    b.run("index", tree, "--index", good)
    right, rng = b.digest(tree, good), random.Random(7)
    names = sorted(path.name for path in good.iterdir())
    changes = ["flip"] * 4 + ["cut", "empty", "zero", "page 1", "page 2", "more", "garbage", "gone", "folder"]
    for name in ["index.redb", next(n for n in names if n.startswith("vectors"))]:
        for change in changes:
            index = b.fresh(change.replace(" ", "-"))
            shutil.copytree(good, index)
            what = damage(index / name, change, rng)
            done = b.run(
                "search", "tries again and waits longer", tree, "--index", index, "--json", code=(0, 1)
            )
            if done.code == 0:
                hits = done.json["results"]
                b.expect(all(abs(hit["dense"] or 0) < 1.01 for hit in hits), f"{what}: no cosine: {hits[:1]}")
                # A vector that is a little off is found by --verify, not by each query.
                is_right = hits[0]["path"] == "sub/retry.rs" or name != "index.redb"
                b.expect(is_right, f"{what}: the first answer is {hits[0]['path']}")
            b.run("index", "status", tree, "--index", index, "--digest", code=(0, 1))
            if change == "folder":
                # What is not ours is not removed; vectors may go into another file.
                b.run("index", tree, "--index", index, code=int(name == "index.redb"))
                continue
            b.run("index", tree, "--index", index, "--verify")
            b.expect(b.digest(tree, index) == right, f"{what}: --verify does not mend it")
    for name in ["CACHEDIR.TAG", "lock"]:
        index = b.fresh(name)
        shutil.copytree(good, index)
        (index / name).write_bytes(b"garbage")
        is_tag = name != "lock"
        b.run("search", "rows", tree, "--index", index, code=int(is_tag))
        b.run("index", tree, "--index", index, code=int(is_tag))
    index = b.fresh("litter")
    shutil.copytree(good, index)
    for name in ["texts.tmp", "words-3.tmp", "vectors-9.f16", "vectors-x.f16", "index.redb.old"]:
        (index / name).write_bytes(rng.randbytes(500))
    b.run("index", tree, "--index", index)
    b.expect(b.digest(tree, index) == right, "litter changes what the index says")


def damage(path, change, rng):
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    if change == "flip":
        for _ in range(8):
            at = rng.randrange(len(data))
            data[at] ^= 1 << rng.randrange(8)
    elif change in ("zero", "page 1", "page 2"):
        at = at if change == "zero" else 4096 * int(change[-1])
        data[at : at + 4096] = bytes(len(data[at : at + 4096]))
    elif change == "cut":
        del data[at:]
    elif change == "empty":
        data.clear()
    elif change == "more":
        data += rng.randbytes(5000)
    elif change == "garbage":
        data[:] = rng.randbytes(len(data))
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "gone":
        path.write_bytes(data)
    return f"{path.name}: {change} at {at}"


def changing(b):
    """Files come, go and change while the index is made."""
    for seed in range(2):
        rng = random.Random(seed)
        tree, index = b.tree(many(20, rng)), b.fresh("index")
        stop = threading.Event()

        def change():
            names = [f"d{i % 4}/f{i}.py" for i in range(30)]
            while not stop.is_set():
                path, kind = tree / rng.choice(names), rng.randrange(5)
                with contextlib.suppress(OSError):
                    if kind == 0:
                        path.unlink()
                    elif kind == 1:
                        path.rename(tree / rng.choice(names))
                    elif kind == 2:
                        path.write_text("")
                    elif kind == 3 and rng.random() < 0.1:
                        shutil.rmtree(path.parent)
                    else:
                        path.parent.mkdir(exist_ok=True)
                        with path.open("w") as file:
                            file.write(f"def a{rng.randrange(50)}():\n")
                            file.flush()
                            file.write("    return 1\n" * rng.randrange(9))

        with b.moves(tree):
            thread = threading.Thread(target=change)
            thread.start()
            try:
                for _ in range(3):
                    b.run("index", tree, "--index", index)
                b.run("search", "rows", tree, "--index", index, code=(0, 1))
            finally:
                stop.set()
                thread.join()
        put(tree, "last.py", "def last():\n    pass\n")
        b.run("index", tree, "--index", index)
        b.is_fresh(tree, index, f"changes while indexing, seed {seed}")


def together(b):
    """Several processes and one index."""
    tree, index = b.tree(many(16, random.Random(9))), b.fresh("index")
    right = b.anew(tree)
    children = [b.start("index", tree, "--index", index) for _ in range(3)]
    children += [b.start("search", "rows", tree, "--index", index) for _ in range(2)]
    for child in children:
        b.end(child)
    b.expect(b.digest(tree, index) == right, "five processes at once: not what a fresh index is")
    # Who holds the lock is another process that indexes, as far as anyone can see.
    with open(index / "lock", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        put(tree, "new.py", "def brand_new():\n    pass\n")
        done = b.run("search", "rows", tree, "--index", index, "--json", says="last finished index answers")
        b.expect(done.code == 0 and done.json["stale"] is True, "an old index answers and does not say so")
        b.run("index", "status", tree, "--index", index)
        b.run("index", "clear", tree, "--index", index, code=1, says="another process")
        waits = b.start("index", tree, "--index", index)
        said = waits.stderr.readline()
        b.expect(b"waiting" in said, f"who waits does not say so: {said!r}")
        b.expect(waits.poll() is None, "it did not wait")
        fcntl.flock(lock, fcntl.LOCK_UN)
        b.end(waits)
    b.is_fresh(tree, index, "after waiting")
    # A first search waits: there is nothing yet that could answer.
    index, other = b.fresh("index"), index
    put(index, "CACHEDIR.TAG", (other / "CACHEDIR.TAG").read_bytes())
    with open(index / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waits = b.start("search", "brand new", tree, "--index", index, "--json")
        said = list(iter(lambda: b"" if b"waiting" in (line := waits.stderr.readline()) else line, b""))
        b.expect(len(said) == 2 and waits.poll() is None, f"a first search tells {said!r} before it waits")
        fcntl.flock(lock, fcntl.LOCK_UN)
        b.end(waits)
    b.is_fresh(tree, index, "after a first search that waited")


def killed(b):
    rng = random.Random(11)
    tree, index = b.tree(many(16, rng)), b.fresh("index")
    begin = time.monotonic()
    b.anew(tree)
    whole, has_finished = time.monotonic() - begin, False
    for kill in range(KILLS):
        with b.moves(tree):
            for path, content in many(16, rng).items():
                if rng.random() < 0.3:
                    put(tree, path, content)
        child = b.start("index", tree, "--index", index)
        try:
            # Moments at random are what is asked for here; the seed makes them the same ones.
            child.wait(timeout=rng.uniform(0, whole))
            has_finished |= child.returncode == 0
        except subprocess.TimeoutExpired:
            child.kill()
        child.communicate()
        done = b.run("index", "status", tree, "--index", index, "--digest", code=(0, 1))
        says_none = "no index" in done.error and not has_finished
        b.expect(done.code == 0 or says_none, f"kill {kill}: the index does not open: {done.error}")
    b.run("index", tree, "--index", index)
    b.is_fresh(tree, index, f"{KILLS} kills")
    left = sorted(path.name for path in index.iterdir() if path.suffix == ".tmp")
    b.expect(not left, f"left behind: {left}")


def full(b):
    """No room: the old index stays, and the next run goes on."""
    tree = b.tree()
    index = b.fresh("limited")
    b.run("index", tree, "--index", index)
    before = b.digest(tree, index)
    for path, content in many(50, random.Random(13)).items():
        put(tree, path, content)
    size = sum(path.stat().st_size for path in index.iterdir())

    def limited(size):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return {"preexec_fn": limit, "restore_signals": False}

    for room in [size, 60_000]:
        done = b.run("index", tree, "--index", index, code=(0, 1), **limited(room))
        if done.code:
            b.expect("no space left" in done.error, f"files of at most {room} bytes: {done.error}")
            b.expect(b.digest(tree, index) == before, f"files of at most {room} bytes: the old index is gone")
    done = b.run("search", "rows", tree, "--index", index, "--json", **limited(60_000))
    b.expect(done.code or done.json["stale"] is True, "files were limited, and the answer is not stale")
    b.run("index", tree, "--index", index)
    b.is_fresh(tree, index, "after files were limited")
    with mounted(b, "size=3m") as disk:
        small, index = b.tree(), disk / "index"
        b.run("index", small, "--index", index)
        before = b.digest(small, index)
        for path, content in many(50, random.Random(13)).items():
            put(small, path, content)
        filler, failed = disk / "filler", 0
        for room in [0, 1, 20, 60, 150]:
            free = os.statvfs(disk)
            pages = free.f_bavail * free.f_frsize // 4096
            filler.write_bytes(bytes(4096 * max(0, pages - room)))
            done = b.run("index", small, "--index", index, code=(0, 1))
            failed += done.code == 1
            if done.code:
                b.expect("no space left" in done.error, f"room for {room} pages: {done.error}")
                b.expect(b.digest(small, index) == before, f"room for {room} pages: the old index is gone")
                done = b.run("search", "rows", small, "--index", index, "--json", says="last finished")
                b.expect(done.code == 0 and done.json["stale"] is True, f"room for {room} pages: not stale")
            before = b.digest(small, index)
            filler.unlink()
        b.expect(failed > 0, "the disk was never full")
        b.run("index", small, "--index", index)
        b.is_fresh(small, index, "after a full disk")
        filler.write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
        b.run("index", small, "--index", disk / "other", code=1, says="no space left")
        b.run("embed", "x", "--npy", disk / "x.npy", code=1, says="No space")
        b.expect(not list(disk.glob(".x*")), "something half written is left")
    with mounted(b, "size=3m") as disk:
        small, index = b.tree(), disk / "index"
        b.run("index", small, "--index", index)
        remount(disk)
        b.run("search", "rows", small, "--index", index)
        put(small, "more.py", "x = 1\n")
        b.run("search", "rows", small, "--index", index, says="last finished index answers")
        b.run("index", small, "--index", index, code=1, says="may not be written to")
        b.run("search", "rows", small, "--index", disk / "other", code=1, says="may not be written to")


@contextlib.contextmanager
def mounted(b, options):
    disk = b.fresh("disk")
    disk.mkdir()
    if mount(b"none", disk, 0, options.encode()) != 0:
        raise Skip("no file system of a small size may be mounted; only sizes of files were limited")
    try:
        yield disk
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(disk), 2)


def mount(source, disk, flags, options):
    return ctypes.CDLL(None).mount(source, os.fsencode(disk), b"tmpfs", flags, options)


def remount(disk):
    read_only_again = 1 | 32
    if mount(b"none", disk, read_only_again, None) != 0:
        raise Skip("a file system may not be made read-only")


def forbidden(b):
    """What another user's permissions forbid."""
    tree, cache = b.tree(), b.fresh("theirs")
    index, shut = cache / "index", b.tree()
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    if os.geteuid() == 0:
        b.as_user = NOBODY
        for path in [b.scratch, *b.scratch.iterdir()]:
            path.chmod(0o755 if path.is_dir() else path.stat().st_mode)
        for path in [b.scratch, cache]:
            path.chmod(0o777)
        shutil.copy(b.binary, b.scratch / "anemone")
        b.binary = b.scratch / "anemone"
        b.binary.chmod(0o755)
        b.model = b.fresh("model")
        shutil.copytree(MODEL, b.model)
        subprocess.run(["chmod", "-R", "a+rX", b.model], check=True)
        try:
            can = subprocess.run([*NOBODY, b.binary, "--version"], capture_output=True).returncode == 0
        except OSError:
            can = False
        if not can:
            raise Skip("root cannot become another user who may read the scratch folder")
    (tree / "sub").chmod(0)
    (tree / "notes.md").chmod(0)
    done = b.run("index", tree, "--index", index, "--json")
    if done.code == 0:
        b.expect(done.json["files"] == 1, f"files that may not be read are counted: {done.json}")
        b.expect(done.json["skipped"] == {"unreadable": 2}, f"skipped {done.json['skipped']}")
        b.expect(len(done.json["unreadable"]) == 2, f"unreadable: {done.json['unreadable']}")
    b.run("index", tree, "--index", index, says=r"not read: .*(sub|notes).*[Pp]ermission denied")
    b.finds("rows", tree, "read.py", "--index", index)
    (tree / "sub").chmod(0o755)
    (tree / "notes.md").chmod(0o644)
    b.run("index", tree, "--index", index)
    right = b.digest(tree, cache / "index")
    b.run("index", tree, "--index", cache / "again")
    b.expect(b.digest(tree, cache / "again") == right, "readable again: not what a fresh index is")
    shut.chmod(0)
    b.trees[shut] = False
    b.run("index", shut, "--index", cache / "none", code=1, says="[Pp]ermission denied")
    b.run("search", "x", shut, "--index", cache / "none", code=1, says="[Pp]ermission denied")
    shut.chmod(0o755)
    # The index may be read and not written.
    for path in [*index.iterdir(), index]:
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(0o555 if path.is_dir() else 0o444)
    b.finds("rows", tree, "read.py", "--index", index)
    b.run("index", "status", tree, "--index", index)
    put(tree, "more.py", "def more():\n    pass\n")
    done = b.run("search", "rows", tree, "--index", index, "--json", says="last finished index answers")
    b.expect(done.code == 0 and done.json["stale"] is True, "an index that may not be written: not stale")
    b.run("index", tree, "--index", index, code=1, says="may not be written to")
    b.run("index", "clear", tree, "--index", index, code=1, says="may not be written to")
    b.expect(b.digest(tree, index) == right, "an index that may not be written was changed")
    for path in index.iterdir():
        path.chmod(0)
    b.run("search", "x", tree, "--index", index, code=1)
    index.chmod(0)
    b.run("index", tree, "--index", index, code=1)
    b.run("search", "x", tree, "--index", index, code=1)
    index.chmod(0o755)
    # A cache in which nothing may be made, a home that is not there.
    sealed = b.fresh("sealed")
    sealed.mkdir()
    sealed.chmod(0o555)
    for env in [{"XDG_CACHE_HOME": str(sealed)}, {"XDG_CACHE_HOME": str(sealed / "a" / "b")}]:
        b.run("search", "x", tree, env=b.env | env, code=1, says="may not be written to")
    b.run("embed", "x", "--npy", sealed / "x.npy", code=1, says="cannot write")
    unread = b.fresh("unread")
    unread.write_text("x")
    unread.chmod(0)
    b.run("embed", unread, code=1, says="cannot read")
    b.run("search", "--queries", unread, tree, code=1, says="cannot read")
    if os.geteuid() == 0:
        homes(b)
        locked = b.fresh("model")
        shutil.copytree(MODEL, locked)
        (locked / "tokenizer.json").chmod(0)
        b.run("embed", "x", model=locked, code=1)
