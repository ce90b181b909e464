//! A mean that forgets: each observation weighs more than those before it.

use std::sync::atomic::{AtomicU64, Ordering};

/// An exponentially weighted moving average: `mean += weight * (observation - mean)`. The first
/// observation is taken whole. Half of an observation is forgotten after `ln 0.5 / ln(1 - weight)`
/// further ones.
#[derive(Debug)]
pub struct Ewma {
    /// The bits of the mean; those of a NaN before the first observation.
    mean: AtomicU64,
    weight: f64,
}

impl Ewma {
    /// An average of nothing yet, in which an observation has this weight, from 0 to 1.
    pub const fn new(weight: f64) -> Ewma {
        Ewma { mean: AtomicU64::new(f64::NAN.to_bits()), weight }
    }

    /// Takes an observation; one that is not finite is passed over.
    pub fn observe(&self, observation: f64) {
        if !observation.is_finite() {
            return;
        }
        let mut before = self.mean.load(Ordering::Relaxed);
        loop {
            let mean = f64::from_bits(before);
            let after =
                if mean.is_nan() { observation } else { mean + self.weight * (observation - mean) };
            match self.mean.compare_exchange_weak(
                before,
                after.to_bits(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => before = now,
            }
        }
    }

    /// The average; none before the first observation.
    pub fn value(&self) -> Option<f64> {
        let mean = f64::from_bits(self.mean.load(Ordering::Relaxed));
        (!mean.is_nan()).then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_observation_is_taken_whole_and_later_ones_by_weight() {
        let ewma = Ewma::new(0.25);
        assert_eq!(ewma.value(), None);
        for (observation, mean) in [(8.0, 8.0), (16.0, 10.0), (2.0, 8.0)] {
            ewma.observe(observation);
            assert_eq!(ewma.value(), Some(mean));
        }
    }

    #[test]
    fn what_is_not_finite_is_passed_over() {
        let ewma = Ewma::new(0.5);
        ewma.observe(f64::NAN);
        assert_eq!(ewma.value(), None);
        ewma.observe(1.0);
        ewma.observe(f64::INFINITY);
        ewma.observe(f64::NAN);
        assert_eq!(ewma.value(), Some(1.0));
    }

    #[test]
    fn concurrent_observations_are_all_taken() {
        // Towards 1 the mean depends on the number of observations alone, whatever their order.
        let ewma = Ewma::new(0.001);
        ewma.observe(0.0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| ewma.observe(1.0)));
            }
        });
        let expected = 1.0 - 0.999_f64.powi(2000);
        assert!((ewma.value().unwrap() - expected).abs() < 1e-9);
    }
}
