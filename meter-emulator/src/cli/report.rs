//! What a run says when it is done, to people and to programs.

use std::fmt;
use std::path::{Path, PathBuf};

use protocol::time::Span;
use serde::Serialize;

use super::args::Class;
use crate::course::Tally;
use sealer::meter::{SealingMeter, directory_name};
use sealer::store::{BLOCKS, CERTIFICATE, PAIRING};
use sealer::time::show;

/// The summary of a run; its JSON is an interface for programs.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    blocks: u64,
    slots: u64,
    missing: u64,
    /// First second sealed, RFC 3339.
    from: String,
    /// End of what was sealed.
    until: String,
    registers: Vec<RegisterReport>,
    certificate: PathBuf,
    pairing: PathBuf,
    meter: String,
    class: &'static str,
    /// Of the identity key, as every program shows it.
    fingerprint: String,
    /// Epochs the meter has had.
    epochs: usize,
    /// Whether the keys follow from a seed.
    test_keys: bool,
    remarks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RegisterReport {
    register: String,
    unit: String,
    interval: u64,
    blocks: u64,
    slots: u64,
    missing: u64,
    directory: PathBuf,
}

impl Report {
    pub(super) fn new(
        meter: &SealingMeter,
        tallies: &[Tally],
        load: Span,
        root: &Path,
        remarks: Vec<String>,
        test_keys: bool,
    ) -> Self {
        let filled = |tally: &Tally| load.from - tally.filled * tally.register.interval.seconds();
        let registers = tallies.iter().map(|tally| RegisterReport {
            register: tally.register.code.as_str().to_owned(),
            unit: tally.register.unit.as_str().to_owned(),
            interval: tally.register.interval.seconds(),
            blocks: tally.blocks,
            slots: tally.slots,
            missing: tally.missing,
            directory: root.join(BLOCKS).join(directory_name(&tally.register.code)),
        });
        Self {
            blocks: tallies.iter().map(|tally| tally.blocks).sum(),
            slots: tallies.iter().map(|tally| tally.slots).sum(),
            missing: tallies.iter().map(|tally| tally.missing).sum(),
            from: show(tallies.iter().map(filled).min().unwrap_or(load.from)),
            until: show(load.until),
            registers: registers.collect(),
            certificate: root.join(CERTIFICATE),
            pairing: root.join(PAIRING),
            meter: meter.id().as_str().to_owned(),
            class: Class::name(meter.class()),
            fingerprint: protocol::show::fingerprint(&meter.identity_key()),
            epochs: meter.certificates().len(),
            test_keys,
            remarks,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Sealed {} slots in {} blocks, {} to {}.", self.slots, self.blocks, self.from, self.until)?;
        for register in &self.registers {
            let RegisterReport { register, unit, blocks, slots, missing, .. } = register;
            writeln!(f, "  {register} ({unit}): {slots} slots, {missing} of them missing, in {blocks} blocks")?;
        }
        writeln!(f, "Meter {} ({}), fingerprint {}", self.meter, self.class, self.fingerprint)?;
        writeln!(f, "Certificate: {}", self.certificate.display())?;
        writeln!(f, "Pairing:     {} (secret: it opens the readings)", self.pairing.display())?;
        for remark in &self.remarks {
            writeln!(f, "Note: {remark}.")?;
        }
        Ok(())
    }
}
