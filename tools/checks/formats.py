"""Judges the formats crate by Apple's own readers and writers in coremltools.

    python tools/checks/formats.py [MODEL ...]

Weight files: for every element type that coremltools can store, what Apple's writer writes is what
the crate reads, the other way round, and both write the same file. Models: each MODEL (.mlpackage
or .mlmodel; the crate's own test data without any) is read and written by the crate; coremltools
must see an equal specification and equal weights, once with the weight files as they were and once
laid out anew. Random specifications: every field of a description and a program, unknown fields and
unknown values of enums among them, survives as protobuf itself sees it. Needs the packages in tools/requirements.txt, and cargo.
"""

import pathlib
import subprocess
import sys
import tempfile

import coremltools as ct
import numpy as np
from coremltools.libmilstoragepython import _BlobStorageReader, _BlobStorageWriter
from coremltools.libmodelpackage import ModelPackage
from coremltools.proto import Model_pb2
from google.protobuf.descriptor import FieldDescriptor

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "anemone-formats" / "tests" / "data"
COUNTS = [1, 3, 8, 65, 1000]
# MIL's name, coremltools' name, the array type that its functions take, bits.
TYPES = [
    ("fp16", "fp16", np.uint16, 16),
    ("fp32", "float", np.float32, 32),
    ("int4", "int4", np.int8, 4),
    ("int8", "int8", np.int8, 8),
    ("int16", "int16", np.int16, 16),
    ("int32", "int32", np.int32, 32),
    ("uint1", "uint1", np.uint8, 1),
    ("uint2", "uint2", np.uint8, 2),
    ("uint3", "uint3", np.uint8, 3),
    ("uint4", "uint4", np.uint8, 4),
    ("uint6", "uint6", np.uint8, 6),
    ("uint8", "uint8", np.uint8, 8),
    ("uint16", "uint16", np.uint16, 16),
    ("uint32", "uint32", np.uint32, 32),
]


def ours(*arguments):
    command = ["cargo", "run", "-q", "-p", "anemone-formats", "--example", "judge", "--"]
    command += [str(a) for a in arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def values(kind, bits, count, random):
    if kind == np.float32:
        return random.standard_normal(count).astype(kind)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if np.iinfo(kind).min else (0, 1 << bits)
    return random.integers(low, high, count).astype(kind)


def packed(array, bits):
    if bits >= 8:
        return array.tobytes()
    elements = np.unpackbits(array.view(np.uint8)[:, None], axis=1, bitorder="little")
    return np.packbits(elements[:, :bits].reshape(-1), bitorder="little").tobytes()


def judge_weight_files(folder):
    random = np.random.default_rng(0)
    blobs = [
        (mil, name, count, bits, values(kind, bits, count, random))
        for mil, name, kind, bits in TYPES
        for count in COUNTS
    ]
    theirs, mine = folder / "theirs.bin", folder / "mine.bin"
    writer = _BlobStorageWriter(str(theirs))
    offsets = [getattr(writer, f"write_{name}_data")(array) for _, name, _, _, array in blobs]
    del writer

    unpack, pack = [], []
    for i, (mil, _, count, bits, array) in enumerate(blobs):
        source, target = folder / f"in.{i}", folder / f"out.{i}"
        source.write_bytes(packed(array, bits))
        pack += [mil, count, source]
        unpack += [offsets[i], mil, count, target]
    ours("unpack", theirs, *unpack)
    my_offsets = [int(offset) for offset in ours("pack", mine, *pack)]
    assert my_offsets == offsets, (my_offsets, offsets)
    assert mine.read_bytes() == theirs.read_bytes(), "the files differ"
    reader = _BlobStorageReader(str(mine))
    for i, (mil, name, count, bits, array) in enumerate(blobs):
        assert (folder / f"out.{i}").read_bytes() == packed(array, bits), (mil, count)
        found = getattr(reader, f"read_{name}_data")(my_offsets[i])
        assert np.array_equal(found, array), (mil, count)
    print(f"weight files: {len(blobs)} blobs of {len(TYPES)} types, both ways, and equal files")


def random_scalar(field, random):
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = [v.number for v in field.enum_type.values]
        return int(random.choice([*known, 0, 12345, -1]))
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return float(np.float32(random.choice([0, -0.0, 1.5, np.inf, random.standard_normal()])))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return bool(random.integers(2))
    if field.type == FieldDescriptor.TYPE_STRING:
        return "".join(random.choice(list("abä🪸 "), random.integers(4)))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return random.bytes(random.integers(4))
    bits = 32 if field.type == FieldDescriptor.TYPE_INT32 else 64
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if field.type == FieldDescriptor.TYPE_UINT64:
        low, high = 0, 2**64 - 1
    return int(random.choice(np.array([low, 0, 1, 300, high], dtype=object)))


def fill(message, random, depth):
    """Sets random fields of a message, at most `depth` levels deep."""
    # In any order, since the last member of a oneof wins.
    for at in random.permutation(len(message.DESCRIPTOR.fields)):
        field = message.DESCRIPTOR.fields[at]
        # Blobs need their weight file, and a model without an ML program is kept as it is.
        other_model = field.containing_oneof and field.containing_oneof.name == "Type"
        other_model = other_model and message.DESCRIPTOR.name == "Model"
        if field.name == "blobFileValue" or other_model or random.random() < 0.3:
            continue
        held = getattr(message, field.name)
        is_list = hasattr(held, "__len__") and not isinstance(held, (str, bytes))
        if field.message_type is None and is_list:
            held.extend(random_scalar(field, random) for _ in range(random.integers(4)))
        elif field.message_type is None:
            setattr(message, field.name, random_scalar(field, random))
        elif depth == 0:
            continue
        elif field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            for key in random.choice(["", "a", "b", "name"], random.integers(1, 3)):
                if value.message_type is None:
                    held[key] = random_scalar(value, random)
                else:
                    fill(held[key], random, depth - 1)
        elif is_list:
            for _ in range(random.integers(1, 3)):
                fill(held.add(), random, depth - 1)
        else:
            held.SetInParent()
            fill(held, random, depth - 1)
    if random.random() < 0.1:
        # Field 10000, which no message has, with three bytes.
        message.MergeFromString(b"\x82\xf1\x04\x03xyz")


def judge_random_specifications(folder, count):
    random = np.random.default_rng(1)
    specifications, pairs = [], []
    for i in range(count):
        specification = Model_pb2.Model()
        fill(specification, random, 2)
        fill(specification.description, random, 7)
        specification.mlProgram.SetInParent()
        fill(specification.mlProgram, random, int(random.integers(4, 12)))
        path = folder / f"{i}.mlmodel"
        path.write_bytes(specification.SerializeToString())
        specifications.append(specification)
        pairs += [path, folder / f"{i}.copy.mlmodel"]
    ours("rewrite", *pairs)
    for i, before in enumerate(specifications):
        after = Model_pb2.Model.FromString((folder / f"{i}.copy.mlmodel").read_bytes())
        # Compared with what protobuf itself keeps, in its own order of maps.
        again = Model_pb2.Model.FromString(before.SerializeToString())
        assert after == again, f"random specification {i} differs"
    size = sum(s.ByteSize() for s in specifications)
    print(f"random specifications: {count} of {size} bytes together are equal")


def blob_values(message):
    """Every literal with a reference to a weight file, in the specification's own order."""
    for field, held in sorted(message.ListFields(), key=lambda f: f[0].number):
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts = [held[key] for key in sorted(held)]
        else:
            parts = held if hasattr(held, "__len__") else [held]
        for part in parts:
            if not hasattr(part, "ListFields"):
                continue
            if field.message_type.name == "BlobFileValue":
                yield part
            else:
                yield from blob_values(part)


def weight_file(package):
    found = list(package.rglob("weight.bin"))
    assert len(found) < 2
    return found[0] if found else None


def record(data, offset):
    """A blob's type, padding and bytes."""
    sentinel, kind = np.frombuffer(data, np.uint32, 2, offset)
    size, start, padding = (int(v) for v in np.frombuffer(data, np.uint64, 3, offset + 8))
    assert sentinel == 0xDEADBEEF
    return int(kind), padding, data[start : start + size]


def load(path):
    if path.suffix == ".mlpackage":
        assert ModelPackage.isValid(str(path)), path
    return ct.models.MLModel(str(path), skip_model_load=True).get_spec()


def judge_model(path, folder):
    copy, moved = folder / f"copy{path.suffix}", folder / f"moved{path.suffix}"
    before = load(path)
    ours("rewrite", path.resolve(), copy)
    assert load(copy) == before, f"{path}: the specification differs"
    if path.suffix == ".mlmodel":
        return "specification equal"
    assert (copy / "Manifest.json").read_text() == (path / "Manifest.json").read_text()
    old = weight_file(path)
    if old is None:
        return "specification equal, no weights"
    assert weight_file(copy).read_bytes() == old.read_bytes(), f"{path}: the weights differ"
    ours("relayout", path.resolve(), moved)
    after = load(moved)
    old, new = old.read_bytes(), weight_file(moved).read_bytes()
    pairs = list(zip(blob_values(before), blob_values(after), strict=True))
    for one, other in pairs:
        assert record(old, one.offset) == record(new, other.offset), path
        other.offset = one.offset
    assert after == before, f"{path}: the specification differs when laid out anew"
    same = "the same file" if old == new else "another file"
    return f"specification equal, {len(pairs)} references to weights equal, anew: {same}"


def main():
    with tempfile.TemporaryDirectory() as name:
        judge_weight_files(pathlib.Path(name))
    with tempfile.TemporaryDirectory() as name:
        judge_random_specifications(pathlib.Path(name), 400)
    models = map(pathlib.Path, sys.argv[1:]) if sys.argv[1:] else sorted(DATA.glob("*.mlpackage"))
    for path in models:
        with tempfile.TemporaryDirectory() as name:
            print(f"{path.name}: {judge_model(path, pathlib.Path(name))}")


if __name__ == "__main__":
    main()
