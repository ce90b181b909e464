//! The table of how each op is computed.
#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use anemone_cpu::{Compute, PrepareCtx};
use anemone_ir::Op;
use anemone_ir::infer::Fault;

use crate::emulator::Options;
use crate::record::Extremes;

mod activation;
mod conv;
mod eight_bit;
mod elementwise_binary;
mod elementwise_unary;
mod linear;
mod normalization;
mod reduction;
mod slice;
mod transformers;

/// What kernels are prepared with.
pub(crate) struct Setting<'a> {
    pub(crate) options: &'a Options,
    /// Where the op's accumulators note their sums.
    pub(crate) extremes: Option<Arc<Extremes>>,
}

/// A kernel; none where the CPU engine's own serves after all.
pub(crate) type Prepared = Result<Option<Box<dyn Compute>>, String>;

pub(crate) type Prepare = fn(&mut PrepareCtx<'_>, &Setting<'_>) -> Prepared;

fn fault(fault: Fault) -> String {
    fault.to_string()
}

/// In which terms an op is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Sums of products in the accumulator: measured on M4 and M6.
    Accumulator,
    /// A table of 33 points, or steps around one: tables measured on M6, steps inferred.
    Table,
    /// Steps, each rounded to fp16; which they are is inferred.
    Steps,
    /// Exactly, and rounded once: measured for sums of two, on M4 and M6, inferred for others.
    Rounded,
    /// Elements move, are chosen or compared, or are no floats: nothing is rounded.
    Moved,
    /// As the CPU engine computes it, and rounded once: how the Neural Engine does is not known, or
    /// it does not have the op.
    Unknown,
}

/// Who computes an op.
pub(crate) enum Answer {
    /// The CPU engine's kernel.
    Own(How),
    /// This crate's.
    Other(How, Prepare),
}

/// In which terms `op` is computed.
pub fn how(op: Op) -> How {
    match answer(op) {
        Answer::Own(how) | Answer::Other(how, _) => how,
    }
}

/// How to compute `op`.
pub(crate) fn answer(op: Op) -> Answer {
    use Answer::{Other, Own};
    match op {
        // activation
        Op::ClampedRelu | Op::Prelu => Own(How::Rounded),
        Op::LeakyRelu => Other(How::Rounded, activation::leaky_relu),
        Op::LinearActivation => Other(How::Rounded, activation::linear_activation),
        Op::SigmoidHard => Other(How::Rounded, activation::sigmoid_hard),
        Op::Relu | Op::Relu6 | Op::ThresholdedRelu => Own(How::Moved),
        Op::Elu => Other(How::Table, activation::elu),
        Op::Gelu => Other(How::Table, activation::gelu),
        Op::ScaledTanh => Other(How::Table, activation::scaled_tanh),
        Op::Sigmoid => Other(How::Table, activation::sigmoid),
        Op::Silu => Other(How::Table, activation::silu),
        Op::Softplus => Other(How::Table, activation::softplus),
        Op::SoftplusParametric => Other(How::Table, activation::softplus_parametric),
        Op::Softsign => Other(How::Table, activation::softsign),
        Op::Softmax => Other(How::Steps, activation::softmax),
        // classify
        Op::Classify => Own(How::Moved),
        // compression, constexpr_ops: constants are decoded in advance
        Op::ConstexprAffineDequantize
        | Op::ConstexprBlockwiseShiftScale
        | Op::ConstexprCast
        | Op::ConstexprLutToDense
        | Op::ConstexprLutToSparse
        | Op::ConstexprSparseBlockwiseShiftScale
        | Op::ConstexprSparseToDense => Own(How::Rounded),
        // control_flow
        Op::Cond
        | Op::Const
        | Op::ConstSymbolic
        | Op::ListGather
        | Op::ListLength
        | Op::ListRead
        | Op::ListScatter
        | Op::ListWrite
        | Op::MakeList
        | Op::Select
        | Op::WhileLoop => Own(How::Moved),
        // conv
        Op::Conv => Other(How::Accumulator, conv::conv),
        Op::ConvTranspose => Other(How::Accumulator, conv::conv_transpose),
        Op::ConvQuantized => Own(How::Unknown),
        // elementwise_binary
        Op::Add => Other(How::Rounded, elementwise_binary::add),
        Op::Mul => Other(How::Rounded, elementwise_binary::mul),
        Op::Sub => Other(How::Rounded, elementwise_binary::sub),
        Op::FloorDiv | Op::Mod | Op::Pow | Op::RealDiv => Own(How::Unknown),
        Op::Equal
        | Op::Greater
        | Op::GreaterEqual
        | Op::Less
        | Op::LessEqual
        | Op::LogicalAnd
        | Op::LogicalOr
        | Op::LogicalXor
        | Op::Maximum
        | Op::Minimum
        | Op::NotEqual => Own(How::Moved),
        // elementwise_unary
        Op::Abs
        | Op::Ceil
        | Op::Clip
        | Op::Floor
        | Op::LogicalNot
        | Op::Round
        | Op::Sign
        | Op::Threshold => Own(How::Moved),
        Op::Cast => Own(How::Rounded),
        Op::Square => Other(How::Rounded, elementwise_unary::square),
        Op::Cos => Other(How::Table, elementwise_unary::cos),
        Op::Erf => Other(How::Table, elementwise_unary::erf),
        Op::Exp => Other(How::Table, elementwise_unary::exp),
        Op::Exp2 => Other(How::Table, elementwise_unary::exp2),
        Op::Inverse => Other(How::Table, elementwise_unary::inverse),
        Op::Log => Other(How::Table, elementwise_unary::log),
        Op::Rsqrt => Other(How::Table, elementwise_unary::rsqrt),
        Op::Sin => Other(How::Table, elementwise_unary::sin),
        Op::Sqrt => Other(How::Table, elementwise_unary::sqrt),
        Op::Tanh => Other(How::Table, elementwise_unary::tanh),
        Op::Acos | Op::Asin | Op::Atan | Op::Atanh | Op::Cosh | Op::Sinh | Op::Tan => {
            Own(How::Unknown)
        }
        // image_resizing
        Op::Affine
        | Op::CropResize
        | Op::Resample
        | Op::Resize
        | Op::ResizeBilinear
        | Op::UpsampleBilinear => Own(How::Unknown),
        Op::Crop | Op::ResizeNearestNeighbor | Op::UpsampleNearestNeighbor => Own(How::Moved),
        // linear
        Op::Einsum => Other(How::Accumulator, linear::einsum),
        Op::Linear => Other(How::Accumulator, linear::linear),
        Op::Matmul => Other(How::Accumulator, linear::matmul),
        // normalization
        Op::BatchNorm => Own(How::Rounded),
        Op::InstanceNorm => Other(How::Steps, normalization::instance_norm),
        Op::L2Norm => Other(How::Steps, normalization::l2_norm),
        Op::LayerNorm => Other(How::Steps, normalization::layer_norm),
        Op::LocalResponseNorm => Own(How::Unknown),
        // pool
        Op::AvgPool => Own(How::Rounded),
        Op::L2Pool => Own(How::Unknown),
        Op::MaxPool => Own(How::Moved),
        // quantization_ops
        Op::Dequantize | Op::Quantize => Own(How::Rounded),
        // random
        Op::RandomBernoulli | Op::RandomCategorical | Op::RandomNormal | Op::RandomUniform => {
            Own(How::Unknown)
        }
        // recurrent
        Op::Gru | Op::Lstm | Op::Rnn => Own(How::Unknown),
        // reduction
        Op::ReduceL1Norm => Other(How::Rounded, reduction::reduce_l1_norm),
        Op::ReduceMean => Other(How::Rounded, reduction::reduce_mean),
        Op::ReduceSum => Other(How::Rounded, reduction::reduce_sum),
        Op::ReduceL2Norm => Other(How::Steps, reduction::reduce_l2_norm),
        Op::ReduceLogSum => Other(How::Steps, reduction::reduce_log_sum),
        Op::ReduceLogSumExp => Other(How::Steps, reduction::reduce_log_sum_exp),
        Op::ReduceSumSquare => Other(How::Steps, reduction::reduce_sum_square),
        Op::ReduceArgmax | Op::ReduceArgmin | Op::ReduceMax | Op::ReduceMin => Own(How::Moved),
        Op::ReduceProd => Own(How::Unknown),
        // scatter_gather
        Op::Gather
        | Op::GatherAlongAxis
        | Op::GatherNd
        | Op::Scatter
        | Op::ScatterAlongAxis
        | Op::ScatterNd => Own(How::Moved),
        // states
        Op::ReadState | Op::WriteState => Own(How::Moved),
        // tensor_operation
        Op::Cumsum => Own(How::Unknown),
        Op::Argsort
        | Op::BandPart
        | Op::Concat
        | Op::Fill
        | Op::FillLike
        | Op::Flatten2d
        | Op::Identity
        | Op::NonMaximumSuppression
        | Op::NonZero
        | Op::OneHot
        | Op::Pad
        | Op::Range1d
        | Op::Shape
        | Op::Split
        | Op::Stack
        | Op::Tile
        | Op::Topk => Own(How::Moved),
        // tensor_transformation
        Op::BatchToSpace
        | Op::DepthToSpace
        | Op::ExpandDims
        | Op::PixelShuffle
        | Op::PixelUnshuffle
        | Op::Reshape
        | Op::ReshapeLike
        | Op::Reverse
        | Op::ReverseSequence
        | Op::SliceUpdate
        | Op::SlidingWindows
        | Op::SpaceToBatch
        | Op::SpaceToDepth
        | Op::Squeeze
        | Op::Transpose => Own(How::Moved),
        Op::SliceByIndex | Op::SliceBySize => Other(How::Moved, slice::slice),
        // transformers
        Op::ScaledDotProductAttention => Other(How::Steps, transformers::attention),
    }
}
