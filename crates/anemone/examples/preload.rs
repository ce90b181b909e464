//! Loads several models before the first request comes, and tells how far it is.
//!
//! `cargo run --release -p anemone --example preload`

mod support;

use std::error::Error;

use anemone::runtime::{Config, ModelOptions, Preload};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = support::manager(Config::default())?;
    let model = |name: &str, path| Preload {
        name: name.to_owned(),
        path,
        options: ModelOptions::default(),
    };
    let wanted = vec![
        model("digits", support::digits()),
        model("sentences", support::sentences()),
        model("nothing", "no/such.mlpackage".into()),
    ];
    let outcomes = manager
        .preload(wanted, |progress| {
            let outcome = if progress.is_loaded { "loaded" } else { "failed" };
            println!("{} of {}: {} {outcome}", progress.done, progress.all, progress.name);
        })
        .await;
    // One that fails does not keep the others from being loaded.
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        println!("{:?}: {error}", error.kind());
    }
    for model in manager.models() {
        println!("{} holds {} KiB on {}", model.name, model.weight_bytes >> 10, model.engines[0]);
    }
    Ok(())
}
