//! Why ops that the engine could run stay on the CPU: what a run of them would save there, and what it would cost.

use crate::data::estimates;
use crate::segment::{Choice, Place};

/// For each op of `choices` that stays on the CPU though the engine could run it, the reason in words; the same for
/// all neighbours of one run.
pub(crate) fn reasons(choices: &[Choice], places: &[Place]) -> Vec<Option<String>> {
    let stays = |i: usize| places[i] == Place::Cpu && choices[i].ane_us.is_some();
    let mut reasons = vec![None; choices.len()];
    let mut first = 0;
    while first < choices.len() {
        let end = (first..choices.len()).find(|i| !stays(*i)).unwrap_or(choices.len());
        if first < end {
            let saved = choices[first..end].iter().filter_map(|c| Some(c.cpu_us - c.ane_us?)).sum();
            let before = first.checked_sub(1).map(|i| places[i]);
            let reason = words(end - first, saved, before, places.get(end).copied());
            reasons[first..end].fill(Some(reason));
        }
        first = end + 1;
    }
    reasons
}

/// What a run of `ops` that would save `saved_us` misses, between what stands before and after it.
fn words(ops: usize, saved_us: f64, before: Option<Place>, after: Option<Place>) -> String {
    let who = match ops {
        1 => "it".to_owned(),
        2 => "it and a neighbour".to_owned(),
        _ => format!("it and {} neighbours", ops - 1),
    };
    let what = match saved_us {
        us if us >= 0.0 => format!("save {} there", milliseconds(us)),
        us => format!("take {} longer there", milliseconds(-us)),
    };
    let costs = &estimates().segmenter;
    let (launch, switch, output) = (costs.launch_us, costs.switch_us, costs.output_us);
    let (us, name) = match (before == Some(Place::Ane), after == Some(Place::Ane)) {
        (false, false) => {
            let switches = usize::from(before.is_some()) + usize::from(after.is_some());
            let output = if after.is_none() { output } else { 0.0 };
            let name = match (switches, after.is_none()) {
                (0, _) => "a launch and an output",
                (1, true) => "a launch, a change of unit and an output",
                (1, false) => "a launch and a change of unit",
                _ => "a launch and two changes of unit",
            };
            (launch + switches as f64 * switch + output, name)
        }
        // It would lengthen a segment, or join two.
        (true, false) if after.is_none() => (output - switch, "an output"),
        (true, false) => (0.0, ""),
        (false, true) if before.is_none() => (-switch, "a change of unit"),
        (false, true) => (0.0, ""),
        (true, true) => (-launch - 2.0 * switch, "a launch and two changes of unit"),
    };
    let weighed = match us {
        us if us > 0.0 => format!(", and {name} cost {}", milliseconds(us)),
        us if us < 0.0 => format!(", which is more than the {} of {name}", milliseconds(-us)),
        _ => String::new(),
    };
    format!("the engine could run it, but {who} would {what}{weighed}")
}

/// Two digits that count.
fn milliseconds(us: f64) -> String {
    match us / 1000.0 {
        0.0 => "nothing".to_owned(),
        ms if ms < 0.0001 => "less than 0.0001 ms".to_owned(),
        ms if ms < 0.01 => format!("{ms:.4} ms"),
        ms => format!("{ms:.3} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABLE: Choice = Choice { ane_us: Some(3.0), cpu_us: 5.0 };
    const SLOWER: Choice = Choice { ane_us: Some(5000.0), cpu_us: 5.0 };
    const CPU: Choice = Choice { ane_us: None, cpu_us: 5.0 };

    /// m4cml §2.3: 0.25 ms for a whole graph or at its head, 0.375 ms inside.
    #[test]
    fn a_run_is_told_what_it_saves_and_what_it_misses() {
        for (choices, at, expected) in [
            (
                vec![CPU, ABLE, ABLE, CPU],
                2,
                "it and a neighbour would save 0.0040 ms there, and a launch and two changes of unit cost 0.375 ms",
            ),
            (
                vec![ABLE, CPU],
                0,
                "it would save 0.0020 ms there, and a launch and a change of unit cost 0.250 ms",
            ),
            (
                vec![CPU, ABLE],
                1,
                "it would save 0.0020 ms there, and a launch, a change of unit and an output cost 0.375 ms",
            ),
            (
                vec![ABLE; 14],
                5,
                "it and 13 neighbours would save 0.028 ms there, and a launch and an output cost 0.250 ms",
            ),
            (
                vec![CPU, SLOWER, CPU],
                1,
                "it would take 4.995 ms longer there, and a launch and two changes of unit cost 0.375 ms",
            ),
        ] {
            let places = vec![Place::Cpu; choices.len()];
            let reason = reasons(&choices, &places)[at].clone().unwrap_or_default();
            assert_eq!(reason, format!("the engine could run it, but {expected}"));
        }
    }

    #[test]
    fn beside_a_segment_of_the_engine_a_run_only_has_to_be_faster() {
        let (ane, cpu) = (Place::Ane, Place::Cpu);
        for (places, expected) in [
            (vec![ane, cpu, cpu], "it would take 4.995 ms longer there"),
            (
                vec![ane, cpu, ane],
                "it would take 4.995 ms longer there, which is more than the 0.375 ms of a launch and two changes of unit",
            ),
            (
                vec![cpu, ane],
                "it would take 4.995 ms longer there, which is more than the 0.125 ms of a change of unit",
            ),
            (vec![ane, cpu], "it would take 4.995 ms longer there"),
        ] {
            let choice = |(i, place): (usize, &Place)| match place {
                Place::Cpu if i == 2 => CPU,
                Place::Cpu => SLOWER,
                _ => ABLE,
            };
            let choices: Vec<Choice> = places.iter().enumerate().map(choice).collect();
            let found: Vec<String> = reasons(&choices, &places).into_iter().flatten().collect();
            assert_eq!(found, [format!("the engine could run it, but {expected}")]);
        }
    }
}
