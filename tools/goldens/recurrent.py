"""Recurrent layers step by step in numpy, from the formulas of coremltools' documentation.

Going in reverse, a layer of one direction gives its outputs in the order of its steps, as
coremltools' own tests ask; the backward half of two directions gives them in the order of the input.
"""

import numpy as np

from corpus import Corpus, mb

c = Corpus("recurrent")
STEPS, BATCH, INPUT, HIDDEN = 4, 2, 3, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "tanh": np.tanh, "sigmoid": sigmoid, "relu": lambda x: np.maximum(x, 0), "linear": lambda x: x,
    "sigmoid_hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1), "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}


def eighths(*shape):
    return np.round(c.floats(*shape, low=-1, high=1) * 8) / 8


def rnn(x, h, w, r, b, activation):
    found = []
    for step in x:
        h = ACTIVATIONS[activation](step @ w.T + h @ r.T + b)
        found.append(h)
    return np.stack(found), h


def gru(x, h, w, r, b, gate, activation, after=False, input_bias=0):
    found = []
    wr, wo, wz = np.split(w, 3)
    rr, ro, rz = np.split(r, 3)
    br, bo, bz = np.split(b * np.ones(3 * HIDDEN), 3)
    ir, io, iz = np.split(input_bias * np.ones(3 * HIDDEN), 3)
    f, g = ACTIVATIONS[gate], ACTIVATIONS[activation]
    for step in x:
        reset = f(step @ wr.T + ir + h @ rr.T + br)
        update = f(step @ wz.T + iz + h @ rz.T + bz)
        inner = reset * (h @ ro.T + bo) if after else (reset * h) @ ro.T + bo
        h = (1 - update) * g(step @ wo.T + io + inner) + update * h
        found.append(h)
    return np.stack(found), h


def lstm(x, h, s, w, r, b, gate="sigmoid", cell="tanh", activation="tanh", peephole=None, clip=None):
    found = []
    pi, pf, po = np.split(peephole if peephole is not None else np.zeros(3 * HIDDEN), 3)
    f = ACTIVATIONS[gate]
    for step in x:
        i, forget, o, z = np.split(step @ w.T + h @ r.T + b, 4, -1)
        s = f(forget + pf * s) * s + f(i + pi * s) * ACTIVATIONS[cell](z)
        # Of the two texts, that of NeuralNetwork.proto ("values of c_t") is what TensorFlow's layer,
        # from which coremltools converts, does too.
        s = s if clip is None else np.clip(s, -clip, clip)
        h = f(o + po * s) * ACTIVATIONS[activation](s)
        found.append(h)
    return np.stack(found), h, s


X, H, S = c.floats(STEPS, BATCH, INPUT), c.floats(BATCH, HIDDEN), c.floats(BATCH, HIDDEN)


def run(step, x, reverse, sequence, *states):
    found, *last = step(x[::-1] if reverse else x, *states)
    return (found if sequence else found[-1:], *last)


def weights(gates):
    return eighths(gates * HIDDEN, INPUT), eighths(gates * HIDDEN, HIDDEN), eighths(gates * HIDDEN)


for reverse in (False, True):
    for sequence in (False, True):
        word = f"{'in_reverse' if reverse else 'forward'}{'_with_every_step' if sequence else ''}"
        common = dict(direction="reverse" if reverse else "forward", output_sequence=sequence)
        w, r, b = weights(1)
        c.add(f"rnn_{word}",
              lambda T, x, h, g=common, w=w, r=r, b=b: mb.rnn(x=x, initial_h=h, weight_ih=T(w), weight_hh=T(r), bias=T(b), **g),
              {"x": X, "h": H},
              lambda x, h, v=reverse, s=sequence, w=w, r=r, b=b: run(lambda x, h: rnn(x, h, w, r, b, "tanh"), x, v, s, h))
        w, r, b = weights(3)
        c.add(f"gru_{word}",
              lambda T, x, h, g=common, w=w, r=r, b=b: mb.gru(x=x, initial_h=h, weight_ih=T(w), weight_hh=T(r), bias=T(b), **g),
              {"x": X, "h": H},
              lambda x, h, v=reverse, s=sequence, w=w, r=r, b=b: run(
                  lambda x, h: gru(x, h, w, r, b, "sigmoid", "tanh"), x, v, s, h), opsets=[15, 17] if sequence else [15])
        w, r, b = weights(4)
        c.add(f"lstm_{word}",
              lambda T, x, h, s, g=common, w=w, r=r, b=b: mb.lstm(
                  x=x, initial_h=h, initial_c=s, weight_ih=T(w), weight_hh=T(r), bias=T(b), **g),
              {"x": X, "h": H, "s": S},
              lambda x, h, s, v=reverse, q=sequence, w=w, r=r, b=b: run(
                  lambda x, h, s: lstm(x, h, s, w, r, b), x, v, q, h, s), opsets=[15, 17] if sequence else [15])
W1, R1, B1 = weights(1)
for activation in ("relu", "sigmoid", "linear", "sigmoid_hard"):
    c.add(f"rnn_with_{activation}",
          lambda T, x, h, a=activation: mb.rnn(x=x, initial_h=h, weight_ih=T(W1), weight_hh=T(R1), activation=a),
          {"x": X, "h": H}, lambda x, h, a=activation: run(lambda x, h: rnn(x, h, W1, R1, 0, a), x, False, False, h), opsets=[15])
W3, R3, B3 = weights(3)
c.add("gru_without_bias_and_with_other_activations",
      lambda T, x, h: mb.gru(x=x, initial_h=h, weight_ih=T(W3), weight_hh=T(R3), recurrent_activation="tanh", activation="sigmoid"),
      {"x": X, "h": H}, lambda x, h: run(lambda x, h: gru(x, h, W3, R3, 0, "tanh", "sigmoid"), x, False, False, h), opsets=[15])
IB = eighths(3 * HIDDEN)
c.add("gru_that_resets_after_the_product",
      lambda T, x, h: mb.gru(x=x, initial_h=h, weight_ih=T(W3), weight_hh=T(R3), bias=T(B3), input_bias=T(IB), reset_after=True,
                             output_sequence=True),
      {"x": X, "h": H}, lambda x, h: run(lambda x, h: gru(x, h, W3, R3, B3, "sigmoid", "tanh", True, IB), x, False, True, h),
      opsets=[18])
W4, R4, B4 = weights(4)
PEEPHOLE = eighths(3 * HIDDEN)
for word, given in (("peepholes", dict(peephole=PEEPHOLE)), ("a_clip", dict(clip=0.25)),
                    ("other_activations", dict(gate="hard_sigmoid", cell="sigmoid", activation="relu"))):
    names = {"gate": "recurrent_activation", "cell": "cell_activation"}
    def build(T, x, h, s, given=given):
        extra = {names.get(k, k): v if isinstance(v, str) else T(v) for k, v in given.items()}
        return mb.lstm(x=x, initial_h=h, initial_c=s, weight_ih=T(W4), weight_hh=T(R4), bias=T(B4), output_sequence=True, **extra)
    c.add(f"lstm_with_{word}", build, {"x": X, "h": H, "s": S},
          lambda x, h, s, g=given: run(lambda x, h, s: lstm(x, h, s, W4, R4, B4, **g), x, False, True, h, s), opsets=[15])
BACK = weights(4)
H2, S2 = c.floats(BATCH, 2 * HIDDEN), c.floats(BATCH, 2 * HIDDEN)


def both(x, h, s, sequence):
    there = lstm(x, h[:, :HIDDEN], s[:, :HIDDEN], W4, R4, B4)
    back = lstm(x[::-1], h[:, HIDDEN:], s[:, HIDDEN:], *BACK)
    found = np.concatenate((there[0], back[0][::-1]), -1)
    if not sequence:
        found = np.concatenate((there[0][-1:], back[0][-1:]), -1)
    return found, np.concatenate((there[1], back[1]), -1), np.concatenate((there[2], back[2]), -1)


for sequence in (False, True):
    c.add(f"lstm_in_both_directions{'_with_every_step' * sequence}",
          lambda T, x, h, s, q=sequence: mb.lstm(
              x=x, initial_h=h, initial_c=s, weight_ih=T(W4), weight_hh=T(R4), bias=T(B4), weight_ih_back=T(BACK[0]),
              weight_hh_back=T(BACK[1]), bias_back=T(BACK[2]), direction="bidirectional", output_sequence=q),
          {"x": X, "h": H2, "s": S2}, lambda x, h, s, q=sequence: both(x, h, s, q), opsets=[15, 17] if sequence else [15])
c.add("lstm_of_half_floats",
      lambda T, x, h, s: mb.lstm(x=x, initial_h=h, initial_c=s, weight_ih=T(W4), weight_hh=T(R4), bias=T(B4)),
      {"x": X, "h": H, "s": S}, lambda x, h, s: run(lambda x, h, s: lstm(x, h, s, W4, R4, B4), x, False, False, h, s),
      fp16=True, opsets=[17])
c.write()
