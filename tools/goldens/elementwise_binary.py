"""Functions of two numbers and their broadcasting, judged by numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("elementwise_binary")
A = np.float32([[-7.5, -3.0, -0.5], [0.5, 3.0, 7.25]])
B = np.float32([[2.0, -3.0, 0.25], [-0.5, 2.0, -3.5]])
IA = np.int32([[-7, -3, 0, 5], [7, 8, -9, 1]])
IB = np.int32([[2, -3, 4, -2], [-2, 3, 2, 7]])

ARITHMETIC = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "real_div": np.divide, "floor_div": np.floor_divide,
    "mod": np.mod, "maximum": np.maximum, "minimum": np.minimum,
}
COMPARISONS = {
    "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "less": np.less, "less_equal": np.less_equal,
}
LOGIC = {"logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor}


def two(op):
    return lambda x, y: getattr(mb, op)(x=x, y=y)


for op, ref in {**ARITHMETIC, **COMPARISONS}.items():
    c.add(f"{op}_of_floats", two(op), {"x": A, "y": B}, ref, fp16=True)
    if op != "real_div":
        c.add(f"{op}_of_integers", two(op), {"x": IA, "y": IB}, ref)
    c.add(f"{op}_broadcasts_both_sides", two(op), {"x": c.floats(3, 1, 2), "y": B[:1, :2] + 1.25}, ref)
for op, ref in LOGIC.items():
    c.add(op, two(op), {"x": c.bools(2, 5), "y": c.bools(2, 5)}, ref)
    c.add(f"{op}_broadcasts", two(op), {"x": c.bools(2, 1), "y": c.bools(3)}, ref)
c.add("real_div_of_integers_truncates", two("real_div"), {"x": np.int32([8, 9, 7]), "y": np.int32([2, 3, 7])},
      lambda x, y: x // y)

SHAPES = [((1,), (3,)), ((2, 3), (1, 1)), ((4,), (2, 3, 4)), ((2, 1, 3), (4, 1)), ((1, 1, 1), (2, 3, 2)),
          ((2, 1, 2, 1, 3), (1, 2, 1, 2, 1)), ((5,), (1,)), ((2, 3, 1), (2, 3, 4)), ((1, 3, 1, 2), (2, 1, 2, 2))]
for a, b in SHAPES:
    word = "_and_".join("x".join(map(str, s)) or "a_scalar" for s in (a, b))
    c.add(f"sub_broadcasts_{word}", two("sub"), {"x": c.floats(*a), "y": c.floats(*b)}, np.subtract)
c.add("add_of_no_elements", two("add"), {"x": np.zeros((2, 0), np.float32), "y": np.ones((1, 1), np.float32)},
      np.add, symbolic=False)
c.add("mul_by_a_constant", lambda T, x: mb.mul(x=x, y=T([[1], [-2]])), {"x": A}, lambda x: x * [[1], [-2]], fp16=True)
c.add("sub_from_a_constant_scalar", lambda T, x: mb.sub(x=T(1), y=x), {"x": A}, lambda x: 1 - x, fp16=True)
c.add("add_of_a_value_to_itself", lambda x: mb.add(x=x, y=x), {"x": A}, lambda x: x + x)

c.add("pow_of_positive_bases", two("pow"), {"x": np.float32([0.5, 2, 3, 10, 1]), "y": np.float32([2, -1.5, 0.5, 3, 7])},
      np.power, fp16=True)
c.add("pow_of_negative_bases_and_whole_exponents", two("pow"),
      {"x": np.float32([-2, -2, -0.5, -3, -1]), "y": np.float32([2, 3, -1, 0, 5])}, np.power)
c.add("pow_of_negative_bases_and_broken_exponents_is_nan", two("pow"),
      {"x": np.float32([-2, -1]), "y": np.float32([0.5, -1.5])}, np.power)
c.add("pow_at_its_corners", two("pow"),
      {"x": np.float32([0, 0, 0, -0.0, 1, np.inf, np.inf, np.nan, 5, -np.inf, 0.5, 2]),
       "y": np.float32([0, 2, -1, 3, np.nan, 2, -1, 0, 0, 3, np.inf, -np.inf])}, np.power)
c.add("pow_of_integers", two("pow"), {"x": np.int32([2, -3, 7, 0, 1]), "y": np.int32([10, 3, 0, 0, 30])}, np.power)
for exponent in (2.0, 0.5, -1.0, 3.0):
    word = str(exponent).replace(".", "_").replace("-", "minus_")
    c.add(f"pow_with_a_constant_exponent_{word}", lambda T, x, e=exponent: mb.pow(x=x, y=T(e)),
          {"x": np.float32([0.25, 1, 2, 9])}, lambda x, e=exponent: x**e, fp16=True)
c.add("division_by_zero", two("real_div"),
      {"x": np.float32([1, -1, 0, 1]), "y": np.float32([0, 0, 0, -0.0])}, np.divide)
c.add("mod_of_infinities_is_that_of_floor_division", two("mod"),
      {"x": np.float32([5, -5, 5.5, -5.5, 0.3]), "y": np.float32([3, 3, -2, -2, 0.1])}, np.mod,
      tolerance=(1e-5, 2e-6, "0.3 and 0.1 are not exact in f32"))
c.add("floor_div_rounds_down_on_either_side_of_zero", two("floor_div"),
      {"x": np.float32([7, -7, 7, -7, 0.0]), "y": np.float32([2, 2, -2, -2, 3])}, np.floor_divide)
c.add("maximum_and_minimum_hand_on_nan", lambda x, y: (mb.maximum(x=x, y=y), mb.minimum(x=x, y=y)),
      {"x": np.float32([np.nan, 1, -np.inf, np.inf]), "y": np.float32([1, np.nan, 0, 0])},
      lambda x, y: (np.maximum(x, y), np.minimum(x, y)))
c.add("comparisons_of_nan_and_infinities",
      lambda x, y: (mb.equal(x=x, y=y), mb.not_equal(x=x, y=y), mb.less(x=x, y=y), mb.greater_equal(x=x, y=y)),
      {"x": np.float32([np.nan, np.nan, np.inf, -np.inf, -0.0]), "y": np.float32([np.nan, 1, np.inf, 0, 0.0])},
      lambda x, y: (x == y, x != y, x < y, x >= y))
c.add("integer_arithmetic_is_exact", lambda x, y: (mb.add(x=x, y=y), mb.mul(x=x, y=y), mb.sub(x=x, y=y)),
      {"x": np.int32([16777217, -46340, 2147483646]), "y": np.int32([2, 46340, 1])},
      lambda x, y: (x + y, x * y, x - y), symbolic=False)
c.add("an_overflow_of_fp16_between_two_ops_shows_only_with_declared_rounding",
      lambda x: mb.real_div(x=mb.mul(x=x, y=x), y=np.float16(128)), {"x": np.float16([300, 2])}, lambda x: x * x / 128,
      declared=[np.float16([np.inf, 0.03125])], opsets=[15])
c.add("a_sum_of_fp16_is_rounded_between_two_ops_only_with_declared_rounding",
      lambda x, y: mb.sub(x=mb.add(x=x, y=y), y=x), {"x": np.float16([2048, 4096, 1]), "y": np.float16([1, 1, 0.5])},
      lambda x, y: y, declared=[np.float16([0, 0, 0.5])], opsets=[15])
c.write()
