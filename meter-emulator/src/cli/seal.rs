//! `seal`: from a load to blocks in a directory, as one transaction.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use protocol::pairing::Pairing;

use super::args::{MadeArgs, SealArgs};
use super::device;
use super::error::CliError;
use super::report::Report;
use super::source::{Source, source};
use crate::course::Course;
use crate::load::Load;
use sealer::Entropy;
use sealer::meter::SealingMeter;
use sealer::store::{Stage, Store};
use sealer::time::show;

/// Runs the command. Nothing is written before the whole run has been found to fit.
pub(super) fn seal(args: &SealArgs, err: &mut dyn Write) -> Result<Report, CliError> {
    let entropy = device::entropy(&args.device.made)?;
    let Source { load, intakes, mut remarks } = source(&args.source)?;
    let course = Course { load, intakes, faults: args.faults.faults(), rotations: args.rotate_at.clone() };

    let (store, mut meter, pairing) = match Store::open(&args.device.out)? {
        Some((store, meter)) => {
            device::check_same(&args.device.made, &entropy, &meter)?;
            if !meter.is_paired() {
                return Err(CliError::NotPaired);
            }
            (Some(store), meter, None)
        }
        None => {
            let (meter, pairing) = new_meter(&args.device.made, &entropy, &course.load)?;
            (None, meter, Some(pairing))
        }
    };
    let outline = course.prepare(&mut meter)?;
    let mut store = match store {
        Some(store) => store,
        None => Store::create(&args.device.out)?,
    };

    let epochs = meter.certificates().len();
    let mut stage = store.stage()?;
    let mut progress = Progress::new(&course, err);
    let run = course.run(&outline, &mut meter, &entropy, |block| {
        progress.block();
        stage.block(&block).map_err(CliError::from)
    });
    progress.done();
    let tallies = match run.and_then(|tallies| Ok((tallies, lay_out(&mut stage, pairing.as_ref())?))) {
        Ok((tallies, ())) => tallies,
        Err(error) => {
            // The error matters more than files that the next run removes anyway.
            let _ = stage.discard();
            return Err(error);
        }
    };
    store.commit(&mut stage, &meter)?;

    for tally in tallies.iter().filter(|tally| tally.filled > 0) {
        remarks.push(format!("{} slots of {} before the readings are missing", tally.filled, tally.register.code));
    }
    for certificate in meter.certificates().iter().skip(epochs) {
        let first = certificate.certificate.first;
        let stepped = outline.clock_step && first == course.load.span().from;
        let why = if stepped { "the clock stepped by more than a day" } else { "keys were rotated" };
        remarks.push(format!("epoch {} begins at {}: {why}", certificate.certificate.epoch, show(first)));
    }
    if args.device.made.seed.is_some() {
        remarks.push(device::SEEDED.into());
    }
    Ok(Report::new(&meter, &tallies, course.load.span(), store.root(), remarks, args.device.made.seed.is_some()))
}

fn lay_out(stage: &mut Stage, pairing: Option<&Pairing>) -> Result<(), CliError> {
    pairing.map_or(Ok(()), |pairing| stage.pairing(pairing)).map_err(CliError::from)
}

fn new_meter(args: &MadeArgs, entropy: &Entropy, load: &Load) -> Result<(SealingMeter, Pairing), CliError> {
    let class = device::class(args);
    Ok(SealingMeter::new(entropy, args.meter_id, class, load.span().from)?)
}

/// A line on the terminal when sealing takes long.
struct Progress<'a> {
    err: Option<&'a mut dyn Write>,
    expected: u64,
    blocks: u64,
    next: Instant,
    shown: bool,
}

impl<'a> Progress<'a> {
    fn new(course: &Course, err: &'a mut dyn Write) -> Self {
        let registers = u64::try_from(course.intakes.len()).unwrap_or(0);
        Self {
            err: std::io::stderr().is_terminal().then_some(err),
            expected: course.load.length().div_ceil(course.load.interval().slots_per_day()) * registers,
            blocks: 0,
            next: Instant::now() + Duration::from_secs(1),
            shown: false,
        }
    }

    fn block(&mut self) {
        self.blocks += 1;
        let Some(err) = self.err.as_mut().filter(|_| Instant::now() >= self.next) else { return };
        let _ = write!(err, "\rsealed {} of about {} blocks", self.blocks, self.expected).and_then(|()| err.flush());
        self.next = Instant::now() + Duration::from_millis(200);
        self.shown = true;
    }

    fn done(&mut self) {
        if let Some(err) = self.err.as_mut().filter(|_| self.shown) {
            let _ = writeln!(err);
        }
    }
}
