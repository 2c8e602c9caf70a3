//! Progress on stderr: a moving bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Without a terminal, a line is written at most this often.
const QUIET: Duration = Duration::from_secs(15);

/// How far a long piece of work is.
pub(crate) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    first: u64,
    start: Instant,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Work of `total` parts.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        Self::from(what, 0, total)
    }

    /// Work of `total` parts, of which `first` were done before.
    pub(crate) fn from(what: &'static str, first: u64, total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        let style = "{msg:<24} {wide_bar} {pos}/{len} {eta_precise} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.set_position(first);
        bar.reset_eta();
        Self { bar, what, first, start: Instant::now(), last_line: Mutex::new(Instant::now()) }
    }

    /// One part more is done.
    pub(crate) fn step(&self) {
        // Threads report at the same time: adding loses none of them.
        self.bar.inc(1);
        self.tell("");
    }

    /// `position` parts are done; `note` is how it stands.
    pub(crate) fn at(&self, position: u64, note: &str) {
        self.bar.set_position(position);
        if !note.is_empty() {
            self.bar.set_message(format!("{} {note}", self.what));
        }
        self.tell(note);
    }

    /// Writes a line of its own, above the bar.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Without a terminal, writes a line when the last one is long enough ago.
    fn tell(&self, note: &str) {
        if !self.bar.is_hidden() {
            return;
        }
        let Ok(mut last) = self.last_line.lock() else {
            return;
        };
        if last.elapsed() >= QUIET {
            *last = Instant::now();
            let position = self.bar.position();
            let total = self.bar.length().unwrap_or(position);
            let done = position.saturating_sub(self.first).max(1);
            let left = self.start.elapsed().as_secs_f64() / done as f64
                * total.saturating_sub(position) as f64;
            eprintln!("{}: {position}/{total} {note} {left:.0} s left", self.what);
        }
    }

    /// The work is done; the bar goes away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
