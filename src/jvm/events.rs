//! What native threads have to tell the JVM, in a bounded queue that one Java thread empties: no native thread ever waits for
//! Java, nor is attached to it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use log::Level;

use crate::host::{Accepted, Host, Stream, WorkerId};
use crate::os::lock::{locked, relocked};
use crate::os::supervisor::supervisor;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A log line.
    Log {
        /// Its level.
        level: Level,
        /// Its text.
        message: String,
    },
    /// Python processes of a factory wrote something.
    Output {
        /// Which of them, and where they wrote it.
        source: Source,
        /// What.
        bytes: Vec<u8>,
    },
    /// The socket of a worker that left the pool is to be closed.
    Close {
        /// The factory.
        factory: i64,
        /// The worker.
        worker: WorkerId,
    },
}

/// Where output comes from. Each stream has room of its own: the workers of other sessions write to the standard error of the
/// one that has started their zygote, and are not to wait where that one's standard output does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// The factory.
    pub factory: i64,
    /// Where its processes write.
    pub stream: Stream,
}

/// Room for output of one source; beyond it its processes wait, as they do for a full pipe.
const MOST_OUTPUT_BYTES: usize = 1024 * 1024;
/// What a piece of output takes up besides its bytes, here and in the JVM.
const PIECE_BYTES: usize = 128;
/// Room for log lines; beyond it they are counted and dropped.
const MOST_LOG_LINES: usize = 10_000;

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    /// Of the sources whose output is not all written.
    unwritten: HashMap<Source, Unwritten>,
    log_lines: usize,
    lost_log_lines: usize,
    woken: bool,
}

/// What was taken from a source and is not written yet, be it here or in the JVM.
#[derive(Default)]
struct Unwritten {
    bytes: usize,
    /// Whether more waits for room.
    waits: bool,
}

/// The queue of events. Adding to it never blocks.
#[derive(Default)]
pub struct Events {
    state: Mutex<State>,
    filled: Condvar,
}

/// The process's queue.
pub fn events() -> &'static Events {
    static EVENTS: std::sync::LazyLock<Events> = std::sync::LazyLock::new(Events::default);
    &EVENTS
}

impl Events {
    /// Waits for an event or a [`wake`](Self::wake), at most this long, and leaves the event where it is.
    pub fn wait(&self, timeout: Duration) {
        let nothing = |state: &mut State| state.events.is_empty() && !state.woken;
        let waited = self
            .filled
            .wait_timeout_while(self.lock(), timeout, nothing);
        relocked(waited).woken = false;
    }

    /// Ends the wait of whoever waits, or the next one.
    pub fn wake(&self) {
        self.lock().woken = true;
        self.filled.notify_one();
    }

    /// Takes the next event, if there is one. Output still takes up its room, until it is [`written`](Self::written).
    pub fn take(&self) -> Option<Event> {
        let mut state = self.lock();
        let event = state.events.pop_front()?;
        if matches!(event, Event::Log { .. }) {
            state.log_lines -= 1;
        }
        Some(event)
    }

    /// Gives back what was taken last and could not be told: it comes first again.
    pub fn put_back(&self, event: Event) {
        let mut state = self.lock();
        if matches!(event, Event::Log { .. }) {
            state.log_lines += 1;
        }
        state.events.push_front(event);
    }

    /// A piece of output, so long, has been written, or is lost for good: there is room for more of that source.
    pub fn written(&self, source: Source, length: usize) {
        let mut state = self.lock();
        let Some(unwritten) = state.unwritten.get_mut(&source) else {
            return;
        };
        unwritten.bytes = unwritten.bytes.saturating_sub(length + PIECE_BYTES);
        let has_room = unwritten.waits && unwritten.bytes < MOST_OUTPUT_BYTES / 2;
        if has_room {
            unwritten.waits = false;
        }
        if unwritten.bytes == 0 {
            state.unwritten.remove(&source);
        }
        drop(state);
        if has_room && let Ok(supervisor) = supervisor() {
            supervisor.resume();
        }
    }

    /// Adds a log line.
    pub fn log(&self, level: Level, message: String) {
        let mut state = self.lock();
        if state.log_lines >= MOST_LOG_LINES {
            state.lost_log_lines += 1;
            return;
        }
        let lost = std::mem::take(&mut state.lost_log_lines);
        if lost > 0 {
            let message = format!("{lost} log lines of the Python worker factory were lost");
            state.push_log(Level::Warn, message);
        }
        state.push_log(level, message);
        drop(state);
        self.filled.notify_one();
    }

    fn output(&self, source: Source, bytes: &[u8]) -> Accepted {
        let mut state = self.lock();
        let unwritten = state.unwritten.entry(source).or_default();
        let more = unwritten.bytes + bytes.len() + PIECE_BYTES;
        if more > MOST_OUTPUT_BYTES {
            unwritten.waits = true;
            return Accepted::NotNow;
        }
        unwritten.bytes = more;
        let bytes = bytes.to_vec();
        state.events.push_back(Event::Output { source, bytes });
        drop(state);
        self.filled.notify_one();
        Accepted::Yes
    }

    /// Asks for a worker's socket to be closed.
    pub fn close(&self, factory: i64, worker: WorkerId) {
        self.lock()
            .events
            .push_back(Event::Close { factory, worker });
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    fn push_log(&mut self, level: Level, message: String) {
        self.log_lines += 1;
        self.events.push_back(Event::Log { level, message });
    }
}

/// The JVM as a factory sees it.
#[derive(Debug)]
pub struct JavaHost {
    /// The factory's id.
    pub factory: i64,
}

impl Host for JavaHost {
    fn output(&self, stream: Stream, bytes: &[u8]) -> Accepted {
        let factory = self.factory;
        events().output(Source { factory, stream }, bytes)
    }

    fn close(&self, worker: WorkerId) {
        events().close(self.factory, worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_in_order() {
        let events = Events::default();
        events.log(Level::Info, "first".to_owned());
        events.close(7, WorkerId(8));
        assert!(matches!(events.take(), Some(Event::Log { .. })));
        let close = Event::Close {
            factory: 7,
            worker: WorkerId(8),
        };
        assert_eq!(events.take(), Some(close));
        assert_eq!(events.take(), None);
    }

    const ONE: Source = Source {
        factory: 1,
        stream: Stream::Stdout,
    };
    const ONES_ERRORS: Source = Source {
        factory: 1,
        stream: Stream::Stderr,
    };
    const OTHER: Source = Source {
        factory: 2,
        stream: Stream::Stdout,
    };
    const ALL: usize = MOST_OUTPUT_BYTES - PIECE_BYTES;

    /// One piece that takes all the room of its source.
    fn all() -> Vec<u8> {
        vec![0; ALL]
    }

    #[test]
    fn an_event_that_is_put_back_comes_first_and_keeps_its_room() {
        let events = Events::default();
        assert_eq!(events.output(ONE, &all()), Accepted::Yes);
        events.log(Level::Info, "second".to_owned());
        let output = events.take().expect("there are two");
        events.put_back(output.clone());
        assert_eq!(events.output(ONE, &[]), Accepted::NotNow);
        assert_eq!(events.take(), Some(output));
        let line = events.take().expect("there is one");
        events.put_back(line.clone());
        assert_eq!(events.take(), Some(line));
        assert_eq!(events.take(), None);
    }

    #[test]
    fn a_wake_ends_one_wait_though_it_comes_first() {
        let events = Events::default();
        events.wake();
        events.wait(Duration::MAX);
        events.wait(Duration::ZERO);
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| events.wait(Duration::MAX));
            events.wake();
            waiting.join().expect("it only waits");
        });
    }

    #[test]
    fn output_beyond_the_room_is_refused_until_some_is_written() {
        let events = Events::default();
        let half = vec![0; ALL / 2];
        assert_eq!(events.output(ONE, &half), Accepted::Yes);
        assert_eq!(events.output(ONE, &half), Accepted::NotNow, "it has a cost");
        assert_eq!(events.output(ONE, &half[PIECE_BYTES..]), Accepted::Yes);
        assert!(events.take().is_some());
        assert_eq!(
            events.output(ONE, &[]),
            Accepted::NotNow,
            "it is only taken"
        );
        events.written(ONE, half.len());
        assert_eq!(events.output(ONE, &[0]), Accepted::Yes);
    }

    #[test]
    fn who_has_no_room_takes_none_from_others() {
        let events = Events::default();
        for source in [ONE, ONES_ERRORS, OTHER] {
            assert_eq!(events.output(source, &all()), Accepted::Yes);
        }
        events.written(OTHER, ALL);
        assert_eq!(events.output(ONE, &[]), Accepted::NotNow);
        assert_eq!(events.output(OTHER, &[]), Accepted::Yes);
    }

    #[test]
    fn nothing_is_kept_of_a_source_whose_output_is_written() {
        let events = Events::default();
        assert_eq!(events.output(ONE, &all()), Accepted::Yes);
        assert_eq!(events.output(ONE, &[]), Accepted::NotNow);
        events.written(ONE, ALL);
        events.written(ONE, ALL); // of what it does not know
        assert!(events.lock().unwritten.is_empty());
        assert_eq!(events.output(ONE, &all()), Accepted::Yes);
    }

    #[test]
    fn lost_log_lines_are_counted() {
        let events = Events::default();
        for n in 0..MOST_LOG_LINES + 5 {
            events.log(Level::Info, n.to_string());
        }
        events.take();
        events.take();
        events.log(Level::Info, "after".to_owned());
        let mut last = Vec::new();
        while let Some(Event::Log { message, .. }) = events.take() {
            last.push(message);
        }
        assert_eq!(
            last[last.len() - 2],
            "5 log lines of the Python worker factory were lost"
        );
        assert_eq!(last[last.len() - 1], "after");
    }
}
