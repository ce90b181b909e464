//! Checked programs: every op known, every type inferred.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::infer::{InferCtx, Operand, Symbols};
use crate::ops::{Op, Version};
use crate::{Opset, Symbol, Type};

/// A program in which every op is known and every type and shape inferred. Only
/// [`check`](crate::check) makes one.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(crate) functions: BTreeMap<String, CheckedFunction>,
}

impl Checked {
    /// Functions by name.
    pub fn functions(&self) -> &BTreeMap<String, CheckedFunction> {
        &self.functions
    }
}

/// A value of a function: an index into its table of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) u32);

impl ValueId {
    /// The index into [`CheckedFunction::values`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A checked function.
#[derive(Clone, Debug)]
pub struct CheckedFunction {
    pub(crate) name: String,
    pub(crate) opset: Opset,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) body: CheckedBlock,
    pub(crate) values: Vec<ValueInfo>,
    pub(crate) symbols: Vec<SymbolOrigin>,
}

/// A checked block: the body of a function or of a branch or loop.
#[derive(Clone, Debug, Default)]
pub struct CheckedBlock {
    /// The block's own inputs; empty for a function's body.
    pub inputs: Vec<ValueId>,
    /// The ops in order; `const` is not among them, its value is in the table.
    pub nodes: Vec<Node>,
    /// The values that the block yields.
    pub outputs: Vec<ValueId>,
}

/// A checked op.
#[derive(Clone, Debug)]
pub struct Node {
    /// The op.
    pub op: Op,
    /// Bound inputs by MIL's names, each with one value unless variadic.
    pub inputs: Vec<(&'static str, Vec<ValueId>)>,
    /// Outputs.
    pub outputs: Vec<ValueId>,
    /// Nested blocks.
    pub blocks: Vec<CheckedBlock>,
    /// Where it came from.
    pub origin: Origin,
}

impl Node {
    /// The values bound to `input`; none if it was left out.
    pub fn input(&self, input: &str) -> &[ValueId] {
        self.inputs.iter().find(|(name, _)| *name == input).map_or(&[], |(_, v)| v)
    }
}

/// A value: its name in the source, and what is known of it.
#[derive(Clone, Debug)]
pub struct ValueInfo {
    /// The name in the source; empty for a literal in place.
    pub name: String,
    /// Type, and value where known.
    pub known: Operand,
}

impl ValueInfo {
    /// The type.
    pub fn ty(&self) -> &Type {
        &self.known.ty
    }
}

/// Where an op came from, in the source file's own names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The function.
    pub function: Arc<str>,
    /// The op's name, after those of the ops whose blocks it lies in, separated by `/`.
    pub path: Arc<str>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.function, self.path)
    }
}

/// What a symbol stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SymbolOrigin {
    /// A free dimension of a function's input.
    Input {
        /// The input.
        name: String,
        /// The axis.
        axis: usize,
    },
    /// A size that only the data tells, of an output of this op.
    Data(Origin),
}

impl CheckedFunction {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The opset.
    pub fn opset(&self) -> Opset {
        self.opset
    }

    /// Inputs in order, states among them.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// Outputs in order.
    pub fn outputs(&self) -> &[ValueId] {
        &self.body.outputs
    }

    /// Ops in order.
    pub fn nodes(&self) -> &[Node] {
        &self.body.nodes
    }

    /// The table of values.
    pub fn values(&self) -> &[ValueInfo] {
        &self.values
    }

    /// A value.
    pub fn value(&self, id: ValueId) -> &ValueInfo {
        &self.values[id.index()]
    }

    /// What each symbol stands for, by number.
    pub fn symbols(&self) -> &[SymbolOrigin] {
        &self.symbols
    }

    /// What `symbol` stands for.
    pub fn symbol(&self, symbol: Symbol) -> Option<&SymbolOrigin> {
        self.symbols.get(symbol.0 as usize)
    }

    /// The version of a node's op that this function's opset selects.
    pub fn version(&self, node: &Node) -> &'static Version {
        node.op.version(self.opset).expect("`check` found the op in this opset")
    }

    /// The view that shape rules have of `node`; engines read constants and defaults through it.
    pub fn context<'a>(&'a self, node: &Node, symbols: &'a Symbols) -> InferCtx<'a> {
        let site = Site { opset: self.opset, values: &self.values, symbols };
        site.context(node, self.version(node), node.outputs.len())
    }
}

/// Where a node stands: what shape rules can see besides the node.
pub(crate) struct Site<'a> {
    pub(crate) opset: Opset,
    pub(crate) values: &'a [ValueInfo],
    pub(crate) symbols: &'a Symbols,
}

impl<'a> Site<'a> {
    pub(crate) fn context(
        &self,
        node: &Node,
        version: &'static Version,
        declared_outputs: usize,
    ) -> InferCtx<'a> {
        let operand = |id: &ValueId| Cow::Borrowed(&self.values[id.index()].known);
        let types = |b: &CheckedBlock| {
            b.outputs.iter().map(|id| self.values[id.index()].ty().clone()).collect()
        };
        InferCtx {
            op: node.op,
            version,
            opset: self.opset,
            inputs: node
                .inputs
                .iter()
                .map(|(name, ids)| (*name, ids.iter().map(operand).collect()))
                .collect(),
            blocks: node.blocks.iter().map(types).collect(),
            declared_outputs,
            symbols: self.symbols,
        }
    }
}
