//! Which ops run on the engine, and on what condition: one arm for each op.
#![deny(clippy::wildcard_enum_match_arm)]

mod conv;
mod general;
mod movement;
mod products;
mod site;
mod states;
mod windows;

use anemone_ir::Op;

pub use conv::{MAX_KERNEL_HEIGHT, MAX_SQUARE_KERNEL};
pub use general::MAX_RANK;
pub use products::{MAX_CONTRACTION, MAX_SCORES};
pub(crate) use site::Site;
pub use site::{CanRun, Obstacle, Support};
pub use states::{MAX_STATES, STATE_MULTIPLE};

use crate::evidence::{Class, Confidence, Evidence};
use site::{No, Verdict};

/// A condition of one op, beside those that all have.
pub(crate) type Rule = fn(&Site<'_>) -> Verdict;

/// The op's condition, or why it never runs on the engine.
pub(crate) fn rule(op: Op) -> Result<Rule, &'static str> {
    match op {
        // activation
        Op::ClampedRelu => Ok(always),
        Op::Elu => Ok(always),
        Op::Gelu => Ok(always),
        Op::LeakyRelu => Ok(always),
        Op::LinearActivation => Ok(always),
        Op::Prelu => Ok(always),
        Op::Relu => Ok(always),
        Op::Relu6 => Ok(always),
        Op::ScaledTanh => Ok(always),
        Op::Sigmoid => Ok(always),
        Op::SigmoidHard => Ok(always),
        Op::Silu => Ok(always),
        Op::Softmax => Ok(always),
        Op::Softplus => Ok(always),
        Op::SoftplusParametric => Ok(always),
        Op::Softsign => Ok(always),
        Op::ThresholdedRelu => Ok(always),
        // classify
        Op::Classify => Err("the classifier's last step runs on the CPU"),
        // compression
        Op::ConstexprBlockwiseShiftScale => Ok(always),
        Op::ConstexprLutToSparse => Ok(always),
        Op::ConstexprSparseBlockwiseShiftScale => Ok(always),
        // constexpr_ops
        Op::ConstexprAffineDequantize => Ok(always),
        Op::ConstexprCast => Ok(always),
        Op::ConstexprLutToDense => Ok(always),
        Op::ConstexprSparseToDense => Ok(always),
        // control_flow
        Op::ConstSymbolic => Err("it is a value of the converter that no saved model holds"),
        Op::Cond => Err("no branches run on the engine; compute both sides and select"),
        Op::Const => Ok(always),
        Op::ListGather => Err("lists do not exist on the engine"),
        Op::ListLength => Err("lists do not exist on the engine"),
        Op::ListRead => Err("lists do not exist on the engine"),
        Op::ListScatter => Err("lists do not exist on the engine"),
        Op::ListWrite => Err("lists do not exist on the engine"),
        Op::MakeList => Err("lists do not exist on the engine"),
        Op::Select => Ok(always),
        Op::WhileLoop => Err("no loops run on the engine; unroll it or drive it from outside"),
        // conv
        Op::Conv => Ok(conv::conv),
        Op::ConvQuantized => Err("the compiler refuses it"),
        Op::ConvTranspose => Ok(conv::conv),
        // elementwise_binary
        Op::Add => Ok(always),
        Op::Equal => Ok(always),
        Op::FloorDiv => Ok(always),
        Op::Greater => Ok(always),
        Op::GreaterEqual => Ok(always),
        Op::Less => Ok(always),
        Op::LessEqual => Ok(always),
        Op::LogicalAnd => Ok(always),
        Op::LogicalOr => Err("no compiler has code for it; use maximum"),
        Op::LogicalXor => Err("no compiler has code for it; use not_equal"),
        Op::Maximum => Ok(always),
        Op::Minimum => Ok(always),
        Op::Mod => Err("Core ML keeps it on the CPU; use x - floor_div(x, y) * y"),
        Op::Mul => Ok(always),
        Op::NotEqual => Ok(always),
        Op::Pow => Ok(always),
        Op::RealDiv => Ok(always),
        Op::Sub => Ok(always),
        // elementwise_unary
        Op::Abs => Ok(always),
        Op::Acos => Err("arc cosine is not among the engine's functions"),
        Op::Asin => Err("arc sine is not among the engine's functions"),
        Op::Atan => Ok(always),
        Op::Atanh => Err("its inverse hyperbolic tangent is not among the engine's functions"),
        Op::Cast => Ok(always),
        Op::Ceil => Ok(always),
        Op::Clip => Ok(always),
        Op::Cos => Ok(windows::trigonometry),
        Op::Cosh => Err("it is not among the engine's functions; write it with exp"),
        Op::Erf => Ok(always),
        Op::Exp => Ok(always),
        Op::Exp2 => Ok(always),
        Op::Floor => Ok(always),
        Op::Inverse => Ok(always),
        Op::Log => Ok(always),
        Op::LogicalNot => Ok(always),
        Op::Round => Ok(always),
        Op::Rsqrt => Ok(always),
        Op::Sign => Ok(always),
        Op::Sin => Ok(windows::trigonometry),
        Op::Sinh => Err("it is not among the engine's functions; write it with exp"),
        Op::Sqrt => Ok(always),
        Op::Square => Ok(always),
        Op::Tan => Err("it is not among the engine's functions; divide sin by cos"),
        Op::Tanh => Ok(always),
        Op::Threshold => Ok(always),
        // image_resizing
        Op::Affine => Ok(windows::texture),
        Op::Crop => Ok(always),
        Op::CropResize => Err("Core ML keeps it on the CPU"),
        Op::Resample => Ok(windows::resample),
        Op::Resize => Ok(always),
        Op::ResizeBilinear => Ok(always),
        Op::ResizeNearestNeighbor => Ok(always),
        Op::UpsampleBilinear => Ok(always),
        Op::UpsampleNearestNeighbor => Ok(always),
        // linear
        Op::Einsum => Ok(products::einsum),
        Op::Linear => Ok(products::linear),
        Op::Matmul => Ok(products::matmul),
        // normalization
        Op::BatchNorm => Ok(always),
        Op::InstanceNorm => Ok(always),
        Op::L2Norm => Ok(always),
        Op::LayerNorm => Ok(general::listed_shapes),
        Op::LocalResponseNorm => Ok(windows::local_response_norm),
        // pool
        Op::AvgPool => Ok(windows::avg_pool),
        Op::L2Pool => Ok(always),
        Op::MaxPool => Ok(windows::max_pool),
        // quantization_ops
        Op::Dequantize => Ok(always),
        Op::Quantize => Ok(windows::quantize),
        // random
        Op::RandomBernoulli => Err("no random numbers are made on the engine"),
        Op::RandomCategorical => Err("no random numbers are made on the engine"),
        Op::RandomNormal => Err("no random numbers are made on the engine"),
        Op::RandomUniform => Err("no random numbers are made on the engine"),
        // recurrent
        Op::Gru => Err("recurrent layers never run on the engine; unroll them to products"),
        Op::Lstm => Err("recurrent layers never run on the engine; unroll them to products"),
        Op::Rnn => Err("recurrent layers never run on the engine; unroll them to products"),
        // reduction
        Op::ReduceArgmax => Err("its int32 result stays on the CPU"),
        Op::ReduceArgmin => Err("its int32 result stays on the CPU"),
        Op::ReduceL1Norm => Ok(always),
        Op::ReduceL2Norm => Ok(always),
        Op::ReduceLogSum => Ok(always),
        Op::ReduceLogSumExp => Ok(always),
        Op::ReduceMax => Ok(always),
        Op::ReduceMean => Ok(always),
        Op::ReduceMin => Ok(always),
        Op::ReduceProd => Err("Core ML keeps it on the CPU"),
        Op::ReduceSum => Ok(always),
        Op::ReduceSumSquare => Ok(always),
        // scatter_gather
        Op::Gather => Ok(movement::gather),
        Op::GatherAlongAxis => Ok(movement::gather_at),
        Op::GatherNd => Ok(movement::gather_at),
        Op::Scatter => Err("scattering runs on the CPU"),
        Op::ScatterAlongAxis => Err("scattering runs on the CPU"),
        Op::ScatterNd => Err("scattering runs on the CPU"),
        // states
        Op::ReadState => Ok(states::state),
        // tensor_operation
        Op::Argsort => Err("its int32 result stays on the CPU"),
        Op::BandPart => Err("Core ML keeps it on the CPU; write the mask as a constant"),
        Op::Concat => Ok(always),
        Op::Cumsum => Err("Core ML keeps it on the CPU; multiply by a triangular matrix"),
        Op::Fill => Ok(always),
        Op::FillLike => Ok(always),
        Op::Flatten2d => Ok(always),
        Op::Identity => Ok(always),
        Op::NonMaximumSuppression => Ok(windows::suppression),
        Op::NonZero => Err("the size of its result depends on the data"),
        Op::OneHot => Err("Core ML keeps it on the CPU"),
        Op::Pad => Ok(movement::pad),
        Op::Range1d => Err("Core ML keeps it on the CPU; a constant is folded"),
        Op::Shape => Err("sizes are no tensor of the engine"),
        Op::Split => Ok(always),
        Op::Stack => Ok(always),
        Op::Tile => Ok(movement::tile),
        Op::Topk => Ok(always),
        // tensor_transformation
        Op::BatchToSpace => Ok(always),
        Op::DepthToSpace => Ok(always),
        Op::ExpandDims => Ok(always),
        Op::PixelShuffle => Ok(always),
        Op::PixelUnshuffle => Ok(always),
        Op::Reshape => Ok(movement::reshape),
        Op::ReshapeLike => Ok(always),
        Op::Reverse => Ok(always),
        Op::ReverseSequence => Err("no compiler has code for it"),
        Op::SliceByIndex => Ok(movement::slice),
        Op::SliceBySize => Ok(movement::slice),
        Op::SliceUpdate => Ok(movement::slice_update),
        Op::SlidingWindows => Err("Core ML keeps it on the CPU; use slices and concat"),
        Op::SpaceToBatch => Ok(always),
        Op::SpaceToDepth => Ok(always),
        Op::Squeeze => Ok(always),
        Op::Transpose => Ok(always),
        // transformers
        Op::ScaledDotProductAttention => Ok(products::attention),
        // states
        Op::WriteState => Ok(states::state),
    }
}

/// Nothing but what holds for all ops.
fn always(_: &Site<'_>) -> Verdict {
    None
}

/// Whether the node can run on the engine, and why.
pub(crate) fn support(site: &Site<'_>, is_nested: bool) -> Support {
    let row = site.row();
    let never = match rule(site.node.op) {
        Err(why) => Some(No::new(Obstacle::Op, why)),
        Ok(_) if is_nested => {
            let why = "it stands in a branch or loop, which run on the CPU";
            Some(No::new(Obstacle::ControlFlow, why).from(Class::Measured, &["af_swp"]))
        }
        Ok(_) => None,
    };
    let reached = never.or_else(|| general::check(site).filter(|no| !no.is_open));
    let no = reached.or_else(|| rule(site.node.op).ok().and_then(|rule| rule(site)));
    let no = no.or_else(|| general::check(site));
    let mut support = match no {
        None => Support {
            can_run: CanRun::Yes,
            obstacle: None,
            reason: "the engine runs it".to_owned(),
            evidence: row.evidence(),
            confidence: row.confidence,
            whole_model: false,
        },
        Some(no) => Support {
            can_run: if no.is_open { CanRun::Conditional } else { CanRun::No },
            obstacle: Some(no.obstacle),
            confidence: match no.is_open {
                true => Confidence::Low,
                false if no.obstacle == Obstacle::Op => row.confidence,
                false => Confidence::High,
            },
            reason: no.reason,
            evidence: no.evidence.unwrap_or_else(|| row.evidence()),
            whole_model: no.whole_model,
        },
    };
    if support.evidence.class == Class::Measured && !site.target.is_verified() {
        support.confidence = support.confidence.min(Confidence::Medium);
    }
    support
}

/// Why the op never runs on the engine; none where it can.
pub fn refusal(op: Op) -> Option<&'static str> {
    rule(op).err()
}

/// Ops that have a condition of their own, ops that have none, and ops that never run there.
pub fn counts() -> (usize, usize, usize) {
    Op::ALL.iter().fold((0, 0, 0), |(own, general, never), op| match rule(*op) {
        Err(_) => (own, general, never + 1),
        Ok(rule) if std::ptr::fn_addr_eq(rule, always as Rule) => (own, general + 1, never),
        Ok(_) => (own + 1, general, never),
    })
}

/// Evidence that is nobody's: what this crate concludes.
pub(crate) fn inferred(from: &str) -> Evidence {
    Evidence::new(Class::Inferred, from)
}
