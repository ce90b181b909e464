"""Making, joining, splitting and ordering tensors, judged by coremltools and numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("tensor_operation")
M = c.floats(3, 4)
CUBE = c.floats(2, 3, 4)
INTS = c.ints(2, 5)
DISTINCT = np.float32([[3, -1, 4, 1.5], [-5, 9, 2, 6], [0.5, -3.5, 8, -7]])

for lower, upper in ((-1, -1), (0, -1), (-1, 0), (1, 1), (0, 0), (1, 2)):
    word = "_and_".join("all" if n < 0 else str(n) for n in (lower, upper))
    c.add(f"band_part_{word}", lambda x, l=lower, u=upper: mb.band_part(x=x, lower=l, upper=u), {"x": CUBE})
c.add("band_part_by_default", lambda x: mb.band_part(x=x), {"x": M})
c.add("band_part_of_integers_and_truth_values", lambda x, y: (mb.band_part(x=x, lower=0), mb.band_part(x=y, upper=0)),
      {"x": c.ints(3, 3), "y": np.ones((2, 3), bool)},
      lambda x, y: (np.triu(x), np.tril(y)))



def cumsum(x, axis, exclusive, reverse):
    x = np.flip(x, axis) if reverse else x
    total = np.cumsum(x, axis) - (x if exclusive else 0)
    return np.flip(total, axis) if reverse else total


for axis in (0, 1, -1):
    for exclusive in (False, True):
        for reverse in (False, True):
            if axis == 0 and exclusive != reverse:
                continue
            word = f"{'minus_' if axis < 0 else ''}{abs(axis)}{'_exclusive' * exclusive}{'_reverse' * reverse}"
            c.add(f"cumsum_over_{word}",
                  lambda x, a=axis, e=exclusive, r=reverse: mb.cumsum(x=x, axis=a, exclusive=e, reverse=r), {"x": CUBE},
                  lambda x, a=axis, e=exclusive, r=reverse: cumsum(x, a, e, r))
c.add("cumsum_by_default", lambda x: mb.cumsum(x=x), {"x": M}, lambda x: np.cumsum(x, 0), fp16=True)
c.add("cumsum_of_integers", lambda x: mb.cumsum(x=x, axis=1), {"x": INTS}, lambda x: np.cumsum(x, 1))

c.add("fill_with_a_constant_shape", lambda T, x: mb.mul(x=mb.fill(shape=[3, 4], value=T(2.5)), y=x), {"x": M}, lambda x: 2.5 * x, fp16=True)
c.add("fill_of_a_shape_that_the_data_tells", lambda x: mb.fill(shape=mb.shape(x=x), value=7), {"x": M},
      lambda x: np.full(x.shape, 7, np.int32))
c.add("fill_of_an_input_shape", lambda x: mb.fill(shape=x, value=1.5), {"x": np.int32([2, 3])},
      lambda x: np.full(x, 1.5, np.float32), symbolic=False)
c.add("fill_by_default", lambda x: mb.add(x=mb.fill(shape=[4]), y=x), {"x": M}, lambda x: x)
for value in (np.float32(1.5), np.int32(-3), True):
    c.add(f"fill_like_with_{type(value).__name__}", lambda x, v=value: mb.fill_like(ref_tensor=x, value=v), {"x": M},
          lambda x, v=value: np.full(x.shape, v))
c.add("flatten2d_by_default", lambda x: mb.flatten2d(x=x), {"x": CUBE}, lambda x: x.reshape(2, 12), fp16=True)
for axis in (0, 2, 3, -1, -2):
    c.add(f"flatten2d_at_{'minus_' if axis < 0 else ''}{abs(axis)}", lambda x, a=axis: mb.flatten2d(x=x, axis=a), {"x": CUBE},
          lambda x, a=axis: x.reshape(int(np.prod(x.shape[: a if a >= 0 else a + 3])), -1))
c.add("identity", lambda x: mb.identity(x=x), {"x": M}, lambda x: x, fp16=True)

NON_ZERO = np.float32([[0, 1, 0], [2, 0, -3]])
c.add("non_zero", lambda x: mb.non_zero(x=x), {"x": NON_ZERO}, lambda x: np.argwhere(x).astype(np.int32))
c.add("non_zero_of_truth_values", lambda x: mb.non_zero(x=x), {"x": NON_ZERO[0] != 0}, lambda x: np.argwhere(x))
c.add("non_zero_of_zeros_alone", lambda x: mb.non_zero(x=x), {"x": np.zeros((2, 2), np.int32)}, lambda x: np.argwhere(x))
c.add("non_zero_counted", lambda x: mb.gather(x=mb.shape(x=mb.non_zero(x=x)), indices=0, axis=0), {"x": NON_ZERO},
      lambda x: np.int32(np.count_nonzero(x)))
c.add("gather_of_what_is_not_zero", lambda x: mb.gather_nd(x=x, indices=mb.non_zero(x=x)), {"x": NON_ZERO}, lambda x: x[x != 0])

INDICES = np.int32([[0, 2], [1, 3]])


def one_hot(i, size, axis, on=1, off=0):
    hot = np.where(np.arange(size) == i[..., None], on, off)
    return np.moveaxis(hot, -1, axis)


c.add("one_hot_by_default", lambda i: mb.one_hot(indices=i, one_hot_vector_size=4), {"i": INDICES},
      lambda i: one_hot(i, 4, -1))
for axis in (0, 1, -2):
    c.add(f"one_hot_at_{'minus_' if axis < 0 else ''}{abs(axis)}",
          lambda i, a=axis: mb.one_hot(indices=i, one_hot_vector_size=4, axis=a), {"i": INDICES},
          lambda i, a=axis: one_hot(i, 4, a))
c.add("one_hot_of_floats", lambda i: mb.one_hot(indices=i, one_hot_vector_size=3, on_value=2.5, off_value=-1.0),
      {"i": np.int32([0, 2])}, lambda i: one_hot(i, 3, -1, 2.5, -1.0))
c.add("one_hot_of_indices_out_of_range", lambda i: mb.one_hot(indices=i, one_hot_vector_size=3),
      {"i": np.int32([0, 5, 2])}, lambda i: one_hot(i, 3, -1))
c.add("one_hot_whose_size_the_data_tells",
      lambda i, x: mb.one_hot(indices=i, one_hot_vector_size=mb.gather(x=mb.shape(x=x), indices=1, axis=0)),
      {"i": np.int32([0, 2]), "x": M}, lambda i, x: one_hot(i, x.shape[1], -1))

IMAGE = c.floats(1, 2, 3, 4)
for mode in ("constant", "reflect", "replicate"):
    numpy_mode = {"replicate": "edge"}.get(mode, mode)
    c.add(f"pad_{mode}", lambda x, m=mode: mb.pad(x=x, pad=[1, 2, 2, 1], mode=m), {"x": IMAGE},
          lambda x, m=numpy_mode: np.pad(x, [(0, 0), (0, 0), (1, 2), (2, 1)], mode=m), fp16=mode == "reflect")
c.add("pad_of_every_axis_with_a_value",
      lambda T, x: mb.pad(x=x, pad=[1, 0, 0, 2, 1, 1, 0, 1], mode="constant", constant_val=T(-1.5)), {"x": IMAGE},
      lambda x: np.pad(x, [(1, 0), (0, 2), (1, 1), (0, 1)], constant_values=-1.5), fp16=True)
c.add("pad_of_the_last_axis_alone", lambda x: mb.pad(x=x, pad=[2, 1]), {"x": M}, lambda x: np.pad(x, [(0, 0), (2, 1)]))
c.add("pad_of_nothing", lambda x: mb.pad(x=x, pad=[0, 0, 0, 0]), {"x": M}, lambda x: x)
c.add("pad_of_a_vector_by_reflection", lambda x: mb.pad(x=x, pad=[3, 2], mode="reflect"), {"x": M[0]},
      lambda x: np.pad(x, [(3, 2)], mode="reflect"))
c.add("pad_of_a_vector_by_replication", lambda x: mb.pad(x=x, pad=[3, 2], mode="replicate"), {"x": M[0]},
      lambda x: np.pad(x, [(3, 2)], mode="edge"))

for start, end, step in ((0, 5, 1), (2, 11, 3), (5, -4, -2), (3, 3, 1)):
    word = "_".join(str(n).replace("-", "minus_") for n in (start, end, step))
    if start != end:
        c.add(f"range_1d_of_integers_{word}",
              lambda x, s=start, e=end, t=step: mb.add(x=mb.range_1d(start=s, end=e, step=t), y=x), {"x": np.int32([1])},
              lambda x, s=start, e=end, t=step: np.arange(s, e, t, np.int32) + x)
c.add("range_1d_of_floats", lambda T, x: mb.mul(x=mb.range_1d(start=T(0.5), end=T(2.25), step=T(0.5)), y=x),
      {"x": np.float32([2])}, lambda x: np.arange(0.5, 2.25, 0.5) * x, fp16=True)
c.add("range_1d_whose_end_the_data_tells",
      lambda x: mb.range_1d(start=0, end=mb.gather(x=mb.shape(x=x), indices=0, axis=0), step=1), {"x": M},
      lambda x: np.arange(len(x), dtype=np.int32))
c.add("range_1d_of_input_values", lambda x: mb.range_1d(start=1, end=mb.squeeze(x=x), step=2), {"x": np.int32([8])},
      lambda x: np.arange(1, x[0], 2), symbolic=False)
c.add("tile", lambda x: mb.tile(x=x, reps=[2, 3]), {"x": M[:, :2]}, lambda x: np.tile(x, (2, 3)), fp16=True)
c.add("tile_of_integers", lambda x: mb.tile(x=x, reps=[1, 2]), {"x": INTS}, lambda x: np.tile(x, (1, 2)))
c.add("tile_of_rank_four", lambda x: mb.tile(x=x, reps=[2, 1, 1, 2]), {"x": IMAGE}, lambda x: np.tile(x, (2, 1, 1, 2)))
c.add("shape_of_a_tensor", lambda x: mb.shape(x=x), {"x": CUBE}, lambda x: np.int32(x.shape))

def cast_second(pair):
    return pair[0], mb.cast(x=pair[1], dtype="int32")


for axis in (0, 1, -1):
    for ascending in (False, True):
        word = f"{'minus_' if axis < 0 else ''}{abs(axis)}{'_ascending' * ascending}"
        c.add(f"argsort_over_{word}", lambda x, a=axis, u=ascending: mb.argsort(x=x, axis=a, ascending=u), {"x": DISTINCT},
              lambda x, a=axis, u=ascending: np.argsort(x if u else -x, a), fp16=axis == 1)
        c.add(f"topk_over_{word}", lambda x, a=axis, u=ascending: mb.topk(x=x, k=2, axis=a, ascending=u), {"x": DISTINCT},
              fp16=False, opsets=[15, 16] if axis == 0 else [15])
c.add("argsort_by_default", lambda x: mb.argsort(x=x), {"x": DISTINCT}, lambda x: np.argsort(-x, -1))
c.add("argsort_of_integers", lambda x: mb.argsort(x=x, ascending=True), {"x": np.int32([[5, -2, 9], [0, 3, 1]])},
      lambda x: np.argsort(x, -1))
c.add("topk_by_default", lambda x: mb.topk(x=x), {"x": DISTINCT},
      lambda x: (np.max(x, -1, keepdims=True), np.argmax(x, -1, keepdims=True)), fp16=True)
c.add("topk_of_integers", lambda x: mb.topk(x=x, k=3), {"x": np.int32([[5, -2, 9, 4], [0, 3, 1, -7]])})
c.add("topk_without_indices", lambda x: mb.topk(x=x, k=2, axis=1, return_indices=False), {"x": DISTINCT},
      lambda x: -np.sort(-x, 1)[:, :2], opsets=[16, 17])
c.add("topk_with_indices_as_uint16",
      lambda x: cast_second(mb.topk(x=x, k=2, axis=1, output_indices_dtype="uint16")), {"x": DISTINCT},
      lambda x: (-np.sort(-x, 1)[:, :2], np.argsort(-x, 1)[:, :2]), opsets=[17])
c.add("topk_of_the_whole_axis", lambda x: mb.topk(x=x, k=4, axis=1), {"x": DISTINCT}, opsets=[15])


PARTS = {"x": c.floats(2, 3), "y": c.floats(2, 2)}
c.add("concat_of_different_sizes", lambda x, y: mb.concat(values=(x, y), axis=1), PARTS,
      lambda x, y: np.concatenate((x, y), 1), fp16=True)
c.add("concat_over_a_negative_axis", lambda x, y: mb.concat(values=(x, y, x), axis=-2), {"x": M, "y": M[:1]},
      lambda x, y: np.concatenate((x, y, x), 0))
c.add("concat_of_one_value", lambda x: mb.concat(values=(x,), axis=0), {"x": M}, lambda x: x)
c.add("concat_of_integers", lambda x, y: mb.concat(values=(x, y), axis=0), {"x": INTS, "y": INTS[:1]},
      lambda x, y: np.concatenate((x, y)))
c.add("concat_of_truth_values", lambda x, y: mb.concat(values=(x, y), axis=0), {"x": c.bools(3), "y": c.bools(2)},
      lambda x, y: np.concatenate((x, y)))
c.add("concat_with_a_constant", lambda T, x: mb.concat(values=(x, T([[1], [2], [3]])), axis=1), {"x": M},
      lambda x: np.concatenate((x, [[1], [2], [3]]), 1))
c.add("concat_interleaved", lambda x, y: mb.concat(values=(x, y), axis=1, interleave=True),
      {"x": c.floats(1, 3, 2), "y": c.floats(1, 3, 2)}, lambda x, y: np.stack((x, y), 2).reshape(1, 6, 2),
      overrule="its inference does not interleave")
c.add("concat_of_sizes_that_the_data_tells",
      lambda x, y: mb.reshape(x=x, shape=mb.concat(values=(mb.gather(x=mb.shape(x=y), indices=[1], axis=0), np.int32([-1])), axis=0)),
      {"x": M, "y": c.floats(2, 6)}, lambda x, y: x.reshape(6, 2))
c.add("split_in_equal_parts", lambda x: mb.split(x=x, num_splits=2, axis=1), {"x": M}, lambda x: np.split(x, 2, 1), fp16=True)
c.add("split_in_given_sizes", lambda x: mb.split(x=x, split_sizes=[1, 3], axis=-1), {"x": M},
      lambda x: np.split(x, [1], 1))
c.add("split_of_integers", lambda x: mb.split(x=x, num_splits=5, axis=1), {"x": INTS}, lambda x: np.split(x, 5, 1))
for axis in (0, 1, 2, -1):
    c.add(f"stack_at_{'minus_' if axis < 0 else ''}{abs(axis)}", lambda x, y, a=axis: mb.stack(values=(x, y), axis=a),
          {"x": M, "y": c.floats(3, 4)}, lambda x, y, a=axis: np.stack((x, y), a), fp16=axis == 1)
c.add("stack_of_integers", lambda x, y: mb.stack(values=(x, y, x), axis=0), {"x": INTS[0], "y": INTS[1]},
      lambda x, y: np.stack((x, y, x)))


def suppress(boxes, scores, iou, threshold, count, per_class):
    """As coremltools' tests describe the op."""
    found = (np.zeros((len(boxes), count, 4)), np.zeros((len(boxes), count, scores.shape[2])),
             -np.ones((len(boxes), count)), np.zeros(len(boxes)))
    for b, (box, score) in enumerate(zip(boxes, scores)):
        best, kind, chosen = score.max(-1), score.argmax(-1), []
        low, high = box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2
        for i in np.argsort(-best, kind="stable"):
            def overlap(j):
                sides = np.minimum(high[i], high[j]) - np.maximum(low[i], low[j])
                shared = np.prod(np.maximum(sides, 0))
                return shared / (np.prod(box[i, 2:]) + np.prod(box[j, 2:]) - shared)
            rivals = [j for j in chosen if not per_class or kind[j] == kind[i]]
            if best[i] > threshold and all(overlap(j) <= iou for j in rivals):
                chosen.append(i)
        chosen = (chosen or [int(best.argmax())])[:count]
        n = len(chosen)
        found[0][b, :n], found[1][b, :n], found[2][b, :n], found[3][b] = box[chosen], score[chosen], chosen, n
    return found


def suppress_last(boxes, scores):
    found = suppress(boxes.swapaxes(1, 2), scores.swapaxes(1, 2), 0.5, -np.inf, 4, False)
    return found[0].swapaxes(1, 2), found[1].swapaxes(1, 2), found[2]


BOXES = np.float32([[[1, 1, 2, 2], [1.25, 1, 2, 2], [5, 5, 2, 3], [5, 5.5, 2, 3], [9, 9, 1, 1]]])
SCORES = np.float32([[[0.9, 0.1], [0.3, 0.8], [0.2, 0.7], [0.1, 0.6], [0.05, 0.04]]])
for per_class in (False, True):
    for count in (2, 4):
        c.add(f"non_maximum_suppression_of_{count}{'_per_class' * per_class}",
              lambda T, boxes, scores, p=per_class, n=count: mb.non_maximum_suppression(
                  boxes=boxes, scores=scores, iou_threshold=T(0.5), score_threshold=T(0.25), max_boxes=n,
                  per_class_suppression=p),
              {"boxes": BOXES, "scores": SCORES},
              lambda boxes, scores, p=per_class, n=count: suppress(boxes, scores, 0.5, 0.25, n, p))
        if count == 2 or per_class:
            continue
        c.add("non_maximum_suppression_of_boxes_along_the_last_axis",
              lambda T, boxes, scores, n=count: mb.non_maximum_suppression(
                  boxes=boxes, scores=scores, iou_threshold=T(0.5), max_boxes=n, per_class_suppression=False),
              {"boxes": BOXES.swapaxes(1, 2), "scores": SCORES.swapaxes(1, 2)}, suppress_last, opsets=[17])
c.add("non_maximum_suppression_where_no_score_is_enough",
      lambda T, boxes, scores: mb.non_maximum_suppression(boxes=boxes, scores=scores, iou_threshold=T(0.5),
                                                          score_threshold=T(2), max_boxes=2),
      {"boxes": BOXES, "scores": SCORES}, lambda boxes, scores: suppress(boxes, scores, 0.5, 2, 2, False))
c.write()
