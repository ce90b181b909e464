//! Where each op goes: the shortest path over ops in file order, as Core ML's segmenter seeks it.
//!
//! A segment on the engine costs a launch, each change of unit a switch, and an output that the engine gives
//! an output. Ties go to the CPU; where the true segmenter ties, either is seen.

use serde::Serialize;

use crate::data::estimates;

/// Where an op runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The Neural Engine.
    Ane,
    /// The CPU.
    Cpu,
    /// It is gone before anything runs.
    Folded,
}

/// An op's times on both units; none where the engine cannot run it.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// On the engine.
    pub ane_us: Option<f64>,
    /// On the CPU.
    pub cpu_us: f64,
}

/// The places that cost least together, and their cost.
pub fn shortest_path(choices: &[Choice]) -> (Vec<Place>, f64) {
    let costs = &estimates().segmenter;
    let (mut ane, mut cpu) = (f64::INFINITY, f64::INFINITY);
    // Where each op's best predecessor stood: (for the engine, for the CPU).
    let mut from: Vec<(Place, Place)> = Vec::with_capacity(choices.len());
    for (i, choice) in choices.iter().enumerate() {
        let on_ane = choice.ane_us.unwrap_or(f64::INFINITY);
        if i == 0 {
            (ane, cpu) = (costs.launch_us + on_ane, choice.cpu_us);
            from.push((Place::Ane, Place::Cpu));
            continue;
        }
        let entered = cpu + costs.switch_us + costs.launch_us;
        let left = ane + costs.switch_us;
        let origin = |stay: f64, come: f64, own, other| if stay <= come { own } else { other };
        from.push((
            origin(ane, entered, Place::Ane, Place::Cpu),
            origin(cpu, left, Place::Cpu, Place::Ane),
        ));
        (ane, cpu) = (ane.min(entered) + on_ane, cpu.min(left) + choice.cpu_us);
    }
    ane += costs.output_us;
    let mut place = if ane < cpu { Place::Ane } else { Place::Cpu };
    let total = if choices.is_empty() { 0.0 } else { ane.min(cpu) };
    let mut places = vec![place; choices.len()];
    for (i, origin) in from.iter().enumerate().rev() {
        places[i] = place;
        place = if place == Place::Ane { origin.0 } else { origin.1 };
    }
    (places, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(cpu_us: &[f64]) -> Vec<Choice> {
        cpu_us.iter().map(|cpu_us| Choice { ane_us: Some(0.0), cpu_us: *cpu_us }).collect()
    }

    /// m4cml §2.3: a whole graph or a leading segment pays off from 0.25 ms on, an inner one from 0.375 ms.
    #[test]
    fn a_segment_pays_off_from_the_published_break_even_on() {
        let only_cpu = Choice { ane_us: None, cpu_us: 1.0 };
        let with = |before: bool, saved: f64, after: bool| {
            let mut all = vec![only_cpu; usize::from(before)];
            all.extend(ops(&[saved]));
            all.extend(vec![only_cpu; usize::from(after)]);
            shortest_path(&all).0[usize::from(before)]
        };
        for (before, after, limit) in
            [(false, false, 250.0), (false, true, 250.0), (true, true, 375.0)]
        {
            assert_eq!(with(before, limit - 1.0, after), Place::Cpu);
            assert_eq!(with(before, limit + 1.0, after), Place::Ane);
        }
    }

    #[test]
    fn an_op_that_the_engine_lacks_stays_on_the_cpu_and_nothing_makes_no_path() {
        let all = [Choice { ane_us: None, cpu_us: 1e9 }];
        assert_eq!(shortest_path(&all).0, [Place::Cpu]);
        assert_eq!(shortest_path(&[]), (Vec::new(), 0.0));
    }
}
