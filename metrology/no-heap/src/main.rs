//! Seals one day of 48 half-hours without a heap: no `std`, no `alloc`, no allocator, and so a link error as soon
//! as any crate below metrology asks for one. The C library gives `main` and the memory copies, nothing else
//! (`nm -u` of the binary shows it). The exit code says how far the day came.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ffi::{c_char, c_int};
use core::hint::black_box;
use core::panic::PanicInfo;

use metrology::keys::{RegisterKey, household_fingerprint};
use metrology::label::{Coverage, DAY_SECONDS, Interval, Register, RegisterCode, RegisterKind, Status, Text};
use metrology::seal::{ChainState, Epoch, Journal, Pairing, Sample, SealError, SealedBlock, Sealer};

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
}

/// A panic ends the process with SIGABRT: the test then sees no exit code.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: `abort` takes nothing and does not return.
    unsafe { abort() }
}

/// 0 when a whole day was sealed; otherwise the step that failed.
///
/// # Safety
/// Called once by the C runtime; the arguments are not looked at.
#[unsafe(no_mangle)]
pub extern "C" fn main(_arguments: c_int, _values: *const *const c_char) -> c_int {
    match day() {
        Ok(()) => 0,
        Err(step) => step,
    }
}

/// What a meter does on its first day.
fn day() -> Result<(), c_int> {
    let code = RegisterCode::new("1-0:1.8.0").ok_or(2)?;
    let unit = Text::new("Wh").ok_or(2)?;
    let register = Register { code, unit, kind: RegisterKind::Cumulative, interval: Interval::HALF };
    let day = 20_000;
    let first = DAY_SECONDS * u64::from(day);
    // `into` because the signature crate is metrology's dependency, not ours.
    let epoch = Epoch { certificate: [1; 32], number: 0, first, signing: black_box([2; 32]).into() };
    let pairing = Pairing { counter: 1, household: household_fingerprint(&[3; 32]) };
    let state = ChainState {
        coverage: Coverage::default(),
        next: None,
        block: 0,
        previous: epoch.certificate,
        total: 325_495_061_662,
        day,
        key: RegisterKey::from_bytes(black_box([4; 32])),
    };

    let mut sealer = Sealer::resume(register, &epoch, pairing, state);
    let start = u64::from(day) * 48;
    for slot in 0..48u32 {
        let sample = Sample { advance: black_box(2_345_678 + 99_991 * slot), status: Status::Measured };
        let complete = sealer.record::<Infallible>(start + u64::from(slot), sample).map_err(|_| 3)?;
        if complete != (slot == 47) {
            return Err(4);
        }
    }
    let mut journal = Memory { stored: 0 };
    let block = sealer.close(&epoch, &mut journal).map_err(|_: SealError<Infallible>| 5)?;
    if journal.stored != 1 || sealer.is_open() {
        return Err(6);
    }
    // 21 bytes of prefix, 48 readings of two bytes, 16 bytes of tag.
    if block.commitments().len() != 48 || block.ciphertext().len() != 21 + 96 + 16 {
        return Err(7);
    }
    let (message, list) = (black_box(block.message.as_slice()), black_box(block.commitments()));
    if message.is_empty() || list[0] == list[47] {
        return Err(8);
    }
    Ok(())
}

/// Counts what a meter would write to its memory.
struct Memory {
    stored: u32,
}

impl Journal for Memory {
    type Error = Infallible;

    fn store(&mut self, _: &RegisterCode, state: &ChainState, _: &SealedBlock) -> Result<(), Infallible> {
        black_box(state);
        self.stored += 1;
        Ok(())
    }
}
