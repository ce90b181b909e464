//! docs/ane.md: its tables are written from the data. `UPDATE=1` rewrites them; stale ones fail.

#![allow(clippy::disallowed_methods, reason = "a test may look at files")]

use std::fmt::Write;
use std::path::Path;

use anemone_ane::data::{self, Native};
use anemone_ane::{Target, rules};
use anemone_ir::Op;

#[test]
fn the_tables_of_the_document_are_those_of_the_data() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ane.md");
    let mut text = std::fs::read_to_string(&path).expect("docs/ane.md is there");
    let before = text.clone();
    for (name, table) in [("chips", chips()), ("estimates", estimates()), ("ops", ops())] {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let from = text.find(&start).expect("the table has its mark") + start.len();
        let to = text.find(&end).expect("the table has its end");
        text.replace_range(from..to, &table);
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("docs/ane.md can be written");
    } else {
        assert_eq!(before, text, "run with UPDATE=1");
    }
}

fn or_blank(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}

fn chips() -> String {
    let mut table = String::from(
        "| Chip | Compiler target | Engines | Clock GHz | fp16 peak TFLOPS (inferred) | Apple's TOPS | Memory GB/s | \
         Weights GB/s | Sources |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for name in Target::names() {
        let target = Target::new(name).expect("a name of the table");
        let row = target.row();
        let peak = row.peak_fp16_tflops().map(|peak| format!("{peak:.1}"));
        let tops = row.marketing_tops.map(|tops| {
            format!(
                "{tops} {}",
                row.marketing_precision.as_deref().unwrap_or("(of what is not said)")
            )
        });
        writeln!(
            table,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.target,
            row.engines,
            or_blank(row.f_max_ghz),
            or_blank(peak),
            or_blank(tops),
            or_blank(row.dram_gbps),
            or_blank(row.weight_gbps),
            row.sources.join(", "),
        )
        .expect("a string takes all");
    }
    table
}

fn estimates() -> String {
    let mut table = String::from(
        "| Op | Class | Engine µs: published | formula | CPU µs: published | formula |\n|---|---|---|---|---|---|\n",
    );
    for point in &data::estimates().points {
        let rates = &data::estimates().classes[&point.class];
        writeln!(
            table,
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            point.name,
            point.class,
            point.ane_us,
            rates.ane.time_us(point.flops, point.bytes),
            point.cpu_us,
            rates.cpu.time_us(point.flops, point.bytes),
        )
        .expect("a string takes all");
    }
    table
}

fn ops() -> String {
    let mut table = String::from(
        "| Op | Engine | h13 | h14 | h15 | h16 on | Condition, or why not | Sure | Sources |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for op in Op::ALL {
        let row = data::row(*op);
        let native = |target: &str| match row.native(target) {
            Native::Yes => "yes",
            Native::Indirect => "indirect",
            Native::No => "no",
            Native::Unknown => "?",
        };
        let mut words: Vec<String> = rules::refusal(*op).map(str::to_owned).into_iter().collect();
        words.extend(row.constraints.iter().cloned());
        words.extend(row.conflict.iter().map(|conflict| format!("sources differ: {conflict}")));
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            format!("{:?}", row.ane).to_lowercase(),
            native("h13"),
            native("h14"),
            native("h15"),
            native("h16"),
            words.join("; ").replace('|', "\\|"),
            format!("{:?}", row.confidence).to_lowercase(),
            row.sources.join(", "),
        )
        .expect("a string takes all");
    }
    table
}
