//! Artificial models: what they take and give, cost and hold.

use anemone_engine::{Array, MemoryEstimate, Port, RunError, Signature, Value};
use anemone_ir::{Dim, Symbol, SymbolOrigin, TensorType};
use anemone_tensor::{DataType, Tensor};

use crate::Shapes;

use super::arithmetic::Request;
use super::cost::Cost;

/// A model: `values` of `[rows, length]`, and `mask` of the same shape if it has one, give `sums`
/// of `[rows, width]` in `f32`, and `positions` of `[rows, length]` if it has those.
///
/// Each row of an output follows from the same row of the inputs alone, except in a model with a
/// state, whose sums run on from row to row and from run to run. Values where the mask is zero
/// count as zeros; zeros at a row's end change nothing.
#[derive(Clone, Debug)]
pub struct ArtificialModel {
    /// The element type of the inputs, such as [`DataType::F32`] or [`DataType::I32`].
    pub dtype: DataType,
    /// The number of rows.
    pub rows: Size,
    /// Elements of a row.
    pub length: Size,
    /// The only shapes that the inputs may have; none where `rows` and `length` say all.
    pub shapes: Vec<[usize; 2]>,
    /// Whether it takes a mask.
    pub has_mask: bool,
    /// Whether it gives `positions` too.
    pub has_positions: bool,
    /// Whether it has the state `sum`, `f32` of `[width]`.
    pub has_state: bool,
    /// Whether its runs look at neither cancellation nor deadline.
    pub is_deaf: bool,
    /// Sums of a row.
    pub width: usize,
    /// What a run costs.
    pub cost: Cost,
    /// What a run costs on engines, by name, where it is not `cost`.
    pub costs: Vec<(&'static str, Cost)>,
    /// The memory that its plans claim to need.
    pub memory: ArtificialMemory,
    /// Another version of the model at the same path has another hash.
    pub version: u32,
}

/// A size of an artificial model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Any.
    Free,
    /// This one.
    Fixed(usize),
}

/// Bytes that an artificial plan claims to need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArtificialMemory {
    /// Constants.
    pub constants: usize,
    /// Packed weights.
    pub packed: usize,
    /// A session, whatever the shape.
    pub arena: usize,
    /// A session, for each row.
    pub arena_per_row: usize,
    /// A session, for each element of the first input.
    pub arena_per_token: usize,
    /// One state.
    pub state: usize,
}

impl Default for ArtificialModel {
    /// Any number of rows of four `f32`, one sum of each; costs nothing.
    fn default() -> ArtificialModel {
        ArtificialModel {
            dtype: DataType::F32,
            rows: Size::Free,
            length: Size::Fixed(4),
            shapes: Vec::new(),
            has_mask: false,
            has_positions: false,
            has_state: false,
            is_deaf: false,
            width: 1,
            cost: Cost::default(),
            costs: Vec::new(),
            memory: ArtificialMemory::default(),
            version: 0,
        }
    }
}

impl ArtificialModel {
    /// Any number of rows of `length` `f32`; one sum of each.
    pub fn rows(length: usize) -> ArtificialModel {
        ArtificialModel { length: Size::Fixed(length), ..ArtificialModel::default() }
    }

    /// Any number of rows of any length, of `i32` with a mask, as text encoders take them; four
    /// sums of each.
    pub fn tokens() -> ArtificialModel {
        ArtificialModel {
            dtype: DataType::I32,
            length: Size::Free,
            has_mask: true,
            width: 4,
            ..ArtificialModel::default()
        }
    }

    /// As [`ArtificialModel::tokens`], but of these numbers of rows and these lengths alone.
    pub fn enumerated(rows: &[usize], lengths: &[usize]) -> ArtificialModel {
        let shapes =
            rows.iter().flat_map(|&rows| lengths.iter().map(move |&length| [rows, length]));
        ArtificialModel { shapes: shapes.collect(), ..ArtificialModel::tokens() }
    }

    /// Any number of rows of `length` `f32`, and a state in which their sum runs on.
    pub fn sequence(length: usize) -> ArtificialModel {
        ArtificialModel { has_state: true, ..ArtificialModel::rows(length) }
    }

    /// Inputs with small whole numbers from 1 to 97 that differ by `seed`, and a mask of ones.
    pub fn request(&self, rows: usize, length: usize, seed: u64) -> Vec<Value> {
        let number = |i: usize| {
            let mixed = (seed.wrapping_mul(1_000_003).wrapping_add(i as u64 + 1))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (1 + (mixed >> 40) % 97) as f64
        };
        let fill = |number: &dyn Fn(usize) -> f64| {
            let count = rows.saturating_mul(length);
            let tensor = Tensor::from_f64(self.dtype, vec![rows, length], (0..count).map(number));
            Value::Tensor(Array::from(tensor.expect("there are as many numbers as the shape says")))
        };
        let mut inputs = vec![fill(&number)];
        if self.has_mask {
            inputs.push(fill(&|_| 1.0));
        }
        inputs
    }

    /// What a run gives for these inputs; with a state, for a fresh one.
    pub fn expected(&self, inputs: &[Value]) -> Result<Vec<Value>, RunError> {
        self.expected_after(&[], inputs)
    }

    /// What a run gives for these inputs after the runs for `earlier` ones with the same state.
    pub fn expected_after(
        &self,
        earlier: &[&[Value]],
        inputs: &[Value],
    ) -> Result<Vec<Value>, RunError> {
        let mut sum = vec![0.0; self.width];
        if self.has_state {
            for inputs in earlier {
                Request::read(self, inputs)?.sums(self.width, Some(&mut sum));
            }
        }
        Request::read(self, inputs)?.outputs(self, self.has_state.then_some(&mut sum[..]))
    }

    /// The names of the inputs.
    pub(super) fn input_names(&self) -> &'static [&'static str] {
        if self.has_mask { &["values", "mask"] } else { &["values"] }
    }

    /// Inputs, outputs and states; each input has symbols of its own for its free sizes.
    pub(super) fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        for &name in self.input_names() {
            let mut shape = Vec::with_capacity(2);
            for (axis, size) in [self.rows, self.length].into_iter().enumerate() {
                shape.push(match size {
                    Size::Fixed(size) => known(size),
                    Size::Free => {
                        let symbol = Symbol(u32::try_from(signature.symbols.len()).unwrap_or(0));
                        let origin = SymbolOrigin::Input { name: name.to_owned(), axis };
                        signature.symbols.push(origin);
                        Dim::symbol(symbol)
                    }
                });
            }
            signature.inputs.push(port(name, self.dtype, shape));
        }
        let given = signature.inputs[0].ty.shape.clone();
        let sums = vec![given[0].clone(), known(self.width)];
        signature.outputs.push(port("sums", DataType::F32, sums));
        if self.has_positions {
            signature.outputs.push(port("positions", DataType::F32, given));
        }
        if self.has_state {
            signature.states.push(port("sum", DataType::F32, vec![known(self.width)]));
        }
        signature
    }

    /// For each input its listed shapes.
    pub(super) fn listed_shapes(&self) -> Vec<Shapes> {
        let shapes: Vec<Vec<usize>> = self.shapes.iter().map(|shape| shape.to_vec()).collect();
        let shapes = if shapes.is_empty() { Shapes::Any } else { Shapes::Listed(shapes) };
        self.input_names().iter().map(|_| shapes.clone()).collect()
    }

    /// Whether an input may have this shape.
    pub(super) fn check_shape(&self, input: &str, shape: &[usize]) -> Result<(), RunError> {
        let fits = |size: Size, found: usize| size == Size::Free || size == Size::Fixed(found);
        let is_right = match shape {
            &[rows, length] => {
                fits(self.rows, rows)
                    && fits(self.length, length)
                    && (self.shapes.is_empty() || self.shapes.contains(&[rows, length]))
            }
            _ => false,
        };
        if is_right {
            return Ok(());
        }
        let expected = if self.shapes.is_empty() {
            format!("[{:?}, {:?}]", self.rows, self.length)
        } else {
            format!("one of {:?}", self.shapes)
        };
        Err(RunError::InputShape { input: input.to_owned(), found: shape.to_vec(), expected })
    }

    /// The cost on an engine.
    pub(super) fn cost_on(&self, engine: &str) -> &Cost {
        self.costs.iter().find(|(name, _)| *name == engine).map_or(&self.cost, |(_, cost)| cost)
    }

    /// The memory for inputs of these shapes.
    pub(super) fn memory(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, RunError> {
        let names = self.input_names();
        if names.len() != shapes.len() {
            return Err(RunError::InputCount { expected: names.len(), found: shapes.len() });
        }
        for (name, shape) in names.iter().zip(shapes) {
            self.check_shape(name, shape)?;
        }
        let rows = shapes[0][0];
        let tokens = rows.saturating_mul(shapes[0][1]);
        let memory = &self.memory;
        let arena = memory
            .arena
            .saturating_add(memory.arena_per_row.saturating_mul(rows))
            .saturating_add(memory.arena_per_token.saturating_mul(tokens));
        let ArtificialMemory { constants, packed, state, .. } = *memory;
        let sums = rows.saturating_mul(self.width);
        let positions = if self.has_positions { tokens } else { 0 };
        let outputs = sums.saturating_add(positions).saturating_mul(size_of::<f32>());
        Ok(MemoryEstimate { constants, packed, arena, outputs, state })
    }
}

fn known(size: usize) -> Dim {
    Dim::Known(i64::try_from(size).unwrap_or(i64::MAX))
}

fn port(name: &str, dtype: DataType, shape: Vec<Dim>) -> Port {
    Port { name: name.to_owned(), ty: TensorType::new(dtype, shape) }
}
