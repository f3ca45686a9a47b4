//! S3-FIFO: a small queue for newcomers, a main queue, and ghosts. It does not look at sizes, but its queues are measured in
//! bytes, as its authors' own implementation does.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use super::{by_blob::ByBlobPolicy, trace::Trace};

/// The part of the cache that newcomers have.
const SMALL: f64 = 0.1;
/// How many accesses are counted.
const MOST: u8 = 3;

pub(super) struct S3Fifo<'a> {
    trace: &'a Trace,
    small_cap: u64,
    ghost_cap: u64,
    small: VecDeque<u32>,
    main: VecDeque<u32>,
    small_bytes: u64,
    ghosts: VecDeque<(u32, u64)>,
    /// When a blob became a ghost, for those that are one.
    ghost_since: HashMap<u32, u64, RandomState>,
    ghost_bytes: u64,
    accesses: Vec<u8>,
}

impl<'a> S3Fifo<'a> {
    pub(super) fn new(trace: &'a Trace, cap: u64) -> Self {
        let small_cap = (cap as f64 * SMALL) as u64;
        Self {
            trace,
            small_cap,
            ghost_cap: cap - small_cap,
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_bytes: 0,
            ghosts: VecDeque::new(),
            ghost_since: HashMap::default(),
            ghost_bytes: 0,
            accesses: vec![0; trace.blobs()],
        }
    }

    fn remember(&mut self, blob: u32, nth: u64) {
        self.ghosts.push_back((blob, nth));
        self.ghost_since.insert(blob, nth);
        self.ghost_bytes += self.trace.size(blob);
        while self.ghost_bytes > self.ghost_cap
            && let Some((old, since)) = self.ghosts.pop_front()
        {
            self.ghost_bytes -= self.trace.size(old);
            if self.ghost_since.get(&old) == Some(&since) {
                self.ghost_since.remove(&old);
            }
        }
    }

    /// A blob of the small queue that nobody asked for again; others move to the main queue.
    fn victim_of_small(&mut self, nth: u64) -> Option<u32> {
        while let Some(blob) = self.small.pop_front() {
            self.small_bytes -= self.trace.size(blob);
            if self.accesses[blob as usize] > 1 {
                self.accesses[blob as usize] = 0;
                self.main.push_back(blob);
            } else {
                self.remember(blob, nth);
                return Some(blob);
            }
        }
        None
    }

    fn victim_of_main(&mut self) -> Option<u32> {
        while let Some(blob) = self.main.pop_front() {
            let accesses = &mut self.accesses[blob as usize];
            if *accesses == 0 {
                return Some(blob);
            }
            *accesses -= 1;
            self.main.push_back(blob);
        }
        None
    }
}

impl ByBlobPolicy for S3Fifo<'_> {
    fn hit(&mut self, blob: u32, _nth: u64) {
        let accesses = &mut self.accesses[blob as usize];
        *accesses = (*accesses + 1).min(MOST);
    }

    fn insert(&mut self, blob: u32, _nth: u64) {
        self.accesses[blob as usize] = 0;
        if self.ghost_since.remove(&blob).is_some() {
            self.main.push_back(blob);
        } else {
            self.small.push_back(blob);
            self.small_bytes += self.trace.size(blob);
        }
    }

    fn victim(&mut self, nth: u64) -> Option<u32> {
        if self.small_bytes > self.small_cap || self.main.is_empty() {
            self.victim_of_small(nth).or_else(|| self.victim_of_main())
        } else {
            self.victim_of_main().or_else(|| self.victim_of_small(nth))
        }
    }
}
