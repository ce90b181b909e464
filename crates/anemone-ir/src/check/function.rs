//! Checks one function: its inputs, then its body in order.

use std::collections::HashMap;
use std::sync::Arc;

use super::declared::resolve;
use super::diagnostics::Diagnostic;
use super::operation::check_operation;
use crate::infer::{Fault, Operand, Symbols};
use crate::program::{Block, Function, Param};
use crate::{
    CheckedBlock, CheckedFunction, Opset, Origin, Symbol, SymbolOrigin, Type, ValueId, ValueInfo,
};

/// Nested blocks deeper than this are refused.
const MAX_DEPTH: usize = 64;

/// The state of a function under check.
pub(super) struct Scope<'a> {
    pub(super) function: Arc<str>,
    pub(super) opset: Opset,
    pub(super) values: Vec<ValueInfo>,
    pub(super) symbols: Symbols,
    pub(super) origins: Vec<SymbolOrigin>,
    /// Values by name; `None` marks one whose op was at fault, so that its users are not blamed.
    pub(super) names: HashMap<&'a str, Option<ValueId>>,
    /// The names in the order in which they came into scope.
    entered: Vec<&'a str>,
    /// How many values were thrown away to check loops again.
    pub(super) rechecked: usize,
    /// Ops whose blocks are being checked, outermost first.
    pub(super) path: Vec<String>,
    pub(super) faults: &'a mut Vec<Diagnostic>,
}

pub(super) fn check_function(
    name: &str,
    source: &Function,
    faults: &mut Vec<Diagnostic>,
) -> Option<CheckedFunction> {
    let before = faults.len();
    let mut scope = Scope {
        function: name.into(),
        opset: Opset::Ios15,
        values: Vec::new(),
        symbols: Symbols::default(),
        origins: Vec::new(),
        names: HashMap::new(),
        entered: Vec::new(),
        rechecked: 0,
        path: Vec::new(),
        faults,
    };
    let Some(opset) = Opset::from_name(&source.opset) else {
        scope.report(
            "",
            "func",
            vec![],
            declaration("opset", format!("`{}` is not a known opset", source.opset)),
        );
        return None;
    };
    scope.opset = opset;
    let Some(body) = source.body() else {
        scope.report(
            "",
            "func",
            vec![],
            declaration("opset", format!("there is no body for `{}`", source.opset)),
        );
        return None;
    };
    let inputs = check_params(&mut scope, &source.inputs);
    let body = check_body(&mut scope, body);
    if scope.faults.len() > before {
        return None;
    }
    Some(CheckedFunction {
        name: name.to_owned(),
        opset,
        inputs,
        body,
        values: scope.values,
        symbols: scope.origins,
    })
}

fn declaration(name: &str, why: String) -> Fault {
    Fault::Declaration { name: name.to_owned(), why }
}

fn check_params<'a>(scope: &mut Scope<'a>, params: &'a [Param]) -> Vec<ValueId> {
    let mut inputs = Vec::with_capacity(params.len());
    for param in params {
        let mut free: Vec<(Symbol, usize)> = Vec::new();
        let ty =
            resolve(&param.name, &param.ty, &scope.symbols, &mut |s, axis| free.push((s, axis)));
        scope.origins.extend(
            free.into_iter()
                .map(|(_, axis)| SymbolOrigin::Input { name: param.name.clone(), axis }),
        );
        match ty {
            Ok(ty) => {
                let known = Operand { ty, value: None, dims: None, constant: false };
                let id = scope.define(&param.name, known, "input");
                inputs.extend(id);
            }
            Err(fault) => {
                scope.poison(&param.name);
                scope.report(&param.name, "input", vec![], fault);
            }
        }
    }
    inputs
}

/// Checks a nested block whose inputs are these; its names end with it.
pub(super) fn check_block<'a>(
    scope: &mut Scope<'a>,
    source: &'a Block,
    inputs: Vec<Operand>,
) -> Result<CheckedBlock, Fault> {
    if scope.path.len() > MAX_DEPTH {
        return Err(Fault::Unsupported(format!("blocks are nested deeper than {MAX_DEPTH}")));
    }
    if source.inputs.len() != inputs.len() {
        let (found, expected) = (source.inputs.len(), inputs.len());
        return Err(Fault::Shape(format!("a block has {found} inputs, not {expected}")));
    }
    let outer = scope.entered.len();
    let mut ids = Vec::with_capacity(inputs.len());
    for (param, known) in source.inputs.iter().zip(inputs) {
        ids.extend(scope.define(&param.name, known, "input"));
    }
    let block = check_body(scope, source);
    for name in scope.entered.drain(outer..) {
        scope.names.remove(name);
    }
    Ok(CheckedBlock { inputs: ids, ..block })
}

fn check_body<'a>(scope: &mut Scope<'a>, source: &'a Block) -> CheckedBlock {
    let nodes = source.operations.iter().filter_map(|op| check_operation(scope, op)).collect();
    let mut outputs = Vec::with_capacity(source.outputs.len());
    for name in &source.outputs {
        match scope.names.get(name.as_str()) {
            Some(Some(id)) => outputs.push(*id),
            Some(None) => {}
            None => {
                let fault = Fault::Undefined { input: "output".to_owned(), name: name.clone() };
                scope.report(name, "output", vec![], fault);
            }
        }
    }
    CheckedBlock { inputs: Vec::new(), nodes, outputs }
}

impl<'a> Scope<'a> {
    /// Adds a named value to the table; a second value of one name is a fault.
    pub(super) fn define(&mut self, name: &'a str, known: Operand, op: &str) -> Option<ValueId> {
        if self.names.contains_key(name) {
            self.report(name, op, vec![], Fault::Duplicate(name.to_owned()));
            return None;
        }
        let id = self.anonymous(name, known);
        self.names.insert(name, Some(id));
        self.entered.push(name);
        Some(id)
    }

    /// Marks a name whose value could not be checked.
    pub(super) fn poison(&mut self, name: &'a str) {
        if !self.names.contains_key(name) {
            self.names.insert(name, None);
            self.entered.push(name);
        }
    }

    /// Adds a value that no name in scope leads to.
    pub(super) fn anonymous(&mut self, name: &str, known: Operand) -> ValueId {
        let id =
            ValueId(u32::try_from(self.values.len()).expect("fewer values than bytes in a file"));
        self.values.push(ValueInfo { name: name.to_owned(), known });
        id
    }

    pub(super) fn origin(&self, name: &str) -> Origin {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Origin { function: self.function.clone(), path: path.join("/").into() }
    }

    pub(super) fn report(
        &mut self,
        name: &str,
        op: &str,
        inputs: Vec<(String, String)>,
        fault: Fault,
    ) {
        let origin = self.origin(name);
        self.faults.push(Diagnostic { origin, op: op.to_owned(), inputs, fault });
    }

    pub(super) fn type_of(&self, id: ValueId) -> &Type {
        self.values[id.index()].ty()
    }
}
