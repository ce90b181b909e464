//! Dimensions: numbers, or polynomials over symbols with division and broadcasting as atoms.
//!
//! An expression is kept in one normal form (a sum of products, sorted), so that equal
//! arithmetic gives equal values and `(n + 2) - 2` is `n` again.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

/// An unknown size: a free dimension of an input, or one that only the data tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub u32);

/// A dimension or a shape's element.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// A number.
    Known(i64),
    /// A polynomial that has at least one symbol.
    Expr(Box<Poly>),
}

/// A sum of coefficients times products of atoms; never constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Poly {
    terms: BTreeMap<Vec<Atom>, i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Atom {
    Symbol(Symbol),
    FloorDiv(Box<Dim>, Box<Dim>),
    Mod(Box<Dim>, Box<Dim>),
    Max(Box<Dim>, Box<Dim>),
    Min(Box<Dim>, Box<Dim>),
    /// The size of two dimensions broadcast together, where neither is known to be 1.
    Broadcast(Box<Dim>, Box<Dim>),
}

/// Sizes of symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bindings(BTreeMap<Symbol, i64>);

impl Bindings {
    /// Sets a symbol's size; returns the earlier one if there was one.
    pub fn insert(&mut self, symbol: Symbol, size: i64) -> Option<i64> {
        self.0.insert(symbol, size)
    }

    /// A symbol's size.
    pub fn get(&self, symbol: Symbol) -> Option<i64> {
        self.0.get(&symbol).copied()
    }
}

impl Dim {
    /// The number 1.
    pub const ONE: Dim = Dim::Known(1);

    /// A bare symbol.
    pub fn symbol(symbol: Symbol) -> Dim {
        Dim::atom(Atom::Symbol(symbol))
    }

    /// The size, if it is a number that can be one.
    pub fn known(&self) -> Option<usize> {
        self.number().and_then(|n| usize::try_from(n).ok())
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            Dim::Known(n) => Some(*n),
            Dim::Expr(_) => None,
        }
    }

    /// The symbol, if the expression is nothing else.
    pub fn as_symbol(&self) -> Option<Symbol> {
        match self.as_atom() {
            Some(Atom::Symbol(s)) => Some(*s),
            _ => None,
        }
    }

    fn as_atom(&self) -> Option<&Atom> {
        let Dim::Expr(poly) = self else { return None };
        match poly.terms.first_key_value() {
            Some((atoms, 1)) if poly.terms.len() == 1 && atoms.len() == 1 => atoms.first(),
            _ => None,
        }
    }

    /// The fraction `self / by` without the symbols that both have as factors.
    pub fn reduced(&self, by: &Dim) -> (Dim, Dim) {
        let (mut above, mut below) = (self.terms(), by.terms());
        let shared: Vec<Atom> = match below.first_key_value() {
            Some((atoms, _)) if below.len() == 1 => atoms.clone(),
            _ => Vec::new(),
        };
        for atom in shared {
            let without = |terms: &BTreeMap<Vec<Atom>, i64>| -> Option<BTreeMap<_, _>> {
                let rest = terms.iter().map(|(atoms, factor)| {
                    let mut rest = atoms.clone();
                    rest.remove(rest.iter().position(|a| *a == atom)?);
                    Some((rest, *factor))
                });
                rest.collect()
            };
            if let (Some(a), Some(b)) = (without(&above), without(&below)) {
                (above, below) = (a, b);
            }
        }
        (Dim::from_terms(above), Dim::from_terms(below))
    }

    /// `floor(self / by)`; `None` for a division by a known zero.
    pub fn floor_div(&self, by: &Dim) -> Option<Dim> {
        let (a, b) = self.reduced(by);
        match (&a, &b) {
            (_, Dim::Known(0)) => None,
            (a, Dim::Known(1)) => Some(a.clone()),
            (Dim::Known(a), Dim::Known(b)) => Some(Dim::Known(floor_div(*a, *b)?)),
            (a, b) if a == b => Some(Dim::ONE),
            (Dim::Expr(p), b) if p.divided(b).is_some() => p.divided(b),
            _ => Some(Dim::atom(Atom::FloorDiv(a.into(), b.into()))),
        }
    }

    /// `ceil(self / by)`.
    pub fn ceil_div(&self, by: &Dim) -> Option<Dim> {
        (-self).floor_div(by).map(|d| -&d)
    }

    /// `self - by * floor(self / by)`.
    pub fn modulo(&self, by: &Dim) -> Option<Dim> {
        match (self, by) {
            (_, Dim::Known(0)) => None,
            (_, Dim::Known(1)) => Some(Dim::Known(0)),
            (Dim::Known(a), Dim::Known(b)) => floor_mod(*a, *b).map(Dim::Known),
            (Dim::Expr(p), b) if p.divided(b).is_some() => Some(Dim::Known(0)),
            _ => Some(Dim::atom(Atom::Mod(self.clone().into(), by.clone().into()))),
        }
    }

    /// The larger of the two (`max` is the order of the forms).
    pub fn at_least(&self, other: &Dim) -> Dim {
        match (self, other) {
            (Dim::Known(a), Dim::Known(b)) => Dim::Known(*a.max(b)),
            (a, b) if a.covers(b) => a.clone(),
            (a, b) if b.covers(a) => b.clone(),
            (a, b) => Dim::atom(Atom::Max(a.min_of(b).clone().into(), a.max_of(b).clone().into())),
        }
    }

    /// The smaller of the two.
    pub fn at_most(&self, other: &Dim) -> Dim {
        match (self, other) {
            (Dim::Known(a), Dim::Known(b)) => Dim::Known(*a.min(b)),
            (a, b) if a.covers(b) => b.clone(),
            (a, b) if b.covers(a) => a.clone(),
            (a, b) => Dim::atom(Atom::Min(a.min_of(b).clone().into(), a.max_of(b).clone().into())),
        }
    }

    /// The size of the two broadcast together; `None` where two numbers do not fit.
    pub fn broadcast(&self, other: &Dim) -> Option<Dim> {
        match (self, other) {
            (Dim::Known(1), d) | (d, Dim::Known(1)) => Some(d.clone()),
            (a, b) if a == b => Some(a.clone()),
            (Dim::Known(_), Dim::Known(_)) => None,
            // A number above 1 wins: the other side must be equal to it or 1 when the program runs.
            (Dim::Known(n), Dim::Expr(_)) | (Dim::Expr(_), Dim::Known(n)) => Some(Dim::Known(*n)),
            (a, b) => Some(Dim::atom(Atom::Broadcast(
                a.min_of(b).clone().into(),
                a.max_of(b).clone().into(),
            ))),
        }
    }

    /// Whether the two are numbers, and not the same one.
    pub fn differs(&self, other: &Dim) -> bool {
        matches!((self, other), (Dim::Known(a), Dim::Known(b)) if a != b)
    }

    /// Whether `self >= other` for all sizes of their symbols, as far as their forms tell.
    fn covers(&self, other: &Dim) -> bool {
        match other.as_atom() {
            Some(Atom::Max(a, b)) if self.covers(a) && self.covers(b) => true,
            Some(Atom::Min(a, b)) if self.covers(a) || self.covers(b) => true,
            _ => (self - other).is_never_negative(),
        }
    }

    /// Whether it is 0 or more for all sizes of its symbols, as far as its form tells.
    pub fn is_never_negative(&self) -> bool {
        match self {
            Dim::Known(n) => *n >= 0,
            Dim::Expr(poly) => poly
                .terms
                .iter()
                .all(|(atoms, factor)| *factor >= 0 && atoms.iter().all(Atom::is_never_negative)),
        }
    }

    /// The number for these sizes of symbols; `None` where one is missing or the arithmetic fails.
    pub fn eval(&self, bindings: &Bindings) -> Option<i64> {
        match self {
            Dim::Known(n) => Some(*n),
            Dim::Expr(poly) => poly.terms.iter().try_fold(0i64, |sum, (atoms, factor)| {
                let product = atoms
                    .iter()
                    .try_fold(*factor, |p, atom| p.checked_mul(atom.eval(bindings)?))?;
                sum.checked_add(product)
            }),
        }
    }

    /// The symbols that occur, in order.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The length of the expression: the number of its terms and factors.
    pub fn weight(&self) -> usize {
        let Dim::Expr(poly) = self else { return 0 };
        let atom = |a: &Atom| match a {
            Atom::Symbol(_) => 1,
            Atom::FloorDiv(a, b)
            | Atom::Mod(a, b)
            | Atom::Max(a, b)
            | Atom::Min(a, b)
            | Atom::Broadcast(a, b) => 1 + a.weight() + b.weight(),
        };
        poly.terms.keys().map(|atoms| 1 + atoms.iter().map(atom).sum::<usize>()).sum()
    }

    fn collect(&self, found: &mut Vec<Symbol>) {
        let Dim::Expr(poly) = self else { return };
        for atom in poly.terms.keys().flatten() {
            match atom {
                Atom::Symbol(s) => found.push(*s),
                Atom::FloorDiv(a, b)
                | Atom::Mod(a, b)
                | Atom::Max(a, b)
                | Atom::Min(a, b)
                | Atom::Broadcast(a, b) => {
                    a.collect(found);
                    b.collect(found);
                }
            }
        }
    }

    fn atom(atom: Atom) -> Dim {
        Dim::Expr(Box::new(Poly { terms: BTreeMap::from([(vec![atom], 1)]) }))
    }

    fn min_of<'a>(&'a self, other: &'a Dim) -> &'a Dim {
        if self <= other { self } else { other }
    }

    fn max_of<'a>(&'a self, other: &'a Dim) -> &'a Dim {
        if self <= other { other } else { self }
    }

    fn terms(&self) -> BTreeMap<Vec<Atom>, i64> {
        match self {
            Dim::Known(0) => BTreeMap::new(),
            Dim::Known(n) => BTreeMap::from([(vec![], *n)]),
            Dim::Expr(poly) => poly.terms.clone(),
        }
    }

    fn from_terms(mut terms: BTreeMap<Vec<Atom>, i64>) -> Dim {
        terms.retain(|_, factor| *factor != 0);
        match terms.len() {
            0 => Dim::Known(0),
            1 if terms.contains_key(&vec![]) => Dim::Known(terms[&vec![]]),
            _ => Dim::Expr(Box::new(Poly { terms })),
        }
    }
}

impl Poly {
    /// The exact quotient by `by`, where every term has it as a factor.
    fn divided(&self, by: &Dim) -> Option<Dim> {
        let (divisor, number): (&[Atom], i64) = match by {
            Dim::Known(n) => (&[], *n),
            Dim::Expr(poly) => match poly.terms.iter().next() {
                Some((atoms, factor)) if poly.terms.len() == 1 => (atoms, *factor),
                _ => return None,
            },
        };
        let mut terms = BTreeMap::new();
        for (atoms, factor) in &self.terms {
            if number == 0 || factor.checked_rem(number)? != 0 {
                return None;
            }
            let mut rest = atoms.clone();
            for atom in divisor {
                let at = rest.iter().position(|a| a == atom)?;
                rest.remove(at);
            }
            terms.insert(rest, factor / number);
        }
        Some(Dim::from_terms(terms))
    }
}

impl Atom {
    fn is_never_negative(&self) -> bool {
        match self {
            Atom::Symbol(_) => true,
            Atom::Mod(_, by) => by.is_never_negative(),
            Atom::Max(a, b) => a.is_never_negative() || b.is_never_negative(),
            Atom::FloorDiv(a, b) | Atom::Min(a, b) | Atom::Broadcast(a, b) => {
                a.is_never_negative() && b.is_never_negative()
            }
        }
    }

    fn eval(&self, bindings: &Bindings) -> Option<i64> {
        let two = |a: &Dim, b: &Dim| Some((a.eval(bindings)?, b.eval(bindings)?));
        match self {
            Atom::Symbol(s) => bindings.get(*s),
            Atom::FloorDiv(a, b) => two(a, b).and_then(|(a, b)| floor_div(a, b)),
            Atom::Mod(a, b) => two(a, b).and_then(|(a, b)| floor_mod(a, b)),
            Atom::Max(a, b) => two(a, b).map(|(a, b)| a.max(b)),
            Atom::Min(a, b) => two(a, b).map(|(a, b)| a.min(b)),
            Atom::Broadcast(a, b) => match two(a, b)? {
                (1, n) | (n, 1) => Some(n),
                (a, b) if a == b => Some(a),
                _ => None,
            },
        }
    }
}

fn floor_div(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn floor_mod(a: i64, b: i64) -> Option<i64> {
    let rest = a.checked_rem(b)?;
    Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
}

impl Add for &Dim {
    type Output = Dim;

    fn add(self, other: &Dim) -> Dim {
        if let (Dim::Known(a), Dim::Known(b)) = (self, other) {
            return Dim::Known(a.saturating_add(*b));
        }
        let mut terms = self.terms();
        for (atoms, factor) in other.terms() {
            let sum = terms.entry(atoms).or_insert(0);
            *sum = sum.saturating_add(factor);
        }
        Dim::from_terms(terms)
    }
}

impl Mul for &Dim {
    type Output = Dim;

    fn mul(self, other: &Dim) -> Dim {
        if let (Dim::Known(a), Dim::Known(b)) = (self, other) {
            return Dim::Known(a.saturating_mul(*b));
        }
        let mut terms = BTreeMap::new();
        for (a, x) in self.terms() {
            for (b, y) in other.terms() {
                let mut atoms: Vec<Atom> = a.iter().chain(&b).cloned().collect();
                atoms.sort();
                let sum: &mut i64 = terms.entry(atoms).or_insert(0);
                *sum = sum.saturating_add(x.saturating_mul(y));
            }
        }
        Dim::from_terms(terms)
    }
}

impl Neg for &Dim {
    type Output = Dim;

    fn neg(self) -> Dim {
        self * &Dim::Known(-1)
    }
}

impl Sub for &Dim {
    type Output = Dim;

    fn sub(self, other: &Dim) -> Dim {
        self + &-other
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::Known(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Dim {
    fn from(n: i64) -> Dim {
        Dim::Known(n)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dim::Expr(poly) = self else {
            return write!(f, "{}", self.number().unwrap_or_default());
        };
        for (i, (atoms, factor)) in poly.terms.iter().rev().enumerate() {
            match (i, *factor < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let size = factor.unsigned_abs();
            if size != 1 || atoms.is_empty() {
                write!(f, "{size}{}", if atoms.is_empty() { "" } else { "*" })?;
            }
            for (j, atom) in atoms.iter().enumerate() {
                write!(f, "{}{atom}", if j > 0 { "*" } else { "" })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Symbol(s) => write!(f, "s{}", s.0),
            Atom::FloorDiv(a, b) => write!(f, "floor(({a})/({b}))"),
            Atom::Mod(a, b) => write!(f, "mod({a}, {b})"),
            Atom::Max(a, b) => write!(f, "max({a}, {b})"),
            Atom::Min(a, b) => write!(f, "min({a}, {b})"),
            Atom::Broadcast(a, b) => write!(f, "broadcast({a}, {b})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(n: u32) -> Dim {
        Dim::symbol(Symbol(n))
    }

    #[test]
    fn arithmetic_has_one_normal_form() {
        let (n, m, two) = (s(0), s(1), Dim::Known(2));
        assert_eq!(&(&n + &two) - &two, n);
        assert_eq!(&(&n * &m) - &(&m * &n), Dim::Known(0));
        assert_eq!((&n * &two).floor_div(&two), Some(n.clone()));
        assert_eq!((&n * &m).floor_div(&m), Some(n.clone()));
        assert_eq!((&n * &two).modulo(&two), Some(Dim::Known(0)));
        assert_eq!(n.floor_div(&Dim::Known(0)), None);
        assert_eq!((&(&n * &two) + &Dim::Known(-3)).to_string(), "2*s0 - 3");
    }

    #[test]
    fn the_larger_and_smaller_are_found_without_sizes() {
        let (n, three) = (s(0), Dim::Known(3));
        assert_eq!((&n + &three).at_least(&n), &n + &three);
        assert_eq!((&n + &three).at_most(&n), n);
        assert_eq!(n.at_least(&Dim::Known(0)), n);
        assert_eq!((&n - &three).at_least(&Dim::Known(0)).to_string(), "max(0, s0 - 3)");
    }

    #[test]
    fn evaluation_needs_every_symbol() {
        let dim = (&s(0) + &Dim::Known(3)).floor_div(&Dim::Known(2)).unwrap();
        let mut bindings = Bindings::default();
        assert_eq!(dim.eval(&bindings), None);
        bindings.insert(Symbol(0), 4);
        assert_eq!(dim.eval(&bindings), Some(3));
        assert_eq!(dim.symbols(), [Symbol(0)]);
        bindings.insert(Symbol(1), 1);
        assert_eq!(s(0).broadcast(&s(1)).unwrap().eval(&bindings), Some(4));
        bindings.insert(Symbol(1), 3);
        assert_eq!(s(0).broadcast(&s(1)).unwrap().eval(&bindings), None);
    }

    #[test]
    fn ceiling_division_rounds_up() {
        assert_eq!(Dim::Known(7).ceil_div(&Dim::Known(2)), Some(Dim::Known(4)));
        assert_eq!(Dim::Known(-7).ceil_div(&Dim::Known(2)), Some(Dim::Known(-3)));
    }
}
