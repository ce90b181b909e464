//! Convolutions.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, show};
use crate::window::{Padding, Window};
use crate::{Const, Dim, TensorType, Type};

const fn computed(def: InputDef) -> InputDef {
    def.default(Default::Computed)
}

const STRIDES: InputDef = computed(constant("strides"));
const PAD_TYPE: InputDef = computed(constant("pad_type"));
const PAD: InputDef = computed(constant("pad"));
const DILATIONS: InputDef = computed(constant("dilations"));
const GROUPS: InputDef = computed(constant("groups"));

pub(super) const CONV: OpDef = OpDef {
    name: "conv",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", T_FLOAT),
                computed(constant_of("bias", T_FLOAT)),
                STRIDES,
                PAD_TYPE,
                PAD,
                DILATIONS,
                GROUPS,
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", U_FLOAT),
                computed(tensor("bias", U_FLOAT)),
                STRIDES,
                PAD_TYPE,
                PAD,
                DILATIONS,
                GROUPS,
            ],
        },
    ],
    infer: Infer::Rule(conv),
    evaluate: None,
    computed: Some(defaults),
};

pub(super) const CONV_QUANTIZED: OpDef = OpDef {
    name: "conv_quantized",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            tensor("x", domain("T", &[F32, F16])),
            tensor("weight", domain("U", &[U8])),
            computed(constant_of("bias", domain("U", &[U8]))),
            constant("quantization_type"),
            computed(constant("nbits")),
            constant_of("quant_scale", domain("T", &[F32, F16])),
            constant_of("quant_bias", domain("T", &[F32, F16])),
            STRIDES,
            PAD_TYPE,
            PAD,
            DILATIONS,
            GROUPS,
        ],
    }],
    infer: Infer::Rule(conv_quantized),
    evaluate: None,
    computed: Some(defaults),
};

pub(super) const CONV_TRANSPOSE: OpDef = OpDef {
    name: "conv_transpose",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_FLOAT),
                constant_of("weight", T_FLOAT),
                computed(constant_of("bias", T_FLOAT)),
                PAD,
                computed(constant("output_shape")),
                PAD_TYPE,
                STRIDES,
                DILATIONS,
                GROUPS,
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_FLOAT),
                tensor("weight", U_FLOAT),
                computed(tensor("bias", U_FLOAT)),
                PAD,
                computed(constant("output_shape")),
                PAD_TYPE,
                STRIDES,
                DILATIONS,
                GROUPS,
            ],
        },
    ],
    infer: Infer::Rule(conv_transpose),
    evaluate: None,
    computed: Some(defaults),
};

/// Defaults that follow from the rank of `x`; an absent bias or output shape has none.
fn defaults(ctx: &InferCtx<'_>, input: &str) -> Option<Const> {
    let axes = ctx.shape("x").ok()?.len().checked_sub(2)?;
    let ints = |values: &[i64]| Some(Const::Tensor(anemone_tensor::Tensor::from_ints(values)));
    match input {
        "strides" | "dilations" => ints(&vec![1; axes]),
        "pad" => ints(&vec![0; 2 * axes]),
        "groups" => ints(&[1]),
        "nbits" => ints(&[8]),
        "pad_type" => Some(Const::Strings(vec!["valid".to_owned()])),
        _ => None,
    }
}

fn conv(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, weight) = (ctx.tensor("x")?, ctx.tensor("weight")?);
    let axes = spatial_axes(x, weight)?;
    let groups = groups(ctx)?;
    check_channels(&x.shape[1], &(&weight.shape[1] * &groups))?;
    check_divisible("output channels", &weight.shape[0], &groups)?;
    check_bias(ctx, &weight.shape[0])?;
    let window = Window::read(ctx, axes)?;
    let mut shape = vec![x.shape[0].clone(), weight.shape[0].clone()];
    for axis in 0..axes {
        let kernel = &weight.shape[axis + 2];
        check_kernel(kernel)?;
        shape.push(window.output(axis, &x.shape[axis + 2], kernel)?);
    }
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn conv_quantized(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let kind = ctx.text("quantization_type")?;
    if !["linear", "lut"].contains(&kind.as_str()) {
        let why = format!("`{kind}` is not `linear` or `lut`");
        return Err(Fault::value("quantization_type", why));
    }
    let bits = ctx.int("nbits")?;
    if !(1..=8).contains(&bits) {
        return Err(Fault::value("nbits", format!("{bits} is not between 1 and 8")));
    }
    conv(ctx)
}

fn conv_transpose(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, weight) = (ctx.tensor("x")?, ctx.tensor("weight")?);
    let axes = spatial_axes(x, weight)?;
    let groups = groups(ctx)?;
    check_channels(&x.shape[1], &weight.shape[0])?;
    check_divisible("input channels", &weight.shape[0], &groups)?;
    let channels = &weight.shape[1] * &groups;
    check_bias(ctx, &channels)?;
    let window = Window::read(ctx, axes)?;
    if window.padding == Padding::SameLower {
        return Err(Fault::value("pad_type", "`same_lower` is not for a transposed convolution"));
    }
    let mut shape = vec![x.shape[0].clone(), channels];
    for axis in 0..axes {
        let (input, kernel) = (&x.shape[axis + 2], &weight.shape[axis + 2]);
        check_kernel(kernel)?;
        shape.push(transposed(&window, axis, input, kernel)?);
    }
    if let Some(given) = ctx.optional_ints("output_shape")? {
        check_output_shape(&window, &given, &shape)?;
        // Sizes that only the program's input tells stay so: the first two follow from it.
        shape.splice(2.., given[2..].iter().map(|&n| Dim::Known(n)));
    }
    Ok(vec![Type::tensor(x.dtype, shape)])
}

/// The size from which windows along `axis` give `input` elements.
fn transposed(window: &Window, axis: usize, input: &Dim, kernel: &Dim) -> Result<Dim, Fault> {
    let stride = Dim::from(window.strides[axis]);
    let whole = &(&(input - &Dim::ONE) * &stride) + &window.extent(axis, kernel);
    let size = match &window.padding {
        Padding::Same | Padding::SameLower => input * &stride,
        Padding::Valid => whole,
        Padding::Custom(pads) => &whole - &(&Dim::from(pads[axis].0) + &Dim::from(pads[axis].1)),
    };
    match size.number() {
        Some(n) if n < 1 => {
            Err(Fault::Shape(format!("spatial axis {axis} would have {n} elements")))
        }
        _ => Ok(size),
    }
}

/// The given sizes may exceed the least ones by less than a stride.
fn check_output_shape(window: &Window, given: &[i64], least: &[Dim]) -> Result<(), Fault> {
    let fault = || {
        let why = format!("{given:?} does not fit {}", show(least));
        Err(Fault::value("output_shape", why))
    };
    if given.len() != least.len() {
        return fault();
    }
    for (axis, (&given, least)) in given.iter().zip(least).enumerate() {
        let Some(least) = least.number() else { continue };
        let slack = match axis.checked_sub(2) {
            None => 0..=0,
            Some(axis) => {
                let slack = window.strides[axis] as i64 - 1;
                if window.padding == Padding::Same { -slack..=0 } else { 0..=slack }
            }
        };
        if !slack.contains(&given.saturating_sub(least)) || given < 0 {
            return fault();
        }
    }
    Ok(())
}

fn spatial_axes(x: &TensorType, weight: &TensorType) -> Result<usize, Fault> {
    let rank = x.shape.len();
    if !(3..=5).contains(&rank) {
        return Err(Fault::Shape(format!("`x` has rank {rank}, not 3, 4 or 5")));
    }
    if weight.shape.len() != rank {
        let found = weight.shape.len();
        return Err(Fault::Shape(format!("`weight` has rank {found}, `x` has rank {rank}")));
    }
    Ok(rank - 2)
}

fn groups(ctx: &InferCtx<'_>) -> Result<Dim, Fault> {
    match ctx.int("groups")? {
        n @ 1.. => Ok(Dim::Known(n)),
        n => Err(Fault::value("groups", format!("{n} is not at least 1"))),
    }
}

fn check_channels(found: &Dim, expected: &Dim) -> Result<(), Fault> {
    if found.differs(expected) {
        let why = format!("`x` has {found} channels, `weight` and `groups` ask for {expected}");
        return Err(Fault::Shape(why));
    }
    Ok(())
}

fn check_divisible(what: &str, channels: &Dim, groups: &Dim) -> Result<(), Fault> {
    match channels.modulo(groups).and_then(|rest| rest.number()) {
        Some(rest) if rest != 0 => {
            Err(Fault::Shape(format!("{what} {channels} cannot be split into {groups} groups")))
        }
        _ => Ok(()),
    }
}

fn check_kernel(size: &Dim) -> Result<(), Fault> {
    match size.number() {
        Some(n) if n < 1 => Err(Fault::Shape(format!("`weight` has a kernel of size {n}"))),
        _ => Ok(()),
    }
}

fn check_bias(ctx: &InferCtx<'_>, channels: &Dim) -> Result<(), Fault> {
    if !ctx.has("bias") {
        return Ok(());
    }
    match ctx.shape("bias")? {
        [n] if n.differs(channels) => {
            Err(Fault::Shape(format!("`bias` has {n} elements for {channels} output channels")))
        }
        [_] => Ok(()),
        other => Err(Fault::Shape(format!("`bias` has shape {}, not one axis", show(other)))),
    }
}
