"""Reading and writing at indices, judged by coremltools and numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("scatter_gather")
M = c.floats(3, 4)
CUBE = c.floats(2, 3, 4)
MODES = {
    "update": lambda a, b: b, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "max": np.maximum, "min": np.minimum,
}


def word(axis):
    return f"minus_{-axis}" if axis < 0 else str(axis)


for axis in (0, 1, -1):
    for shape, high in (((2,), 2), ((2, 2), 2)):
        indices = c.ints(*shape, low=0, high=high)
        c.add(f"gather_at_{word(axis)}_of_rank_{len(shape)}",
              lambda x, indices, a=axis: mb.gather(x=x, indices=indices, axis=a), {"x": CUBE, "indices": indices},
              lambda x, indices, a=axis: np.take(x, indices, a), fp16=axis == 0)
c.add("gather_by_default", lambda x: mb.gather(x=x, indices=[2, 0]), {"x": M}, lambda x: x[[2, 0]])
c.add("gather_with_one_index", lambda x: mb.gather(x=x, indices=1, axis=1), {"x": M}, lambda x: x[:, 1])
c.add("gather_of_integers", lambda x: mb.gather(x=x, indices=[2, 0, 1], axis=0), {"x": c.ints(3, 2)}, lambda x: x[[2, 0, 1]])
c.add("gather_with_negative_indices", lambda x: mb.gather(x=x, indices=[-1, 0, -3], axis=0), {"x": M}, lambda x: x[[-1, 0, -3]])
c.add("gather_of_a_table_by_input_indices", lambda T, i: mb.gather(x=T(M), indices=i, axis=0),
      {"i": np.int32([[0, 2, 1], [1, 1, 0]])}, lambda i: M[i])
for indices in (np.int32([[0, 2], [1, 3]]), np.int32([[[0], [2]], [[1], [3]]])):
    c.add(f"gather_with_batch_dims_and_indices_of_rank_{indices.ndim}",
          lambda x, i: mb.gather(x=x, indices=i, axis=1, batch_dims=1), {"x": c.floats(2, 4, 2), "i": indices})
c.add("gather_with_batch_dims_at_a_later_axis", lambda x, i: mb.gather(x=x, indices=i, axis=2, batch_dims=1),
      {"x": c.floats(2, 2, 3), "i": np.int32([[0, 2], [1, 0]])})
c.add("gather_by_uint16_indices", lambda x, i: mb.gather(x=x, indices=mb.cast(x=i, dtype="uint16"), axis=0),
      {"x": M, "i": np.int32([2, 1])}, lambda x, i: x[i], opsets=[17])
for kind in ("int8", "uint8", "int16", "uint16"):
    c.add(f"gather_of_{kind}", lambda x, k=kind: mb.cast(x=mb.gather(x=mb.cast(x=x, dtype=k), indices=[1, 0], axis=1), dtype="int32"),
          {"x": np.int32([[1, 2, 3], [4, 5, 100]])}, lambda x: x[:, [1, 0]], opsets=[17])
c.add("gather_of_no_indices", lambda x, i: mb.gather(x=x, indices=i, axis=0), {"x": M, "i": np.zeros(0, np.int32)},
      lambda x, i: x[i], symbolic=False)

for axis in (0, 1, -1):
    indices = c.ints(2, 3, 2 if axis else 4, low=0, high=2)[:, :, :4]
    shape = [2, 3, 4]
    shape[axis] = 5
    indices = c.ints(*shape, low=0, high=CUBE.shape[axis])
    c.add(f"gather_along_axis_{word(axis)}", lambda x, i, a=axis: mb.gather_along_axis(x=x, indices=i, axis=a),
          {"x": CUBE, "i": indices}, lambda x, i, a=axis: np.take_along_axis(x, i, a), fp16=axis == 1)
c.add("gather_along_axis_by_default", lambda x, i: mb.gather_along_axis(x=x, indices=i),
      {"x": c.ints(3, 2), "i": np.int32([[0, 2], [1, 1]])}, lambda x, i: np.take_along_axis(x, i, 0))
ND = {
    "of_whole_indices": np.int32([[0, 1, 2], [1, 2, 3]]),
    "of_rows": np.int32([[0, 1], [1, 2], [0, 0]]),
    "of_slabs": np.int32([[1], [0]]),
    "of_indices_of_rank_three": np.int32([[[0, 1], [1, 0]]]),
}
for name, indices in ND.items():
    c.add(f"gather_nd_{name}", lambda x, i: mb.gather_nd(x=x, indices=i), {"x": CUBE, "i": indices},
          lambda x, i: x[tuple(np.moveaxis(i, -1, 0))], fp16=name == "of_rows")
c.add("gather_nd_with_batch_dims", lambda x, i: mb.gather_nd(x=x, indices=i, batch_dims=1),
      {"x": CUBE, "i": np.int32([[[1], [0]], [[2], [2]]])}, lambda x, i: np.stack([x[b][i[b][:, 0]] for b in range(2)]),
      opsets=[16, 17])
c.add("gather_nd_with_batch_dims_and_whole_indices", lambda x, i: mb.gather_nd(x=x, indices=i, batch_dims=1),
      {"x": CUBE, "i": np.int32([[1, 3], [0, 2]])}, lambda x, i: np.stack([x[b, i[b][0], i[b][1]] for b in range(2)]),
      opsets=[16])


def at(function, data, index, updates):
    """One update after the other, so that an index that comes twice counts twice."""
    data = data.copy()
    for i in np.ndindex(*updates.shape):
        data[index(i)] = function(data[index(i)], updates[i])
    return data


for mode, function in MODES.items():
    positive = c.floats(3, 4, low=1, high=3), c.floats(2, 4, low=1, high=3)
    c.add(f"scatter_{mode}",
          lambda data, indices, updates, m=mode: mb.scatter(data=data, indices=indices, updates=updates, axis=0, mode=m),
          {"data": positive[0], "indices": np.int32([2, 0]), "updates": positive[1]},
          lambda data, indices, updates, f=function: at(f, data, lambda i: (indices[i[0]],) + i[1:], updates),
          opsets=None if mode == "add" else [15], fp16=mode == "update")
    along = c.floats(3, 2, low=1, high=3), c.floats(2, 2, low=1, high=3)
    c.add(f"scatter_along_axis_{mode}",
          lambda data, indices, updates, m=mode: mb.scatter_along_axis(
              data=data, indices=indices, updates=updates, axis=0, mode=m),
          {"data": along[0], "indices": np.int32([[2, 0], [1, 1]]), "updates": along[1]},
          lambda data, indices, updates, f=function: at(f, data, lambda i: (indices[i],) + i[1:], updates),
          opsets=None if mode == "add" else [15], fp16=mode == "update", overrule="its inference updates in every mode")
    c.add(f"scatter_nd_{mode}",
          lambda data, indices, updates, m=mode: mb.scatter_nd(data=data, indices=indices, updates=updates, mode=m),
          {"data": positive[0], "indices": np.int32([[2, 1], [0, 3], [1, 1]]), "updates": positive[1][0, :3]},
          lambda data, indices, updates, f=function: at(f, data, lambda i: tuple(indices[i]), updates),
          opsets=None if mode == "add" else [15], fp16=mode == "update")
c.add("scatter_by_default_adds", lambda data, indices, updates: mb.scatter(data=data, indices=indices, updates=updates),
      {"data": M, "indices": np.int32([1, 1]), "updates": c.floats(2, 4)},
      lambda data, indices, updates: at(np.add, data, lambda i: (indices[i[0]],) + i[1:], updates))
c.add("scatter_at_the_last_axis",
      lambda data, indices, updates: mb.scatter(data=data, indices=indices, updates=updates, axis=-1, mode="update"),
      {"data": M, "indices": np.int32([3, 0]), "updates": c.floats(3, 2)},
      lambda data, indices, updates: at(MODES["update"], data, lambda i: (i[0], indices[i[1]]), updates))
c.add("scatter_of_integers",
      lambda data, indices, updates: mb.scatter(data=data, indices=indices, updates=updates, axis=0, mode="add"),
      {"data": c.ints(4), "indices": np.int32([1, 3, 1]), "updates": c.ints(3)},
      lambda data, indices, updates: at(np.add, data, lambda i: (indices[i[0]],), updates))
c.add("scatter_along_the_last_axis_of_rank_three",
      lambda data, indices, updates: mb.scatter_along_axis(data=data, indices=indices, updates=updates, axis=-1, mode="update"),
      {"data": CUBE, "indices": np.int32(np.broadcast_to([3, 1], (2, 3, 2))), "updates": c.floats(2, 3, 2)},
      lambda data, indices, updates: at(MODES["update"], data, lambda i: i[:2] + (indices[i],), updates))
c.add("scatter_nd_of_rows",
      lambda data, indices, updates: mb.scatter_nd(data=data, indices=indices, updates=updates, mode="add"),
      {"data": CUBE, "indices": np.int32([[1, 2], [0, 0], [1, 2]]), "updates": c.floats(3, 4)},
      lambda data, indices, updates: at(np.add, data, lambda i: tuple(indices[i[0]]) + i[1:], updates))
c.write()
