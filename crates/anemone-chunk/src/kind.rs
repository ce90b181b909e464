//! What a chunk mostly is.

/// What a chunk mostly is: the kind of its first named definition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Kind {
    /// A function that belongs to no type.
    Function,
    /// A function of a type.
    Method,
    /// A struct, class, enum, trait, interface or alias.
    Type,
    /// A module or namespace, or what it holds beside definitions.
    Module,
    /// A macro, defined or called in the place of a definition.
    Macro,
    /// A constant or a variable outside functions.
    Constant,
    /// A section of a document.
    Section,
    /// Anything else: imports, comments, statements, files of other languages.
    Text,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Function,
        Kind::Method,
        Kind::Type,
        Kind::Module,
        Kind::Macro,
        Kind::Constant,
        Kind::Section,
        Kind::Text,
    ];

    /// Its name in lower case, as `named` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Function => "function",
            Kind::Method => "method",
            Kind::Type => "type",
            Kind::Module => "module",
            Kind::Macro => "macro",
            Kind::Constant => "constant",
            Kind::Section => "section",
            Kind::Text => "text",
        }
    }

    /// The kind of that name, in any case.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Where several definitions share a chunk, those of the lowest rank are named first.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Kind::Function | Kind::Method | Kind::Type | Kind::Macro | Kind::Section => 0,
            Kind::Module | Kind::Constant => 1,
            Kind::Text => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(&kind.name().to_uppercase()), Some(kind));
        }
        assert_eq!(Kind::named("class"), None);
    }
}
