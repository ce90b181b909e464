//! Rewriting: the only way to change a checked program. Types are inferred as each op is added.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use crate::check::rule;
use crate::checked::Site;
use crate::infer::{Fault, Operand, Symbols};
use crate::ops::Op;
use crate::{
    Checked, CheckedBlock, CheckedFunction, Const, Node, Origin, SymbolOrigin, ValueId, ValueInfo,
};

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The op's version or shape rule refuses the inputs.
    #[error("`{op}`: {fault}")]
    Op {
        /// The op.
        op: &'static str,
        /// Why.
        fault: Fault,
    },
    /// A value would take the place of one of another type.
    #[error("`{old}` is {expected}, its replacement is {found}")]
    Type {
        /// The value to be replaced.
        old: String,
        /// Its type.
        expected: String,
        /// The replacement's type.
        found: String,
    },
    /// A value would be used before it is computed.
    #[error("`{0}` is used before the op that computes it")]
    Order(String),
}

/// A change to one function, built up against it and applied as a whole.
#[derive(Debug)]
pub struct Patch<'a> {
    function: &'a CheckedFunction,
    values: Vec<ValueInfo>,
    symbols: Symbols,
    origins: Vec<SymbolOrigin>,
    /// New nodes, each with the position of the old node before which it goes.
    added: Vec<(usize, Node)>,
    replaced: HashMap<ValueId, ValueId>,
}

/// A finished change, free of the function that it was built against.
#[derive(Debug)]
pub struct Edit {
    values: Vec<ValueInfo>,
    origins: Vec<SymbolOrigin>,
    added: Vec<(usize, Node)>,
    replaced: HashMap<ValueId, ValueId>,
}

impl<'a> Patch<'a> {
    /// An empty patch of `function`.
    pub fn new(function: &'a CheckedFunction) -> Patch<'a> {
        let count = u32::try_from(function.symbols.len()).expect("symbols are numbered by u32");
        Patch {
            function,
            values: function.values.clone(),
            symbols: Symbols::after(count),
            origins: function.symbols.clone(),
            added: Vec::new(),
            replaced: HashMap::new(),
        }
    }

    /// A value of the patched function, old or new.
    pub fn value(&self, id: ValueId) -> &ValueInfo {
        &self.values[id.index()]
    }

    /// Adds a constant.
    pub fn constant(&mut self, name: &str, value: Const) -> ValueId {
        self.push(name, Operand::constant(value))
    }

    /// Adds an op before the old node at `position`, in the name of the op at `origin`.
    pub fn add(
        &mut self,
        position: usize,
        op: Op,
        inputs: Vec<(&'static str, Vec<ValueId>)>,
        output_count: usize,
        origin: Origin,
    ) -> Result<Vec<ValueId>, PatchError> {
        let known = self.infer(op, &inputs, output_count, &origin);
        let known = known.map_err(|fault| PatchError::Op { op: op.name(), fault })?;
        self.origins.resize(self.symbols.count() as usize, SymbolOrigin::Data(origin.clone()));
        let name = origin.path.to_string();
        let outputs: Vec<ValueId> = known.into_iter().map(|k| self.push(&name, k)).collect();
        let node = Node { op, inputs, outputs: outputs.clone(), blocks: Vec::new(), origin };
        self.added.push((position, node));
        Ok(outputs)
    }

    /// Lets `new` take the place of `old` in every op and output.
    pub fn replace(&mut self, old: ValueId, new: ValueId) -> Result<(), PatchError> {
        let (before, after) = (self.value(old), self.value(new));
        if before.ty() != after.ty() {
            return Err(PatchError::Type {
                old: before.name.clone(),
                expected: before.ty().to_string(),
                found: after.ty().to_string(),
            });
        }
        self.replaced.insert(old, new);
        Ok(())
    }

    /// Ends building.
    pub fn finish(self) -> Edit {
        let Patch { values, origins, added, replaced, .. } = self;
        Edit { values, origins, added, replaced }
    }

    fn infer(
        &self,
        op: Op,
        inputs: &[(&'static str, Vec<ValueId>)],
        output_count: usize,
        origin: &Origin,
    ) -> Result<Vec<Operand>, Fault> {
        let opset = self.function.opset;
        let since = op.def().versions[0].since;
        let version = op.version(opset).ok_or(Fault::Opset { since, opset })?;
        rule::check_required(version, |name| inputs.iter().any(|(n, _)| *n == name))?;
        rule::check_inputs(&self.values, version, inputs)?;
        let node = Node {
            op,
            inputs: inputs.to_vec(),
            outputs: Vec::new(),
            blocks: Vec::new(),
            origin: origin.clone(),
        };
        let site = Site { opset, values: &self.values, symbols: &self.symbols };
        let known = rule::infer(&site.context(&node, version, output_count))?;
        if known.len() != output_count {
            return Err(Fault::Outputs { declared: output_count, inferred: known.len() });
        }
        Ok(known)
    }

    fn push(&mut self, name: &str, known: Operand) -> ValueId {
        let id = ValueId(u32::try_from(self.values.len()).expect("values are numbered by u32"));
        self.values.push(ValueInfo { name: name.to_owned(), known });
        id
    }
}

impl Edit {
    /// Changes `function` of `program`, and drops ops that nothing depends on any more. The
    /// program is left as it was where the change is refused.
    pub fn apply(self, program: &mut Checked, function: &str) -> Result<(), PatchError> {
        let Some(target) = program.functions.get_mut(function) else { return Ok(()) };
        let mut added = self.added.into_iter().peekable();
        let mut nodes = Vec::new();
        for (position, node) in target.body.nodes.iter().enumerate() {
            while let Some((_, new)) = added.next_if(|(at, _)| *at <= position) {
                nodes.push(new);
            }
            nodes.push(node.clone());
        }
        nodes.extend(added.map(|(_, node)| node));
        let mut body = CheckedBlock {
            inputs: target.body.inputs.clone(),
            nodes,
            outputs: target.body.outputs.clone(),
        };
        redirect(&mut body, &self.replaced);
        drop_dead(&mut body);
        in_order(&body, &target.inputs, &self.values)?;
        *target = CheckedFunction {
            name: target.name.clone(),
            opset: target.opset,
            inputs: target.inputs.clone(),
            body,
            values: self.values,
            symbols: self.origins,
        };
        Ok(())
    }
}

/// Follows chains of replacements; a chain that comes back to itself ends where it began.
fn target_of(replaced: &HashMap<ValueId, ValueId>, id: ValueId) -> ValueId {
    let mut at = id;
    for _ in 0..=replaced.len() {
        match replaced.get(&at) {
            Some(next) => at = *next,
            None => return at,
        }
    }
    id
}

fn redirect(block: &mut CheckedBlock, replaced: &HashMap<ValueId, ValueId>) {
    for node in &mut block.nodes {
        for id in node.inputs.iter_mut().flat_map(|(_, ids)| ids) {
            *id = target_of(replaced, *id);
        }
        node.blocks.iter_mut().for_each(|b| redirect(b, replaced));
    }
    block.outputs.iter_mut().for_each(|id| *id = target_of(replaced, *id));
}

fn reads(block: &CheckedBlock, found: &mut HashSet<ValueId>) {
    for node in &block.nodes {
        node_reads(node, found);
    }
    found.extend(&block.outputs);
}

fn node_reads(node: &Node, found: &mut HashSet<ValueId>) {
    found.extend(node.inputs.iter().flat_map(|(_, ids)| ids));
    node.blocks.iter().for_each(|b| reads(b, found));
}

fn drop_dead(body: &mut CheckedBlock) {
    let mut wanted: HashSet<ValueId> = body.outputs.iter().copied().collect();
    let mut kept: Vec<Node> = Vec::with_capacity(body.nodes.len());
    for node in body.nodes.drain(..).rev() {
        if node.op.has_effect() || node.outputs.iter().any(|id| wanted.contains(id)) {
            node_reads(&node, &mut wanted);
            kept.push(node);
        }
    }
    kept.reverse();
    body.nodes = kept;
}

fn in_order(
    body: &CheckedBlock,
    inputs: &[ValueId],
    values: &[ValueInfo],
) -> Result<(), PatchError> {
    let mut computed: HashSet<ValueId> = inputs.iter().copied().collect();
    let ready = |id: &ValueId, computed: &HashSet<ValueId>| {
        computed.contains(id) || values[id.index()].known.value.is_some()
    };
    for node in &body.nodes {
        for id in node.inputs.iter().flat_map(|(_, ids)| ids) {
            if !ready(id, &computed) {
                return Err(PatchError::Order(values[id.index()].name.clone()));
            }
        }
        computed.extend(&node.outputs);
    }
    match body.outputs.iter().find(|id| !ready(id, &computed)) {
        Some(id) => Err(PatchError::Order(values[id.index()].name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use anemone_tensor::{DataType, Tensor};

    use super::*;
    use crate::check;
    use crate::program::{Argument, Block, Function, Operation, Param, TypeDecl};
    use crate::{Literal, Program};

    fn param(name: &str) -> Param {
        let ty = TypeDecl::tensor(DataType::F32, &[2, 3]);
        Param { name: name.to_owned(), ty, extra: Vec::new() }
    }

    /// `y = relu(x); z = sqrt(y)`
    fn program() -> Checked {
        let unary = |op: &str, input: &str, output: &str| Operation {
            op: op.to_owned(),
            inputs: [("x".to_owned(), Argument::name(input))].into(),
            outputs: vec![param(output)],
            attributes: [("name".to_owned(), Literal::string(output))].into(),
            ..Operation::default()
        };
        let body = Block {
            outputs: vec!["z".to_owned()],
            operations: vec![unary("relu", "x", "y"), unary("sqrt", "y", "z")],
            ..Block::default()
        };
        let function = Function {
            inputs: vec![param("x")],
            opset: "CoreML7".to_owned(),
            blocks: [("CoreML7".to_owned(), body)].into(),
            ..Function::default()
        };
        let functions = [("main".to_owned(), function)].into();
        check(&Program { functions, ..Program::default() }).unwrap()
    }

    fn ops(program: &Checked) -> Vec<&'static str> {
        program.functions()["main"].nodes().iter().map(|n| n.op.name()).collect()
    }

    #[test]
    fn a_patch_keeps_types_and_drops_what_it_made_useless() {
        let mut program = program();
        let function = &program.functions()["main"];
        let (x, y) = (function.inputs()[0], function.nodes()[0].outputs[0]);
        let origin = function.nodes()[0].origin.clone();
        let mut patch = Patch::new(function);
        let two = Tensor::from_f64(DataType::F32, vec![], [2.0]).unwrap();
        let two = patch.constant("two", Const::Tensor(two));
        let inputs = vec![("x", vec![x]), ("y", vec![two])];
        let sum = patch.add(0, Op::Add, inputs, 1, origin.clone()).unwrap()[0];
        patch.replace(y, sum).unwrap();
        patch.finish().apply(&mut program, "main").unwrap();
        assert_eq!(ops(&program), ["add", "sqrt"]);
        assert_eq!(program.functions()["main"].nodes()[0].origin, origin);
    }

    #[test]
    fn a_replacement_of_another_type_is_refused() {
        let program = program();
        let function = &program.functions()["main"];
        let mut patch = Patch::new(function);
        let one = Tensor::from_f64(DataType::F32, vec![], [1.0]).unwrap();
        let one = patch.constant("one", Const::Tensor(one));
        let found = patch.replace(function.nodes()[0].outputs[0], one);
        assert!(matches!(found, Err(PatchError::Type { .. })));
        let origin = function.nodes()[0].origin.clone();
        let found = patch.add(0, Op::Relu, vec![], 1, origin);
        assert!(matches!(found, Err(PatchError::Op { op: "relu", fault: Fault::Missing(_) })));
    }

    #[test]
    fn a_value_cannot_be_used_before_it_is_computed() {
        let mut program = program();
        let function = &program.functions()["main"];
        let z = function.nodes()[1].outputs[0];
        let origin = function.nodes()[0].origin.clone();
        let mut patch = Patch::new(function);
        let late = patch.add(0, Op::Relu, vec![("x", vec![z])], 1, origin).unwrap()[0];
        patch.replace(function.nodes()[0].outputs[0], late).unwrap();
        let found = patch.finish().apply(&mut program, "main");
        assert!(matches!(found, Err(PatchError::Order(_))));
        assert_eq!(ops(&program), ["relu", "sqrt"]);
    }
}
