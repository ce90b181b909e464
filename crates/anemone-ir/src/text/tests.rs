//! Table tests of the text: what is accepted, how it is written, what is refused.

use anemone_tensor::{Buffer, DataType};

use super::{Brief, parse, print};
use crate::program::{
    Argument, Attributes, Binding, Block, DimDecl, ElementType, Function, Operation, Param,
    TensorDecl, TypeDecl,
};
use crate::{Elements, Literal, LiteralData, Program};

fn weights(file: &str, offset: u64, _: &TypeDecl) -> Result<Buffer, String> {
    match file {
        "lost" => Err("no such file".to_owned()),
        _ => Ok(Buffer::from_bytes(&offset.to_le_bytes())),
    }
}

fn read(text: &str) -> Program {
    parse(text, &mut weights).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn fault(text: &str) -> String {
    parse(text, &mut weights).map_or_else(|e| e.to_string(), |p| panic!("read as {p:?}"))
}

fn with_attribute(literal: Literal) -> Program {
    let attributes = Attributes::from([("a".to_owned(), literal)]);
    Program { version: 1, attributes, ..Program::default() }
}

/// The text of a literal, which is read back as the same.
fn written(literal: Literal) -> String {
    let program = with_attribute(literal);
    let text = print(&program);
    let again = read(&text);
    assert_eq!(print(&again), text);
    assert_eq!(format!("{again:?}"), format!("{program:?}"), "{text}");
    text.trim_start_matches("program(1.0)\n[a = ").trim_end_matches("]\n{\n}\n").to_owned()
}

/// The literal that `text` stands for.
fn literal(text: &str) -> Literal {
    let mut program = read(&format!("program(1) [a = {text}] {{}}"));
    program.attributes.remove("a").unwrap()
}

fn elements(ty: TypeDecl, elements: Elements) -> Literal {
    Literal::new(ty, LiteralData::Elements(elements))
}

fn bytes(ty: TypeDecl, data: &[u8]) -> Literal {
    elements(ty, Elements::Bytes(Buffer::from_bytes(data)))
}

#[test]
fn literals_are_written_in_apple_words() {
    use DataType::*;
    let tensor = TypeDecl::tensor;
    let cases = [
        (Literal::string("a\"\\\n\u{7f}é`"), r#"string("a\"\\\n\u{7f}é`")"#),
        (elements(tensor(I32, &[]), Elements::Ints(vec![-1])), "int32(-1)"),
        (elements(tensor(I32, &[2]), Elements::Ints(vec![1, 2])), "tensor<int32, [2]>([1, 2])"),
        (elements(tensor(I32, &[]), Elements::Ints(vec![1, 2])), "int32([1, 2])"),
        (elements(tensor(I32, &[2]), Elements::Ints(vec![1])), "tensor<int32, [2]>([1])"),
        (
            elements(tensor(I32, &[2, 2, 1]), Elements::Ints(vec![1, 2, 3, 4])),
            "tensor<int32, [2, 2, 1]>([[[1], [2]], [[3], [4]]])",
        ),
        (
            elements(tensor(I32, &[u64::MAX, 0]), Elements::Ints(vec![])),
            "tensor<int32, [18446744073709551615, 0]>([])",
        ),
        (elements(tensor(I16, &[]), Elements::Ints(vec![7])), "int16(7)"),
        (elements(tensor(I16, &[]), Elements::Ints(vec![70000])), "int16(@ints 70000)"),
        (elements(tensor(U64, &[]), Elements::LongInts(vec![-1])), "uint64(18446744073709551615)"),
        (elements(tensor(F32, &[]), Elements::LongInts(vec![-1])), "fp32(@longints -1)"),
        (elements(tensor(F64, &[]), Elements::Doubles(vec![0.1])), "fp64(0x1.999999999999ap-4)"),
        (
            elements(tensor(F16, &[1]), Elements::Floats(vec![0.5])),
            "tensor<fp16, [1]>(@floats [0x1p-1])",
        ),
        (elements(tensor(Bool, &[]), Elements::Bools(vec![true])), "bool(true)"),
        (bytes(tensor(F16, &[]), &[0, 0x3c]), "fp16(0x1p+0)"),
        (bytes(tensor(F16, &[]), &[1, 0xfc]), "fp16(-nan:0x1)"),
        (bytes(tensor(F16, &[2]), &[0, 0x3c, 0]), "tensor<fp16, [2]>(@raw(\"003c00\"))"),
        (bytes(tensor(I32, &[1]), &[1, 0, 0, 0]), "tensor<int32, [1]>(@bytes [1])"),
        (bytes(tensor(I4, &[3]), &[0xf1, 0x08]), "tensor<int4, [3]>([1, -1, -8])"),
        (bytes(tensor(I4, &[3]), &[0xf1, 0x18]), "tensor<int4, [3]>(@raw(\"f118\"))"),
        (bytes(tensor(Bool, &[1]), &[1]), "tensor<bool, [1]>(@raw(\"01\"))"),
        (bytes(tensor(U8, &[0]), &[]), "tensor<uint8, [0]>([])"),
    ];
    for (literal, expected) in cases {
        assert_eq!(written(literal), expected);
    }
}

#[test]
fn inner_literals_leave_out_a_type_that_the_outer_one_says() {
    let shape = TypeDecl::Tensor(TensorDecl {
        dtype: ElementType::Known(DataType::I32),
        rank: 1,
        dims: vec![DimDecl::Unknown { variadic: false }],
        attributes: Attributes::new(),
    });
    let dict = TypeDecl::Dict {
        key: Box::new(TypeDecl::scalar(DataType::String)),
        value: Box::new(shape.clone()),
    };
    let entry =
        |ty: &TypeDecl| (Literal::string("x"), elements(ty.clone(), Elements::Ints(vec![1, 2])));
    let tuple = TypeDecl::Tuple(vec![TypeDecl::scalar(DataType::String), dict.clone()]);
    let exact = TypeDecl::tensor(DataType::I32, &[2]);
    let value = Literal::new(dict, LiteralData::Dict(vec![entry(&shape), entry(&exact)]));
    let literal = Literal::new(
        tuple,
        LiteralData::Tuple(vec![Literal::string("D"), value, Literal::string("over")]),
    );
    assert_eq!(
        written(literal),
        "tuple<string, dict<string, tensor<int32, [?]>>>((\"D\", \
         {{\"x\", [1, 2]}, {\"x\", tensor<int32, [2]>([1, 2])}}, string(\"over\")))"
    );
}

#[test]
fn what_apple_has_no_word_for_survives() {
    let list = |element: Option<TypeDecl>| TypeDecl::List {
        element: element.map(Box::new),
        length: Some(DimDecl::Opaque(vec![1])),
    };
    let odd = TypeDecl::Tensor(TensorDecl {
        dtype: ElementType::Unknown(77),
        rank: -1,
        dims: vec![DimDecl::Unknown { variadic: true }, DimDecl::Known(3)],
        attributes: Attributes::from([("t".to_owned(), Literal::string("x"))]),
    });
    let ranked = TypeDecl::Tensor(TensorDecl {
        dtype: ElementType::Known(DataType::F16),
        rank: 2,
        dims: vec![],
        attributes: Attributes::new(),
    });
    let cases = [
        (
            Literal::new(list(None), LiteralData::List(vec![Literal::string("x")])),
            "list<@missing, @dim(\"01\")>([string(\"x\")])",
        ),
        (
            Literal::new(odd.clone(), LiteralData::List(vec![])),
            "tensor<@dtype(77), [..., 3] @rank(-1) [t = string(\"x\")]>(@list [])",
        ),
        (bytes(ranked, &[0, 0]), "tensor<fp16, [] @rank(2)>(0x0p+0)"),
        (
            elements(TypeDecl::Opaque(vec![0xab]), Elements::Strings(vec!["s".to_owned()])),
            "@type(\"ab\")(@strings [\"s\"])",
        ),
        (
            Literal::new(TypeDecl::State(Box::new(odd)), LiteralData::Opaque(vec![])),
            "state<tensor<@dtype(77), [..., 3] @rank(-1) [t = string(\"x\")]>>(@value(\"\"))",
        ),
        (
            Literal { doc: "d".to_owned(), extra: vec![9], ..Literal::string("") },
            "string(\"\") @doc(\"d\") @extra(\"09\")",
        ),
    ];
    for (literal, expected) in cases {
        assert_eq!(written(literal), expected);
    }
}

#[test]
fn every_part_of_a_program_survives() {
    let param = |name: &str| Param {
        name: name.to_owned(),
        ty: TypeDecl::scalar(DataType::F32),
        extra: vec![1],
    };
    let attributes = || Attributes::from([("a b".to_owned(), Literal::string("v"))]);
    let argument = Argument {
        bindings: vec![
            Binding::Name("true".to_owned()),
            Binding::Opaque(vec![2]),
            Binding::Literal(Literal::string("l")),
        ],
        extra: vec![3],
    };
    let lone = Argument { bindings: vec![Binding::Name("x".to_owned())], extra: vec![3] };
    let block = |operations: Vec<Operation>| Block {
        inputs: vec![param("i")],
        outputs: vec!["out put".to_owned()],
        operations,
        attributes: attributes(),
        extra: vec![4],
    };
    let operation = |blocks: Vec<Block>| Operation {
        op: "an op".to_owned(),
        inputs: [
            ("x".to_owned(), argument.clone()),
            ("y".to_owned(), Argument::default()),
            ("z".to_owned(), lone.clone()),
        ]
        .into(),
        outputs: vec![param("p"), param("q")],
        blocks,
        attributes: attributes(),
        extra: vec![5],
    };
    let silent = Operation { op: "write_state".to_owned(), ..Operation::default() };
    let inner = operation(vec![block(vec![]), block(vec![silent.clone()])]);
    let function = |opset: &str| Function {
        inputs: vec![param("x")],
        opset: opset.to_owned(),
        blocks: [
            ("CoreML7".to_owned(), Block { operations: vec![inner.clone()], ..Block::default() }),
            ("ios17".to_owned(), block(vec![silent.clone()])),
        ]
        .into(),
        attributes: attributes(),
        extra: vec![6],
    };
    let functions = ["CoreML7", "ios17", "", "coreml7", "an opset"];
    let program = Program {
        version: -3,
        functions: functions.iter().map(|o| (format!("f<{o}>"), function(o))).collect(),
        doc: "what it is".to_owned(),
        attributes: attributes(),
        extra: vec![7],
    };
    let text = print(&program);
    assert_eq!(read(&text), program, "{text}");
}

#[test]
fn shorthands_say_the_same_as_the_full_words() {
    let cases = [
        ("\"same\"", "tensor<string, []>(\"same\")"),
        ("true", "tensor<bool, []>(true)"),
        ("fp32(0.5)", "tensor<fp32, []>(0x1p-1)"),
        ("tensor<int32,[1]>([1])", "tensor<int32, [1]>( [ 1 ] ) // one"),
        ("tensor<int32, [2, 1]>([1, 2])", "tensor<int32, [2, 1]>([[1], [2]])"),
        ("uint8(255)", "uint8(0xff)"),
        ("fp16(-inf)", "fp16(@bytes -inf)"),
        ("fp16(1)", "fp16(@raw(\"003c\"))"),
        (
            "tensor<fp16, [4]>(BLOBFILE(path = \"w\", offset = 64))",
            "tensor<fp16, [4]>(BLOBFILE(path = tensor<string, []>(\"w\"), offset = uint64(64)))",
        ),
    ];
    for (short, full) in cases {
        assert_eq!(literal(short), literal(&format!("{full}\n")), "{short}");
    }
}

#[test]
fn a_short_program_reads_as_it_looks() {
    let text = "program(1.3)[buildInfo = dict<string, string>({{\"k\", \"v\"}})]{
        func main<ios17>(tensor<fp16, [1, ?]> x, state<tensor<fp16, [1]>> s) {
            tensor<fp16,[1,?]> a, int32 b = split(x=x, values=(x, x), flag=true);
            (int32 c, int32 d) = loop(init = b)
                (int32 i) { write_state(input = s, data = a); } -> (i)
                () { } -> ();
        } -> (a);
    }";
    let program = read(text);
    let main = &program.functions["main"];
    assert_eq!((program.version, main.opset.as_str()), (1, "CoreML7"));
    let operations = &main.body().unwrap().operations;
    assert_eq!(operations[0].outputs.len(), 2);
    assert_eq!(operations[0].inputs["values"].bindings.len(), 2);
    assert_eq!(operations[1].blocks[0].operations[0].op, "write_state");
    assert_eq!(read(&print(&program)), program);
}

#[test]
fn faults_name_their_place() {
    let cases = [
        ("", "line 1, column 1: expected program, found the end of the text"),
        ("program(x)", "line 1, column 9: expected a version, found `x`"),
        (
            "program(1)\n  [a = 1]",
            "line 2, column 8: expected a literal with its type, such as `int32(1)`, found `1`",
        ),
        (
            "program(1)\n[é = int8(300)]",
            "line 2, column 2: expected an attribute's name, found `é`",
        ),
        ("program(1) [a = int8(300)]", "line 1, column 22: `300` is not a value of int8"),
        (
            "program(1) [a = int8(\"x\")]",
            "line 1, column 22: expected a value, found the text \"x\"",
        ),
        ("program(1) [a = string(\"\\q\")]", "line 1, column 24: `\\q` is not an escape"),
        ("program(1) [a = string(\"", "line 1, column 24: the quote is not closed"),
        ("program(1) [a = true, a = true]", "line 1, column 32: `a` stands here twice"),
        (
            "program(1) [a = tensor<int8, [2, 1]>([[1]])]",
            "line 1, column 43: the nested lists do not follow the declared shape",
        ),
        (
            "program(1) [a = int8([[1]])]",
            "line 1, column 23: the nested lists do not follow the declared shape",
        ),
        (
            "program(1) [a = fp16(BLOBFILE(path = \"lost\", offset = 1))]",
            "line 1, column 57: weights at 1 in `lost`: no such file",
        ),
        ("program(1) {} x", "line 1, column 15: expected the end of the text, found `x`"),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text), expected);
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for (open, close) in [("list<", ">"), ("tensor<int8, [1] [a = state<", "")] {
        let text = format!("program(1) [a = {}{}]", open.repeat(100_000), close.repeat(100_000));
        assert!(fault(&text).contains("nested"), "{open}");
    }
    let literals = format!("program(1) [a = {}]", "tuple<>((".repeat(100_000));
    assert!(fault(&literals).contains("nested"));
    let blocks = format!("program(1) {{ func f<x>() {{ {}", "op() () { ".repeat(100_000));
    assert!(fault(&blocks).contains("nested"));
}

#[test]
fn the_brief_form_leaves_out_long_literals() {
    let long = elements(TypeDecl::tensor(DataType::I32, &[9]), Elements::Ints(vec![0; 9]));
    let program = with_attribute(long);
    let brief = |most| Brief { program: &program, most }.to_string();
    assert!(brief(8).contains("[a = tensor<int32, [9]>(... 9 elements)]"), "{}", brief(8));
    assert_eq!(brief(9), print(&program));
}

#[test]
fn a_large_type_is_said_again_for_each_literal() {
    let large = TypeDecl::tensor(DataType::I8, &[1; 20]);
    let item = bytes(large.clone(), &[1]);
    let list = TypeDecl::List { element: Some(Box::new(large)), length: None };
    let text = written(Literal::new(list, LiteralData::List(vec![item])));
    assert_eq!(text.matches("tensor<int8").count(), 2);
}
