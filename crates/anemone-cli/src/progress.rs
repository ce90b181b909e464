//! Progress of long work: a bar with rate and time left on a terminal, nothing elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

/// A bar on the standard error. It goes when it is finished or dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many `things`.
    pub(crate) fn counting(verb: &'static str, count: u64, things: &'static str) -> Progress {
        // It fits in 80 columns: what is cut off at a line's end is the time left.
        let template = "{msg} {human_pos} of {human_len} {prefix} [{bar:16}] {rate}/s, {left}";
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
        let style = style.with_key("rate", rate).with_key("left", left);
        bar.set_style(style.progress_chars("=> "));
        if is_here {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar
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

fn rate(state: &ProgressState, into: &mut dyn Write) {
    // A bar that lacks a number is better than a program that ends for it.
    let _ = write!(into, "{}", HumanCount(state.per_sec() as u64));
}

/// The time left, once something is done that tells it.
fn left(state: &ProgressState, into: &mut dyn Write) {
    let _ = match state.pos() {
        0 => write!(into, "time left unknown"),
        _ => write!(into, "{:#} left", HumanDuration(state.eta())),
    };
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
