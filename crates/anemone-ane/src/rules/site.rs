//! What a rule sees, and what it may answer.

use anemone_ir::infer::Symbols;
use anemone_ir::{Node, ValueId};
use serde::Serialize;

use crate::Target;
use crate::data::{self, sources};
use crate::evidence::{Class, Confidence, Evidence};
use crate::model::Model;

/// A node, its model and the target.
pub(crate) struct Site<'a> {
    pub(crate) model: &'a Model<'a>,
    pub(crate) node: &'a Node,
    pub(crate) target: &'a Target,
}

/// Whether an op can run on the engine, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Support {
    /// The answer.
    pub can_run: CanRun,
    /// What stands in the way, or is open.
    pub obstacle: Option<Obstacle>,
    /// For people.
    pub reason: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// How sure it is.
    pub confidence: Confidence,
    /// Whether this one op keeps the whole model off the engine.
    pub whole_model: bool,
}

/// Whether an op can run on the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CanRun {
    /// It can.
    Yes,
    /// Sources leave it open.
    Conditional,
    /// It cannot.
    No,
}

/// What keeps an op off the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Obstacle {
    NoEngine,
    NoProgram,
    Op,
    Generation,
    Rank,
    Dimension,
    Int32,
    Fp32,
    ElementType,
    Dynamic,
    ControlFlow,
    RuntimeIndex,
    Kernel,
    Window,
    Contraction,
    State,
    ModelSize,
    ChainDepth,
    Setting,
    System,
    Weights,
}

/// An answer on the way to a [`Support`]: the obstacle, the words, and the source if it is not the row's.
pub(crate) struct No {
    pub(crate) obstacle: Obstacle,
    pub(crate) reason: String,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) whole_model: bool,
    pub(crate) is_open: bool,
}

impl No {
    pub(crate) fn new(obstacle: Obstacle, reason: impl Into<String>) -> No {
        No { obstacle, reason: reason.into(), evidence: None, whole_model: false, is_open: false }
    }

    pub(crate) fn from(self, class: Class, keys: &[&str]) -> No {
        No { evidence: Some(Evidence::new(class, sources(keys))), ..self }
    }

    /// Sources leave it open; the op is taken to run.
    pub(crate) fn open(self) -> No {
        No { is_open: true, ..self }
    }

    pub(crate) fn for_the_whole_model(self) -> No {
        No { whole_model: true, ..self }
    }
}

/// A rule's answer: nothing, or what stands in the way.
pub(crate) type Verdict = Option<No>;

impl<'a> Site<'a> {
    pub(crate) fn value(&self, input: &str) -> Option<ValueId> {
        self.node.input(input).first().copied()
    }

    pub(crate) fn shape(&self, input: &str) -> Option<&'a [u64]> {
        self.model.shape(self.value(input)?)
    }

    /// Constant integers, or their defaults.
    pub(crate) fn ints(&self, input: &str) -> Option<Vec<i64>> {
        let symbols = Symbols::default();
        self.model.function.context(self.node, &symbols).ints(input).ok()
    }

    /// A constant number, or its default.
    pub(crate) fn float(&self, input: &str) -> Option<f32> {
        let symbols = Symbols::default();
        self.model.function.context(self.node, &symbols).float(input).ok()
    }

    pub(crate) fn boolean(&self, input: &str) -> bool {
        let symbols = Symbols::default();
        self.model.function.context(self.node, &symbols).boolean(input).unwrap_or(false)
    }

    pub(crate) fn text(&self, input: &str) -> Option<String> {
        let symbols = Symbols::default();
        self.model.function.context(self.node, &symbols).text(input).ok()
    }

    pub(crate) fn is_runtime(&self, input: &str) -> bool {
        self.node.input(input).iter().any(|id| !self.model.is_constant(*id))
    }

    pub(crate) fn row(&self) -> &'static data::OpRow {
        data::row(self.node.op)
    }
}
