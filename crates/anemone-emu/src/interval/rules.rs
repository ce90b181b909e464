//! The table of range rules: every op of the catalogue, or the reason why nothing is known of what
//! it gives.
#![deny(clippy::wildcard_enum_match_arm)]

use anemone_ir::Op;

use super::functions as f;
use super::products::{self, Partial};
use super::range::Range;
use super::site::Site;

/// How the ranges of an op's outputs follow from those of its operands.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// One range for every output.
    Every(fn(&Site<'_>) -> Range),
    /// One for each output.
    Each(fn(&Site<'_>) -> Vec<Range>),
    /// Sums of products.
    Sums(fn(&Site<'_>) -> Result<Partial, &'static str>),
    /// Nested blocks or states, which the walk goes through.
    Walk,
}

/// The rule of `op`, or why it has none.
pub(crate) fn rule(op: Op) -> Result<Rule, &'static str> {
    use Rule::{Each, Every, Sums, Walk};
    match op {
        // activation
        Op::ClampedRelu => Ok(Every(f::clamped_relu)),
        Op::Elu => Ok(Every(f::elu)),
        Op::Gelu => Ok(Every(|s| f::hump(s.of("x"), 0.2))),
        Op::LeakyRelu | Op::Prelu => Ok(Every(|s| f::sides(s, s.of("alpha")))),
        Op::LinearActivation => Ok(Every(|s| s.of("x").mul(s.of("alpha")).add(s.of("beta")))),
        Op::Relu => Ok(Every(|s| s.of("x").halves().0)),
        Op::Relu6 => Ok(Every(|s| s.of("x").halves().0.min(Range::point(6.0)))),
        Op::ScaledTanh => Ok(Every(f::scaled_tanh)),
        Op::Sigmoid => Ok(Every(|s| f::sigmoid(s.of("x")))),
        Op::SigmoidHard => Ok(Every(f::sigmoid_hard)),
        Op::Silu => Ok(Every(|s| f::hump(s.of("x"), 0.3))),
        Op::Softmax => Ok(Every(f::softmax)),
        Op::Softplus => Ok(Every(|s| f::softplus(s.of("x")))),
        Op::SoftplusParametric => Ok(Every(f::softplus_parametric)),
        Op::Softsign => Ok(Every(|s| Range::size(1.01).or_nan(!s.of("x").is_finite()))),
        Op::ThresholdedRelu => Ok(Every(|s| s.of("x").join(Range::point(0.0)))),
        // classify
        Op::Classify => Err("labels have no range"),
        // compression
        Op::ConstexprBlockwiseShiftScale => Ok(Every(|s| f::dequantized(s, "data", "offset"))),
        Op::ConstexprLutToSparse => Ok(Each(|s| vec![f::TRUTH, s.of("lut")])),
        Op::ConstexprSparseBlockwiseShiftScale => {
            Ok(Each(|s| vec![f::TRUTH, f::dequantized(s, "nonzero_data", "offset")]))
        }
        // constexpr_ops
        Op::ConstexprAffineDequantize => {
            Ok(Every(|s| f::dequantized(s, "quantized_data", "zero_point")))
        }
        Op::ConstexprCast => Ok(Every(|s| s.of("source_val"))),
        Op::ConstexprLutToDense => Ok(Every(|s| s.of("lut"))),
        Op::ConstexprSparseToDense => Ok(Every(|s| s.of("nonzero_data").join(Range::point(0.0)))),
        // control_flow
        Op::ConstSymbolic => Err("a symbol's value is not known"),
        Op::Cond | Op::WhileLoop => Ok(Walk),
        Op::Const => Err("a constant that is not decoded"),
        Op::ListGather | Op::ListRead => Ok(Every(|s| s.of("ls"))),
        Op::ListLength => Ok(Every(|_| Range::new(0.0, i32::MAX.into()))),
        Op::ListScatter | Op::ListWrite => Ok(Every(|s| s.of("ls").join(s.of("value")))),
        Op::MakeList => Ok(Every(|_| Range::point(0.0))),
        Op::Select => Ok(Every(|s| s.of("a").join(s.of("b")))),
        // conv
        Op::Conv => Ok(Sums(products::conv)),
        Op::ConvQuantized => Err("products with weights that stay quantised have no rule"),
        Op::ConvTranspose => Ok(Sums(products::conv_transpose)),
        // elementwise_binary
        Op::Add => Ok(Every(|s| s.of("x").add(s.of("y")))),
        Op::Equal
        | Op::Greater
        | Op::GreaterEqual
        | Op::Less
        | Op::LessEqual
        | Op::LogicalAnd
        | Op::LogicalNot
        | Op::LogicalOr
        | Op::LogicalXor
        | Op::NotEqual => Ok(Every(|_| f::TRUTH)),
        Op::FloorDiv => Ok(Every(|s| f::quotient(s).rising(f64::floor))),
        Op::Maximum => Ok(Every(|s| s.of("x").max(s.of("y")))),
        Op::Minimum => Ok(Every(|s| s.of("x").min(s.of("y")))),
        Op::Mod => Ok(Every(f::modulo)),
        Op::Mul => Ok(Every(f::product)),
        Op::Pow => Ok(Every(f::power)),
        Op::RealDiv => Ok(Every(f::quotient)),
        Op::Sub => Ok(Every(f::difference)),
        // elementwise_unary
        Op::Abs => Ok(Every(|s| s.of("x").abs())),
        Op::Acos => Ok(Every(|s| f::within_one(s, 0.0, std::f64::consts::PI))),
        Op::Asin => Ok(Every(|s| f::within_one(s, -1.571, 1.571))),
        Op::Atan => Ok(Every(|s| Range::size(1.571).or_nan(s.of("x").nan))),
        Op::Atanh => Ok(Every(|s| f::within_one(s, f64::NEG_INFINITY, f64::INFINITY))),
        Op::Cast => Ok(Every(f::cast)),
        Op::Ceil => Ok(Every(|s| s.of("x").rising(f64::ceil))),
        Op::Clip => Ok(Every(|s| s.of("x").max(s.of("alpha")).min(s.of("beta")))),
        Op::Cos | Op::Sin => {
            Ok(Every(|s| Range::size(1.0).wider(1e-6).or_nan(!s.of("x").is_finite())))
        }
        Op::Cosh => Ok(Every(|s| s.of("x").abs().rising(f64::cosh).wider(1e-2))),
        Op::Erf => Ok(Every(|s| f::erf(s.of("x")))),
        Op::Exp => Ok(Every(|s| f::exp(s.of("x")))),
        Op::Exp2 => Ok(Every(|s| f::exp2(s.of("x")))),
        Op::Floor => Ok(Every(|s| s.of("x").rising(f64::floor))),
        Op::Inverse => Ok(Every(|s| f::inverse(s.of("x").add(s.of("epsilon"))))),
        Op::Log => Ok(Every(|s| f::log(s.of("x").add(s.of("epsilon"))))),
        Op::Round => Ok(Every(|s| f::round(s.of("x")))),
        Op::Rsqrt => Ok(Every(|s| f::rsqrt(s.of("x").add(s.of("epsilon"))))),
        Op::Sign => Ok(Every(|s| Range::size(1.0).or_nan(s.of("x").nan))),
        Op::Sinh => Ok(Every(|s| s.of("x").rising(f64::sinh).wider(1e-2))),
        Op::Sqrt => Ok(Every(|s| f::sqrt(s.of("x")))),
        Op::Square => Ok(Every(|s| s.of("x").squared())),
        Op::Tan => Err("it has poles"),
        Op::Tanh => Ok(Every(|s| f::tanh(s.of("x")))),
        Op::Threshold => Ok(Every(|s| s.of("x").max(s.of("alpha")))),
        // image_resizing
        Op::Affine | Op::Crop | Op::CropResize | Op::Resample | Op::Resize => {
            Ok(Every(f::resampled))
        }
        Op::ResizeBilinear | Op::UpsampleBilinear => Ok(Every(|s| s.of("x").wider(1e-2))),
        Op::ResizeNearestNeighbor | Op::UpsampleNearestNeighbor => Ok(Every(|s| s.of("x"))),
        // linear
        Op::Einsum => Ok(Sums(products::einsum)),
        Op::Linear => Ok(Sums(products::linear)),
        Op::Matmul => Ok(Sums(products::matmul)),
        // normalization
        Op::BatchNorm => Ok(Every(f::batch_norm)),
        Op::InstanceNorm => Ok(Every(|s| f::normalized(s, s.sizes("x", 2)))),
        Op::L2Norm => Ok(Every(f::l2_norm)),
        Op::LayerNorm => Ok(Every(|s| f::normalized(s, s.reduced()))),
        Op::LocalResponseNorm => Ok(Every(f::local_response_norm)),
        // pool
        Op::AvgPool => Ok(Every(|s| f::mean(s.of("x").join(Range::point(0.0))))),
        Op::L2Pool => Ok(Every(|s| f::length(s.of("x"), s.window()))),
        Op::MaxPool => Ok(Every(|s| s.of("x"))),
        // quantization_ops
        Op::Dequantize => Ok(Every(|s| f::dequantized(s, "input", "zero_point"))),
        Op::Quantize => Ok(Every(|_| Range::NUMBER)),
        // random
        Op::RandomBernoulli => Ok(Every(|_| f::TRUTH)),
        Op::RandomCategorical => Ok(Every(|_| Range::new(0.0, i32::MAX.into()))),
        Op::RandomNormal => Err("a normal distribution has no ends"),
        Op::RandomUniform => Ok(Every(|s| s.of("low").join(s.of("high")))),
        // recurrent
        Op::Gru | Op::Lstm | Op::Rnn => Err("recurrent ops have no rule"),
        // reduction
        Op::ReduceArgmax | Op::ReduceArgmin => Ok(Every(|s| {
            let last = s.infer.int("axis").map_or(f64::INFINITY, |axis| s.size("x", axis));
            Range::new(0.0, last)
        })),
        Op::ReduceL1Norm => Ok(Every(|s| f::sum(s.of("x").abs(), s.reduced()))),
        Op::ReduceL2Norm => Ok(Every(|s| f::length(s.of("x"), s.reduced()))),
        Op::ReduceLogSum => {
            Ok(Every(|s| f::log(f::sum(s.of("x").add(s.of("epsilon")), s.reduced()))))
        }
        Op::ReduceLogSumExp => Ok(Every(f::log_sum_exp)),
        Op::ReduceMax | Op::ReduceMin => Ok(Every(|s| s.of("x"))),
        Op::ReduceMean => Ok(Every(|s| f::mean(s.of("x")))),
        Op::ReduceProd => Ok(Every(f::reduced_product)),
        Op::ReduceSum => Ok(Every(|s| f::sum(s.of("x"), s.reduced()))),
        Op::ReduceSumSquare => Ok(Every(|s| f::sum(s.of("x").squared().stored(), s.reduced()))),
        // scatter_gather
        Op::Gather | Op::GatherAlongAxis | Op::GatherNd => Ok(Every(|s| s.of("x"))),
        Op::Scatter | Op::ScatterAlongAxis | Op::ScatterNd => Ok(Every(f::scattered)),
        // states
        Op::ReadState | Op::WriteState => Ok(Walk),
        // tensor_operation
        Op::Argsort | Op::NonZero | Op::Shape => Ok(Every(|_| Range::new(0.0, i32::MAX.into()))),
        Op::BandPart => Ok(Every(|s| s.of("x").join(Range::point(0.0)))),
        Op::Concat | Op::Stack => Ok(Every(|s| s.of("values"))),
        Op::Cumsum => Ok(Every(|s| {
            let axis = s.infer.int("axis").unwrap_or(0);
            f::sum(s.of("x").join(Range::point(0.0)), s.size("x", axis))
        })),
        Op::Fill | Op::FillLike => Ok(Every(|s| s.of("value"))),
        Op::NonMaximumSuppression => Err("what is left of boxes and scores has no rule"),
        Op::OneHot => Ok(Every(|s| s.of("on_value").join(s.of("off_value")))),
        Op::Pad => Ok(Every(|s| s.of("x").join(s.of("constant_val")))),
        Op::Range1d => Ok(Every(|s| s.of("start").join(s.of("end")))),
        Op::Split
        | Op::Flatten2d
        | Op::Identity
        | Op::Tile
        | Op::BatchToSpace
        | Op::DepthToSpace
        | Op::ExpandDims
        | Op::PixelShuffle
        | Op::PixelUnshuffle
        | Op::Reshape
        | Op::ReshapeLike
        | Op::Reverse
        | Op::ReverseSequence
        | Op::SliceByIndex
        | Op::SliceBySize
        | Op::SlidingWindows
        | Op::SpaceToDepth
        | Op::Squeeze
        | Op::Transpose => Ok(Every(|s| s.of("x"))),
        Op::SpaceToBatch => Ok(Every(|s| s.of("x").join(Range::point(0.0)))),
        Op::Topk => Ok(Each(|s| vec![s.of("x"), Range::new(0.0, i32::MAX.into())])),
        // tensor_transformation
        Op::SliceUpdate => Ok(Every(|s| s.of("x").join(s.of("update")))),
        // transformers
        Op::ScaledDotProductAttention => Ok(Sums(products::attention)),
    }
}
