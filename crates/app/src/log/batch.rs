//! Buffers log lines in memory; a separate thread writes them to standard error.
//!
//! Logging appends to a buffer, without a system call and without waiting for the reader of the log. Every [`PAUSE`],
//! the thread writes the buffer with one call.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// The time lines are collected before a write.
const PAUSE: Duration = Duration::from_millis(20);
/// The most bytes buffered. If the reader has stopped reading, further lines are dropped.
const MOST: usize = 4 << 20;

/// A log sink. Cheap to clone; all clones write to the same log.
#[derive(Clone, Default)]
pub(super) struct Batch(Arc<LineQueue>);

#[derive(Default)]
struct LineQueue {
    lines: Mutex<PendingLines>,
    /// Signals the thread that there is work.
    call: Condvar,
}

#[derive(Default)]
struct PendingLines {
    text: Vec<u8>,
    dropped: u64,
    ending: bool,
}

/// Flushes the log when dropped.
pub(crate) struct Guard {
    batch: Batch,
    thread: Option<JoinHandle<()>>,
}

impl Batch {
    /// Starts the thread that writes to `to`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<(Self, Guard)> {
        let batch = Self::default();
        let writing = batch.clone();
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || writing.write_to(to))?;
        Ok((batch.clone(), Guard { batch, thread: Some(thread) }))
    }

    fn add(&self, line: &[u8]) {
        let mut lines = self.lines();
        if lines.text.len() + line.len() > MOST {
            lines.dropped += 1;
            return;
        }
        // The thread sleeps only while the buffer is empty, so only the first line wakes it.
        if lines.text.is_empty() {
            self.0.call.notify_one();
        }
        lines.text.extend_from_slice(line);
    }

    fn write_to(&self, mut to: impl Write) {
        let mut text = Vec::new();
        loop {
            let idle = |lines: &mut PendingLines| lines.text.is_empty() && !lines.ending;
            let lines = self.0.call.wait_while(self.lines(), idle).unwrap_or_else(PoisonError::into_inner);
            let until = |lines: &mut PendingLines| !lines.ending;
            let paused = self.0.call.wait_timeout_while(lines, PAUSE, until);
            let mut lines = paused.unwrap_or_else(PoisonError::into_inner).0;
            std::mem::swap(&mut text, &mut lines.text);
            let (dropped, ending) = (std::mem::take(&mut lines.dropped), lines.ending);
            drop(lines);
            // There is no place left to report a log error.
            let _ = to.write_all(&text);
            if dropped > 0 {
                let _ = writeln!(to, "{dropped} lines of log were dropped: nobody reads them fast enough");
            }
            text.clear();
            if ending {
                return;
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, PendingLines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Batch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Batch {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.batch.lines().ending = true;
        self.batch.0.call.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported any panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use entrepot_testkit::CapturedOutput;

    use super::*;

    #[test]
    fn all_lines_are_written_in_order_by_the_end() {
        let sink = CapturedOutput::default();
        let (batch, guard) = Batch::start(sink.clone()).unwrap();
        for number in 0..1000 {
            writeln!(batch.make_writer(), "line {number}").unwrap();
        }
        drop(guard);
        let expected: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        assert_eq!(sink.text(), expected);
    }

    /// Lets nothing through until it is told to.
    struct Stuck(mpsc::Receiver<()>, CapturedOutput);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_costs_lines_and_not_memory() {
        let (go, stuck) = mpsc::channel();
        let sink = CapturedOutput::default();
        let (batch, guard) = Batch::start(Stuck(stuck, sink.clone())).unwrap();
        let line = [b'x'; 1 << 10];
        // Twice what is gathered, and what the thread has taken already.
        for _ in 0..3 * MOST / line.len() {
            batch.make_writer().write_all(&line).unwrap();
        }
        assert!(batch.lines().text.len() <= MOST);
        drop(go);
        drop(guard);
        let text = sink.text();
        assert!(text.contains("lines of log were dropped"), "{}", text.len());
    }
}
