//! A model as its file holds it: a description of its features, and a body.

use std::collections::BTreeMap;

use anemone_tensor::Buffer;

use crate::program::Extra;
use crate::{Description, Program};

/// A whole model. Holding one proves that it was read, with every weight in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// The version of the specification that the file says it follows.
    pub spec_version: i32,
    /// Inputs, outputs, states and metadata.
    pub description: Description,
    /// Whether the model can be trained further on a device.
    pub is_updatable: bool,
    /// What computes the outputs.
    pub body: Body,
    /// Unknown fields.
    pub extra: Extra,
    /// The folder that the model lay in, if it was one.
    pub folder: Option<Folder>,
}

/// What computes a model's outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An ML program.
    Program(Program),
    /// A model of another kind, kept as it was.
    Unread {
        /// The field of the specification's `Type` that holds it.
        field: u32,
        /// That field's name, such as `neuralNetwork`.
        name: &'static str,
        /// The encoded model.
        bytes: Buffer,
    },
}

/// What a package folder holds beside the model, kept so that it is written back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folder {
    /// The text of `Manifest.json`.
    pub manifest: String,
    /// Files of the items that the manifest lists, except the model, by their path below `Data`.
    pub files: BTreeMap<String, Buffer>,
}

impl Package {
    /// A package around a program, as yet in no file.
    pub fn new(spec_version: i32, description: Description, program: Program) -> Package {
        Package {
            spec_version,
            description,
            is_updatable: false,
            body: Body::Program(program),
            extra: Extra::new(),
            folder: None,
        }
    }

    /// The program, if the body is one.
    pub fn program(&self) -> Option<&Program> {
        match &self.body {
            Body::Program(program) => Some(program),
            Body::Unread { .. } => None,
        }
    }

    /// The program, to be changed.
    pub fn program_mut(&mut self) -> Option<&mut Program> {
        match &mut self.body {
            Body::Program(program) => Some(program),
            Body::Unread { .. } => None,
        }
    }
}

impl Body {
    /// The name of the kind of model, as the specification calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Body::Program(_) => "mlProgram",
            Body::Unread { name, .. } => name,
        }
    }
}
