//! The quarantine of one model, with a clock of the test's own.

use proptest::prelude::*;

use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn fault() -> Verdict {
    Verdict::Fault("internal: broken".to_owned())
}

fn model() -> Quarantine {
    Quarantine::new(QuarantinePolicy::default())
}

/// A model that was put into quarantine for a second at zero.
fn failed() -> Quarantine {
    let model = model();
    run(&model, 0, &[fault(), fault(), fault()]);
    model
}

fn run(model: &Quarantine, at: u64, verdicts: &[Verdict]) {
    for verdict in verdicts {
        let pass = model.check(seconds(at)).unwrap();
        model.record(&pass, verdict.clone(), seconds(at));
    }
}

fn until(model: &Quarantine) -> Option<u64> {
    model.refusal().unwrap().until.map(|until| until.as_secs())
}

fn is_well(model: &Quarantine) -> bool {
    model.shared.is_well.load(Ordering::Relaxed)
}

#[test]
fn faults_in_a_row_put_a_model_in_quarantine() {
    let model = model();
    run(&model, 0, &[fault(), fault(), Verdict::Good, fault(), Verdict::Nothing, fault()]);
    assert_eq!(model.refusal(), None);
    run(&model, 5, &[fault()]);
    let refusal = model.check(seconds(5)).unwrap_err();
    let reason = "the engine failed 3 times in a row, at last: internal: broken".to_owned();
    assert_eq!(refusal, Refusal { until: Some(seconds(6)), reason });
    assert_eq!(model.refusal(), Some(refusal));
}

#[test]
fn what_is_not_the_engines_fault_never_counts() {
    let model = model();
    run(&model, 0, &[fault(), fault()]);
    run(&model, 0, &vec![Verdict::Nothing; 100]);
    assert_eq!(model.refusal(), None);
    run(&model, 0, &[Verdict::Good]);
    assert!(is_well(&model));
}

#[test]
fn one_probe_passes_and_ends_the_quarantine() {
    let model = failed();
    assert!(model.check(Duration::from_millis(999)).is_err());
    let probe = model.check(seconds(1)).unwrap();
    assert!(probe.is_probe());
    let meanwhile = model.check(seconds(1)).unwrap_err();
    assert_eq!(meanwhile.until, None);
    assert!(meanwhile.reason.ends_with("; a probe is under way"), "{}", meanwhile.reason);
    model.record(&probe, Verdict::Good, seconds(2));
    assert!(is_well(&model) && !probe.is_probe());
    assert!(!model.check(seconds(2)).unwrap().is_probe());
}

#[test]
fn a_failed_probe_doubles_the_time_up_to_the_most() {
    let model = failed();
    let (mut now, mut lengths) = (1, vec![]);
    for _ in 0..8 {
        run(&model, now, &[fault()]);
        let end = until(&model).unwrap();
        lengths.push(end - now);
        now = end;
    }
    assert_eq!(lengths, [2, 4, 8, 16, 32, 60, 60, 60]);
    run(&model, now, &[Verdict::Good]);
    run(&model, now, &[fault(), fault(), fault()]);
    assert_eq!(until(&model), Some(now + 1));
}

#[test]
fn a_probe_without_verdict_leaves_its_place() {
    let model = failed();
    drop(model.check(seconds(1)).unwrap());
    let probe = model.check(seconds(1)).unwrap();
    model.record(&probe, Verdict::Nothing, seconds(1));
    assert!(model.check(seconds(1)).unwrap().is_probe());
    assert_eq!(until(&model), Some(1));
}

#[test]
fn a_stuck_run_closes_the_model_until_it_returns() {
    for returns in [Some(Verdict::Good), Some(Verdict::Nothing), Some(fault()), None] {
        let model = model();
        let pass = model.check(seconds(0)).unwrap();
        model.record(&pass, Verdict::Stuck, seconds(30));
        let refusal = model.check(seconds(10_000)).unwrap_err();
        assert_eq!(refusal, Refusal { until: None, reason: "a run is stuck".to_owned() });
        returns.iter().for_each(|verdict| model.record(&pass, verdict.clone(), seconds(40)));
        drop(pass);
        assert!(!model.check(seconds(40)).unwrap().is_probe(), "{returns:?}");
        run(&model, 40, &[fault(), fault()]);
        assert_eq!(until(&model), Some(41), "{returns:?}");
    }
}

#[test]
fn a_run_that_is_told_stuck_twice_is_stuck_once() {
    let model = model();
    let pass = model.check(seconds(0)).unwrap();
    model.record(&pass, Verdict::Stuck, seconds(30));
    model.record(&pass, Verdict::Stuck, seconds(31));
    drop(pass);
    assert!(model.check(seconds(31)).is_ok());
    run(&model, 31, &[fault()]);
    assert_eq!(model.refusal(), None);
}

#[test]
fn a_stuck_probe_doubles_the_time_and_must_return() {
    let model = failed();
    let probe = model.check(seconds(1)).unwrap();
    model.record(&probe, Verdict::Stuck, seconds(10));
    assert_eq!(model.check(seconds(100)).unwrap_err().until, None);
    drop(probe);
    assert_eq!(until(&model), Some(12));
    assert!(model.check(seconds(12)).unwrap().is_probe());
}

#[test]
fn runs_from_before_the_quarantine_change_nothing_in_it() {
    let model = model();
    let early = [model.check(seconds(0)).unwrap(), model.check(seconds(0)).unwrap()];
    run(&model, 0, &[fault(), fault(), fault()]);
    model.record(&early[0], Verdict::Good, seconds(0));
    model.record(&early[1], fault(), seconds(0));
    assert_eq!(until(&model), Some(1));
}

#[test]
fn only_faults_of_the_engine_are_faults() {
    let internal = RunError::Internal("x".to_owned());
    assert_eq!(Verdict::of_failure(&internal), Verdict::Fault("internal: x".to_owned()));
    let mistakes = [
        RunError::InputCount { expected: 1, found: 2 },
        RunError::Memory { bytes: 1 },
        RunError::Cancelled,
        RunError::TimedOut(seconds(1)),
    ];
    assert!(mistakes.iter().all(|error| Verdict::of_failure(error) == Verdict::Nothing));
}

#[test]
fn figures_that_make_no_sense_are_told() {
    assert_eq!(QuarantinePolicy::default().faults(), []);
    let policy = QuarantinePolicy { faults_in_a_row: 0, first_ms: 2, most_ms: 1 };
    let faults: Vec<String> = policy.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "`faults-in-a-row` is 0, not 1 or more",
            "`first-ms` is 2 and `most-ms` is 1, not 1 <= first-ms <= most-ms",
        ]
    );
}

/// What a made-up caller does next: asks to run, or ends one of the runs that it has.
#[derive(Clone, Debug)]
enum Step {
    Ask,
    Record(usize, Verdict),
    Drop(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        2 => Just(Verdict::Good),
        1 => Just(Verdict::Nothing),
        4 => Just(fault()),
        1 => Just(Verdict::Stuck),
    ];
    let step = prop_oneof![
        4 => Just(Step::Ask),
        3 => (0..8usize, verdict).prop_map(|(run, verdict)| Step::Record(run, verdict)),
        1 => (0..8usize).prop_map(Step::Drop),
        1 => (0..5u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn whatever_happens_a_model_can_prove_itself_again(steps in steps()) {
        let model = model();
        let (mut now, mut passes, mut stuck) = (seconds(0), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Ask => {
                    let refusal = model.refusal();
                    let asked = model.check(now);
                    if asked.is_ok() {
                        let left = refusal.and_then(|refusal| refusal.until);
                        prop_assert!(left.is_none_or(|until| until <= now));
                        prop_assert!(stuck.is_empty());
                    }
                    passes.extend(asked);
                    prop_assert!(passes.iter().filter(|pass| pass.is_probe()).count() <= 1);
                }
                Step::Record(run, Verdict::Stuck) if run < passes.len() => {
                    let pass = passes.swap_remove(run);
                    model.record(&pass, Verdict::Stuck, now);
                    stuck.push(pass);
                }
                Step::Record(run, verdict) if run < passes.len() => {
                    model.record(&passes.swap_remove(run), verdict, now);
                }
                Step::Drop(run) if run < passes.len() => drop(passes.swap_remove(run)),
                Step::Drop(_) => drop(stuck.pop()),
                Step::Wait(wait) => now += seconds(wait),
                Step::Record(..) => {}
            }
            prop_assert_eq!(model.refusal().is_none(), model.check(now).is_ok_and(|p| !p.is_probe()));
        }
        passes.clear();
        stuck.clear();
        let probe = model.check(now + seconds(60));
        prop_assert!(probe.is_ok());
        model.record(&probe.unwrap(), Verdict::Good, now);
        prop_assert!(is_well(&model));
    }
}
