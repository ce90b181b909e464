//! Arbitrary small programs, well formed or not, in every form that a file can hold.

use std::collections::BTreeMap;

use anemone_ir::program::{
    Argument, Attributes, Binding, Blob, Block, DimDecl, ElementType, Function, Operation, Param,
    TensorDecl, TypeDecl,
};
use anemone_ir::{Elements, Literal, LiteralData, Program};
use anemone_tensor::{Buffer, DataType};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// The bytes of every weight file.
pub(crate) fn weights(file: &str, offset: u64) -> Buffer {
    Buffer::from_bytes(format!("{file} {offset}").as_bytes())
}

pub(crate) fn program() -> impl Strategy<Value = Program> {
    let functions = btree_map(name(), function(), 0..3);
    (any::<i64>(), functions, name(), attributes(), extra()).prop_map(
        |(version, functions, doc, attributes, extra)| Program {
            version,
            functions,
            doc,
            attributes,
            extra,
        },
    )
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_][a-z0-9_]{0,4}",
        1 => any::<String>(),
        2 => prop::sample::select(vec![
            "true", "false", "tensor", "int32", "list", "func", "nan", "BLOBFILE", "", "a.b",
            "ios17", "CoreML7", "val", "`", "\"", "\\u{", "//",
        ]).prop_map(str::to_owned),
    ]
}

fn extra() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => Just(Vec::new()), 1 => vec(any::<u8>(), 0..4)]
}

fn function() -> impl Strategy<Value = Function> {
    let blocks = vec((name(), block()), 0..2);
    (vec(param(), 0..3), name(), blocks, option::of(block()), attributes(), extra()).prop_map(
        |(inputs, opset, blocks, own, attributes, extra)| {
            let mut blocks: BTreeMap<String, Block> = blocks.into_iter().collect();
            if let Some(own) = own {
                blocks.insert(opset.clone(), own);
            }
            Function { inputs, opset, blocks, attributes, extra }
        },
    )
}

fn param() -> impl Strategy<Value = Param> {
    (name(), ty(), extra()).prop_map(|(name, ty, extra)| Param { name, ty, extra })
}

fn block() -> impl Strategy<Value = Block> {
    let empty = Just(Block::default()).boxed();
    empty.prop_recursive(2, 6, 2, |inner| {
        let inputs = prop_oneof![2 => Just(Vec::new()), 1 => vec(param(), 0..2)];
        let operations = vec(operation(inner), 0..3);
        (inputs, vec(name(), 0..3), operations, attributes(), extra()).prop_map(
            |(inputs, outputs, operations, attributes, extra)| Block {
                inputs,
                outputs,
                operations,
                attributes,
                extra,
            },
        )
    })
}

fn operation(block: BoxedStrategy<Block>) -> impl Strategy<Value = Operation> {
    let inputs = btree_map(name(), argument(), 0..3);
    let outputs = vec(param(), 0..3);
    (name(), inputs, outputs, vec(block, 0..2), attributes(), extra()).prop_map(
        |(op, inputs, outputs, blocks, attributes, extra)| Operation {
            op,
            inputs,
            outputs,
            blocks,
            attributes,
            extra,
        },
    )
}

fn argument() -> impl Strategy<Value = Argument> {
    let binding = prop_oneof![
        3 => name().prop_map(Binding::Name),
        2 => literal().prop_map(Binding::Literal),
        1 => vec(any::<u8>(), 0..3).prop_map(Binding::Opaque),
    ];
    (vec(binding, 0..3), extra()).prop_map(|(bindings, extra)| Argument { bindings, extra })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop_oneof![2 => Just(Attributes::new()), 1 => btree_map(name(), literal(), 0..3)]
}

fn dim() -> impl Strategy<Value = DimDecl> {
    prop_oneof![
        4 => (0u64..4).prop_map(DimDecl::Known),
        1 => any::<u64>().prop_map(DimDecl::Known),
        1 => any::<bool>().prop_map(|variadic| DimDecl::Unknown { variadic }),
        1 => vec(any::<u8>(), 0..3).prop_map(DimDecl::Opaque),
    ]
}

fn element_type() -> impl Strategy<Value = ElementType> {
    prop_oneof![
        9 => prop::sample::select(DataType::ALL).prop_map(ElementType::Known),
        1 => any::<i32>().prop_map(ElementType::Unknown),
    ]
}

fn tensor() -> impl Strategy<Value = TypeDecl> {
    let rank = prop_oneof![4 => Just(None), 1 => any::<i64>().prop_map(Some)];
    let attributes = btree_map("[a-z]", Just(Literal::string("v")), 0..2);
    let attributes = prop_oneof![4 => Just(Attributes::new()), 1 => attributes];
    (element_type(), vec(dim(), 0..4), rank, attributes).prop_map(
        |(dtype, dims, rank, attributes)| {
            let rank = rank.unwrap_or(dims.len() as i64);
            TypeDecl::Tensor(TensorDecl { dtype, rank, dims, attributes })
        },
    )
}

fn ty() -> impl Strategy<Value = TypeDecl> + Clone {
    let leaf = prop_oneof![
        5 => tensor(),
        1 => vec(any::<u8>(), 0..3).prop_map(TypeDecl::Opaque),
    ]
    .boxed();
    leaf.prop_recursive(2, 6, 2, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        prop_oneof![
            (option::of(boxed.clone()), option::of(dim()))
                .prop_map(|(element, length)| TypeDecl::List { element, length }),
            vec(inner, 0..3).prop_map(TypeDecl::Tuple),
            (boxed.clone(), boxed.clone()).prop_map(|(key, value)| TypeDecl::Dict { key, value }),
            boxed.prop_map(TypeDecl::State),
        ]
    })
    .boxed()
}

fn elements() -> impl Strategy<Value = Elements> {
    let number = any::<f32>().prop_filter("equal to itself", |x| !x.is_nan());
    let double = any::<f64>().prop_filter("equal to itself", |x| !x.is_nan());
    prop_oneof![
        vec(number, 0..5).prop_map(Elements::Floats),
        vec(prop_oneof![any::<i32>(), -9..9], 0..5).prop_map(Elements::Ints),
        vec(any::<bool>(), 0..5).prop_map(Elements::Bools),
        vec(name(), 0..5).prop_map(Elements::Strings),
        vec(any::<i64>(), 0..5).prop_map(Elements::LongInts),
        vec(double, 0..5).prop_map(Elements::Doubles),
        vec(any::<u8>(), 0..9).prop_map(|b| Elements::Bytes(Buffer::from_bytes(&b))),
    ]
}

/// Bytes or numbers that fill a small shape.
fn fitting() -> impl Strategy<Value = Literal> {
    let dims = vec(0u64..4, 0..4);
    (prop::sample::select(DataType::ALL), dims, any::<u64>()).prop_map(|(dtype, dims, seed)| {
        let count = dims.iter().product::<u64>() as usize;
        let values: Vec<u64> =
            (0..count as u64).map(|i| seed.rotate_left(i as u32 * 7).wrapping_mul(i | 1)).collect();
        let elements = match dtype {
            DataType::I32 => Elements::Ints(values.iter().map(|v| *v as i32).collect()),
            DataType::U16 => {
                Elements::Ints(values.iter().map(|v| (*v & 0x1_ffff) as i32).collect())
            }
            DataType::U64 => Elements::LongInts(values.iter().map(|v| *v as i64).collect()),
            DataType::F32 => Elements::Floats(values.iter().map(|v| *v as f32).collect()),
            DataType::Bool => Elements::Bools(values.iter().map(|v| v & 1 == 1).collect()),
            DataType::String => Elements::Strings(values.iter().map(u64::to_string).collect()),
            _ => {
                let len = dtype.byte_len(count).unwrap_or(0);
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).chain(std::iter::repeat(0));
                Elements::Bytes(Buffer::from_bytes(&bytes.take(len).collect::<Vec<_>>()))
            }
        };
        Literal::new(TypeDecl::tensor(dtype, &dims), LiteralData::Elements(elements))
    })
}

fn literal() -> impl Strategy<Value = Literal> {
    let data = prop_oneof![
        3 => elements().prop_map(LiteralData::Elements),
        1 => (name(), any::<u64>()).prop_map(|(file, offset)| {
            let data = weights(&file, offset);
            LiteralData::Blob(Blob { file, offset, data })
        }),
        1 => vec(any::<u8>(), 0..3).prop_map(LiteralData::Opaque),
    ];
    let leaf = prop_oneof![
        3 => fitting(),
        1 => name().prop_map(Literal::string),
        2 => (ty(), data, extra()).prop_map(|(ty, data, extra)| Literal {
            doc: String::new(), ty, data, extra,
        }),
    ]
    .boxed();
    leaf.prop_recursive(2, 8, 3, |inner| {
        let pairs = vec((inner.clone(), inner.clone()), 0..3);
        let items = vec(inner, 0..3).boxed();
        let holder = prop_oneof![
            (items.clone(), any::<bool>()).prop_map(|(items, said)| {
                let types = items.iter().map(|i| i.ty.clone()).filter(|_| said).collect();
                (TypeDecl::Tuple(types), LiteralData::Tuple(items))
            }),
            items.clone().prop_map(|items| {
                let element = items.first().map(|i| Box::new(i.ty.clone()));
                (TypeDecl::List { element, length: None }, LiteralData::List(items))
            }),
            pairs.prop_map(|pairs| {
                let ty = match pairs.first() {
                    Some((key, value)) => TypeDecl::Dict {
                        key: Box::new(key.ty.clone()),
                        value: Box::new(value.ty.clone()),
                    },
                    None => TypeDecl::Tuple(Vec::new()),
                };
                (ty, LiteralData::Dict(pairs))
            }),
            (ty(), items).prop_map(|(ty, items)| (ty, LiteralData::List(items))),
        ];
        (holder, name(), extra()).prop_map(|((ty, data), doc, extra)| Literal {
            doc: if extra.is_empty() { String::new() } else { doc },
            ty,
            data,
            extra,
        })
    })
}
