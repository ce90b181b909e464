//! Branches, loops and lists.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anemone_engine::{Array, Cancel, Observer, RunContext, Value};
use anemone_ir::Origin;
use anemone_tensor::DataType::{F32, I32};
use programs::{Found, execute, tensor};

#[allow(dead_code)]
mod programs;

fn program(inputs: &str, body: &str, outputs: &str) -> String {
    format!("program(1.0) {{ func main<ios17>({inputs}) {{ {body} }} -> ({outputs}); }}")
}

fn run(inputs: &str, body: &str, outputs: &str, values: &[Value]) -> Result<Vec<Found>, String> {
    execute(2, &program(inputs, body, outputs), values, &RunContext::default())
}

fn int(value: i32) -> Value {
    tensor(I32, &[], &[f64::from(value)])
}

/// Collatz' sequence from `n`, in a list that grows, and its length.
const COLLATZ: &str = "
    list<int32, ?> empty = make_list(init_length = int32(0), elem_shape = (), dtype = \"int32\");
    (int32 last, int32 steps, list<int32, ?> all) = while_loop(loop_vars = (n, int32(0), empty))
      (int32 v, int32 i, list<int32, ?> l) { bool more = greater(x = v, y = int32(1)); } -> (more)
      (int32 v, int32 i, list<int32, ?> l) {
        int32 rest = mod(x = v, y = int32(2));
        bool odd = equal(x = rest, y = int32(1));
        int32 next = cond(pred = odd)
          () { int32 a = mul(x = v, y = int32(3)); int32 b = add(x = a, y = int32(1)); } -> (b)
          () { int32 c = floor_div(x = v, y = int32(2)); } -> (c);
        int32 j = add(x = i, y = int32(1));
        list<int32, ?> longer = list_write(ls = l, index = i, value = v);
      } -> (next, j, longer);
    int32 length = list_length(ls = all);
    tensor<int32, [?]> indices = range_1d(start = int32(0), end = length, step = int32(1));
    tensor<int32, [?]> values = list_gather(ls = all, indices = indices);";

#[test]
fn a_branch_in_a_loop_with_a_list() {
    for (n, expected) in [
        (6, &[6., 3., 10., 5., 16., 8., 4., 2.][..]),
        (1, &[]),
        (3, &[3., 10., 5., 16., 8., 4., 2.]),
    ] {
        let found = run("int32 n", COLLATZ, "last, steps, values", &[int(n)]).unwrap();
        assert_eq!(found[0].1, [1.0]);
        assert_eq!(found[1].1, [expected.len() as f64]);
        assert_eq!(found[2], (vec![expected.len()], expected.to_vec()));
    }
}

#[test]
fn a_loop_changes_the_size_of_its_variable_and_reads_values_around_it() {
    // y starts as x; in each turn, y = [2 y, x] and k = k + 1 while k < n.
    let body = "
        (int32 k, tensor<fp32, [?]> y) = while_loop(loop_vars = (int32(0), x))
          (int32 i, tensor<fp32, [?]> v) { bool more = less(x = i, y = n); } -> (more)
          (int32 i, tensor<fp32, [?]> v) {
            int32 j = add(x = i, y = int32(1));
            tensor<fp32, [?]> w = mul(x = v, y = fp32(2));
            tensor<fp32, [?]> u = concat(values = (w, x), axis = int32(0), interleave = false);
          } -> (j, u);
        tensor<fp32, [?]> z = add(x = y, y = fp32(0.5));
        tensor<int32, [1]> size = shape(x = z);";
    let x = tensor(F32, &[2], &[1., -1.]);
    for flexible in ["2", "?"] {
        let inputs = format!("tensor<fp32, [{flexible}]> x, int32 n");
        let found = run(&inputs, body, "z, size", &[x.clone(), int(2)]).unwrap();
        assert_eq!(found[0], (vec![6], vec![4.5, -3.5, 2.5, -1.5, 1.5, -0.5]));
        assert_eq!(found[1].1, [6.0]);
        let found = run(&inputs, body, "z, size", &[x.clone(), int(0)]).unwrap();
        assert_eq!(found[0], (vec![2], vec![1.5, -0.5]));
    }
}

#[test]
fn branches_give_constants_inputs_and_sizes_of_their_own() {
    let body = "
        bool big = greater(x = n, y = int32(2));
        (tensor<fp32, [?]> y, fp32 c) = cond(pred = big)
          () { tensor<fp32, [?]> twice = concat(values = (x, x), axis = int32(0), interleave = false); } -> (twice, one)
          () { fp32 two = const()[val = fp32(2)]; } -> (x, two);
        tensor<fp32, [?]> z = mul(x = y, y = c);";
    let body = format!("fp32 one = const()[val = fp32(1)]; {body}");
    let inputs = "tensor<fp32, [2]> x, int32 n";
    let x = tensor(F32, &[2], &[3., 4.]);
    let found = run(inputs, &body, "z", &[x.clone(), int(3)]).unwrap();
    assert_eq!(found[0], (vec![4], vec![3., 4., 3., 4.]));
    let found = run(inputs, &body, "z", &[x, int(2)]).unwrap();
    assert_eq!(found[0], (vec![2], vec![6., 8.]));
}

#[test]
fn lists_are_zero_where_nothing_was_written() {
    let body = "
        list<tensor<fp32, [?]>, 3> a = make_list(init_length = int32(3), dynamic_length = false, elem_shape = \"size\");
        list<tensor<fp32, [2]>, 3> b = list_write(ls = a, index = n, value = x);
        tensor<fp32, [2]> first = list_read(ls = b, index = int32(0));
        tensor<fp32, [3, 2]> all = list_gather(ls = b, indices = tensor<int32, [3]>([2, 1, 0]));
        list<tensor<fp32, [2]>, 3> c = list_scatter(ls = b, indices = tensor<int32, [2]>([0, 2]), value = two);
        tensor<fp32, [3, 2]> rest = list_gather(ls = c, indices = tensor<int32, [3]>([0, 1, 2]));";
    let inputs = "tensor<fp32, [2]> x, tensor<fp32, [2, 2]> two, int32 n";
    let values =
        |n| [tensor(F32, &[2], &[3., 4.]), tensor(F32, &[2, 2], &[5., 6., 7., 8.]), int(n)];
    let found = run(inputs, body, "first, all, rest", &values(1)).unwrap();
    assert_eq!(found[0].1, [0., 0.]);
    assert_eq!(found[1].1, [0., 0., 3., 4., 0., 0.]);
    assert_eq!(found[2].1, [5., 6., 3., 4., 7., 8.]);
    for (n, part) in [(3, "index 3"), (-1, "-1 is negative")] {
        let fault = run(inputs, body, "all", &values(n)).unwrap_err();
        assert!(fault.contains("main/b") && fault.contains(part), "{fault}");
    }
}

#[test]
fn an_endless_loop_stops_at_the_deadline_or_when_cancelled() {
    let body = "
        int32 k = while_loop(loop_vars = n)
          (int32 i) { } -> (always)
          (int32 i) { int32 j = while_loop(loop_vars = i)
              (int32 a) { } -> (always)
              (int32 a) { int32 b = add(x = a, y = int32(1)); } -> (b);
          } -> (j);";
    let text = program("int32 n, bool always", body, "k");
    let values = [int(0), tensor(anemone_tensor::DataType::Bool, &[], &[1.0])];
    let deadline = Some(Instant::now() + Duration::from_millis(30));
    let context = RunContext { deadline, ..RunContext::default() };
    let fault = execute(2, &text, &values, &context).unwrap_err();
    assert!(fault.contains("timed out"), "{fault}");
    let cancel = Cancel::default();
    cancel.cancel();
    let context = RunContext { cancel: Some(&cancel), ..RunContext::default() };
    assert_eq!(execute(2, &text, &values, &context).unwrap_err(), "cancelled");
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Observer for Seen {
    fn wants(&self, origin: &Origin, _: usize) -> bool {
        origin.path.ends_with("/next")
    }

    fn observe(&self, origin: &Origin, _: usize, value: &Array) {
        let value = value.to_tensor().get_f64(0);
        self.0.lock().unwrap().push(format!("{origin} = {value}"));
    }
}

#[test]
fn observers_see_ops_in_blocks_and_faults_name_them() {
    let seen = Seen::default();
    let context = RunContext { observer: Some(&seen), ..RunContext::default() };
    execute(2, &program("int32 n", COLLATZ, "steps"), &[int(4)], &context).unwrap();
    assert_eq!(*seen.0.lock().unwrap(), ["main/last/next = 2", "main/last/next = 1"]);
    let body = "
        tensor<fp32, [?]> y = cond(pred = true)
          () { tensor<fp32, [?]> sum = add(x = x, y = z); } -> (sum)
          () { } -> (x);";
    let inputs = "tensor<fp32, [?]> x, tensor<fp32, [?]> z";
    let values = [tensor(F32, &[2], &[1., 2.]), tensor(F32, &[3], &[1., 2., 3.])];
    let fault = run(inputs, body, "y", &values).unwrap_err();
    assert!(fault.contains("`main/y/sum` (`add`)"), "{fault}");
}

#[test]
fn states_are_read_and_written_in_blocks() {
    let body = "
        bool big = greater(x = n, y = int32(2));
        tensor<fp16, [2]> y = cond(pred = big)
          () { write_state(input = s, data = x); tensor<fp16, [2]> now = read_state(input = s); } -> (now)
          () { } -> (x);
        tensor<fp16, [2]> after = read_state(input = s);";
    let text =
        program("state<tensor<fp16, [2]>> s, tensor<fp16, [2]> x, int32 n", body, "y, after");
    let text = text.replace("ios17", "ios18");
    let program = anemone_ir::text::parse(&text, &mut |_, _, _| Err(String::new())).unwrap();
    let checked = anemone_ir::check(&program).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let engine = anemone_cpu::CpuEngine::new(std::sync::Arc::new(pool));
    let plan = anemone_engine::Engine::compile(&engine, &checked, &Default::default()).unwrap();
    let (mut session, mut state) = (plan.clone().session(), plan.new_state());
    let mut after = |n: i32, x: &[f64]| {
        let values = [tensor(anemone_tensor::DataType::F16, &[2], x), int(n)];
        let context = RunContext::default();
        let (outputs, _) = session.run(&values, Some(state.as_mut()), &context).unwrap();
        match &outputs[1] {
            Value::Tensor(array) => array.to_tensor().to_f32(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(after(1, &[1., 2.]), [0., 0.]);
    assert_eq!(after(3, &[1., 2.]), [1., 2.]);
    assert_eq!(after(0, &[5., 6.]), [1., 2.]);
}
