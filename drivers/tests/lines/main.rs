//! Readers on real lines: pseudo-terminals, TCP, recordings, and two brokers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod asking;
mod broker;
mod certificates;
mod mosquitto;
mod noisy;
mod replay;
mod rig;
mod serial;
mod tcp;
