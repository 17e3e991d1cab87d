//! Answers that need the store alone. Each takes the open store and what was asked, and gives plain data; text for people
//! is made from that data by whoever shows it.

mod bill;
mod import;
pub mod proof;
mod readings;
mod status;

pub use bill::{Order, bills, deliver, find_bill, keep_bill, order, save_bill, trust_provider};
pub use import::{import, pair_file};
pub use readings::readings;
pub use status::status;
