//! What a kernel's `prepare` sees: the op's constants, types, and the operands that it registers.

use std::collections::HashMap;
use std::sync::Arc;

use anemone_ir::infer::InferCtx;
use anemone_ir::{CheckedFunction, Node, TensorType, ValueId};

use crate::array::{Owned, OwnedData};
use crate::compile::{Numbers, compile_block};
use crate::flow::Block;
use crate::fold::Constants;
use crate::quantised::Quantised;

/// A shape and elements.
pub type Floats = (Vec<usize>, Vec<f32>);

/// The op under preparation: its constants and types, and the operands that its kernel will read.
pub struct PrepareCtx<'a> {
    pub(crate) function: &'a CheckedFunction,
    pub(crate) node: &'a Node,
    pub(crate) infer: InferCtx<'a>,
    pub(crate) constants: &'a Constants<'a>,
    pub(crate) numbers: Numbers<'a>,
    /// States of the function, as the signature numbers them.
    pub(crate) states: &'a HashMap<ValueId, usize>,
    /// Values that `run` reads, in registration order.
    pub(crate) operands: Vec<ValueId>,
    /// The state that `run` touches.
    pub(crate) state: Option<ValueId>,
}

impl<'a> PrepareCtx<'a> {
    /// The function that the op is of.
    pub fn function(&self) -> &'a CheckedFunction {
        self.function
    }

    /// The op.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Shape and elements of the constant bound to `input`, or of its default, as they are kept;
    /// `None` where it holds no floats, is absent or computed while the program runs.
    pub fn floats(&self, input: &str) -> Result<Option<Floats>, String> {
        let Some(value) = self.constant(input)? else { return Ok(None) };
        let kept = Arc::unwrap_or_clone(self.numbers.kept(value));
        match kept.data {
            OwnedData::F32(values) => Ok(Some((kept.shape, values))),
            OwnedData::I32(_) | OwnedData::Bool(_) => Ok(None),
        }
    }

    /// Registers any value that is alive at the op; the result indexes the kernel's inputs.
    pub fn value(&mut self, id: ValueId) -> usize {
        self.operands.push(id);
        self.operands.len() - 1
    }

    /// The op's types, constants and defaults, as the shape rules see them.
    pub fn infer(&self) -> &InferCtx<'a> {
        &self.infer
    }

    /// Registers the value bound to `input`; the result indexes the kernel's inputs.
    pub fn operand(&mut self, input: &str) -> Result<usize, String> {
        self.optional_operand(input)?.ok_or_else(|| format!("input `{input}` is missing"))
    }

    /// Registers the value bound to `input`, if there is one.
    pub fn optional_operand(&mut self, input: &str) -> Result<Option<usize>, String> {
        match self.node.input(input) {
            [] => Ok(None),
            [id] => {
                self.operands.push(*id);
                Ok(Some(self.operands.len() - 1))
            }
            _ => Err(format!("input `{input}` takes one value")),
        }
    }

    /// Registers every value bound to a variadic `input`.
    pub fn operands(&mut self, input: &str) -> std::ops::Range<usize> {
        let start = self.operands.len();
        self.operands.extend(self.node.input(input));
        start..self.operands.len()
    }

    /// Registers the state bound to `input` as `Io::state`.
    pub(crate) fn state(&mut self, input: &str) -> Result<(), String> {
        match (self.node.input(input), self.state) {
            ([id], None) => self.state = Some(*id),
            _ => return Err(format!("input `{input}` must be the op's only state")),
        }
        Ok(())
    }

    /// The constant bound to `input`, or its default, decoded; `None` where it is absent or
    /// computed while the program runs.
    pub(crate) fn constant(&self, input: &str) -> Result<Option<Arc<Owned>>, String> {
        if let [id] = self.node.input(input) {
            return self.constants.get(self.function, *id);
        }
        match self.infer.constant(input) {
            Some(value) => Owned::from_const(&value).map(|owned| Some(Arc::new(owned))),
            None => Ok(None),
        }
    }

    /// The compressed constant bound to `input`, if it is one that stays so.
    pub(crate) fn quantised(&self, input: &str) -> Option<Arc<Quantised>> {
        match self.node.input(input) {
            [id] => self.constants.quantised(*id),
            _ => None,
        }
    }

    /// Compiles the nested block `index`, and registers the outer values that it reads.
    pub(crate) fn block(&mut self, index: usize) -> Result<Block, String> {
        let source = self.node.blocks.get(index).ok_or("a nested block is missing")?;
        let (body, outer) = compile_block(self, source)?;
        let start = self.operands.len();
        self.operands.extend(outer);
        Ok(Block { body, outer: start..self.operands.len() })
    }

    /// The tensor type of output `index`.
    pub fn output(&self, index: usize) -> Result<&'a TensorType, String> {
        let ty = self.node.outputs.get(index).map(|id| self.function.value(*id).ty());
        ty.and_then(|t| t.as_tensor()).ok_or_else(|| format!("output {index} is not a tensor"))
    }
}
