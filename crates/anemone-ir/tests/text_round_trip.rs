//! MIL text against arbitrary programs and arbitrary text: nothing is lost, nothing panics.

mod programs;

use anemone_ir::program::{Attributes, TypeDecl};
use anemone_ir::text::{Brief, parse, print};
use anemone_ir::{Elements, Literal, LiteralData, Program};
use anemone_tensor::{Buffer, DataType};
use proptest::prelude::*;

/// The bytes that the generator puts at every offset.
fn weights(file: &str, offset: u64, _: &TypeDecl) -> Result<Buffer, String> {
    Ok(programs::weights(file, offset))
}

fn attribute(literal: Literal) -> Program {
    Program { attributes: Attributes::from([("a".to_owned(), literal)]), ..Program::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_printed_program_is_read_back_as_it_was(program in programs::program()) {
        let text = print(&program);
        let again = parse(&text, &mut weights);
        prop_assert_eq!(again.as_ref(), Ok(&program), "{}", text);
    }

    #[test]
    fn floats_keep_every_bit(bits in any::<[u64; 4]>()) {
        let doubles: Vec<f64> = bits.iter().map(|b| f64::from_bits(*b)).collect();
        let floats: Vec<f32> = bits.iter().map(|b| f32::from_bits(*b as u32)).collect();
        let literal = |dtype, elements| {
            Literal::new(TypeDecl::tensor(dtype, &[4]), LiteralData::Elements(elements))
        };
        let read = |literal| {
            let text = print(&attribute(literal));
            parse(&text, &mut weights).unwrap().attributes.remove("a").unwrap().data
        };
        let LiteralData::Elements(Elements::Doubles(found)) =
            read(literal(DataType::F64, Elements::Doubles(doubles))) else { panic!() };
        prop_assert!(found.iter().map(|x| x.to_bits()).eq(bits));
        let LiteralData::Elements(Elements::Floats(found)) =
            read(literal(DataType::F32, Elements::Floats(floats))) else { panic!() };
        prop_assert!(found.iter().map(|x| x.to_bits()).eq(bits.iter().map(|b| *b as u32)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = parse(&text, &mut weights);
    }

    #[test]
    fn a_damaged_text_is_read_or_refused(
        program in programs::program(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,3}|é", 0..4usize), 1..4),
    ) {
        let mut text: Vec<char> = print(&program).chars().collect();
        for (at, new, removed) in cuts {
            let at = at.index(text.len());
            let end = text.len().min(at + removed);
            text.splice(at..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(program) = parse(&text, &mut weights) {
            let again = print(&program);
            let read = parse(&again, &mut weights).map(|p| print(&p));
            prop_assert_eq!(read, Ok(again));
        }
    }

    #[test]
    fn a_cut_text_is_refused(program in programs::program(), at in any::<prop::sample::Index>()) {
        let text = print(&program);
        let whole = text.trim_end().len() - 1;
        let end = (0..=at.index(whole)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        prop_assert!(parse(&text[..end], &mut weights).is_err());
    }

    #[test]
    fn the_brief_form_can_be_written(program in programs::program()) {
        let brief = Brief { program: &program, most: 1 }.to_string();
        prop_assert!(brief.len() <= print(&program).len() + 4096);
    }
}
