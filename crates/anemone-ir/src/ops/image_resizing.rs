//! Resizing, cropping and resampling of images.

use anemone_tensor::DataType;

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, show};
use crate::{Const, Dim, Type};

const X: InputDef = tensor("x", T_FLOAT);
const PAD_VALUE: InputDef = constant_of("pad_value", T_FLOAT);
const SAMPLING_MODE: InputDef = constant("sampling_mode").default(Default::Text("DEFAULT"));

const fn scale(name: &'static str, types: &'static [DataType]) -> InputDef {
    constant_of(name, domain("U", types)).default(Default::Int(1))
}

const fn resampled(types: &'static [DataType]) -> InputDef {
    tensor("coordinates", domain("U", types))
}

pub(super) const AFFINE: OpDef = OpDef {
    name: "affine",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            X,
            tensor("transform_matrix", T_FLOAT),
            constant("output_height"),
            constant("output_width"),
            constant("sampling_mode"),
            constant("padding_mode"),
            constant_of("padding_value", T_FLOAT),
            constant("coordinates_mode"),
            constant("align_corners"),
        ],
    }],
    infer: Infer::Rule(affine),
    evaluate: None,
    computed: None,
};

pub(super) const CROP: OpDef = OpDef {
    name: "crop",
    versions: &[Version {
        since: Ios15,
        inputs: &[X, constant("crop_height"), constant("crop_width")],
    }],
    infer: Infer::Rule(crop),
    evaluate: None,
    computed: None,
};

const ROI: InputDef = tensor("roi", T_FLOAT);
const TARGET_HEIGHT: InputDef = constant("target_height").default(Default::Int(1));
const TARGET_WIDTH: InputDef = constant("target_width").default(Default::Int(1));
const NORMALIZED: InputDef = constant("normalized_coordinates").default(Default::Bool(false));
const SPATIAL_SCALE: InputDef = constant("spatial_scale").default(Default::Float(1.0));
const BOX_MODE: InputDef =
    constant("box_coordinate_mode").default(Default::Text("CORNERS_HEIGHT_FIRST"));

pub(super) const CROP_RESIZE: OpDef = OpDef {
    name: "crop_resize",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                X,
                ROI,
                TARGET_HEIGHT,
                TARGET_WIDTH,
                NORMALIZED,
                SPATIAL_SCALE,
                BOX_MODE,
                SAMPLING_MODE,
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                X,
                ROI,
                TARGET_HEIGHT,
                TARGET_WIDTH,
                NORMALIZED,
                SPATIAL_SCALE,
                BOX_MODE,
                SAMPLING_MODE,
                PAD_VALUE.default(Default::Float(0.0)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                X,
                tensor("boxes", domain("BOX_T", &[F16, F32, U16])),
                tensor("box_indices", domain("BOX_INDEX_T", &[U16, I32]))
                    .default(Default::Computed),
                constant("target_height").default(Default::Computed),
                constant("target_width").default(Default::Computed),
                constant("normalized_coordinates").default(Default::Computed),
                constant("spatial_scale").default(Default::Computed),
                constant("box_coordinate_mode").default(Default::Computed),
                constant("sampling_mode").default(Default::Computed),
                PAD_VALUE.default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Rule(crop_resize),
    evaluate: None,
    computed: Some(crop_resize_defaults),
};

const fn resample_inputs(coordinates: InputDef) -> [InputDef; 7] {
    [
        X,
        coordinates,
        constant("sampling_mode"),
        constant("padding_mode"),
        constant_of("padding_value", T_FLOAT),
        constant("coordinates_mode"),
        constant("align_corners"),
    ]
}

pub(super) const RESAMPLE: OpDef = OpDef {
    name: "resample",
    versions: &[
        Version { since: Ios15, inputs: &const { resample_inputs(resampled(&[I32, F32])) } },
        Version { since: Ios16, inputs: &const { resample_inputs(resampled(&[I32, F16, F32])) } },
        Version {
            since: Ios17,
            inputs: &const { resample_inputs(resampled(&[I8, U8, I16, U16, I32, F16, F32])) },
        },
    ],
    infer: Infer::Rule(resample),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE: OpDef = OpDef {
    name: "resize",
    versions: &[Version {
        since: Ios17,
        inputs: &[
            tensor("x", T_NUMBER),
            tensor("shape", domain("U", &[I32, I16, U16, U32])),
            constant("resized_dims"),
            constant("interpolation_mode").default(Default::Text("LINEAR")),
            SAMPLING_MODE,
        ],
    }],
    infer: Infer::Rule(resize),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE_BILINEAR: OpDef = OpDef {
    name: "resize_bilinear",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            X,
            constant("target_size_height").default(Default::Int(1)),
            constant("target_size_width").default(Default::Int(1)),
            SAMPLING_MODE,
        ],
    }],
    infer: Infer::Rule(resize_bilinear),
    evaluate: None,
    computed: None,
};

pub(super) const RESIZE_NEAREST_NEIGHBOR: OpDef = OpDef {
    name: "resize_nearest_neighbor",
    versions: &[Version {
        since: Ios15,
        inputs: &[X, constant("target_size_height"), constant("target_size_width")],
    }],
    infer: Infer::Rule(resize_to_target),
    evaluate: None,
    computed: None,
};

pub(super) const UPSAMPLE_BILINEAR: OpDef = OpDef {
    name: "upsample_bilinear",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                X,
                scale("scale_factor_height", &[I32, F32]),
                scale("scale_factor_width", &[I32, F32]),
                constant("align_corners").default(Default::Bool(true)),
            ],
        },
        Version {
            since: Ios16,
            inputs: &[
                X,
                scale("scale_factor_height", &[I32, F32]),
                scale("scale_factor_width", &[I32, F32]),
                constant("align_corners").default(Default::Bool(true)),
                constant("half_pixel_centers").optional(),
            ],
        },
    ],
    infer: Infer::Rule(upsample),
    evaluate: None,
    computed: None,
};

pub(super) const UPSAMPLE_NEAREST_NEIGHBOR: OpDef = OpDef {
    name: "upsample_nearest_neighbor",
    versions: &[Version {
        since: Ios15,
        inputs: &[
            X,
            scale("scale_factor_height", &[F32, I32]),
            scale("scale_factor_width", &[F32, I32]),
        ],
    }],
    infer: Infer::Rule(upsample),
    evaluate: None,
    computed: None,
};

const SAMPLING_MODES: &[&str] =
    &["DEFAULT", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "OFFSET_CORNERS", "UNALIGN_CORNERS"];

const BOX_MODES: &[&str] = &[
    "CORNERS_HEIGHT_FIRST",
    "CORNERS_WIDTH_FIRST",
    "CENTER_SIZE_HEIGHT_FIRST",
    "CENTER_SIZE_WIDTH_FIRST",
];

/// The defaults of the newest version, which depend on no input but the box indices; absent ones
/// count up from 0.
fn crop_resize_defaults(_: &InferCtx<'_>, input: &str) -> Option<Const> {
    let number = |dtype, v| anemone_tensor::Tensor::from_f64(dtype, vec![], [v]).ok();
    match input {
        "target_height" | "target_width" => number(I32, 1.0).map(Const::Tensor),
        "normalized_coordinates" => number(Bool, 0.0).map(Const::Tensor),
        "spatial_scale" => number(F32, 1.0).map(Const::Tensor),
        "pad_value" => number(F32, 0.0).map(Const::Tensor),
        "box_coordinate_mode" => Some(Const::Strings(vec![BOX_MODES[0].to_owned()])),
        "sampling_mode" => Some(Const::Strings(vec![SAMPLING_MODES[0].to_owned()])),
        _ => None,
    }
}

fn one_of(ctx: &InferCtx<'_>, input: &str, allowed: &[&str]) -> Result<(), Fault> {
    let found = ctx.text(input)?;
    if allowed.iter().any(|a| a.eq_ignore_ascii_case(&found)) {
        return Ok(());
    }
    let why = format!("`{found}` is not one of `{}`", allowed.join("`, `"));
    Err(Fault::value(input, why))
}

fn positive(ctx: &InferCtx<'_>, input: &str) -> Result<Dim, Fault> {
    match ctx.int(input)? {
        n @ 1.. => Ok(Dim::Known(n)),
        n => Err(Fault::value(input, format!("{n} is not at least 1"))),
    }
}

fn expect_rank(ctx: &InferCtx<'_>, input: &str, rank: usize) -> Result<(), Fault> {
    match ctx.shape(input)? {
        shape if shape.len() == rank => Ok(()),
        other => {
            Err(Fault::Shape(format!("`{input}` of shape {} is not of rank {rank}", show(other))))
        }
    }
}

/// `x` with its last two axes replaced.
fn image(
    ctx: &InferCtx<'_>,
    size: impl FnOnce(&Dim, &Dim) -> Result<[Dim; 2], Fault>,
) -> Result<Vec<Type>, Fault> {
    let x = ctx.tensor("x")?;
    let [first @ .., height, width] = x.shape.as_slice() else {
        return Err(Fault::Shape("`x` has less than three axes".to_owned()));
    };
    if first.is_empty() {
        return Err(Fault::Shape("`x` has less than three axes".to_owned()));
    }
    let shape = first.iter().cloned().chain(size(height, width)?).collect();
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn upsample(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    if ctx.version.inputs.iter().any(|d| d.name == "align_corners") {
        ctx.boolean("align_corners")?;
    }
    image(ctx, |height, width| {
        Ok([scaled(ctx, "scale_factor_height", height)?, scaled(ctx, "scale_factor_width", width)?])
    })
}

/// `floor(size * factor)`, in single precision as coremltools computes it.
fn scaled(ctx: &InferCtx<'_>, input: &str, size: &Dim) -> Result<Dim, Fault> {
    let factor = ctx.float(input)?;
    if !(factor > 0.0 && factor <= 65536.0) {
        return Err(Fault::value(input, format!("{factor} is not a usable factor")));
    }
    // The factor as a fraction with a power of two below.
    let bits = (0..=10).find(|b| (factor * (1u32 << b) as f32).fract() == 0.0);
    let result = match (size, bits) {
        (Dim::Known(n), _) => Dim::Known((*n as f32 * factor).floor() as i64),
        (_, Some(bits)) => {
            let below = Dim::Known(1 << bits);
            let above = Dim::Known((factor * (1u32 << bits) as f32) as i64);
            (size * &above).floor_div(&below).unwrap_or_else(|| ctx.fresh())
        }
        (_, None) => ctx.fresh(),
    };
    match result.number() {
        Some(n) if n < 1 => Err(Fault::value(input, format!("{factor} leaves nothing of {size}"))),
        _ => Ok(result),
    }
}

fn resize_bilinear(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    one_of(ctx, "sampling_mode", SAMPLING_MODES)?;
    resize_to_target(ctx)
}

fn resize_to_target(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    image(ctx, |_, _| {
        Ok([positive(ctx, "target_size_height")?, positive(ctx, "target_size_width")?])
    })
}

fn resize(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    one_of(ctx, "interpolation_mode", &["LINEAR", "NEAREST_NEIGHBOR"])?;
    one_of(ctx, "sampling_mode", SAMPLING_MODES)?;
    let x = ctx.tensor("x")?;
    let [count] = ctx.shape("shape")? else {
        return Err(Fault::Shape("`shape` is not a vector".to_owned()));
    };
    let count = count.known().ok_or_else(|| {
        Fault::Unsupported("`resize` to a shape whose length is not known".to_owned())
    })?;
    let wanted = ctx.int("resized_dims")?;
    let resized = usize::try_from(wanted).ok().filter(|&r| r <= count && count <= x.shape.len());
    let Some(resized) = resized else {
        let why = format!("{wanted} of the {count} sizes do not fit {} axes", x.shape.len());
        return Err(Fault::value("resized_dims", why));
    };
    let mut shape = x.shape.clone();
    let first = shape.len() - resized;
    let sizes = ctx.dims("shape");
    for i in 0..resized {
        match sizes.as_ref().and_then(|s| s.get(count - resized + i)) {
            None => shape[first + i] = ctx.fresh(),
            Some(Dim::Known(0)) => {}
            Some(Dim::Known(n)) if *n < 0 => {
                return Err(Fault::value("shape", format!("{n} is not a size")));
            }
            Some(size) => shape[first + i] = size.clone(),
        }
    }
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn crop(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let amounts = |input: &str| match *ctx.ints(input)? {
        [a, b] if a >= 0 && b >= 0 => Ok(&Dim::Known(a) + &Dim::Known(b)),
        ref other => {
            let why = format!("{other:?} is not two amounts of at least 0");
            Err(Fault::value(input, why))
        }
    };
    image(ctx, |height, width| {
        let cropped = [height - &amounts("crop_height")?, width - &amounts("crop_width")?];
        match cropped.iter().find_map(|d| d.number().filter(|n| *n < 1)) {
            Some(n) => Err(Fault::Shape(format!("the crop leaves {n} elements of an axis"))),
            None => Ok(cropped),
        }
    })
}

fn crop_resize(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    one_of(ctx, "sampling_mode", SAMPLING_MODES)?;
    one_of(ctx, "box_coordinate_mode", BOX_MODES)?;
    let normalized = ctx.boolean("normalized_coordinates")?;
    ctx.float("spatial_scale")?;
    expect_rank(ctx, "x", 4)?;
    let target = [positive(ctx, "target_height")?, positive(ctx, "target_width")?];
    let x = ctx.tensor("x")?;
    let mut shape = if ctx.has("roi") {
        let roi = ctx.shape("roi")?;
        let [boxes, Dim::Known(1), Dim::Known(4 | 5), Dim::Known(1), Dim::Known(1)] = roi else {
            let why = format!("`roi` is {}, not [n, 1, 4 or 5, 1, 1]", show(roi));
            return Err(Fault::Shape(why));
        };
        vec![boxes.clone(), x.shape[0].clone(), x.shape[1].clone()]
    } else {
        vec![check_boxes(ctx, normalized)?, x.shape[1].clone()]
    };
    shape.extend(target);
    Ok(vec![Type::tensor(x.dtype, shape)])
}

/// The number of boxes of the newest version.
fn check_boxes(ctx: &InferCtx<'_>, normalized: bool) -> Result<Dim, Fault> {
    let boxes = ctx.tensor("boxes")?;
    let [count, Dim::Known(4)] = boxes.shape.as_slice() else {
        return Err(Fault::Shape(format!("`boxes` is {}, not [n, 4]", show(&boxes.shape))));
    };
    if normalized && !boxes.dtype.is_float() {
        let why = format!("needs boxes of fp16 or fp32, not {}", boxes.dtype);
        return Err(Fault::value("normalized_coordinates", why));
    }
    let images = &ctx.shape("x")?[0];
    if !ctx.has("box_indices") {
        return match (count.number(), images.number()) {
            (Some(n), Some(b)) if n > b => {
                Err(Fault::Shape(format!("there are {n} boxes without indices for {b} images")))
            }
            _ => Ok(count.clone()),
        };
    }
    match ctx.shape("box_indices")? {
        [n] if !n.differs(count) => Ok(count.clone()),
        other => Err(Fault::Shape(format!("`box_indices` is {}, not [{count}]", show(other)))),
    }
}

fn resample(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    one_of(ctx, "sampling_mode", &["bilinear", "nearest"])?;
    one_of(ctx, "padding_mode", &["constant", "border", "reflection", "symmetric"])?;
    let modes = ["unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one"];
    one_of(ctx, "coordinates_mode", &modes)?;
    ctx.float("padding_value")?;
    ctx.boolean("align_corners")?;
    expect_rank(ctx, "x", 4)?;
    expect_rank(ctx, "coordinates", 4)?;
    let (x, coordinates) = (ctx.tensor("x")?, ctx.shape("coordinates")?);
    if coordinates[3].differs(&Dim::Known(2)) || coordinates[0].differs(&x.shape[0]) {
        let why = format!("`coordinates` is {}, not [{}, h, w, 2]", show(coordinates), x.shape[0]);
        return Err(Fault::Shape(why));
    }
    let [batch, channels] = [0, 1].map(|i| x.shape[i].clone());
    let [height, width] = [1, 2].map(|i| coordinates[i].clone());
    Ok(vec![Type::tensor(x.dtype, vec![batch, channels, height, width])])
}

fn affine(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    one_of(ctx, "sampling_mode", &["bilinear"])?;
    one_of(ctx, "padding_mode", &["constant"])?;
    one_of(ctx, "coordinates_mode", &["normalized_minus_one_to_one"])?;
    if ctx.float("padding_value")? != 0.0 {
        return Err(Fault::value("padding_value", "is not 0"));
    }
    ctx.boolean("align_corners")?;
    expect_rank(ctx, "x", 4)?;
    expect_rank(ctx, "transform_matrix", 2)?;
    let (x, matrix) = (ctx.shape("x")?, ctx.shape("transform_matrix")?);
    let per_image = matrix[0].differs(&Dim::ONE);
    if matrix[1].differs(&Dim::Known(6)) || (per_image && matrix[0].differs(&x[0])) {
        let why = format!("`transform_matrix` is {}, not [1 or {}, 6]", show(matrix), x[0]);
        return Err(Fault::Shape(why));
    }
    image(ctx, |_, _| Ok([positive(ctx, "output_height")?, positive(ctx, "output_width")?]))
}
