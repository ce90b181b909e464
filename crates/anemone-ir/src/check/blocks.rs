//! Checks nested blocks: the branches of `cond`, and condition and body of `while_loop`.

use super::declared::agree;
use super::function::{Scope, check_block};
use crate::infer::{Fault, Operand, Symbols};
use crate::ops::Op;
use crate::program::{Block, DimDecl, Operation, TypeDecl};
use crate::{CheckedBlock, Dim, Origin, SymbolOrigin, Type, ValueId};

/// How many values of one function may be thrown away because loops change the sizes of their
/// variables. Without a limit, nested loops would double the work with each level.
const MAX_RECHECKED: usize = 1 << 18;

/// The checked blocks of `source`; `Err(None)` where their faults are already reported.
pub(super) fn check_blocks<'a>(
    scope: &mut Scope<'a>,
    source: &'a Operation,
    (op, origin): (Op, Origin),
    loop_vars: &[ValueId],
) -> Result<Vec<CheckedBlock>, Option<Fault>> {
    let before = scope.faults.len();
    let blocks = match (op, source.blocks.as_slice()) {
        (Op::Cond, [then, otherwise]) => {
            vec![check_block(scope, then, vec![])?, check_block(scope, otherwise, vec![])?]
        }
        (Op::WhileLoop, [condition, body]) => {
            check_loop(scope, origin, condition, body, loop_vars)?
        }
        (op, blocks) => {
            let expected = if matches!(op, Op::Cond | Op::WhileLoop) { 2 } else { 0 };
            return match blocks.len() {
                found if found == expected => Ok(Vec::new()),
                found => Err(Some(Fault::Blocks { found, expected })),
            };
        }
    };
    if scope.faults.len() > before { Err(None) } else { Ok(blocks) }
}

/// Checks the blocks with the types of the first turn; a size that the body changes becomes a
/// symbol, and the blocks are checked again.
fn check_loop<'a>(
    scope: &mut Scope<'a>,
    origin: Origin,
    condition: &'a Block,
    body: &'a Block,
    loop_vars: &[ValueId],
) -> Result<Vec<CheckedBlock>, Option<Fault>> {
    let before = scope.faults.len();
    let first_symbol = scope.symbols.count();
    let origin = SymbolOrigin::Data(origin);
    for (block, name) in [(condition, "condition"), (body, "body")] {
        if block.inputs.len() != loop_vars.len() {
            let (found, expected) = (block.inputs.len(), loop_vars.len());
            let why = format!("the {name} has {found} inputs, the loop {expected} variables");
            return Err(Some(Fault::Shape(why)));
        }
    }
    let mut inputs = Vec::with_capacity(loop_vars.len());
    for ((param, id), result) in body.inputs.iter().zip(loop_vars).zip(&body.outputs) {
        let first = &scope.values[id.index()].known;
        inputs.push(if *result == param.name {
            first.clone()
        } else {
            let ty = agree(&param.name, &param.ty, first.ty.clone())?;
            let ty = opened(ty, &param.ty, &scope.symbols);
            Operand { ty, value: None, dims: None, constant: false }
        });
    }
    if body.outputs.len() != loop_vars.len() {
        let (found, expected) = (body.outputs.len(), loop_vars.len());
        let why = format!("the body gives {found} values, the loop has {expected} variables");
        return Err(Some(Fault::Shape(why)));
    }
    loop {
        scope.origins.resize(scope.symbols.count() as usize, origin.clone());
        let (symbols, values) = (scope.symbols.count(), scope.values.len());
        let blocks = vec![
            check_block(scope, condition, inputs.clone())?,
            check_block(scope, body, inputs.clone())?,
        ];
        if scope.faults.len() > before {
            return Err(None);
        }
        let mut changed = Vec::new();
        for (i, (input, id)) in inputs.iter().zip(&blocks[1].outputs).enumerate() {
            if let Some(sizes) = changed_sizes(&input.ty, scope.type_of(*id), first_symbol)? {
                changed.push((i, sizes));
            }
        }
        if changed.is_empty() {
            return Ok(blocks);
        }
        scope.rechecked += scope.values.len() - values;
        if scope.rechecked > MAX_RECHECKED {
            let why = "loops that change sizes are nested too deep".to_owned();
            return Err(Some(Fault::Unsupported(why)));
        }
        scope.values.truncate(values);
        scope.origins.truncate(symbols as usize);
        scope.symbols = Symbols::after(symbols);
        for (i, sizes) in changed {
            let symbols = &scope.symbols;
            let dims = sizes_mut(&mut inputs[i].ty).zip(sizes);
            dims.filter(|(_, changed)| *changed)
                .for_each(|(dim, _)| *dim = Dim::symbol(symbols.fresh()));
            inputs[i] = Operand { value: None, dims: None, constant: false, ..inputs[i].clone() };
        }
    }
}

/// `ty` with symbols for the sizes that the loop is declared to change.
fn opened(mut ty: Type, declared: &TypeDecl, symbols: &Symbols) -> Type {
    let tensor = match declared {
        TypeDecl::List { element: Some(element), .. } => element,
        other => other,
    };
    let TypeDecl::Tensor(tensor) = tensor else { return ty };
    for (dim, declared) in sizes_mut(&mut ty).zip(&tensor.dims) {
        if matches!((&*dim, declared), (Dim::Known(_), DimDecl::Unknown { .. })) {
            *dim = Dim::symbol(symbols.fresh());
        }
    }
    if let Type::List(list) = &mut ty
        && list.length.number().is_none()
    {
        list.length = Dim::symbol(symbols.fresh());
    }
    ty
}

/// The dimensions of a tensor or of a list's elements, and the list's length at the end.
fn sizes_mut(ty: &mut Type) -> Box<dyn Iterator<Item = &mut Dim> + '_> {
    match ty {
        Type::Tensor(t) | Type::State(t) => Box::new(t.shape.iter_mut()),
        Type::List(list) => {
            Box::new(list.element.shape.iter_mut().chain(std::iter::once(&mut list.length)))
        }
        Type::Dict(..) => Box::new(std::iter::empty()),
    }
}

/// Which sizes of a loop variable are no longer the same after the body; `None` where all are.
/// Symbols from `first` on were made for the loop: they stand for every size.
fn changed_sizes(before: &Type, after: &Type, first: u32) -> Result<Option<Vec<bool>>, Fault> {
    let fault = || {
        let why = format!("a variable of the loop is {before} before the body, {after} after it");
        Err(Fault::Shape(why))
    };
    let (old, new): (Vec<&Dim>, Vec<&Dim>) = match (before, after) {
        (Type::Tensor(a), Type::Tensor(b)) if a.dtype == b.dtype => {
            (a.shape.iter().collect(), b.shape.iter().collect())
        }
        (Type::List(a), Type::List(b)) if a.element.dtype == b.element.dtype => (
            a.element.shape.iter().chain([&a.length]).collect(),
            b.element.shape.iter().chain([&b.length]).collect(),
        ),
        _ => return fault(),
    };
    if old.len() != new.len() {
        return fault();
    }
    let any_size = |d: &Dim| d.as_symbol().is_some_and(|s| s.0 >= first);
    let changed: Vec<bool> = old.iter().zip(&new).map(|(a, b)| a != b && !any_size(a)).collect();
    Ok(changed.contains(&true).then_some(changed))
}
