//! The meter that a command line means: its keys, its class, and whether the one in the directory is it.

use metrology::certificate::SealClass;

use super::args::{Class, MadeArgs};
use super::error::CliError;
use sealer::meter::SealingMeter;
use sealer::{Entropy, MeterSeed};

/// What is said of keys that repeat.
pub(super) const SEEDED: &str = "the keys follow from --seed: for tests only, whoever knows the seed has the meter";

/// Where a new meter's sealing claims to run.
pub(super) fn class(args: &MadeArgs) -> SealClass {
    args.class.unwrap_or(Class::Certified).seal_class()
}

/// Where keys come from.
pub(super) fn entropy(args: &MadeArgs) -> Result<Entropy, CliError> {
    let Some(text) = &args.seed else { return Ok(Entropy::System) };
    MeterSeed::from_hex(text)
        .map(Entropy::Seeded)
        .ok_or_else(|| CliError::Usage("--seed needs 64 hexadecimal digits, and is for tests only".into()))
}

/// What is said about the meter must be true of the one that is there.
pub(super) fn check_same(args: &MadeArgs, entropy: &Entropy, meter: &SealingMeter) -> Result<(), CliError> {
    if args.meter_id.is_some_and(|id| id != meter.id()) {
        return Err(CliError::OtherMeter(meter.id()));
    }
    if args.class.is_some_and(|class| class.seal_class() != meter.class()) {
        return Err(CliError::OtherClass(Class::name(meter.class())));
    }
    if args.seed.is_some() && !meter.is_from(entropy)? {
        return Err(CliError::OtherSeed);
    }
    Ok(())
}
