//! Made-up texts: token numbers by chance, in lengths as a search has them.

use anemone::engine::{Array, Value};
use anemone::runtime::Inference;
use anemone::tensor::{Buffer, DataType};

use crate::Failure;

/// The lengths that the model takes.
pub(crate) const LENGTHS: [usize; 5] = [16, 32, 64, 128, 256];

/// Percent of the texts, and their lengths: mostly short ones.
const MIX: [(u64, usize, usize); 5] =
    [(45, 3, 16), (30, 17, 32), (15, 33, 64), (7, 65, 128), (3, 129, 256)];

/// Numbers by chance, the same ones in each run (splitmix64).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// A text, as token numbers.
#[derive(Clone, Debug)]
pub(crate) struct Text(Vec<i32>);

impl Text {
    /// A text of so many tokens.
    pub(crate) fn new(length: usize, chance: &mut Chance) -> Text {
        Text((0..length).map(|_| 1000 + chance.below(28_000) as i32).collect())
    }

    /// Its tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.0.len()
    }

    /// The model's inputs, ids and mask, as long as the text is.
    pub(crate) fn inputs(&self) -> Result<Vec<Value>, Failure> {
        self.inputs_of(self.tokens())
    }

    /// The same, filled up to a length that the model takes.
    pub(crate) fn filled_up(&self) -> Result<Vec<Value>, Failure> {
        let fits = LENGTHS.into_iter().find(|length| *length >= self.tokens());
        self.inputs_of(fits.ok_or("a text is too long")?)
    }

    fn inputs_of(&self, length: usize) -> Result<Vec<Value>, Failure> {
        let mut ids = self.0.clone();
        ids.resize(length, 0);
        let mask = (0..length).map(|at| i32::from(at < self.tokens())).collect();
        Ok(vec![tensor(1, ids)?, tensor(1, mask)?])
    }
}

/// Texts of mixed lengths.
pub(crate) fn mixed(count: usize, seed: u64) -> Vec<Text> {
    let mut chance = Chance::new(seed);
    let mut one = || {
        let mut rest = chance.below(100);
        for (percent, shortest, longest) in MIX {
            if rest < percent {
                let more = chance.below((longest - shortest + 1) as u64) as usize;
                return Text::new(shortest + more, &mut chance);
            }
            rest -= percent;
        }
        Text::new(LENGTHS[0], &mut chance)
    };
    (0..count).map(|_| one()).collect()
}

/// Texts of one length.
pub(crate) fn of_length(count: usize, length: usize, seed: u64) -> Vec<Text> {
    let mut chance = Chance::new(seed);
    (0..count).map(|_| Text::new(length, &mut chance)).collect()
}

/// Inputs of `rows` full rows.
pub(crate) fn rows(rows: usize, length: usize, seed: u64) -> Result<Vec<Value>, Failure> {
    let Text(ids) = Text::new(rows * length, &mut Chance::new(seed));
    Ok(vec![tensor(rows, ids)?, tensor(rows, vec![1; rows * length])?])
}

/// The bytes of the vector that a run gave.
pub(crate) fn vector(inference: &Inference) -> Result<Vec<u8>, Failure> {
    match inference.outputs.first() {
        Some(Value::Tensor(array)) => Ok(array.to_tensor().data().to_vec()),
        _ => Err("the model gave no vector".into()),
    }
}

fn tensor(rows: usize, numbers: Vec<i32>) -> Result<Value, Failure> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let shape = vec![rows, numbers.len() / rows];
    Ok(Value::Tensor(Array::dense(DataType::I32, shape, Buffer::from_bytes(&bytes))?))
}
