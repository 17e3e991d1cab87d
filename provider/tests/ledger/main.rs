//! The provider's books through the real command: what is booked, what is refused and why, and what is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod rules;
mod trouble;
mod world;
