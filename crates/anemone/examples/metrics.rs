//! What the manager measures: the summary for people, single figures, and text for Prometheus.
//!
//! `cargo run --release -p anemone --example metrics`

mod support;

use std::error::Error;

use anemone::runtime::{Config, InferenceOptions, ModelOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let model = manager.load_blocking("digits", &support::digits(), ModelOptions::default())?;
    for _ in 0..100 {
        model.infer_blocking(support::stroke()?, &InferenceOptions::default())?;
    }
    // A request that is refused is counted too, by its cause.
    if model.infer_blocking(Vec::new(), &InferenceOptions::default()).is_ok() {
        return Err("the model takes an input".into());
    }

    let summary = manager.performance_summary();
    println!("{summary}");

    let done = &summary.overall.since_start;
    println!("{} requests completed", done.completed);
    println!("median {:.3} ms, of 99 % at most {:.3} ms", done.total.p50_ms, done.total.p99_ms);

    let text = manager.prometheus();
    println!("the same for Prometheus, {} lines; some of them:", text.lines().count());
    let shown = |line: &&str| {
        line.starts_with("anemone_requests_completed") || line.starts_with("anemone_memory_bytes{")
    };
    text.lines().filter(shown).for_each(|line| println!("  {line}"));
    Ok(())
}
