"""Reductions over axes, judged by numpy in float64."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("reduction")
X = c.floats(2, 3, 4)
POSITIVE = c.floats(2, 3, 4, low=0.1, high=3.0)
INTS = c.ints(2, 3, 4)


def log_sum_exp(x, **k):
    peak = np.max(x, axis=k["axis"], keepdims=True)
    total = np.log(np.sum(np.exp(x - peak), axis=k["axis"], keepdims=True)) + peak
    return total if k["keepdims"] else total.reshape(np.sum(x, axis=k["axis"]).shape)


OPS = {
    "reduce_l1_norm": lambda x, **k: np.sum(np.abs(x), **k),
    "reduce_l2_norm": lambda x, **k: np.sqrt(np.sum(np.square(x), **k)),
    "reduce_log_sum": lambda x, **k: np.log(np.sum(x, **k)),
    "reduce_log_sum_exp": log_sum_exp,
    "reduce_max": np.max,
    "reduce_mean": np.mean,
    "reduce_min": np.min,
    "reduce_prod": np.prod,
    "reduce_sum": np.sum,
    "reduce_sum_square": lambda x, **k: np.sum(np.square(x), **k),
}
for op, ref in OPS.items():
    build = getattr(mb, op)
    x = POSITIVE if op in ("reduce_log_sum", "reduce_prod") else X
    for axes in ([0], [-1], [1, 2], [-3, 2], [0, 1, 2]):
        word = "_and_".join(f"minus_{-a}" if a < 0 else str(a) for a in axes)
        keep = axes in ([-1], [1, 2])
        c.add(f"{op}_over_{word}" + ("_kept" if keep else ""),
              lambda x, b=build, a=axes, k=keep: b(x=x, axes=a, keep_dims=k), {"x": x},
              lambda x, r=ref, a=axes, k=keep: r(x, axis=tuple(a), keepdims=k), fp16=axes == [-1])
    c.add(f"{op}_over_all_by_default", lambda x, b=build: b(x=x), {"x": x[0]},
          lambda x, r=ref: r(x, axis=(0, 1), keepdims=False))
    c.add(f"{op}_keeps_every_dimension", lambda x, b=build: b(x=x, keep_dims=True), {"x": x[0]},
          lambda x, r=ref: r(x, axis=(0, 1), keepdims=True))
for op in ("reduce_l1_norm", "reduce_max", "reduce_min", "reduce_sum", "reduce_sum_square", "reduce_prod"):
    small = c.ints(2, 3, low=-4, high=5)
    c.add(f"{op}_of_integers", lambda x, b=getattr(mb, op): b(x=x, axes=[-1]), {"x": small},
          lambda x, r=OPS[op]: r(x, axis=1, keepdims=False))
c.add("reductions_of_nan_and_infinities",
      lambda x: (mb.reduce_max(x=x, axes=[1]), mb.reduce_min(x=x, axes=[1]), mb.reduce_sum(x=x, axes=[1]),
                 mb.reduce_mean(x=x, axes=[1])),
      {"x": np.float32([[1, np.nan, 2], [np.inf, -np.inf, 0], [np.inf, 1, 1], [-np.inf, -1, -np.inf]])},
      lambda x: (np.max(x, 1), np.min(x, 1), np.sum(x, 1), np.mean(x, 1)))
c.add("reduce_log_sum_exp_of_large_numbers_does_not_overflow", lambda x: mb.reduce_log_sum_exp(x=x, axes=[-1]),
      {"x": np.float32([[1000, 999, -1000], [-2000, -2001, -2000.5]])},
      lambda x: log_sum_exp(x, axis=1, keepdims=False))
c.add("reduce_log_sum_of_zero_and_negative_sums", lambda x: mb.reduce_log_sum(x=x, axes=[-1]),
      {"x": np.float32([[1, -1], [-2, 1]])}, lambda x: np.log(np.sum(x, 1)))
c.add("a_long_sum_keeps_its_precision", lambda x: mb.reduce_sum(x=x, axes=[0]),
      {"x": np.tile(np.float32([0.1, 0.7, 1.3]), 500)}, lambda x: np.sum(x, keepdims=False),
      tolerance=(2e-6, 0.0, "pairwise or wide sums are asked for"))
c.add("a_mean_in_fp16_does_not_overflow_on_its_way", lambda x: mb.reduce_mean(x=x, axes=[-1]),
      {"x": np.full((2, 8), 60000, np.float32)}, lambda x: np.mean(x, 1), fp16=True)
c.add("reduction_of_rank_five", lambda x: mb.reduce_sum(x=x, axes=[1, 3], keep_dims=False),
      {"x": c.floats(2, 2, 1, 3, 2)}, lambda x: np.sum(x, (1, 3)))
c.add("reduction_of_a_vector_to_a_scalar", lambda x: mb.reduce_mean(x=x, axes=[0]), {"x": c.floats(7)}, np.mean)

TIED = np.float32([[3, 1, 3, -2], [-2, 5, 5, -2], [0, 0, 0, 0]])
for op, ref in (("reduce_argmax", np.argmax), ("reduce_argmin", np.argmin)):
    build = getattr(mb, op)
    for axis in (0, 1, -1, -2):
        word = f"minus_{-axis}" if axis < 0 else str(axis)
        keep = axis in (1, -2)
        c.add(f"{op}_over_{word}" + ("_kept" if keep else ""),
              lambda x, b=build, a=axis, k=keep: b(x=x, axis=a, keep_dims=k), {"x": TIED},
              lambda x, r=ref, a=axis, k=keep: r(x, axis=a, keepdims=k), fp16=axis == -1)
    c.add(f"{op}_by_default", lambda x, b=build: b(x=x), {"x": X}, lambda x, r=ref: r(x, axis=-1))
    c.add(f"{op}_of_integers", lambda x, b=build: b(x=x, axis=1), {"x": INTS}, lambda x, r=ref: r(x, axis=1))
    c.add(f"{op}_as_uint16", lambda x, b=build: mb.cast(x=b(x=x, axis=1, output_dtype="uint16"), dtype="int32"),
          {"x": TIED}, lambda x, r=ref: r(x, axis=1))
c.write()
