//! The walk over a function: one range for each value, and bounds for each op's sums of products.
//!
//! Loops and states are walked until nothing changes, and what still changes then may be anything.
//! A state starts at zero, unless its range is given.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use anemone_ir::infer::Symbols;
use anemone_ir::{
    Bindings, CheckedBlock, CheckedFunction, Const, Dim, Node, Op, Origin, Symbol, SymbolOrigin,
    Type, ValueId,
};
use anemone_tensor::{DataType, Tensor};
use serde::Serialize;

use super::functions::normalized_length;
use super::products::Partial;
use super::range::Range;
use super::rules::{Rule, rule};
use super::site::{Site, of_tensor};
use super::weights::decoded;

/// How often a loop is walked before what still changes is taken for anything.
const TURNS: usize = 4;

/// From this size on a partial sum overflows.
const LIMIT: f64 = 32768.0;

/// What the values of a function can be.
#[derive(Clone, Debug)]
pub struct Ranges {
    values: Vec<Range>,
    sums: Vec<OpSums>,
    without_rule: Vec<WithoutRule>,
}

/// Whether partial sums can overflow, for inputs of the given ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// Proved: for no input, in no order of summation.
    Never,
    /// Not excluded. Bounds are wider than what values do, so it need not happen.
    Possible,
    /// The op reads values of which nothing is known.
    Unknown,
}

/// Bounds of the partial sums of one op.
#[derive(Clone, Debug, PartialEq)]
pub struct OpSums {
    /// The op.
    pub origin: Origin,
    /// What it is.
    pub op: Op,
    /// No partial sum is lower, in any order.
    pub lowest: f64,
    /// No partial sum is higher.
    pub highest: f64,
    /// The channel that can get furthest, where channels were told apart.
    pub channel: Option<usize>,
    /// What follows.
    pub forecast: Forecast,
}

/// An op of whose results nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct WithoutRule {
    /// The op.
    pub origin: Origin,
    /// What it is.
    pub op: Op,
    /// Why there is no rule.
    pub why: &'static str,
}

impl OpSums {
    /// The part of the accumulator's range that partial sums can reach.
    pub fn reach(&self) -> f64 {
        self.highest.max(-self.lowest) / LIMIT
    }
}

impl Ranges {
    /// What a value can be.
    pub fn value(&self, id: ValueId) -> Range {
        self.values.get(id.index()).copied().unwrap_or(Range::ANY)
    }

    /// Bounds of the sums of products, in program order.
    pub fn sums(&self) -> &[OpSums] {
        &self.sums
    }

    /// The bounds for the op at `origin`.
    pub fn sums_of(&self, origin: &Origin) -> Option<&OpSums> {
        self.sums.iter().find(|sums| sums.origin == *origin)
    }

    /// Ops whose results may be anything, and why.
    pub fn without_rule(&self) -> &[WithoutRule] {
        &self.without_rule
    }
}

/// What every value of `function` can be. Inputs that are not among `inputs` may be anything, NaN
/// included; states that are not among them start at zero.
pub fn ranges(function: &CheckedFunction, inputs: &BTreeMap<String, Range>) -> Ranges {
    ranges_at(function, inputs, &BTreeMap::new())
}

/// The same where inputs have these shapes: sums over free dimensions are bounded only so.
pub fn ranges_at(
    function: &CheckedFunction,
    inputs: &BTreeMap<String, Range>,
    shapes: &BTreeMap<String, Vec<usize>>,
) -> Ranges {
    let known = Known {
        sizes: sizes(function, shapes),
        ranges: RefCell::new(vec![None; function.values().len()]),
        adding_up: RefCell::default(),
        lengths: RefCell::default(),
        weights: RefCell::default(),
    };
    let mut states = HashMap::new();
    for id in function.inputs() {
        let info = function.value(*id);
        let given = inputs.get(&info.name).copied();
        match info.ty() {
            Type::State(_) => {
                states.insert(*id, given.unwrap_or(Range::point(0.0)));
            }
            _ => known.set(*id, stored(function, *id, given.unwrap_or(Range::ANY))),
        }
    }
    let symbols = Symbols::default();
    let mut walk = Walk {
        function,
        symbols: &symbols,
        known,
        states,
        sums: Noted::default(),
        without_rule: Noted::default(),
    };
    walk.until_stable(|walk| {
        walk.nodes(function.nodes());
        false
    });
    let values = (0..function.values().len()).map(|index| walk.known.at(index));
    let values = values.map(|range| range.unwrap_or(Range::ANY)).collect();
    Ranges { values, sums: walk.sums.entries, without_rule: walk.without_rule.entries }
}

/// What free dimensions are where inputs have these shapes.
fn sizes(function: &CheckedFunction, shapes: &BTreeMap<String, Vec<usize>>) -> Bindings {
    let mut bindings = Bindings::default();
    for (index, origin) in function.symbols().iter().enumerate() {
        let SymbolOrigin::Input { name, axis } = origin else { continue };
        let size = shapes.get(name).and_then(|shape| shape.get(*axis));
        if let (Some(size), Ok(index)) = (size, u32::try_from(index)) {
            bindings.insert(Symbol(index), i64::try_from(*size).unwrap_or(i64::MAX));
        }
    }
    bindings
}

/// The ranges that are known so far; those of constants are worked out when they are asked for.
pub(crate) struct Known {
    sizes: Bindings,
    ranges: RefCell<Vec<Option<Range>>>,
    /// Values that are not negative and add up to 1 along their last axis.
    adding_up: RefCell<HashSet<ValueId>>,
    /// The largest length of vectors along the last axis, of what was normalised.
    lengths: RefCell<HashMap<ValueId, f64>>,
    /// Compressed weights as numbers.
    weights: RefCell<HashMap<ValueId, Tensor>>,
}

impl Known {
    pub(crate) fn range(&self, function: &CheckedFunction, id: ValueId) -> Range {
        if let Some(range) = self.at(id.index()) {
            return range;
        }
        let operand = &function.value(id).known;
        let range = match (&operand.value, &operand.dims) {
            (Some(Const::Tensor(tensor)), _) => of_tensor(tensor),
            (None, Some(dims)) if dims.iter().all(|dim| dim.number().is_some()) => {
                let numbers = dims.iter().filter_map(|dim| dim.number());
                numbers.map(|n| Range::point(n as f64)).reduce(Range::join).unwrap_or(Range::ANY)
            }
            _ => Range::ANY,
        };
        let range = stored(function, id, range);
        self.set(id, range);
        range
    }

    /// A dimension's size; infinite where it is not known.
    pub(crate) fn size(&self, dim: &Dim) -> f64 {
        let size = dim.eval(&self.sizes).filter(|size| *size >= 0);
        size.map_or(f64::INFINITY, |size| size as f64)
    }

    /// Whether a value is not negative and adds up to 1 along its last axis.
    pub(crate) fn adds_up(&self, id: ValueId) -> bool {
        self.adding_up.borrow().contains(&id)
    }

    /// The largest length of a value's vectors along its last axis, where a norm set it.
    pub(crate) fn length(&self, id: ValueId) -> Option<f64> {
        self.lengths.borrow().get(&id).copied()
    }

    /// Weights that are stored in compressed form.
    pub(crate) fn weights(&self, id: ValueId) -> Option<Tensor> {
        self.weights.borrow().get(&id).cloned()
    }

    fn note_weights(&self, site: &Site<'_>) {
        if let (Some(weights), [id]) = (decoded(site), site.node.outputs.as_slice()) {
            self.weights.borrow_mut().insert(*id, weights);
        }
    }

    /// Notes the length of what an op normalises, or passes on.
    fn note_length(&self, site: &Site<'_>) {
        let length = match site.node.op {
            Op::LayerNorm => normalized_length(site),
            Op::Cast | Op::Identity => site.ids("x").first().and_then(|id| self.length(*id)),
            _ => None,
        };
        for id in &site.node.outputs {
            match length {
                Some(length) => self.lengths.borrow_mut().insert(*id, length),
                None => self.lengths.borrow_mut().remove(id),
            };
        }
    }

    /// Notes the result of a softmax along the last axis, and what is the same.
    fn note_adding_up(&self, site: &Site<'_>) {
        let x = site.ids("x").first();
        let adds_up = match site.node.op {
            Op::Softmax => {
                let ty = x.and_then(|id| site.function.value(*id).ty().as_tensor());
                let axis = ty.and_then(|ty| site.infer.axis("axis", ty.shape.len()).ok());
                axis.zip(ty).is_some_and(|(axis, ty)| axis + 1 == ty.shape.len())
            }
            Op::Cast | Op::Identity => x.is_some_and(|id| self.adds_up(*id)),
            _ => false,
        };
        if adds_up {
            self.adding_up.borrow_mut().extend(&site.node.outputs);
        }
    }

    fn at(&self, index: usize) -> Option<Range> {
        self.ranges.borrow().get(index).copied().flatten()
    }

    fn set(&self, id: ValueId, range: Range) {
        if let Some(known) = self.ranges.borrow_mut().get_mut(id.index()) {
            *known = Some(range);
        }
    }
}

/// One entry for each op, in program order; the last walk counts.
struct Noted<T> {
    at: HashMap<Origin, usize>,
    entries: Vec<T>,
}

impl<T> Default for Noted<T> {
    fn default() -> Noted<T> {
        Noted { at: HashMap::new(), entries: Vec::new() }
    }
}

impl<T> Noted<T> {
    fn note(&mut self, origin: &Origin, entry: T) {
        match self.at.get(origin) {
            Some(at) => self.entries[*at] = entry,
            None => {
                self.at.insert(origin.clone(), self.entries.len());
                self.entries.push(entry);
            }
        }
    }
}

struct Walk<'a> {
    function: &'a CheckedFunction,
    symbols: &'a Symbols,
    known: Known,
    states: HashMap<ValueId, Range>,
    sums: Noted<OpSums>,
    without_rule: Noted<WithoutRule>,
}

impl Walk<'_> {
    /// Repeats `turn` until neither it nor a state changes; in the end states may be anything.
    fn until_stable(&mut self, mut turn: impl FnMut(&mut Self) -> bool) {
        for count in 0.. {
            let before = self.states.clone();
            let changed = turn(self);
            if !changed && self.states == before {
                return;
            }
            if count >= TURNS {
                for (id, state) in &mut self.states {
                    if before.get(id) != Some(state) {
                        *state = Range::ANY;
                    }
                }
            }
        }
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        let outputs = match rule(node.op) {
            Ok(Rule::Walk) => self.walk(node),
            Ok(Rule::Every(every)) => {
                let site = self.site(node);
                self.known.note_adding_up(&site);
                self.known.note_length(&site);
                self.known.note_weights(&site);
                let range = every(&site);
                vec![range; node.outputs.len()]
            }
            Ok(Rule::Each(each)) => each(&self.site(node)),
            Ok(Rule::Sums(sums)) => {
                let found = sums(&self.site(node));
                match found {
                    Ok(partial) => vec![self.sums(node, &partial)],
                    Err(why) => self.unknown(node, why),
                }
            }
            Err(why) => self.unknown(node, why),
        };
        let given = outputs.into_iter().map(Some).chain(std::iter::repeat(None));
        for (id, range) in node.outputs.iter().zip(given) {
            let range = stored(self.function, *id, range.unwrap_or(Range::ANY));
            self.known.set(*id, range);
        }
    }

    fn site<'b>(&'b self, node: &'b Node) -> Site<'b> {
        let infer = self.function.context(node, self.symbols);
        Site { function: self.function, node, infer, known: &self.known }
    }

    fn unknown(&mut self, node: &Node, why: &'static str) -> Vec<Range> {
        let (origin, op) = (node.origin.clone(), node.op);
        self.without_rule.note(&node.origin, WithoutRule { origin, op, why });
        vec![Range::ANY; node.outputs.len()]
    }

    /// Notes the sums of an op; the range of its results.
    fn sums(&mut self, node: &Node, partial: &Partial) -> Range {
        let ty = node.outputs.first().and_then(|id| self.function.value(*id).ty().as_tensor());
        if !ty.is_some_and(|ty| ty.dtype.is_float()) {
            return partial.result;
        }
        let Partial { lowest, highest, channel, result } = *partial;
        let forecast = if lowest > -LIMIT && highest < LIMIT {
            Forecast::Never
        } else if !self.reads_known(node) {
            Forecast::Unknown
        } else {
            Forecast::Possible
        };
        let (origin, op) = (node.origin.clone(), node.op);
        let sums = OpSums { origin, op, lowest, highest, channel, forecast };
        self.sums.note(&node.origin, sums);
        // An overflow sticks, whatever comes after it.
        Range {
            lowest: if lowest <= -LIMIT { f64::NEG_INFINITY } else { result.lowest },
            highest: if highest >= LIMIT { f64::INFINITY } else { result.highest },
            nan: result.nan,
        }
    }

    /// Whether something is known of all that the op reads.
    fn reads_known(&self, node: &Node) -> bool {
        let bounded = |id: &ValueId| {
            let range = self.known.range(self.function, *id);
            let is_any = range.lowest == f64::NEG_INFINITY && range.highest == f64::INFINITY;
            let ty = self.function.value(*id).ty().as_tensor();
            !is_any || !ty.is_some_and(|ty| ty.dtype.is_float())
        };
        node.inputs.iter().flat_map(|(_, ids)| ids).all(bounded)
    }

    fn walk(&mut self, node: &Node) -> Vec<Range> {
        match (node.op, node.blocks.as_slice()) {
            (Op::Cond, blocks) => {
                let mut outputs: Vec<Option<Range>> = vec![None; node.outputs.len()];
                for block in blocks {
                    self.nodes(&block.nodes);
                    for (all, range) in outputs.iter_mut().zip(self.results(block)) {
                        *all = Some(all.map_or(range, |all| all.join(range)));
                    }
                }
                outputs.into_iter().map(|range| range.unwrap_or(Range::ANY)).collect()
            }
            (Op::WhileLoop, [condition, body]) => self.turns(node, condition, body),
            (Op::ReadState, _) => {
                let state = node.input("input").first().and_then(|id| self.states.get(id));
                vec![state.copied().unwrap_or(Range::ANY)]
            }
            (Op::WriteState, _) => {
                let written = node.input("data").first().map(|id| self.range(*id));
                let written = written.unwrap_or(Range::ANY);
                let state = node.input("input").first().and_then(|id| self.states.get_mut(id));
                if let Some(state) = state {
                    *state = state.join(written);
                }
                vec![written; node.outputs.len()]
            }
            _ => self.unknown(node, "its blocks are not understood"),
        }
    }

    fn turns(&mut self, node: &Node, condition: &CheckedBlock, body: &CheckedBlock) -> Vec<Range> {
        let bound = node.inputs.iter().flat_map(|(_, ids)| ids);
        let mut variables: Vec<Range> = bound.map(|id| self.range(*id)).collect();
        variables.resize(body.inputs.len(), Range::ANY);
        let mut count = 0;
        self.until_stable(|walk| {
            for block in [condition, body] {
                for (id, range) in block.inputs.iter().zip(&variables) {
                    walk.known.set(*id, *range);
                }
                walk.nodes(&block.nodes);
            }
            let before = variables.clone();
            for (all, range) in variables.iter_mut().zip(walk.results(body)) {
                let joined = all.join(range);
                if joined != *all {
                    *all = if count >= TURNS { Range::ANY } else { joined };
                }
            }
            count += 1;
            variables != before
        });
        variables
    }

    fn range(&self, id: ValueId) -> Range {
        self.known.range(self.function, id)
    }

    fn results(&self, block: &CheckedBlock) -> Vec<Range> {
        block.outputs.iter().map(|id| self.range(*id)).collect()
    }
}

/// What is left of a range once values are stored in their type.
fn stored(function: &CheckedFunction, id: ValueId, range: Range) -> Range {
    let dtype = match function.value(id).ty() {
        Type::Tensor(ty) | Type::State(ty) => ty.dtype,
        Type::List(ty) => ty.element.dtype,
        Type::Dict(..) => return Range::ANY,
    };
    match dtype.int_range() {
        _ if dtype == DataType::BF16 => range.wider(2f64.powi(-7)).stored(),
        _ if dtype.is_float() => range.stored(),
        Some((low, high)) => {
            // Results that the type does not hold wrap around.
            let (low, high) = (low as f64, high as f64);
            let fits = !range.nan && range.lowest >= low && range.highest <= high;
            if fits { range } else { Range::new(low, high) }
        }
        None => range,
    }
}
