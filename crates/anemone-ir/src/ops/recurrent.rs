//! Recurrent layers.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, show};
use crate::{Dim, Type};

const T_F32: Domain = domain("T", &[F32]);

const DIRECTION: InputDef = constant("direction").default(Default::Text("forward"));
const OUTPUT_SEQUENCE: InputDef = constant("output_sequence").default(Default::Bool(false));
const RECURRENT_ACTIVATION: InputDef =
    constant("recurrent_activation").default(Default::Text("sigmoid"));
const ACTIVATION: InputDef = constant("activation").default(Default::Text("tanh"));

const fn gru_inputs(t: Domain) -> [InputDef; 9] {
    [
        tensor("x", t),
        tensor("initial_h", t),
        constant_of("weight_ih", t),
        constant_of("weight_hh", t),
        constant_of("bias", t).optional(),
        DIRECTION,
        OUTPUT_SEQUENCE,
        RECURRENT_ACTIVATION,
        ACTIVATION,
    ]
}

const fn gru_inputs_18() -> [InputDef; 11] {
    let [x, h, ih, hh, bias, direction, sequence, recurrent, activation] = gru_inputs(T_FLOAT);
    let reset_after = constant("reset_after").optional();
    let input_bias = constant_of("input_bias", T_FLOAT).optional();
    [x, h, ih, hh, bias, direction, sequence, recurrent, activation, reset_after, input_bias]
}

const fn lstm_inputs(t: Domain) -> [InputDef; 17] {
    [
        tensor("x", t),
        tensor("initial_h", t),
        tensor("initial_c", t),
        constant_of("weight_ih", t),
        constant_of("weight_hh", t),
        constant_of("bias", t).optional(),
        constant_of("peephole", t).optional(),
        constant_of("weight_ih_back", t).optional(),
        constant_of("weight_hh_back", t).optional(),
        constant_of("bias_back", t).optional(),
        constant_of("peephole_back", t).optional(),
        DIRECTION,
        OUTPUT_SEQUENCE,
        RECURRENT_ACTIVATION,
        constant("cell_activation").default(Default::Text("tanh")),
        ACTIVATION,
        constant_of("clip", t).optional(),
    ]
}

const fn rnn_inputs(t: Domain) -> [InputDef; 8] {
    [
        tensor("x", t),
        tensor("initial_h", t),
        constant_of("weight_ih", t),
        constant_of("weight_hh", t),
        constant_of("bias", t).optional(),
        DIRECTION,
        OUTPUT_SEQUENCE,
        ACTIVATION,
    ]
}

/// Gated recurrent units.
pub(super) const GRU: OpDef = op(
    "gru",
    &[
        version(Ios15, &const { gru_inputs(T_F32) }),
        version(Ios17, &const { gru_inputs(T_FLOAT) }),
        version(Ios18, &const { gru_inputs_18() }),
    ],
    gru,
);

/// Long short-term memory.
pub(super) const LSTM: OpDef = op(
    "lstm",
    &[
        version(Ios15, &const { lstm_inputs(T_F32) }),
        version(Ios17, &const { lstm_inputs(T_FLOAT) }),
    ],
    lstm,
);

/// A recurrent layer without gates.
pub(super) const RNN: OpDef = op(
    "rnn",
    &[version(Ios15, &const { rnn_inputs(T_F32) }), version(Ios17, &const { rnn_inputs(T_FLOAT) })],
    rnn,
);

const ACTIVATIONS: &[&str] =
    &["tanh", "scaled_tanh", "sigmoid", "hard_sigmoid", "sigmoid_hard", "relu", "linear"];

fn gru(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let hidden = layer(ctx, "", 3)?;
    if ctx.has("input_bias") {
        expect(ctx, "input_bias", &[&Dim::Known(3) * &hidden])?;
    }
    if ctx.has("reset_after") {
        ctx.boolean("reset_after")?;
    }
    activation(ctx, "recurrent_activation")?;
    activation(ctx, "activation")?;
    direction(ctx, &["forward", "reverse"])?;
    outputs(ctx, &hidden, 1, &["initial_h"])
}

fn rnn(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let hidden = layer(ctx, "", 1)?;
    activation(ctx, "activation")?;
    direction(ctx, &["forward", "reverse"])?;
    outputs(ctx, &hidden, 1, &["initial_h"])
}

fn lstm(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    for input in ["recurrent_activation", "cell_activation", "activation"] {
        activation(ctx, input)?;
    }
    if ctx.has("clip") {
        let clip = ctx.float("clip")?;
        if clip.is_nan() || clip < 0.0 {
            return Err(Fault::value("clip", format!("{clip} is not a size")));
        }
    }
    let hidden = layer(ctx, "", 4)?;
    let direction = direction(ctx, &["forward", "reverse", "bidirectional"])?;
    let directions = if direction == "bidirectional" {
        let back = layer(ctx, "_back", 4)?;
        if back.differs(&hidden) {
            let why = format!("`weight_hh` and `weight_hh_back` are for {hidden} and {back} units");
            return Err(Fault::Shape(why));
        }
        2
    } else {
        1
    };
    outputs(ctx, &hidden, directions, &["initial_h", "initial_c"])
}

/// Checks the weights of one direction of a layer with this many gates; the number of its units.
fn layer(ctx: &InferCtx<'_>, suffix: &str, gates: i64) -> Result<Dim, Fault> {
    let [_, _, features] = ctx.shape("x")? else {
        return Err(Fault::Shape(format!("`x` is {}, not of rank 3", show(ctx.shape("x")?))));
    };
    let name = |input: &str| format!("{input}{suffix}");
    let recurrent = ctx.shape(&name("weight_hh"))?;
    let [_, hidden] = recurrent else {
        let found = show(recurrent);
        return Err(Fault::Shape(format!("`{}` is {found}, not a matrix", name("weight_hh"))));
    };
    let rows = &Dim::Known(gates) * hidden;
    expect(ctx, &name("weight_hh"), &[rows.clone(), hidden.clone()])?;
    expect(ctx, &name("weight_ih"), &[rows.clone(), features.clone()])?;
    if ctx.has(&name("bias")) {
        expect(ctx, &name("bias"), &[rows])?;
    }
    if ctx.has(&name("peephole")) {
        expect(ctx, &name("peephole"), &[&Dim::Known(3) * hidden])?;
    }
    Ok(hidden.clone())
}

/// Refuses an `input` that cannot have this shape.
fn expect(ctx: &InferCtx<'_>, input: &str, expected: &[Dim]) -> Result<(), Fault> {
    let found = ctx.shape(input)?;
    if found.len() == expected.len() && !found.iter().zip(expected).any(|(f, e)| f.differs(e)) {
        return Ok(());
    }
    Err(Fault::Shape(format!("`{input}` is {}, not {}", show(found), show(expected))))
}

fn activation(ctx: &InferCtx<'_>, input: &str) -> Result<(), Fault> {
    let name = ctx.text(input)?;
    match ACTIVATIONS.contains(&name.to_lowercase().as_str()) {
        true => Ok(()),
        false => {
            Err(Fault::value(input, format!("`{name}` is none of {}", ACTIVATIONS.join(", "))))
        }
    }
}

fn direction(ctx: &InferCtx<'_>, allowed: &[&str]) -> Result<String, Fault> {
    let direction = ctx.text("direction")?;
    match allowed.contains(&direction.as_str()) {
        true => Ok(direction),
        false => {
            let why = format!("`{direction}` is none of {}", allowed.join(", "));
            Err(Fault::value("direction", why))
        }
    }
}

/// The outputs: every step or the last one, and the states after the last one.
fn outputs(
    ctx: &InferCtx<'_>,
    hidden: &Dim,
    directions: i64,
    states: &[&str],
) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let steps = if ctx.boolean("output_sequence")? { x.shape[0].clone() } else { Dim::ONE };
    let state = [x.shape[1].clone(), &Dim::Known(directions) * hidden];
    let mut types = vec![Type::tensor(x.dtype, [&[steps], &state[..]].concat())];
    for input in states {
        expect(ctx, input, &state)?;
        types.push(Type::tensor(x.dtype, state.to_vec()));
    }
    Ok(types)
}
