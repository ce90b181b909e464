//! One case through every engine and form.

use std::collections::BTreeMap;

use anemone_conformance::{Case, Tolerance};
use anemone_engine::{
    Array, CompileOptions, Engine, Plan, Rounding, RunContext, Session, State, Value,
};
use anemone_ir::{Checked, Program, check};
use anemone_tensor::Tensor;

use crate::compare::{compare, identical};
use crate::engines::{Pair, engines};
use crate::{forms, package, values};

type Tensors = BTreeMap<String, Tensor>;

/// What fails, by form; nothing where all is well.
pub(crate) fn run(case: &Case) -> Vec<(String, String)> {
    let mut faults = Faults::default();
    let read = Read::new(case);
    match (read, &case.fault) {
        (Ok(read), None) => positive(case, &read, &mut faults),
        (Ok(read), Some(words)) => faults.add("fault", negative(&read, words)),
        (Err(why), Some(words)) if why.contains(words.as_str()) => {}
        (Err(why), _) => faults.add("read", Err(why)),
    }
    faults.0
}

/// What an engine gives for a case, and the goldens; nothing for a program that must be refused.
pub(crate) fn outputs(
    case: &Case,
    engine: &dyn Engine,
) -> Result<(Vec<(String, Tensor)>, Tensors), String> {
    let read = Read::new(case)?;
    let checked = check(&read.program).map_err(|e| e.to_string())?;
    let found = start(engine, &checked, Rounding::F32)?.run(&read)?;
    Ok((found, read.outputs.into_iter().chain(read.new_states).collect()))
}

#[derive(Default)]
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, form: impl Into<String>, result: Result<(), String>) {
        if let Err(what) = result {
            self.0.push((form.into(), what));
        }
    }
}

/// A case with its texts read.
struct Read {
    program: Program,
    inputs: Tensors,
    outputs: Tensors,
    states: Tensors,
    new_states: Tensors,
    declared: Tensors,
}

impl Read {
    fn new(case: &Case) -> Result<Read, String> {
        Ok(Read {
            program: values::program(&case.mil)?,
            inputs: values::tensors(&case.inputs)?,
            outputs: values::tensors(&case.outputs)?,
            states: values::tensors(&case.states)?,
            new_states: values::tensors(&case.new_states)?,
            declared: values::tensors(&case.declared)?,
        })
    }
}

/// A program that must be refused, by the checker, the compiler or the run.
fn negative(read: &Read, words: &str) -> Result<(), String> {
    let found = match check(&read.program) {
        Err(faults) => faults.to_string(),
        Ok(checked) => {
            let mut found = String::new();
            for pair in engines() {
                match start(pair.one.as_ref(), &checked, Rounding::F32)
                    .and_then(|mut started| started.run(read))
                {
                    Ok(_) => return Err(format!("{} runs it", pair.one.name())),
                    Err(why) => found.push_str(&why),
                }
            }
            found
        }
    };
    match found.contains(words) {
        true => Ok(()),
        false => Err(format!("the fault is: {found}")),
    }
}

fn positive(case: &Case, read: &Read, faults: &mut Faults) {
    let checked = match check(&read.program) {
        Ok(checked) => checked,
        Err(why) => return faults.add("check", Err(why.to_string())),
    };
    let stripped = check(&forms::stripped(&read.program)).map_err(|e| e.to_string());
    faults.add("stripped", stripped.and_then(|s| forms::same_types(&checked, &s)));
    let packed = package::through(&read.program)
        .and_then(|program| check(&program).map_err(|e| e.to_string()));
    faults.add("package", packed.as_ref().map(|_| ()).map_err(Clone::clone));
    let symbolic = symbolic(case, read, faults);
    for pair in engines() {
        let name = pair.one.name();
        let first = match start(pair.one.as_ref(), &checked, Rounding::F32) {
            Ok(mut started) => again(&mut started, read, name, faults),
            Err(why) => Err(why),
        };
        let first = match first {
            Ok(first) => first,
            Err(why) => {
                faults.add(format!("{name} run"), Err(why));
                continue;
            }
        };
        faults.add(format!("{name} run"), judge(read, &first, case.tolerance.as_ref()));
        faults.add(format!("{name} threads"), other(&*pair.two, &checked, read, &first));
        if let Ok(packed) = &packed {
            faults.add(format!("{name} package"), other(&*pair.one, packed, read, &first));
        }
        if let Some(symbolic) = &symbolic {
            let result = start(pair.one.as_ref(), symbolic, Rounding::F32)
                .and_then(|mut started| started.run(read))
                .and_then(|found| judge(read, &found, case.tolerance.as_ref()));
            faults.add(format!("{name} symbolic"), result);
        }
        faults.add(format!("{name} declared"), declared(pair, &checked, read));
    }
}

/// The program with free dimensions, its types held against those of coremltools.
fn symbolic(case: &Case, read: &Read, faults: &mut Faults) -> Option<Checked> {
    if case.symbolic.is_empty() {
        return None;
    }
    let checked = values::types(&case.symbolic)
        .and_then(|types| Ok((types, values::types(&case.symbolic_outputs)?)))
        .and_then(|(types, theirs)| {
            let program = forms::with_inputs(&read.program, &types);
            Ok((check(&program).map_err(|e| e.to_string())?, theirs))
        });
    match checked {
        Err(why) => {
            faults.add("symbolic check", Err(why));
            None
        }
        Ok((checked, theirs)) => {
            for function in checked.functions().values() {
                let wrong = forms::symbolic_types(function, &theirs, &read.inputs, &read.outputs);
                if !wrong.is_empty() {
                    faults.add("symbolic check", Err(wrong.join("; ")));
                }
            }
            Some(checked)
        }
    }
}

/// A first run, and a second in the same session that must give the same bits.
fn again(
    started: &mut Started,
    read: &Read,
    name: &str,
    faults: &mut Faults,
) -> Result<Vec<(String, Tensor)>, String> {
    let first = started.run(read)?;
    let second = started.run(read);
    let same = second.and_then(|second| identical(&first, &second));
    faults.add(format!("{name} again"), same);
    Ok(first)
}

fn other(
    engine: &dyn Engine,
    checked: &Checked,
    read: &Read,
    first: &[(String, Tensor)],
) -> Result<(), String> {
    identical(first, &start(engine, checked, Rounding::F32)?.run(read)?)
}

/// With every result rounded to its declared type, where the case says what then comes out.
fn declared(pair: &Pair, checked: &Checked, read: &Read) -> Result<(), String> {
    if read.declared.is_empty() {
        return Ok(());
    }
    let found = start(pair.one.as_ref(), checked, Rounding::Declared)?.run(read)?;
    all(read.declared.iter(), &found, None)
}

fn judge(
    read: &Read,
    found: &[(String, Tensor)],
    tolerance: Option<&Tolerance>,
) -> Result<(), String> {
    all(read.outputs.iter().chain(&read.new_states), found, tolerance)
}

fn all<'a>(
    goldens: impl Iterator<Item = (&'a String, &'a Tensor)>,
    found: &[(String, Tensor)],
    tolerance: Option<&Tolerance>,
) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (name, golden) in goldens {
        match found.iter().find(|(found, _)| found == name) {
            Some((_, found)) => wrong.extend(compare(name, golden, found, tolerance).err()),
            None => wrong.push(format!("there is no output `{name}`")),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// A compiled program with a session.
struct Started {
    plan: std::sync::Arc<dyn Plan>,
    session: Box<dyn Session>,
}

fn start(engine: &dyn Engine, checked: &Checked, rounding: Rounding) -> Result<Started, String> {
    let options = CompileOptions { rounding, ..CompileOptions::default() };
    let plan = engine.compile(checked, &options).map_err(|e| e.to_string())?;
    Ok(Started { session: plan.clone().session(), plan })
}

impl Started {
    /// Outputs and then states, by name.
    fn run(&mut self, read: &Read) -> Result<Vec<(String, Tensor)>, String> {
        let signature = self.plan.signature();
        let mut inputs = Vec::new();
        for port in &signature.inputs {
            let input = read.inputs.get(&port.name);
            let tensor = input.ok_or_else(|| format!("the case has no input `{}`", port.name))?;
            inputs.push(Value::Tensor(Array::from(tensor.clone())));
        }
        let mut state: Box<dyn State> = self.plan.new_state();
        for (index, port) in signature.states.iter().enumerate() {
            if let Some(tensor) = read.states.get(&port.name) {
                state.write(index, &Array::from(tensor.clone())).map_err(|e| e.to_string())?;
            }
        }
        let given: Option<&mut dyn State> = match signature.states.is_empty() {
            true => None,
            false => Some(&mut *state),
        };
        let (values, _) =
            self.session.run(&inputs, given, &RunContext::default()).map_err(|e| e.to_string())?;
        let mut found = Vec::new();
        for (port, value) in signature.outputs.iter().zip(values) {
            let Value::Tensor(array) = value else {
                return Err(format!("output `{}` is no tensor", port.name));
            };
            found.push((port.name.clone(), array.to_tensor()));
        }
        for (index, port) in signature.states.iter().enumerate() {
            let array = state.read(index).map_err(|e| e.to_string())?;
            found.push((port.name.clone(), array.to_tensor()));
        }
        Ok(found)
    }
}
