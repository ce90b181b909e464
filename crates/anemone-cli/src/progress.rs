//! Progress of long work: a bar with rate and time left on a terminal, nothing elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error. It goes when it is finished or dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many `things`.
    pub(crate) fn counting(verb: &'static str, count: u64, things: &'static str) -> Progress {
        let template = "{msg} [{bar:30}] {human_pos}/{human_len} {prefix}, {per_sec}, {eta} left";
        let bar = Progress::bar(Some(count), template);
        bar.set_message(verb);
        bar.set_prefix(things);
        Progress(bar)
    }

    /// A sign of life for work of unknown length.
    pub(crate) fn spinning(verb: &'static str) -> Progress {
        let bar = Progress::bar(None, "{spinner} {msg}");
        bar.set_message(verb);
        Progress(bar)
    }

    fn bar(count: Option<u64>, template: &str) -> ProgressBar {
        let is_here = std::io::stderr().is_terminal();
        let target =
            if is_here { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(count, target);
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        bar.set_style(style.progress_chars("=> "));
        if is_here {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar
    }

    /// Says something else.
    pub(crate) fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// So many more are done.
    pub(crate) fn advance(&self, count: u64) {
        self.0.inc(count);
    }

    /// So many are done in all.
    pub(crate) fn set(&self, count: u64) {
        self.0.set_position(count);
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
