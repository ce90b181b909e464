"""Products of matrices, judged by numpy and torch in float64."""

import numpy as np
import torch

from corpus import Corpus, mb

c = Corpus("linear")
X = c.floats(3, 4)
W, B = np.round(c.floats(5, 4) * 8) / 8, np.float32([0.5, -1, 0, 2, 0.25])

c.add("linear_with_bias", lambda T, x: mb.linear(x=x, weight=T(W), bias=T(B)), {"x": X}, lambda x: x @ W.T + B, fp16=True)
c.add("linear_without_bias", lambda T, x: mb.linear(x=x, weight=T(W)), {"x": X}, lambda x: x @ W.T)
for shape in ((4,), (2, 3, 4), (2, 1, 3, 4)):
    c.add(f"linear_of_rank_{len(shape)}", lambda T, x: mb.linear(x=x, weight=T(W), bias=T(B)),
          {"x": c.floats(*shape)}, lambda x: x @ W.T + B)
IW, IB = c.ints(2, 4), np.int32([1, -2])
c.add("linear_of_integers", lambda x: mb.linear(x=x, weight=IW, bias=IB), {"x": c.ints(3, 4)}, lambda x: x @ IW.T + IB)
c.add("linear_with_weights_of_another_float_type", lambda x: mb.linear(x=x, weight=np.float16(W), bias=np.float16(B)),
      {"x": X}, lambda x: x @ W.T + B, opsets=[17])
BIG = c.floats(9, 37, low=-1, high=1)
c.add("linear_of_many_rows", lambda x: mb.linear(x=x, weight=BIG), {"x": c.floats(5, 37, low=-1, high=1)},
      lambda x: x @ BIG.T.astype(np.float64), tolerance=(1e-5, 1e-5, "sums of 37 products"))

SHAPES = [((2, 3), (3, 4)), ((1, 3), (3, 1)), ((2, 3, 4), (2, 4, 2)), ((2, 1, 3, 4), (3, 4, 2)), ((3, 4), (2, 4, 2)),
          ((2, 3, 2, 4), (1, 3, 4, 2)), ((1, 2, 1, 2, 3), (2, 1, 2, 3, 2)), ((4,), (4, 3))]
for a, b in SHAPES:
    word = "_and_".join("x".join(map(str, s)) for s in (a, b))
    c.add(f"matmul_of_{word}", lambda x, y: mb.matmul(x=x, y=y), {"x": c.floats(*a), "y": c.floats(*b)}, np.matmul,
          fp16=a == (2, 3, 4) and len(b) == 3)
for left in (False, True):
    for right in (False, True):
        a, b = c.floats(2, *((4, 3) if left else (3, 4))), c.floats(2, *((5, 4) if right else (4, 5)))
        word = {(0, 1): "of_y", (1, 0): "of_x", (1, 1): "of_both", (0, 0): "of_neither"}[left, right]
        c.add(f"matmul_with_a_transpose_{word}",
              lambda x, y, l=left, r=right: mb.matmul(x=x, y=y, transpose_x=l, transpose_y=r), {"x": a, "y": b},
              lambda x, y, l=left, r=right: np.matmul(x.swapaxes(-1, -2) if l else x, y.swapaxes(-1, -2) if r else y))
c.add("matmul_of_integers", lambda x, y: mb.matmul(x=x, y=y), {"x": c.ints(2, 3), "y": c.ints(3, 4)}, np.matmul)
c.add("matmul_with_a_constant_on_the_right", lambda T, x: mb.matmul(x=x, y=T(W), transpose_y=True), {"x": X},
      lambda x: x @ W.T, fp16=True)
c.add("matmul_with_a_constant_on_the_left", lambda T, x: mb.matmul(x=T(W), y=x), {"x": c.floats(2, 4, 3)},
      lambda x: np.matmul(W, x))
c.add("matmul_hands_on_infinities_and_nan", lambda x, y: mb.matmul(x=x, y=y),
      {"x": np.float32([[1, np.inf], [np.nan, 1], [0, 1]]), "y": np.float32([[1, 0], [2, 1]])}, np.matmul)
c.add("matmul_of_large_matrices", lambda x, y: mb.matmul(x=x, y=y),
      {"x": c.floats(7, 24, low=-1, high=1), "y": c.floats(24, 17, low=-1, high=1)}, np.matmul,
      tolerance=(1e-5, 1e-5, "sums of 24 products"))

EINSUMS = {
    "nchw,nwhu->nchu": ((2, 3, 2, 4), (2, 4, 2, 5)),
    "chw,whr->chr": ((3, 2, 4), (4, 2, 5)),
    "abcd,adce->abce": ((1, 2, 3, 4), (1, 4, 3, 1)),
}
for equation, (a, b) in EINSUMS.items():
    word = equation.replace(",", "_").replace("->", "_to_")
    c.add(f"einsum_{word}", lambda x, y, e=equation: mb.einsum(values=(x, y), equation=e),
          {"x": c.floats(*a), "y": c.floats(*b)},
          lambda x, y, e=equation: torch.einsum(e, torch.from_numpy(x), torch.from_numpy(y)).numpy(), by="torch",
          fp16=len(a) == 4)
for a, b in (((2, 3, 1, 4), (1, 4, 2, 5)), ((1, 3, 2, 4), (2, 4, 1, 3))):
    c.add(f"einsum_broadcasts_{'x'.join(map(str, a))}_and_{'x'.join(map(str, b))}",
          lambda x, y: mb.einsum(values=(x, y), equation="nchw,nwhu->nchu"), {"x": c.floats(*a), "y": c.floats(*b)})
c.write()
