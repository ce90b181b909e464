//! Packages of any form that the types of the IR allow, unknown fields included.

use std::collections::BTreeMap;

use anemone_ir::program::{
    Argument, Attributes, Binding, Blob, Block, DimDecl, ElementType, Function, Operation, Param,
    TensorDecl, TypeDecl,
};
use anemone_ir::{
    ArrayFeature, ColorSpace, DefaultValue, Description, Elements, Feature, FeatureKind,
    FunctionDescription, ImageFeature, ImageFlexibility, ImageSize, KeyKind, Literal, LiteralData,
    Metadata, Package, Program, ShapeFlexibility, SizeRange,
};
use anemone_tensor::{Buffer, DataType};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A package without a folder; its blobs have no place as yet.
pub(crate) fn package() -> impl Strategy<Value = Package> {
    (any::<i32>(), description(), program(), any::<bool>(), extra()).prop_map(
        |(version, description, program, is_updatable, extra)| {
            let package = Package::new(version, description, program);
            Package { is_updatable, extra, ..package }
        },
    )
}

/// Fields that no version of the specification has.
fn extra() -> impl Strategy<Value = Vec<u8>> {
    let field = (70u8..80, vec(any::<u8>(), 0..4)).prop_map(|(number, bytes)| {
        // Two bytes of key, for field numbers from 5000 on; wire type 2.
        let key = (5000 + u16::from(number)) << 3 | 2;
        let head = [key as u8 & 0x7f | 0x80, (key >> 7) as u8 & 0x7f | 0x80, (key >> 14) as u8];
        [&head[..], &[bytes.len() as u8], &bytes].concat()
    });
    vec(field, 0..3).prop_map(|fields| fields.concat())
}

fn unreadable() -> impl Strategy<Value = Vec<u8>> {
    extra().prop_filter("an opaque part says something", |bytes| !bytes.is_empty())
}

fn text() -> impl Strategy<Value = String> {
    "[a-zä🪸 ]{0,5}"
}

fn names<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = BTreeMap<String, T>> {
    btree_map(text(), value, 0..3)
}

fn dtype() -> impl Strategy<Value = ElementType> {
    prop_oneof![
        9 => select(DataType::ALL).prop_map(ElementType::Known),
        1 => (50..60i32).prop_map(ElementType::Unknown),
        1 => (-5..=0i32).prop_map(ElementType::Unknown),
    ]
}

fn dim() -> impl Strategy<Value = DimDecl> {
    prop_oneof![
        any::<u64>().prop_map(DimDecl::Known),
        any::<bool>().prop_map(|variadic| DimDecl::Unknown { variadic }),
        unreadable().prop_map(DimDecl::Opaque),
    ]
}

fn type_decl() -> impl Strategy<Value = TypeDecl> {
    let tensor = (dtype(), any::<i64>(), vec(dim(), 0..3)).prop_map(|(dtype, rank, dims)| {
        let mut attributes = Attributes::new();
        if rank % 2 == 0 {
            attributes.insert("a".to_owned(), Literal::string("b"));
        }
        TypeDecl::Tensor(TensorDecl { dtype, rank, dims, attributes })
    });
    let leaf = prop_oneof![4 => tensor, 1 => unreadable().prop_map(TypeDecl::Opaque)];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (option::of(inner.clone()), option::of(dim())).prop_map(|(element, length)| {
                TypeDecl::List { element: element.map(Box::new), length }
            }),
            vec(inner.clone(), 0..3).prop_map(TypeDecl::Tuple),
            (inner.clone(), inner.clone())
                .prop_map(|(key, value)| TypeDecl::Dict { key: key.into(), value: value.into() }),
            inner.prop_map(|wrapped| TypeDecl::State(wrapped.into())),
        ]
    })
}

fn elements() -> impl Strategy<Value = Elements> {
    prop_oneof![
        vec(-1e9f32..1e9, 0..4).prop_map(Elements::Floats),
        vec(any::<i32>(), 0..4).prop_map(Elements::Ints),
        vec(any::<bool>(), 0..4).prop_map(Elements::Bools),
        vec(text(), 0..4).prop_map(Elements::Strings),
        vec(any::<i64>(), 0..4).prop_map(Elements::LongInts),
        vec(-1e99f64..1e99, 0..4).prop_map(Elements::Doubles),
        vec(any::<u8>(), 0..4).prop_map(|bytes| Elements::Bytes(Buffer::from_bytes(&bytes))),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    let whole = |data: BoxedStrategy<LiteralData>| {
        (text(), type_decl(), data, extra()).prop_map(|(doc, ty, data, extra)| Literal {
            doc,
            ty,
            data,
            extra,
        })
    };
    let opaque = prop_oneof![
        Just(LiteralData::Opaque(Vec::new())),
        // An immediate value of a kind that is unknown.
        Just(LiteralData::Opaque(vec![0x1a, 2, 0x4a, 0])),
    ];
    let leaf =
        whole(prop_oneof![9 => elements().prop_map(LiteralData::Elements), 1 => opaque].boxed());
    leaf.prop_recursive(2, 6, 2, move |inner| {
        let pairs = vec((inner.clone(), inner.clone()), 0..2);
        whole(
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(LiteralData::Tuple),
                vec(inner, 0..3).prop_map(LiteralData::List),
                pairs.prop_map(LiteralData::Dict),
            ]
            .boxed(),
        )
    })
}

/// A constant in a weight file, of any type that one can hold.
fn constant() -> impl Strategy<Value = Operation> {
    let unstorable =
        [DataType::Bool, DataType::String, DataType::F64, DataType::I64, DataType::U64];
    let stored = DataType::ALL.iter().copied().filter(move |d| !unstorable.contains(d));
    (select(stored.collect::<Vec<_>>()), 0..40usize, any::<u8>()).prop_map(
        |(dtype, count, seed)| {
            let len = dtype.byte_len(count).unwrap();
            let bytes: Vec<u8> = (0..len).map(|i| seed.wrapping_mul(i as u8 | 1)).collect();
            let file = "@model_path/weights/weight.bin".to_owned();
            let blob = Blob { file, offset: 0, data: Buffer::from_bytes(&bytes) };
            let ty = TypeDecl::tensor(dtype, &[count as u64]);
            let value = Literal::new(ty, LiteralData::Blob(blob));
            let attributes = Attributes::from([("val".to_owned(), value)]);
            Operation { op: "const".to_owned(), attributes, ..Operation::default() }
        },
    )
}

fn param() -> impl Strategy<Value = Param> {
    (text(), type_decl(), extra()).prop_map(|(name, ty, extra)| Param { name, ty, extra })
}

fn argument() -> impl Strategy<Value = Argument> {
    let binding = prop_oneof![
        text().prop_map(Binding::Name),
        literal().prop_map(Binding::Literal),
        unreadable().prop_map(Binding::Opaque),
    ];
    (vec(binding, 0..3), extra()).prop_map(|(bindings, extra)| Argument { bindings, extra })
}

fn operation(blocks: BoxedStrategy<Vec<Block>>) -> impl Strategy<Value = Operation> {
    (text(), names(argument()), vec(param(), 0..2), blocks, names(literal()), extra()).prop_map(
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

fn block(operations: BoxedStrategy<Vec<Operation>>) -> impl Strategy<Value = Block> {
    (vec(param(), 0..2), vec(text(), 0..2), operations, names(literal()), extra()).prop_map(
        |(inputs, outputs, operations, attributes, extra)| Block {
            inputs,
            outputs,
            operations,
            attributes,
            extra,
        },
    )
}

fn program() -> impl Strategy<Value = Program> {
    let inner = block(vec(operation(Just(Vec::new()).boxed()), 0..2).boxed());
    let outer = operation(vec(inner, 0..2).boxed());
    let operations = vec(prop_oneof![outer, constant()], 0..4);
    let blocks = names(block(operations.boxed()));
    let function = (vec(param(), 0..2), text(), blocks, names(literal()), extra()).prop_map(
        |(inputs, opset, blocks, attributes, extra)| Function {
            inputs,
            opset,
            blocks,
            attributes,
            extra,
        },
    );
    (any::<i64>(), names(function), text(), names(literal()), extra()).prop_map(
        |(version, functions, doc, attributes, extra)| Program {
            version,
            functions,
            doc,
            attributes,
            extra,
        },
    )
}

fn size_range() -> impl Strategy<Value = SizeRange> {
    (any::<u64>(), any::<i64>()).prop_map(|(lower, upper)| SizeRange { lower, upper })
}

fn array() -> impl Strategy<Value = ArrayFeature> {
    let types = [DataType::F16, DataType::F32, DataType::F64, DataType::I8, DataType::I32];
    let dtype = prop_oneof![
        select(types.to_vec()).prop_map(ElementType::Known),
        (0..9i32).prop_map(ElementType::Unknown),
    ];
    let shape = || vec(any::<i64>(), 0..3);
    let flexibility = prop_oneof![
        Just(ShapeFlexibility::Fixed),
        vec(shape(), 0..3).prop_map(ShapeFlexibility::Enumerated),
        vec(size_range(), 0..3).prop_map(ShapeFlexibility::Ranges),
    ];
    let default = prop_oneof![
        any::<i32>().prop_map(DefaultValue::Int),
        (-1e9f32..1e9).prop_map(DefaultValue::Float),
        (-1e99f64..1e99).prop_map(DefaultValue::Double),
    ];
    (dtype, shape(), flexibility, option::of(default), extra()).prop_map(
        |(dtype, shape, flexibility, default, extra)| ArrayFeature {
            dtype,
            shape,
            flexibility,
            default,
            extra,
        },
    )
}

fn image() -> impl Strategy<Value = ImageFeature> {
    let colors = [ColorSpace::Grayscale, ColorSpace::Rgb, ColorSpace::Unknown(0)];
    let size =
        || (any::<u64>(), any::<u64>()).prop_map(|(width, height)| ImageSize { width, height });
    let ranges = (option::of(size_range()), option::of(size_range()));
    let flexibility = prop_oneof![
        Just(ImageFlexibility::Fixed),
        vec(size(), 0..3).prop_map(ImageFlexibility::Enumerated),
        ranges.prop_map(|(width, height)| ImageFlexibility::Ranges { width, height }),
    ];
    (any::<i64>(), any::<i64>(), select(colors.to_vec()), flexibility, extra()).prop_map(
        |(width, height, color, flexibility, extra)| ImageFeature {
            width,
            height,
            color,
            flexibility,
            extra,
        },
    )
}

fn feature() -> impl Strategy<Value = Feature> {
    let key = || select(vec![KeyKind::Int64, KeyKind::String]);
    let kind = prop_oneof![
        select(vec![FeatureKind::Int64, FeatureKind::Double, FeatureKind::String]),
        image().prop_map(FeatureKind::Image),
        array().prop_map(FeatureKind::MultiArray),
        key().prop_map(FeatureKind::Dictionary),
        (key(), option::of(size_range()))
            .prop_map(|(element, length)| FeatureKind::Sequence { element, length }),
        array().prop_map(FeatureKind::State),
        extra().prop_map(FeatureKind::Opaque),
    ];
    (text(), text(), kind, any::<bool>(), extra())
        .prop_map(|(name, doc, kind, optional, extra)| Feature { name, doc, kind, optional, extra })
}

fn description() -> impl Strategy<Value = Description> {
    let features = || vec(feature(), 0..2);
    let function = (text(), features(), features(), features(), text(), extra()).prop_map(
        |(name, inputs, outputs, states, predicted, extra)| FunctionDescription {
            name,
            inputs,
            outputs,
            states,
            predicted_feature_name: predicted.clone(),
            predicted_probabilities_name: predicted,
            extra,
        },
    );
    let metadata =
        (text(), text(), names(text()), extra()).prop_map(|(doc, author, user_defined, extra)| {
            Metadata {
                doc: doc.clone(),
                version: doc,
                license: author.clone(),
                author,
                user_defined,
                extra,
            }
        });
    let lists = (features(), features(), features(), features());
    (lists, vec(function, 0..2), text(), metadata, extra()).prop_map(
        |((inputs, outputs, states, training_inputs), functions, name, metadata, extra)| {
            Description {
                inputs,
                outputs,
                states,
                functions,
                default_function: name.clone(),
                predicted_feature_name: name.clone(),
                predicted_probabilities_name: name,
                training_inputs,
                metadata,
                extra,
            }
        },
    )
}
