//! Runs one path of metrology with its secrets marked undefined, for valgrind's memcheck to watch (Langley's
//! "ctgrind", 2010): what depends on a secret is undefined, and a conditional jump or an address that depends on
//! undefined bits is reported. `tests/constant_time.rs` builds and runs this; see there for what it cannot show.
//!
//! `ct_metrology CASE` ends with 0 when the case ran through. Valgrind turns that into its error code when it has
//! reported anything. The two cases `leaky-…` are wrong on purpose and have to be reported.

mod leaky;
mod memcheck;
mod seal;

use std::process::ExitCode;

use bls12_381::Scalar as Fq;
use jubjub::Fr;
use memcheck::{depends_on_secrets, publish, secret};
use metrology::cose;
use metrology::exchange::{Course, End, confirmation, live_key};
use metrology::keys::{AgreementKey, DaySeed, PairingCode, PairingContext, RegisterKey, register_key};
use metrology::label::{Interval, MAX_SLOTS, Register, RegisterKind, Text};
use metrology::pedersen::{commit_reading, commit_residual, mul_opening_generator};
use metrology::poseidon::day_commitment;

/// A path that takes secrets. Returns what it made of them, still marked; `None` when it refused.
type Case = fn() -> Option<Vec<u8>>;

const CASES: [(&str, Case); 13] = [
    ("public-key", || Some(agreement_key().public().to_vec())),
    ("register-key", pairing),
    ("exchange", exchange),
    ("ratchet", || Some([root().next().expose().to_vec(), root().day_seed().expose().to_vec()].concat())),
    ("openings", openings),
    ("commit-reading", || Some(commit_reading(marked(40_000), &opening()).to_vec())),
    ("commit-residual", || Some(commit_residual(marked(4_000_000_000), &opening()).to_vec())),
    ("opening-generator", || Some(mul_opening_generator(&opening()).to_bytes().to_vec())),
    ("day-commitment", poseidon),
    ("sign", || cose::signature(&marked([9u8; 32]).into(), b"purpose", &marked([1u8; 300])).map(|s| s.to_vec())),
    ("seal", seal::case),
    ("leaky-branch", || Some(leaky::branch(marked(40_000), &opening()).to_vec())),
    ("leaky-table", || Some(leaky::table(marked(40_000), &opening()).to_vec())),
];

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, case)) = CASES.iter().find(|(name, _)| *name == wanted) else {
        let names: Vec<_> = CASES.iter().map(|(name, _)| *name).collect();
        println!("{}", names.join("\n"));
        return if wanted == "list" { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    if !memcheck::running() {
        eprintln!("not under valgrind: this would show nothing");
        return ExitCode::from(3);
    }
    let Some(output) = case() else {
        eprintln!("{wanted}: refused its input");
        return ExitCode::from(4);
    };
    // Otherwise the marks were lost on the way and silence would mean nothing.
    if !depends_on_secrets(&output) {
        eprintln!("{wanted}: nothing in the output depends on a secret");
        return ExitCode::from(5);
    }
    publish(output.as_slice());
    println!("{wanted}: {} bytes, {:02x?}…", output.len(), &output[..4]);
    ExitCode::SUCCESS
}

/// The value, secret from here on.
fn marked<T>(mut value: T) -> T {
    secret(&mut value);
    value
}

fn agreement_key() -> AgreementKey {
    AgreementKey::from_bytes(marked([7; 32]))
}

fn root() -> RegisterKey {
    RegisterKey::from_bytes(marked([5; 32]))
}

fn opening() -> Fr {
    Fr::from_bytes_wide(&marked([0xa7; 64]))
}

fn register() -> Option<Register> {
    Some(Register {
        code: Text::new("1-0:1.8.0")?,
        unit: Text::new("Wh")?,
        kind: RegisterKind::Cumulative,
        interval: Interval::HALF,
    })
}

fn pairing() -> Option<Vec<u8>> {
    let other = AgreementKey::from_bytes([8; 32]).public();
    let code = PairingCode::from_bytes(marked([4; 16]));
    let context = PairingContext { certificate: &[1; 32], counter: 1, household: &[2; 32] };
    let key = register_key(&agreement_key(), &other, &code, &context, &register()?.code, 20_000)?;
    Some(key.expose().to_vec())
}

fn exchange() -> Option<Vec<u8>> {
    let other = AgreementKey::from_bytes([8; 32]).public();
    let code = PairingCode::from_bytes(marked([4; 16]));
    let context = PairingContext { certificate: &[1; 32], counter: 1, household: &[2; 32] };
    let course = Course { context, household_nonce: [3; 16], meter_nonce: [5; 16] };
    let confirmation = confirmation(&agreement_key(), &other, &code, &course, End::Meter)?;
    let live = live_key(&agreement_key(), &other, &code, &course)?;
    // The outcome of a comparison is public; how long it takes must not tell more.
    let mut output = vec![u8::from(confirmation.matches(&[0; 32]))];
    output.extend_from_slice(confirmation.as_bytes());
    output.extend_from_slice(live.expose());
    Some(output)
}

fn openings() -> Option<Vec<u8>> {
    let (register, seed) = (register()?, DaySeed::from_bytes(marked([6; 32])));
    let mut output = seed.encryption_key().to_vec();
    output.extend(seed.slot_opening(&register, 960_000, 3).expose().to_bytes());
    output.extend(seed.residual_opening(&register, 3).expose().to_bytes());
    output.extend(seed.day_blinding(&register, 3).expose().to_bytes());
    Some(output)
}

fn poseidon() -> Option<Vec<u8>> {
    let blinding = Fq::from_bytes_wide(&marked([0xc3; 64]));
    Some(day_commitment(&marked([1234; MAX_SLOTS]), 96, marked(70_000), &blinding).to_bytes().to_vec())
}
