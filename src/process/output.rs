//! What Python processes write to their standard output and error: drained from the first byte on, handed to the host, and
//! the end of the error stream kept for error messages.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use nix::errno::Errno;

use crate::host::{Accepted, Host, Stream};
use crate::os::deadline::Deadline;
use crate::os::lock::{locked, relocked};
use crate::os::supervisor::{Next, Observer, supervisor};

/// How much of the end of a stream is kept: as much as fits into the pipe of a process that Spark reads only after its end.
const TAIL_BYTES: usize = 64 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
/// What a pipe can hold by default, with room to spare: more comes from a writer that does not stop.
const CHUNKS_TO_CATCH_UP: usize = 4;

/// One stream of one process.
pub struct Output {
    pipe: OwnedFd,
    stream: Stream,
    host: Arc<dyn Host>,
    state: Mutex<State>,
    ended: Condvar,
}

enum Read {
    Chunk(Vec<u8>),
    Nothing,
    End,
}

#[derive(Default)]
struct State {
    tail: VecDeque<u8>,
    held: Vec<u8>,
    ended: bool,
}

impl Output {
    /// Starts to drain a non-blocking pipe.
    pub fn drain(pipe: OwnedFd, stream: Stream, host: Arc<dyn Host>) -> io::Result<Arc<Self>> {
        let output = Arc::new(Self {
            pipe,
            stream,
            host,
            state: Mutex::default(),
            ended: Condvar::new(),
        });
        supervisor()?.watch(output.clone())?;
        Ok(output)
    }

    /// The end of what was written so far.
    pub fn tail(&self) -> String {
        let state = self.lock();
        let bytes: Vec<u8> = state.tail.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Takes what was written by now. Only on the supervisor's thread, which reads the pipe otherwise.
    pub fn catch_up(&self) {
        for _ in 0..CHUNKS_TO_CATCH_UP {
            if !self.lock().held.is_empty() {
                return;
            }
            let Read::Chunk(chunk) = self.read() else {
                return;
            };
            self.hand_over(chunk);
        }
    }

    /// Waits until all writers have closed the stream; false where the deadline came first.
    pub fn wait_end(&self, deadline: Deadline) -> bool {
        let going_on = |state: &mut State| !state.ended;
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), deadline.remaining(), going_on);
        relocked(waited).ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn end(&self) -> Next {
        self.lock().ended = true;
        self.ended.notify_all();
        Next::Remove
    }

    /// Hands bytes over; those that the host has no room for are held back until it asks for more.
    fn hand_over(&self, bytes: Vec<u8>) -> Next {
        match self.host.output(self.stream, &bytes) {
            Accepted::Yes => Next::Keep,
            Accepted::NotNow => {
                self.lock().held = bytes;
                Next::Pause
            }
        }
    }

    fn read(&self) -> Read {
        let mut chunk = vec![0; CHUNK_BYTES];
        match nix::unistd::read(&self.pipe, &mut chunk) {
            Ok(0) => Read::End,
            Ok(count) => {
                chunk.truncate(count);
                if self.stream == Stream::Stderr {
                    self.keep_tail(&chunk);
                }
                Read::Chunk(chunk)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Read::Nothing,
            Err(_) => Read::End,
        }
    }

    fn keep_tail(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.tail.extend(bytes);
        let excess = state.tail.len().saturating_sub(TAIL_BYTES);
        state.tail.drain(..excess);
    }
}

impl Observer for Output {
    fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    fn ready(&self) -> Next {
        let held = std::mem::take(&mut self.lock().held);
        if !held.is_empty() && self.hand_over(held) == Next::Pause {
            return Next::Pause;
        }
        match self.read() {
            Read::Chunk(chunk) => self.hand_over(chunk),
            Read::Nothing => Next::Keep,
            Read::End => self.end(),
        }
    }
}
