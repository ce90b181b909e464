//! What states cost: a read is a name, an update in place writes its own bytes, and a copy is one.

use anemone_ane::{OpReport, Report};
use programs::{ints, on, report};

mod programs;

const INPUTS: &str = "tensor<fp16, [1, 12, 1, 64]> x, state<tensor<fp16, [12, 12, 256, 64]>> s";

fn cache(rest: &str) -> Report {
    let (begin, end) = (ints(&[3, 0, 7, 0]), ints(&[4, 12, 8, 64]));
    let update = format!("u = slice_update(x = r, update = x, begin = {begin}, end = {end})");
    let body = format!("r = read_state(input = s); {update}; {rest}");
    report(INPUTS, &body, "y", &on("m4"))
}

fn op<'a>(report: &'a Report, name: &str) -> &'a OpReport {
    report.ops.iter().find(|op| op.path.ends_with(name)).expect("an op of the program")
}

fn whole(name: &str) -> String {
    let (begin, end) = (ints(&[3, 0, 0, 0]), ints(&[4, 12, 256, 64]));
    format!("y = slice_by_index(x = {name}, begin = {begin}, end = {end})")
}

#[test]
fn a_cache_that_is_updated_in_place_costs_what_is_put_in_and_what_is_taken_out() {
    let rest =
        format!("write_state(input = s, data = u); v = read_state(input = s); {}", whole("v"));
    let report = cache(&rest);
    for state in report.ops.iter().filter(|op| op.op.ends_with("_state")) {
        assert_eq!((state.cpu_us, state.ane_us), (0.0, Some(0.0)), "{}", state.path);
    }
    // 1.5 kB in and out, against a cache of 4.7 MB.
    assert!(op(&report, "/u").cpu_us < 0.1, "{}", op(&report, "/u").cpu_us);
    // 393 kB in and out: as a stream of twice that.
    let slice = op(&report, "/y").cpu_us;
    assert!((10.0..20.0).contains(&slice), "{slice}");
}

#[test]
fn an_update_that_no_state_takes_or_whose_old_value_is_used_later_is_a_copy() {
    let kept = cache(&whole("u"));
    assert!(op(&kept, "/u").cpu_us > 100.0);
    let later = format!("write_state(input = s, data = u); {}", whole("r"));
    assert!(op(&cache(&later), "/u").cpu_us > 100.0);
}

/// coremltools#2786: two reads of a state become one, though a write stands between them.
#[test]
fn updates_that_share_one_read_are_in_place() {
    let (begin, end) = (ints(&[4, 0, 7, 0]), ints(&[5, 12, 8, 64]));
    let second = format!("w = slice_update(x = r, update = x, begin = {begin}, end = {end})");
    let writes = "write_state(input = s, data = u)";
    let report =
        cache(&format!("{writes}; {second}; write_state(input = s, data = w); y = relu(x = x)"));
    assert!(op(&report, "/u").cpu_us < 0.1 && op(&report, "/w").cpu_us < 0.1);
}

#[test]
fn what_is_computed_is_written_whole() {
    let body = "r = read_state(input = s); a = relu(x = r); write_state(input = s, data = a); y = relu(x = x)";
    let report = report(INPUTS, body, "y", &on("m4"));
    let write = report.ops.iter().find(|op| op.op == "write_state").expect("a write");
    assert!(write.cpu_us > 100.0);
}
