"""Makes the first seeds in fuzz/seeds from the small packages of anemone-formats.

    python tools/fuzz_seeds.py

Seeds that a fuzzer found later are added by hand; this script leaves them alone.
"""

import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / "crates" / "anemone-formats" / "tests" / "data"
# Places of element types in `DataType::ALL` that the first blobs of the packages have.
F16, F32, I4 = 2, 3, 8


def varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def nested_blocks(depth):
    """Operations within blocks within operations."""
    block = b""
    for _ in range(depth):
        block = field(3, field(1, b"cond") + field(4, block))
    function = field(3, field(1, b"CoreML7") + field(2, block))
    return field(502, field(2, field(1, b"main") + field(2, function)))


def nested_values(depth):
    """Lists within lists, as an attribute of a program."""
    value = b""
    for _ in range(depth):
        value = field(3, field(3, field(1, value)))
    return field(502, field(4, field(1, b"a") + field(2, value)))


def save(target, name, data):
    folder = ROOT / "fuzz" / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def main():
    for package in sorted(DATA.glob("*.mlpackage")):
        inner = package / "Data" / "com.apple.CoreML"
        manifest = (package / "Manifest.json").read_bytes()
        model = (inner / "model.mlmodel").read_bytes()
        weights = (inner / "weights" / "weight.bin").read_bytes()
        save("model", package.stem, model)
        head = struct.pack("<I", len(manifest)) + manifest + struct.pack("<I", len(model))
        save("package", package.stem, head + model + weights)
        escape = manifest.replace(b"com.apple.CoreML/weights", b"../../../../../../../etc")
        head = struct.pack("<I", len(escape)) + escape + struct.pack("<I", len(model))
        save("package", f"{package.stem}_escape", head + model + weights)
        for offset, count, dtype in ((64, 256, I4), (64, 2**62, F16), (2**64 - 64, 1, F32)):
            name = f"{package.stem}_{offset}_{count}"
            save("weights", name, struct.pack("<QQB", offset, count, dtype) + weights)
    save("model", "deep_blocks", nested_blocks(2_000))
    save("model", "deep_values", nested_values(2_000))
    save("model", "deep_groups", b"\x0b" * 2_000)
    save("model", "huge_length", b"\x08\x08\x12" + b"\xff" * 9 + b"\x01")
    save("model", "huge_body", b"\xb2\x1f\xff\xff\xff\xff\x0f")
    save("model", "many_operations", field(502, field(2, field(2, field(3, field(2, b"\x1a\0" * 500))))))


if __name__ == "__main__":
    main()
