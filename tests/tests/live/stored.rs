//! What is in a home after all: compared with the files of the meter, byte by byte, and with what was announced.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use protocol::block::{BlockFile, DayHeader};
use protocol::metrology::header::header_hash;
use protocol::service::receipt::BillReceipt;
use protocol::wire::Signed;
use serde_json::Value;

use crate::process::Running;
use crate::world::Town;

/// Number of block files that a meter holds.
pub fn held(meter: &Path) -> u64 {
    // A meter that has sealed nothing has no directory for it.
    let Ok(registers) = fs::read_dir(meter.join("blocks")) else { return 0 };
    let registers = registers.map(|entry| entry.unwrap().path());
    let blocks = registers.flat_map(|register| fs::read_dir(register).unwrap());
    blocks.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "block")).count() as u64
}

/// Number of blocks that a home says it holds.
pub fn blocks(status: &Value) -> u64 {
    let meters = status["meters"].as_array().unwrap().iter();
    meters.flat_map(|meter| meter["registers"].as_array().unwrap()).map(|r| r["blocks"].as_u64().unwrap()).sum()
}

impl Town {
    /// A meter of a kind is back on its line and has sealed the days before a date; the home has stored all of them.
    pub fn reaches(&self, kind: &[&str], tcp: &str, date: &str) -> Running {
        let mut meter = self.meter("m", &[kind, &["--tcp", tcp, "--catch-up", date]].concat());
        meter.wait("a line again", |e| e["event"] == "listening");
        let all = held(&self.path("m"));
        self.until("every block", &["wattseal", "--home", "home", "status"], |status| blocks(status) == all);
        meter
    }

    pub fn status(&self, home: &str) -> Value {
        self.done(&["wattseal", "--home", home, "status"])
    }

    /// The home holds what the meters hold: every file is known already, in the same bytes, and there is no block beside
    /// them; no number is twice, no time between is uncovered.
    pub fn same(&self, home: &str, meters: &[&str]) {
        let mut files = 0;
        for meter in meters {
            let imported = self.done(&["wattseal", "--home", home, "import", meter]);
            assert_eq!(imported["stored"], 0, "{meter} holds blocks that the home had not: {imported}");
            assert_eq!(imported["known"].as_u64().unwrap(), held(&self.path(meter)), "{imported}");
            files += held(&self.path(meter));
        }
        let status = self.status(home);
        assert_eq!(blocks(&status), files, "{status}");
        for meter in status["meters"].as_array().unwrap() {
            for register in meter["registers"].as_array().unwrap() {
                assert_eq!(register["gaps"], Value::Array(Vec::new()), "{status}");
            }
        }
    }

    /// Every bill of a home was accepted once, and its receipt says so by the provider's hand. Gives their number.
    pub fn receipts(&self, home: &str) -> usize {
        let store = hub::home::Home::new(&self.path(home), None).open().unwrap();
        let accounts = store.accounts().unwrap();
        let mut bills = BTreeSet::new();
        for submission in store.submissions().unwrap() {
            let bytes = submission.receipt.unwrap_or_else(|| panic!("no receipt: {:?}", submission.message));
            let receipt = BillReceipt::read(&bytes).unwrap();
            let account = accounts.iter().find(|account| account.id == submission.account).unwrap();
            assert_eq!((receipt.digest, receipt.provider), (submission.bill, account.provider));
            assert_eq!(Some(&receipt.contract), account.contract.as_ref());
            assert!(bills.insert(submission.bill));
        }
        bills.len()
    }

    /// Copies a directory as it is; nothing may run in it.
    pub fn copy(&self, from: &str, to: &str) {
        fn copy(from: &Path, to: &Path) {
            fs::create_dir_all(to).unwrap();
            fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
            for entry in fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                let to = to.join(entry.file_name());
                if kind.is_dir() {
                    copy(&entry.path(), &to);
                } else if kind.is_file() {
                    fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        let _ = fs::remove_dir_all(self.path(to));
        copy(&self.path(from), &self.path(to));
    }
}

/// Follows the chain of a meter with one register from block to block, and gives its length.
pub fn chain(meter: &Path) -> u64 {
    let registers = fs::read_dir(meter.join("blocks")).unwrap().map(|entry| entry.unwrap().path());
    let files = registers.flat_map(|register| fs::read_dir(register).unwrap()).map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let file = BlockFile::read(&fs::read(path).unwrap()).unwrap();
        let payload = Signed::read(&file.message, "day block").unwrap().payload;
        (DayHeader::read(payload).unwrap(), header_hash(payload))
    };
    let mut blocks: Vec<_> = files.map(read).collect();
    blocks.sort_by_key(|(header, _)| header.block);
    for (number, (header, _)) in (0..).zip(&blocks) {
        assert_eq!(header.block, number, "a number is missing or twice");
    }
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].0.previous, pair[0].1, "block {} does not follow", pair[1].0.block);
    }
    blocks.len() as u64
}
