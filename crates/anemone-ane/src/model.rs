//! A function as the rules see it: ops in order, sizes bound, what is folded told from what runs.

use std::collections::BTreeMap;

use anemone_ir::{
    Bindings, Checked, CheckedBlock, CheckedFunction, Dim, Node, Op, Symbol, SymbolOrigin, Type,
    ValueId,
};
use anemone_tensor::DataType;
use serde::Serialize;
use thiserror::Error;

use crate::states::InState;

/// Which function to look at, and the sizes of its inputs.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// The function; `main`, or else the first, where it is left out.
    pub function: Option<String>,
    /// The shapes of inputs with free dimensions, by name.
    pub inputs: BTreeMap<String, Vec<usize>>,
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// The program has no such function.
    #[error("there is no function `{function}`")]
    NoFunction {
        /// The function asked for.
        function: String,
    },
    /// A shape for something that is no input, or of another rank.
    #[error("`{input}` takes no shape of {rank} dimensions")]
    Shape {
        /// The input.
        input: String,
        /// The dimensions given.
        rank: usize,
    },
}

/// A size that nobody gave, and what was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// The input.
    pub input: String,
    /// The axis.
    pub axis: usize,
    /// The size taken.
    pub size: i64,
}

/// A function with its sizes bound.
#[derive(Debug)]
pub struct Model<'a> {
    pub(crate) function: &'a CheckedFunction,
    pub(crate) bindings: Bindings,
    pub(crate) assumed: Vec<Assumed>,
    pub(crate) items: Vec<Item<'a>>,
    shapes: Vec<Option<Vec<u64>>>,
    producers: Vec<Option<u32>>,
    used: Vec<bool>,
    in_state: InState,
}

/// An op in order; those of nested blocks follow the op that holds them.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) node: &'a Node,
    /// Whether it stands in a branch or loop.
    pub(crate) is_nested: bool,
    /// Whether it is gone before anything runs.
    pub(crate) is_folded: bool,
    pub(crate) flops: u64,
}

impl<'a> Model<'a> {
    /// Binds the sizes of one function.
    pub fn new(checked: &'a Checked, shapes: &Shapes) -> Result<Model<'a>, ForecastError> {
        let functions = checked.functions();
        let name = match &shapes.function {
            Some(name) => name.clone(),
            None if functions.contains_key("main") => "main".to_owned(),
            None => functions.keys().next().cloned().unwrap_or_default(),
        };
        let function = functions.get(&name).ok_or(ForecastError::NoFunction { function: name })?;
        let (bindings, assumed) = bind(function, shapes)?;
        let sizes = function.values().iter().map(|v| shape(v.ty(), &bindings)).collect();
        let mut model = Model {
            function,
            bindings,
            assumed,
            items: Vec::new(),
            shapes: sizes,
            producers: vec![None; function.values().len()],
            used: vec![false; function.values().len()],
            in_state: InState::default(),
        };
        model.list(function.nodes(), false);
        model.in_state = InState::new(&model.items);
        function.outputs().iter().for_each(|id| model.used[id.index()] = true);
        Ok(model)
    }

    fn list(&mut self, nodes: &'a [Node], is_nested: bool) {
        for node in nodes {
            let is_folded = self.is_folded(node);
            let flops = match is_folded {
                true => 0,
                false => crate::flops::of_node(self.function, node, &self.bindings).unwrap_or(0),
            };
            for id in &node.outputs {
                self.producers[id.index()] = u32::try_from(self.items.len()).ok();
            }
            self.items.push(Item { node, is_nested, is_folded, flops });
            for id in Model::inputs(node) {
                self.used[id.index()] = true;
            }
            for CheckedBlock { nodes, outputs, .. } in &node.blocks {
                self.list(nodes, true);
                outputs.iter().for_each(|id| self.used[id.index()] = true);
            }
        }
    }

    fn is_folded(&self, node: &Node) -> bool {
        !node.op.has_effect()
            && node.blocks.is_empty()
            && node.op != Op::ReadState
            && node.outputs.iter().all(|id| self.is_constant(*id))
    }

    /// Whether the value is known before the model runs, at these sizes.
    pub(crate) fn is_constant(&self, id: ValueId) -> bool {
        let known = &self.function.value(id).known;
        let sized = |dims: &Vec<Dim>| dims.iter().all(|d| d.eval(&self.bindings).is_some());
        known.constant || known.value.is_some() || known.dims.as_ref().is_some_and(sized)
    }

    /// Whether an op or the caller reads the value.
    pub(crate) fn is_used(&self, id: ValueId) -> bool {
        self.used[id.index()]
    }

    /// The state whose memory the value is a name for.
    pub(crate) fn state_of(&self, id: ValueId) -> Option<ValueId> {
        self.in_state.of(id)
    }

    /// The sizes of a value; none where only the data tells.
    pub(crate) fn shape(&self, id: ValueId) -> Option<&[u64]> {
        self.shapes[id.index()].as_deref()
    }

    pub(crate) fn dtype(&self, id: ValueId) -> Option<DataType> {
        held(self.function.value(id).ty()).map(|t| t.dtype)
    }

    /// The bytes of a value as it stands in memory.
    pub(crate) fn bytes(&self, id: ValueId) -> u64 {
        let count = self.shape(id).map_or(0, elements);
        let bits = self.dtype(id).map_or(0, DataType::bits) as u64;
        count.saturating_mul(bits).div_ceil(8)
    }

    /// The op that gives a value.
    pub(crate) fn producer(&self, id: ValueId) -> Option<usize> {
        self.producers[id.index()].map(|i| i as usize)
    }

    /// The inputs of a node, constants among them.
    pub(crate) fn inputs(node: &Node) -> impl Iterator<Item = ValueId> + '_ {
        node.inputs.iter().flat_map(|(_, ids)| ids.iter().copied())
    }
}

pub(crate) fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |n, size| n.saturating_mul(*size))
}

fn held(ty: &Type) -> Option<&anemone_ir::TensorType> {
    match ty {
        Type::Tensor(t) | Type::State(t) => Some(t),
        Type::List(_) | Type::Dict(..) => None,
    }
}

fn shape(ty: &Type, bindings: &Bindings) -> Option<Vec<u64>> {
    let size = |dim: &Dim| u64::try_from(dim.eval(bindings)?).ok();
    held(ty)?.shape.iter().map(size).collect()
}

fn bind(
    function: &CheckedFunction,
    shapes: &Shapes,
) -> Result<(Bindings, Vec<Assumed>), ForecastError> {
    for (input, given) in &shapes.inputs {
        let fault = || ForecastError::Shape { input: input.clone(), rank: given.len() };
        let mut ids = function.inputs().iter();
        let id = ids.find(|id| function.value(**id).name == *input).ok_or_else(fault)?;
        let rank = held(function.value(*id).ty()).map(|t| t.shape.len());
        if rank != Some(given.len()) {
            return Err(fault());
        }
    }
    let (mut bindings, mut assumed) = (Bindings::default(), Vec::new());
    for (number, origin) in function.symbols().iter().enumerate() {
        let (SymbolOrigin::Input { name, axis }, Ok(number)) = (origin, u32::try_from(number))
        else {
            continue;
        };
        let given = shapes.inputs.get(name).and_then(|shape| shape.get(*axis));
        let size = given.and_then(|n| i64::try_from(*n).ok()).unwrap_or_else(|| {
            assumed.push(Assumed { input: name.clone(), axis: *axis, size: 1 });
            1
        });
        bindings.insert(Symbol(number), size);
    }
    Ok((bindings, assumed))
}
