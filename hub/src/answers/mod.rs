//! Answers that need the store alone. Each takes the open store and what was asked, and gives plain data; text for people
//! is made from that data by whoever shows it.

mod bill;
mod import;
mod ledger;
pub mod proof;
mod readings;
mod status;
mod told;

pub use bill::{Order, bills, deliver, find_bill, keep_bill, order, save_bill, trust_provider};
pub use import::{import, pair_file};
pub use ledger::{budgets, explain, releases};
pub use readings::readings;
pub use status::status;
