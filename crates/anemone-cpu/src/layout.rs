//! Memory planning: where each value of a plan lies in the arena, for one set of sizes.

use anemone_engine::{RunError, Signature};
use anemone_ir::{Bindings, Dim};

use crate::kernel::Prepared;
use crate::plan::{Body, Place, Step};

/// Every value starts at a multiple of this.
const ALIGN: usize = 64;

/// Where values lie for one set of sizes. Values whose size only the data tells are not in
/// it: they get memory of their own when the program runs.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The shape of each slot, where the sizes tell it.
    pub(crate) shapes: Vec<Option<Vec<usize>>>,
    /// The offset of each slot that has its own memory.
    pub(crate) offsets: Vec<Option<usize>>,
    /// The offset and length (in `f32`) of each step's scratch memory.
    pub(crate) scratch: Vec<(usize, usize)>,
    /// The arena's size.
    pub(crate) bytes: usize,
    /// Whether it is for the steps that fused steps stand for.
    pub(crate) apart: bool,
}

/// The sizes of the symbols in the inputs' shapes.
pub(crate) fn bind(signature: &Signature, shapes: &[&[usize]]) -> Result<Bindings, RunError> {
    if shapes.len() != signature.inputs.len() {
        let (expected, found) = (signature.inputs.len(), shapes.len());
        return Err(RunError::InputCount { expected, found });
    }
    let mut bindings = Bindings::default();
    for (port, shape) in signature.inputs.iter().zip(shapes) {
        let fits = port.ty.shape.len() == shape.len()
            && port.ty.shape.iter().zip(*shape).all(|(dim, &size)| {
                let Ok(size) = i64::try_from(size) else { return false };
                match dim.as_symbol() {
                    Some(symbol) => bindings.insert(symbol, size).is_none_or(|old| old == size),
                    None => dim.number() == Some(size),
                }
            });
        if !fits {
            return Err(RunError::InputShape {
                input: port.name.clone(),
                found: shape.to_vec(),
                expected: port.ty.to_string(),
            });
        }
    }
    Ok(bindings)
}

/// The shape for these sizes of symbols, where they tell it.
pub(crate) fn shape(dims: &[Dim], bindings: &Bindings) -> Option<Vec<usize>> {
    dims.iter().map(|d| d.eval(bindings).and_then(|n| usize::try_from(n).ok())).collect()
}

/// Something that needs memory from one step to another, both included.
struct Claim {
    first: usize,
    last: usize,
    bytes: usize,
    owner: Owner,
}

enum Owner {
    Slot(usize),
    Scratch(usize),
}

impl Layout {
    pub(crate) fn new(body: &Body, bindings: &Bindings, apart: bool) -> Result<Layout, RunError> {
        let mut shapes = Vec::with_capacity(body.slots.len());
        for slot in &body.slots {
            let known = shape(&slot.shape, bindings);
            if known.is_none() && told_by_inputs(&slot.shape, bindings) {
                return Err(impossible(body, &slot.shape, shapes.len()));
            }
            shapes.push(known);
        }
        let mut claims = claims(body, &shapes, apart)?;
        let mut layout = Layout {
            offsets: vec![None; body.slots.len()],
            scratch: vec![(0, 0); body.steps.len()],
            bytes: 0,
            apart,
            shapes,
        };
        // Large claims first: they are the hardest to place, and small ones fill the gaps.
        claims.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.first.cmp(&b.first)));
        let mut placed: Vec<(usize, Claim)> = Vec::with_capacity(claims.len());
        for claim in claims {
            let offset = lowest_gap(&placed, &claim);
            let end = offset.checked_add(claim.bytes).ok_or_else(too_large)?;
            layout.bytes = layout.bytes.max(end);
            match claim.owner {
                Owner::Slot(slot) => layout.offsets[slot] = Some(offset),
                Owner::Scratch(step) => layout.scratch[step].0 = offset,
            }
            if let Owner::Scratch(step) = claim.owner {
                layout.scratch[step].1 = claim.bytes / 4;
            }
            let at = placed.partition_point(|(o, _)| *o <= offset);
            placed.insert(at, (offset, claim));
        }
        if isize::try_from(layout.bytes).is_err() {
            return Err(too_large());
        }
        Ok(layout)
    }
}

/// Whether every symbol in `dims` has a size, so that a shape that cannot be computed is a fault.
fn told_by_inputs(dims: &[Dim], bindings: &Bindings) -> bool {
    dims.iter().flat_map(Dim::symbols).all(|s| bindings.get(s).is_some())
}

fn impossible(body: &Body, dims: &[Dim], slot: usize) -> RunError {
    let dims: Vec<String> = dims.iter().map(Dim::to_string).collect();
    let why = format!("the input shapes make an impossible shape [{}]", dims.join(", "));
    match body.steps.iter().find(|s| s.outputs.contains(&slot)) {
        Some(Step { origin, op, .. }) => {
            RunError::Op { origin: origin.clone(), op: op.name().to_owned(), why }
        }
        None => RunError::Internal(why),
    }
}

fn too_large() -> RunError {
    RunError::Memory { bytes: usize::MAX }
}

fn claims(body: &Body, shapes: &[Option<Vec<usize>>], apart: bool) -> Result<Vec<Claim>, RunError> {
    let steps = || body.steps.iter().enumerate().filter(|(_, step)| step.runs(apart));
    let end = body.steps.len();
    let mut spans: Vec<Option<(usize, usize)>> = vec![None; body.slots.len()];
    let mut touch = |slot: usize, step: usize| {
        if let Place::Memory(root) = body.slots[slot].place {
            let span = spans[root].get_or_insert((step, step));
            *span = (span.0.min(step), span.1.max(step));
        }
    };
    body.inputs.iter().for_each(|&slot| touch(slot, 0));
    for (i, step) in steps() {
        step.inputs.iter().chain(&step.outputs).for_each(|&slot| touch(slot, i));
    }
    body.outputs.iter().for_each(|&slot| touch(slot, end));
    let mut claims = Vec::new();
    for (slot, span) in spans.iter().enumerate() {
        if let (Some((first, last)), Some(shape)) = (span, &shapes[slot]) {
            let bytes = padded(shape, body.slots[slot].storage.bytes())?;
            claims.push(Claim { first: *first, last: *last, bytes, owner: Owner::Slot(slot) });
        }
    }
    for (i, step) in steps() {
        let Prepared::Kernel(kernel) = &step.code else { continue };
        let sizes: Option<Vec<&[usize]>> =
            step.inputs.iter().map(|&s| shapes[s].as_deref()).collect();
        let count = sizes.map_or(0, |sizes| kernel.scratch(&sizes));
        if count > 0 {
            let bytes = padded(&[count], 4)?;
            claims.push(Claim { first: i, last: i, bytes, owner: Owner::Scratch(i) });
        }
    }
    Ok(claims)
}

fn padded(shape: &[usize], width: usize) -> Result<usize, RunError> {
    shape
        .iter()
        .try_fold(width, |n, &d| n.checked_mul(d))
        .and_then(|n| n.checked_next_multiple_of(ALIGN))
        .ok_or_else(too_large)
}

/// The lowest offset at which `claim` overlaps none of the placed claims that live at its time.
fn lowest_gap(placed: &[(usize, Claim)], claim: &Claim) -> usize {
    let mut offset = 0usize;
    for (start, other) in placed {
        if other.last < claim.first || claim.last < other.first {
            continue;
        }
        if offset.saturating_add(claim.bytes) <= *start {
            break;
        }
        offset = offset.max(start.saturating_add(other.bytes));
    }
    offset
}
