"""Branches, loops and choices, judged by numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("control_flow")
M, N = c.floats(2, 3), c.floats(2, 3)
MASK = np.array([[True, False, True], [False, False, True]])

c.add("select", lambda cond, a, b: mb.select(cond=cond, a=a, b=b), {"cond": MASK, "a": M, "b": N}, np.where, fp16=True)
c.add("select_broadcasts_its_condition", lambda cond, a, b: mb.select(cond=cond, a=a, b=b),
      {"cond": MASK[:1], "a": M, "b": N}, np.where)
c.add("select_of_integers", lambda cond, a, b: mb.select(cond=cond, a=a, b=b),
      {"cond": MASK, "a": c.ints(2, 3), "b": c.ints(2, 3)}, np.where)
c.add("select_of_a_constant", lambda T, cond, a: mb.select(cond=cond, a=a, b=T(-np.inf)), {"cond": MASK, "a": M},
      lambda cond, a: np.where(cond, a, -np.inf), fp16=True)
c.add("select_does_not_hand_on_nan_of_the_other_side", lambda cond, a, b: mb.select(cond=cond, a=a, b=b),
      {"cond": MASK[0], "a": M[0], "b": np.float32([np.nan] * 3)}, np.where)

for flag in (True, False):
    word = "true" if flag else "false"
    c.add(f"cond_that_is_{word}",
          lambda flag, x: mb.cond(pred=mb.squeeze(x=flag), _true_fn=lambda: mb.add(x=x, y=x), _false_fn=lambda: mb.mul(x=x, y=x)),
          {"flag": np.array([flag]), "x": M}, lambda flag, x: x + x if flag[0] else x * x, symbolic=False)
    c.add(f"cond_with_two_outputs_that_is_{word}",
          lambda flag, x, y: mb.cond(pred=mb.squeeze(x=flag), _true_fn=lambda: (mb.add(x=x, y=y), mb.identity(x=x)),
                                     _false_fn=lambda: (mb.sub(x=x, y=y), mb.relu(x=y))),
          {"flag": np.array([flag]), "x": M, "y": N},
          lambda flag, x, y: (x + y, x) if flag[0] else (x - y, np.maximum(y, 0)), symbolic=False)
c.add("cond_inside_cond",
      lambda x: mb.cond(pred=mb.greater(x=mb.reduce_sum(x=x), y=np.float32(0)),
                        _true_fn=lambda: mb.cond(pred=mb.greater(x=mb.reduce_max(x=x), y=np.float32(1)),
                                                 _true_fn=lambda: mb.sub(x=x, y=np.float32(1)),
                                                 _false_fn=lambda: mb.add(x=x, y=np.float32(1))),
                        _false_fn=lambda: mb.mul(x=x, y=np.float32(-1))),
      {"x": np.abs(M)}, lambda x: (x - 1 if x.max() > 1 else x + 1) if x.sum() > 0 else -x, symbolic=False)

for limit in (5, 0):
    c.add(f"while_loop_of_{limit}_rounds",
          lambda x, n, m=limit: mb.while_loop(_cond=lambda i, v: mb.less(x=i, y=np.int32(m)),
                                     _body=lambda i, v: (mb.add(x=i, y=np.int32(1)), mb.add(x=v, y=x)),
                                     loop_vars=(mb.squeeze(x=n), x)),
          {"x": M, "n": np.int32([0])}, lambda x, n, m=limit: (np.int32(m), x * (1 + m)), symbolic=False)
c.add("while_loop_until_a_sum_is_large",
      lambda x: mb.while_loop(_cond=lambda v: mb.less(x=mb.reduce_sum(x=v), y=np.float32(100)),
                              _body=lambda v: mb.mul(x=v, y=np.float32(2)), loop_vars=(x,)),
      {"x": np.float32([1, 2, 3])}, lambda x: x * 2.0 ** 5, symbolic=False)
c.add("while_loop_whose_value_grows",
      lambda x: mb.while_loop(_cond=lambda i, v: mb.less(x=i, y=np.int32(3)),
                              _body=lambda i, v: (mb.add(x=i, y=np.int32(1)), mb.mul(x=v, y=v)),
                              loop_vars=(np.int32(0), x))[1],
      {"x": np.float32([1.5, -0.5])}, lambda x: x ** 8, symbolic=False)


def lists(x, y):
    ls = mb.make_list(init_length=2, elem_shape=(2, 3), dtype="fp32", dynamic_length=False)
    ls = mb.list_write(ls=ls, index=0, value=x)
    ls = mb.list_write(ls=ls, index=1, value=y)
    return mb.list_gather(ls=ls, indices=[1, 0]), mb.list_read(ls=ls, index=0), mb.list_length(ls=ls)


c.add("lists_are_written_read_and_gathered", lists, {"x": M, "y": N}, lambda x, y: (np.stack([y, x]), x, np.int32(2)),
      symbolic=False)


def scattered(x):
    ls = mb.make_list(init_length=3, elem_shape=(3,), dtype="fp32", dynamic_length=False)
    ls = mb.list_scatter(ls=ls, indices=[2, 0], value=x)
    ls = mb.list_write(ls=ls, index=1, value=np.float32([1, 2, 3]))
    return mb.list_gather(ls=ls, indices=[0, 1, 2])


c.add("lists_are_scattered_into", scattered, {"x": M}, lambda x: np.stack([x[1], [1, 2, 3], x[0]]), symbolic=False)
c.write()
