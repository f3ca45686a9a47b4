//! A small real registry in process with faults on demand, and random images.
