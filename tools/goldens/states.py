"""States that are read and written, judged by numpy."""

import numpy as np

from corpus import Corpus, mb

c = Corpus("states")
X, S = c.floats(2, 3), c.floats(2, 3)


def update(state, value):
    return mb.coreml_update_state(state=state, value=value)


def half(name, build, ref):
    c.add(name, build, {"x": X}, ref, states={"s": S}, fp16=True, opsets=[18], symbolic=False)


half("a_state_is_read", lambda x, s: mb.add(x=mb.read_state(input=s), y=x), lambda x, s: (x + s, {"s": s}))
half("a_state_is_written", lambda x, s: mb.mul(x=update(s, x), y=x), lambda x, s: (x * x, {"s": x}))
half("a_state_is_accumulated", lambda x, s: update(s, mb.add(x=mb.read_state(input=s), y=x)),
     lambda x, s: (s + x, {"s": s + x}))


def swap(T, x, s):
    before = mb.read_state(input=s)
    update(s, mb.mul(x=x, y=T(2)))
    return mb.sub(x=before, y=mb.read_state(input=s))


half("what_was_read_before_a_write_stays", swap, lambda x, s: (s - 2 * x, {"s": 2 * x}))


def twice(T, x, s):
    update(s, mb.add(x=mb.read_state(input=s), y=x))
    return update(s, mb.mul(x=mb.read_state(input=s), y=T(0.5)))


half("a_state_is_written_twice", twice, lambda x, s: ((s + x) / 2, {"s": (s + x) / 2}))


def cache(x, s):
    grown = mb.slice_update(x=mb.read_state(input=s), update=x, begin=[0, 2, 0], end=[1, 4, 3])
    return mb.reduce_sum(x=update(s, grown), axes=[1])


def grow(x, s):
    s = s.copy()
    s[:, 2:4] = x
    return s.sum(1), {"s": s}


c.add("a_slice_of_a_state_is_updated", cache, {"x": c.floats(1, 2, 3)}, grow, states={"s": c.floats(1, 5, 3)}, fp16=True,
      opsets=[18], symbolic=False)
def two(x, s, t):
    first, second = mb.read_state(input=s), mb.read_state(input=t)
    update(s, second)
    update(t, first)
    return mb.sub(x=mb.add(x=x, y=first), y=second)


c.add("two_states_are_exchanged",
      two, {"x": X}, lambda x, s, t: (x + s - t, {"s": t, "t": s}),
      states={"s": S, "t": c.floats(2, 3)}, opsets=[18], symbolic=False)
c.write()
