//! `anemone predict`: one prediction for programs, from archive to archive.

use std::path::{Path, PathBuf};

use anemone::engine::{Receipt, RunContext};
use anemone::{Device, EngineChoice, Engines, Model, ModelState};
use serde::Deserialize;
use serde_json::json;

use crate::arguments::PredictArguments;
use crate::cache::{Cache, Loaded};
use crate::exit::Failure;
use crate::npz::Arrays;
use crate::{files, npz, values};

/// One prediction, as a request says it; fields that are not known are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    op: Option<String>,
    model: Option<PathBuf>,
    function: Option<String>,
    engine: Option<String>,
    compute_units: Option<String>,
    inputs: Option<PathBuf>,
    outputs: Option<PathBuf>,
    state_in: Option<PathBuf>,
    state_out: Option<PathBuf>,
}

/// Runs the one prediction that the arguments ask for.
pub(crate) fn predict(arguments: &PredictArguments, json: bool) -> Result<String, Failure> {
    let mut cache = Cache::new(Engines::new(arguments.threads)?);
    let reply = answer(&mut cache, &merged(arguments)?)?;
    Ok(if json { format!("{reply}\n") } else { String::new() })
}

/// The request file, if there is one, under the arguments.
fn merged(arguments: &PredictArguments) -> Result<Request, Failure> {
    let mut request = match &arguments.request {
        Some(path) => parse(&files::read_text(path)?)
            .map_err(|why| Failure::new(format!("`{}`: {why}", path.display())))?,
        None => Request::default(),
    };
    let given = arguments.clone();
    request.model = given.model.or(request.model);
    request.function = given.function.or(request.function);
    request.engine = given.engine.map(|engine| engine.to_string()).or(request.engine);
    request.compute_units = given.compute_units.map(|d| d.to_string()).or(request.compute_units);
    request.inputs = given.inputs.or(request.inputs);
    request.outputs = given.outputs.or(request.outputs);
    request.state_in = given.state_in.or(request.state_in);
    request.state_out = given.state_out.or(request.state_out);
    for (value, flag) in [
        (&request.model, "--model"),
        (&request.inputs, "--inputs"),
        (&request.outputs, "--outputs"),
    ] {
        if value.is_none() {
            return Err(Failure::usage(format!("`{flag}` is missing")));
        }
    }
    Ok(request)
}

/// A request from its JSON, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Request, String> {
    serde_json::from_str(text).map_err(|error| format!("not a request in JSON: {error}"))
}

/// Runs one request and writes its files; what it returns is JSON.
pub(crate) fn answer(cache: &mut Cache, request: &Request) -> Result<serde_json::Value, Failure> {
    if let Some(op) = request.op.as_deref().filter(|op| *op != "predict") {
        return Err(Failure::new(format!("`{op}` is no operation; `predict` is")));
    }
    let missing = |field: &str| Failure::new(format!("the request has no `{field}`"));
    let path = request.model.as_deref().ok_or_else(|| missing("model"))?;
    let inputs = request.inputs.as_deref().ok_or_else(|| missing("inputs"))?;
    let outputs = request.outputs.as_deref().ok_or_else(|| missing("outputs"))?;
    let function = request.function.as_deref().filter(|name| !name.is_empty());
    let device: Device = match request.compute_units.as_deref() {
        None | Some("") => Device::default(),
        Some(text) => text.parse().map_err(|why| Failure::new(format!("compute units {why}")))?,
    };
    let engine: EngineChoice = match request.engine.as_deref() {
        None | Some("") => EngineChoice::default(),
        Some(text) => text.parse().map_err(|why: String| Failure::new(why))?,
    };
    let mut taken = cache.take(path, function, engine, device)?;
    let outcome = run(&mut taken.loaded, request, inputs, outputs);
    cache.put_back(taken);
    let receipt = outcome?;
    Ok(json!({
        "ok": true,
        "engine": receipt.engine,
        "device": receipt.device,
        "fallbacks": receipt.fallbacks,
        "compute_ms": receipt.compute.as_secs_f64() * 1e3,
    }))
}

fn run(
    loaded: &mut Loaded,
    request: &Request,
    inputs: &Path,
    outputs: &Path,
) -> Result<Receipt, Failure> {
    let values = values::from_arrays(files::read_npz(inputs)?)?;
    let mut state = first_state(&loaded.model, request)?;
    let prediction = loaded.session.predict(&values, Some(&mut state), &RunContext::default())?;
    let archive = |arrays: &Arrays| {
        npz::write(arrays).map_err(|error| Failure::new(format!("cannot write outputs: {error}")))
    };
    let mut written =
        vec![(outputs.to_owned(), archive(&values::to_arrays(&prediction.outputs)?)?)];
    if let Some(path) = &request.state_out {
        let mut arrays = Arrays::new();
        for name in state.names() {
            arrays.insert(name.to_owned(), state.read(name)?);
        }
        written.push((path.clone(), archive(&arrays)?));
    }
    files::write_all(&written)?;
    Ok(prediction.receipt)
}

/// The state that the request carries, or zeros.
fn first_state(model: &Model, request: &Request) -> Result<ModelState, Failure> {
    let mut state = model.new_state();
    let Some(path) = &request.state_in else { return Ok(state) };
    let arrays = files::read_npz(path)?;
    let missing = state.names().find(|name| !arrays.contains_key(*name));
    if let Some(name) = missing {
        return Err(Failure::new(format!("`{}` has no state `{name}`", path.display())));
    }
    for (name, array) in &arrays {
        state.write(name, array)?;
    }
    Ok(state)
}
