//! From a checked function to a plan: liveness, folding, preparation.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anemone_engine::{
    CompileError, CompileOptions, Engine, Port, Precision, Refusal, Rounding, Signature,
};
use anemone_ir::infer::Symbols;
use anemone_ir::{Checked, CheckedBlock, CheckedFunction, Dim, Node, TensorType, Type, ValueId};
use rayon::ThreadPool;

use crate::arithmetic::{Arithmetic, Stored, other_kernel};
use crate::array::{Owned, OwnedData, Storage, count, held};
use crate::engine::CpuEngine;
use crate::fold::Constants;
use crate::fuse::fuse;
use crate::kernel::Prepared;
use crate::kernels;
use crate::plan::{Body, CpuPlan, Place, Slot, Step, Turn};
use crate::prepare::PrepareCtx;
use crate::run;

/// A folded result above this many elements is computed at run time instead.
const MAX_FOLDED: usize = 1 << 26;

pub(crate) fn compile(
    engine: &CpuEngine,
    pool: Arc<ThreadPool>,
    arithmetic: Option<Arc<dyn Arithmetic>>,
    program: &Checked,
    options: &CompileOptions,
) -> Result<CpuPlan, CompileError> {
    let name = engine.name();
    if options.precision != Precision::Exact {
        let what = format!("precision `{:?}` yet; use `exact`", options.precision).to_lowercase();
        return Err(CompileError::Option { engine: name, what });
    }
    let function = select(program, options.function.as_deref())?;
    let mut refusals = Vec::new();
    refuse(engine, function, function.nodes(), function.outputs(), &mut refusals);
    if !refusals.is_empty() {
        return Err(CompileError::Unsupported { engine: name, refusals });
    }
    let (signature, states) = signature(name, function)?;
    let numbers = Numbers {
        engine: name,
        // What is computed in advance is kept in its declared type.
        rounding: if arithmetic.is_some() { Rounding::Declared } else { options.rounding },
        arithmetic: arithmetic.as_deref(),
    };
    let builder = Builder::new(function, numbers, &states, Constants::default());
    let body = pool.install(|| builder.function())?;
    let rounding = numbers.rounding;
    Ok(CpuPlan { engine: name, signature, body, rounding, arithmetic, pool })
}

/// How numbers are computed and rounded, and by which engine.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    engine: &'static str,
    pub(crate) rounding: Rounding,
    arithmetic: Option<&'a dyn Arithmetic>,
}

impl Numbers<'_> {
    /// A constant as it is kept.
    pub(crate) fn kept(&self, value: Arc<Owned>) -> Arc<Owned> {
        let (Some(arithmetic), OwnedData::F32(_)) = (self.arithmetic, &value.data) else {
            return value;
        };
        let mut kept = Arc::unwrap_or_clone(value);
        if let OwnedData::F32(values) = &mut kept.data {
            arithmetic.store(Stored::Constant, values);
        }
        Arc::new(kept)
    }
}

/// Adds what the engine lacks for the live ops among `nodes`, and in their blocks.
fn refuse(
    engine: &CpuEngine,
    function: &CheckedFunction,
    nodes: &[Node],
    outputs: &[ValueId],
    refusals: &mut Vec<Refusal>,
) {
    for node in live_nodes(nodes, outputs) {
        if let Err(reason) = engine.support(function, node) {
            let (origin, op) = (node.origin.clone(), node.op.name().to_owned());
            refusals.push(Refusal { origin, op, reason });
        }
        for block in &node.blocks {
            refuse(engine, function, &block.nodes, &block.outputs, refusals);
        }
    }
}

/// A compiled nested block of the op under preparation, and the outer values that it reads.
pub(crate) fn compile_block(
    ctx: &PrepareCtx<'_>,
    source: &CheckedBlock,
) -> Result<(Body, Vec<ValueId>), String> {
    let constants = Constants::nested(ctx.constants);
    let builder = Builder::new(ctx.function, ctx.numbers, ctx.states, constants);
    builder.block(source).map_err(|error| error.to_string())
}

fn select<'a>(
    program: &'a Checked,
    name: Option<&str>,
) -> Result<&'a CheckedFunction, CompileError> {
    let functions = program.functions();
    let found = match name {
        Some(name) => functions.get(name),
        None if functions.len() == 1 => functions.values().next(),
        None => functions.get("main"),
    };
    found.ok_or_else(|| CompileError::NoFunction {
        function: name.unwrap_or("main").to_owned(),
        known: functions.keys().cloned().collect(),
    })
}

/// Nodes that an output or a state depends on, in order.
fn live_nodes<'a>(nodes: &'a [Node], outputs: &[ValueId]) -> Vec<&'a Node> {
    let mut wanted: HashSet<ValueId> = outputs.iter().copied().collect();
    let mut live: Vec<&Node> = Vec::new();
    for node in nodes.iter().rev() {
        if has_effect(node) || node.outputs.iter().any(|id| wanted.contains(id)) {
            wanted.extend(reads(node));
            live.push(node);
        }
    }
    live.reverse();
    live
}

fn has_effect(node: &Node) -> bool {
    node.op.has_effect() || node.blocks.iter().any(|block| block.nodes.iter().any(has_effect))
}

/// The values that a node reads, those in its blocks among them.
fn reads(node: &Node) -> Vec<ValueId> {
    fn collect(node: &Node, found: &mut Vec<ValueId>) {
        found.extend(node.inputs.iter().flat_map(|(_, ids)| ids));
        for block in &node.blocks {
            block.nodes.iter().for_each(|inner| collect(inner, found));
            found.extend(&block.outputs);
        }
    }
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

/// Inputs, outputs and states of a function, and the number of each state.
fn signature(
    engine: &'static str,
    function: &CheckedFunction,
) -> Result<(Signature, HashMap<ValueId, usize>), CompileError> {
    let mut signature = Signature { symbols: function.symbols().to_vec(), ..Signature::default() };
    let mut states = HashMap::new();
    for id in function.inputs() {
        let info = function.value(*id);
        let port = |ty: &TensorType| Port { name: info.name.clone(), ty: ty.clone() };
        match info.ty() {
            Type::Tensor(ty) => signature.inputs.push(port(ty)),
            Type::State(ty) => {
                states.insert(*id, signature.states.len());
                signature.states.push(port(ty));
            }
            other => {
                let why = format!("inputs of type {other}");
                return Err(interface(engine, function, *id, why));
            }
        }
    }
    for id in function.outputs() {
        let info = function.value(*id);
        let Some(ty) = info.ty().as_tensor() else {
            let why = format!("outputs of type {}", info.ty());
            return Err(interface(engine, function, *id, why));
        };
        signature.outputs.push(Port { name: info.name.clone(), ty: ty.clone() });
    }
    Ok((signature, states))
}

fn interface(
    engine: &'static str,
    function: &CheckedFunction,
    id: ValueId,
    why: String,
) -> CompileError {
    let what = format!("support for `{}/{}`: {why}", function.name(), function.value(id).name);
    CompileError::Option { engine, what }
}

/// Compiles the ops of a function or of a nested block.
struct Builder<'a> {
    function: &'a CheckedFunction,
    numbers: Numbers<'a>,
    /// States of the function, as the signature numbers them.
    states: &'a HashMap<ValueId, usize>,
    constants: Constants<'a>,
    pool: Vec<Arc<Owned>>,
    slots: Vec<Slot>,
    slot_of: HashMap<ValueId, usize>,
    steps: Vec<Step>,
    inputs: Vec<usize>,
    /// The outer values that a nested block reads so far; none for a function.
    outer: Option<Vec<ValueId>>,
}

impl<'a> Builder<'a> {
    fn new(
        function: &'a CheckedFunction,
        numbers: Numbers<'a>,
        states: &'a HashMap<ValueId, usize>,
        constants: Constants<'a>,
    ) -> Builder<'a> {
        Builder {
            function,
            numbers,
            states,
            constants,
            pool: Vec::new(),
            slots: Vec::new(),
            slot_of: HashMap::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outer: None,
        }
    }

    fn function(mut self) -> Result<Body, CompileError> {
        let function = self.function;
        for id in function.inputs() {
            if let Type::Tensor(_) = function.value(*id).ty() {
                let place = Place::Memory(self.slots.len());
                let slot = self.slot(*id, place).map_err(|why| self.interface(*id, why))?;
                self.inputs.push(slot);
            }
        }
        Ok(self.ops(function.nodes(), function.outputs())?.0)
    }

    fn block(mut self, source: &CheckedBlock) -> Result<(Body, Vec<ValueId>), CompileError> {
        self.outer = Some(Vec::new());
        for id in &source.inputs {
            self.given(*id).map_err(|why| self.interface(*id, why))?;
        }
        self.ops(&source.nodes, &source.outputs)
    }

    /// The compiled ops, and the outer values that they read.
    fn ops(
        mut self,
        nodes: &[Node],
        results: &[ValueId],
    ) -> Result<(Body, Vec<ValueId>), CompileError> {
        let live = live_nodes(nodes, results);
        let mut uses: HashMap<ValueId, usize> = HashMap::new();
        for id in live.iter().flat_map(|node| reads(node)).chain(results.iter().copied()) {
            *uses.entry(id).or_insert(0) += 1;
        }
        for node in live {
            self.add(node, &mut uses)?;
        }
        let mut outputs = Vec::with_capacity(results.len());
        for id in results {
            let slot = self.operand_slot(*id);
            outputs.push(slot.map_err(|why| self.interface(*id, why))?);
        }
        let steps = match self.numbers.rounding {
            Rounding::F32 => fuse(self.steps, &self.slots, &outputs),
            Rounding::Declared => self.steps,
        };
        let body = Body::new(steps, self.slots, self.pool, self.inputs, outputs);
        Ok((body, self.outer.unwrap_or_default()))
    }

    fn interface(&self, id: ValueId, why: String) -> CompileError {
        interface(self.numbers.engine, self.function, id, why)
    }

    /// The slot of a value that a nested block is given.
    fn given(&mut self, id: ValueId) -> Result<usize, String> {
        let slot = self.slot(id, Place::Given(self.inputs.len()))?;
        self.inputs.push(slot);
        Ok(slot)
    }

    fn slot(&mut self, id: ValueId, place: Place) -> Result<usize, String> {
        let TensorType { dtype, shape } = held(self.function.value(id).ty())?;
        let storage = Storage::of(dtype)?;
        self.slots.push(Slot { place, storage, dtype, shape });
        self.slot_of.insert(id, self.slots.len() - 1);
        Ok(self.slots.len() - 1)
    }

    fn add(&mut self, node: &Node, uses: &mut HashMap<ValueId, usize>) -> Result<(), CompileError> {
        self.lower(node).map_err(|why| CompileError::Fold {
            origin: node.origin.clone(),
            op: node.op.name().to_owned(),
            why,
        })?;
        for id in reads(node) {
            if let Some(left) = uses.get_mut(&id) {
                *left -= 1;
                if *left == 0 {
                    self.constants.remove(id);
                }
            }
        }
        Ok(())
    }

    fn lower(&mut self, node: &Node) -> Result<(), String> {
        let symbols = Symbols::default();
        let prepare = kernels::prepare(node.op)?;
        let mut ctx = PrepareCtx {
            function: self.function,
            node,
            infer: self.function.context(node, &symbols),
            constants: &self.constants,
            numbers: self.numbers,
            states: self.states,
            operands: Vec::new(),
            state: None,
        };
        if let Some(quantised) = kernels::quantised(&ctx)? {
            self.constants.insert_quantised(node.outputs[0], quantised);
            return Ok(());
        }
        let foldable = self.foldable(node);
        let other = match foldable {
            true => None,
            false => other_kernel(self.numbers.arithmetic, &mut ctx)?,
        };
        let prepared = match other {
            Some(prepared) => prepared,
            None => prepare(&mut ctx)?,
        };
        let (operands, state) = (ctx.operands, ctx.state);
        if state.is_none()
            && foldable
            && let Some(results) = self.fold(node, &prepared, &operands)?
        {
            for (id, value) in node.outputs.iter().zip(results) {
                self.constants.insert(*id, value);
            }
            return Ok(());
        }
        let inputs = operands
            .iter()
            .map(|id| self.operand_slot(*id))
            .collect::<Result<Vec<usize>, String>>()?;
        let state = match state {
            Some(id) => {
                Some(*self.states.get(&id).ok_or("its state is not an input of the function")?)
            }
            None => None,
        };
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for id in &node.outputs {
            let place = match &prepared {
                Prepared::View(operand) => self.slots[inputs[*operand]].place,
                Prepared::Kernel(_) => Place::Memory(self.slots.len()),
                Prepared::Flow(_) => Place::Own(self.slots.len()),
            };
            outputs.push(self.slot(*id, place)?);
        }
        let (code, origin, op) = (prepared, node.origin.clone(), node.op);
        let (turn, sources) = (Turn::Always, Vec::new());
        self.steps.push(Step { code, inputs, outputs, state, origin, op, turn, sources });
        Ok(())
    }

    /// Whether the op gives the same result at compile time as at run time.
    fn foldable(&self, node: &Node) -> bool {
        let knows = |id: &ValueId| self.constants.knows(self.function, *id);
        let result = |id: &ValueId| match self.function.value(*id).ty().as_tensor() {
            Some(ty) => {
                let count = ty.known_shape().and_then(|s| count(&s));
                count.is_some_and(|count| count <= MAX_FOLDED)
            }
            None => false,
        };
        node.op.family() != "random"
            && node.blocks.is_empty()
            && node.inputs.iter().flat_map(|(_, ids)| ids).all(knows)
            && (node.op.name().starts_with("constexpr_") || node.outputs.iter().all(result))
    }

    fn fold(
        &self,
        node: &Node,
        prepared: &Prepared,
        operands: &[ValueId],
    ) -> Result<Option<Vec<Owned>>, String> {
        let mut inputs = Vec::with_capacity(operands.len());
        for id in operands {
            match self.constants.get(self.function, *id)? {
                Some(value) => inputs.push(value),
                None => return Ok(None),
            }
        }
        let types = node
            .outputs
            .iter()
            .map(|id| self.function.value(*id).ty().as_tensor().ok_or("an output is not a tensor"));
        let types = types.collect::<Result<Vec<&TensorType>, _>>()?;
        run::fold(prepared, &inputs, &types, self.numbers.rounding).map(Some)
    }

    fn operand_slot(&mut self, id: ValueId) -> Result<usize, String> {
        if let Some(slot) = self.slot_of.get(&id) {
            return Ok(*slot);
        }
        let Some(value) = self.constants.get(self.function, id)? else {
            let outer =
                self.outer.as_mut().ok_or("an operand is neither computed nor a constant")?;
            outer.push(id);
            return self.given(id);
        };
        let shape = value.shape.iter().map(|&n| Dim::from(n)).collect();
        self.pool.push(self.numbers.kept(value));
        let slot = self.slot(id, Place::Constant(self.pool.len() - 1))?;
        self.slots[slot].shape = shape;
        Ok(slot)
    }
}
