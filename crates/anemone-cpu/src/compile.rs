//! From a checked function to a plan: liveness, folding, preparation.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anemone_engine::{
    CompileError, CompileOptions, Engine, Port, Precision, Refusal, Rounding, Signature,
};
use anemone_ir::infer::Symbols;
use anemone_ir::{Checked, CheckedFunction, Dim, Node, TensorType, Type, ValueId};
use rayon::ThreadPool;

use crate::array::{Owned, OwnedData, Storage, count};
use crate::engine::{CpuEngine, NAME};
use crate::fold::Constants;
use crate::kernel::Prepared;
use crate::kernels;
use crate::plan::{CpuPlan, Place, Slot, Step};
use crate::prepare::PrepareCtx;
use crate::run;

/// A folded result above this many elements is computed at run time instead.
const MAX_FOLDED: usize = 1 << 26;

pub(crate) fn compile(
    engine: &CpuEngine,
    pool: Arc<ThreadPool>,
    program: &Checked,
    options: &CompileOptions,
) -> Result<CpuPlan, CompileError> {
    if options.precision != Precision::Exact {
        let what = format!("precision `{:?}` yet; use `exact`", options.precision).to_lowercase();
        return Err(CompileError::Option { engine: NAME, what });
    }
    let function = select(program, options.function.as_deref())?;
    let live = live_nodes(function);
    let refusals: Vec<Refusal> = live
        .iter()
        .filter_map(|node| {
            let reason = engine.support(function, node).err()?;
            Some(Refusal { origin: node.origin.clone(), op: node.op.name().to_owned(), reason })
        })
        .collect();
    if !refusals.is_empty() {
        return Err(CompileError::Unsupported { engine: NAME, refusals });
    }
    let mut builder = Builder::new(function, options.rounding)?;
    let mut uses = count_uses(function, &live);
    pool.install(|| live.iter().try_for_each(|node| builder.add(node, &mut uses)))?;
    builder.finish(pool)
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
fn live_nodes(function: &CheckedFunction) -> Vec<&Node> {
    let mut wanted: HashSet<ValueId> = function.outputs().iter().copied().collect();
    let mut live: Vec<&Node> = Vec::new();
    for node in function.nodes().iter().rev() {
        if node.op.has_effect() || node.outputs.iter().any(|id| wanted.contains(id)) {
            wanted.extend(node.inputs.iter().flat_map(|(_, ids)| ids));
            live.push(node);
        }
    }
    live.reverse();
    live
}

fn count_uses(function: &CheckedFunction, live: &[&Node]) -> HashMap<ValueId, usize> {
    let mut uses = HashMap::new();
    let inputs = live.iter().flat_map(|n| n.inputs.iter().flat_map(|(_, ids)| ids));
    for id in inputs.chain(function.outputs()) {
        *uses.entry(*id).or_insert(0) += 1;
    }
    uses
}

struct Builder<'a> {
    function: &'a CheckedFunction,
    rounding: Rounding,
    signature: Signature,
    constants: Constants,
    pool: Vec<Arc<Owned>>,
    slots: Vec<Slot>,
    slot_of: HashMap<ValueId, usize>,
    state_of: HashMap<ValueId, usize>,
    steps: Vec<Step>,
}

impl<'a> Builder<'a> {
    fn new(function: &'a CheckedFunction, rounding: Rounding) -> Result<Builder<'a>, CompileError> {
        let mut builder = Builder {
            function,
            rounding,
            signature: Signature { symbols: function.symbols().to_vec(), ..Signature::default() },
            constants: Constants::default(),
            pool: Vec::new(),
            slots: Vec::new(),
            slot_of: HashMap::new(),
            state_of: HashMap::new(),
            steps: Vec::new(),
        };
        for id in function.inputs() {
            let info = function.value(*id);
            let port = |ty: &TensorType| Port { name: info.name.clone(), ty: ty.clone() };
            match info.ty() {
                Type::Tensor(ty) => {
                    builder.signature.inputs.push(port(ty));
                    builder
                        .memory_slot(*id, ty)
                        .map_err(|why| builder.interface(&info.name, why))?;
                }
                Type::State(ty) => {
                    builder.state_of.insert(*id, builder.signature.states.len());
                    builder.signature.states.push(port(ty));
                }
                other => {
                    return Err(builder.interface(&info.name, format!("inputs of type {other}")));
                }
            }
        }
        for id in function.outputs() {
            let info = function.value(*id);
            let Some(ty) = info.ty().as_tensor() else {
                return Err(builder.interface(&info.name, format!("outputs of type {}", info.ty())));
            };
            builder.signature.outputs.push(Port { name: info.name.clone(), ty: ty.clone() });
        }
        Ok(builder)
    }

    fn interface(&self, name: &str, why: String) -> CompileError {
        let what = format!("support for `{}/{name}`: {why}", self.function.name());
        CompileError::Option { engine: NAME, what }
    }

    fn memory_slot(&mut self, id: ValueId, ty: &TensorType) -> Result<usize, String> {
        let root = self.slots.len();
        self.slot(id, ty, Place::Memory(root))
    }

    fn slot(&mut self, id: ValueId, ty: &TensorType, place: Place) -> Result<usize, String> {
        let storage = Storage::of(ty.dtype)?;
        let dtype = ty.dtype;
        self.slots.push(Slot { place, storage, dtype, shape: ty.shape.clone() });
        self.slot_of.insert(id, self.slots.len() - 1);
        Ok(self.slots.len() - 1)
    }

    fn add(&mut self, node: &Node, uses: &mut HashMap<ValueId, usize>) -> Result<(), CompileError> {
        self.lower(node).map_err(|why| CompileError::Fold {
            origin: node.origin.clone(),
            op: node.op.name().to_owned(),
            why,
        })?;
        for id in node.inputs.iter().flat_map(|(_, ids)| ids) {
            if let Some(left) = uses.get_mut(id) {
                *left -= 1;
                if *left == 0 {
                    self.constants.remove(*id);
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
            operands: Vec::new(),
            state: None,
        };
        let prepared = prepare(&mut ctx)?;
        let (operands, state) = (ctx.operands, ctx.state);
        if state.is_none()
            && self.foldable(node)
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
                Some(*self.state_of.get(&id).ok_or("its state is not an input of the function")?)
            }
            None => None,
        };
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for id in &node.outputs {
            let ty =
                self.function.value(*id).ty().as_tensor().ok_or("an output is not a tensor")?;
            let place = match &prepared {
                Prepared::View(operand) => self.slots[inputs[*operand]].place,
                Prepared::Kernel(_) => Place::Memory(self.slots.len()),
            };
            outputs.push(self.slot(*id, ty, place)?);
        }
        let kernel = match prepared {
            Prepared::Kernel(kernel) => Some(kernel),
            Prepared::View(_) => None,
        };
        let (origin, op) = (node.origin.clone(), node.op);
        self.steps.push(Step { kernel, inputs, outputs, state, origin, op });
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
        run::fold(prepared, &inputs, &types, self.rounding).map(Some)
    }

    fn operand_slot(&mut self, id: ValueId) -> Result<usize, String> {
        if let Some(slot) = self.slot_of.get(&id) {
            return Ok(*slot);
        }
        let value = self.constants.get(self.function, id)?;
        let value = value.ok_or("an operand is neither computed nor a constant")?;
        let ty = self.function.value(id).ty().as_tensor().ok_or("an operand is not a tensor")?;
        let shape = value.shape.iter().map(|&n| Dim::from(n)).collect();
        self.pool.push(value);
        let place = Place::Constant(self.pool.len() - 1);
        self.slot(id, &TensorType::new(ty.dtype, shape), place)
    }

    fn finish(mut self, pool: Arc<ThreadPool>) -> Result<CpuPlan, CompileError> {
        let function = self.function;
        let mut outputs = Vec::with_capacity(function.outputs().len());
        for id in function.outputs() {
            let slot = self.operand_slot(*id);
            outputs.push(slot.map_err(|why| self.interface(&function.value(*id).name, why))?);
        }
        let inputs = (0..self.signature.inputs.len()).collect();
        Ok(CpuPlan::new(
            self.signature,
            self.steps,
            self.slots,
            self.pool,
            inputs,
            outputs,
            self.rounding,
            pool,
        ))
    }
}

/// Zeros in engine storage, or the size that there is no memory for.
pub(crate) fn zeros(storage: Storage, shape: Vec<usize>) -> Result<Owned, String> {
    let count =
        count(&shape).filter(|n| n.checked_mul(4).is_some_and(|b| isize::try_from(b).is_ok()));
    let count = count.ok_or_else(|| format!("shape {shape:?} is too large"))?;
    fn filled<T: Default + Clone>(count: usize) -> Result<Vec<T>, String> {
        let mut v = Vec::new();
        v.try_reserve_exact(count)
            .map_err(|_| format!("not enough memory for {count} elements"))?;
        v.resize(count, T::default());
        Ok(v)
    }
    let data = match storage {
        Storage::F32 => OwnedData::F32(filled(count)?),
        Storage::I32 => OwnedData::I32(filled(count)?),
        Storage::Bool => OwnedData::Bool(filled(count)?),
    };
    Ok(Owned { shape, data })
}
