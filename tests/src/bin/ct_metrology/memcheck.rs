//! The client requests of valgrind's memcheck that the constant-time check needs, as instructions: no header and no
//! C compiler. The preambles are those of `valgrind.h` (3.x), the numbers those of `memcheck.h`. On a real processor
//! the instructions do nothing and every request answers 0.
#![allow(unsafe_code, reason = "a client request is a sequence of machine instructions")]

/// `VG_USERREQ__RUNNING_ON_VALGRIND`.
const RUNNING: u64 = 0x1001;
/// The first of memcheck's own requests: 'M', 'C', 0, 0.
const MEMCHECK: u64 = 0x4d43_0000;
const MAKE_UNDEFINED: u64 = MEMCHECK + 1;
const MAKE_DEFINED: u64 = MEMCHECK + 2;
const GET_VALIDITY: u64 = MEMCHECK + 8;

/// Whether valgrind runs this program.
pub fn running() -> bool {
    request(RUNNING, [0; 3]) != 0
}

/// Marks a value as secret: a branch on it or an address made from it is an error from here on.
pub fn secret<T>(value: &mut T) {
    let address: *mut T = value;
    request(MAKE_UNDEFINED, [address as u64, size_of::<T>() as u64, 0]);
}

/// Marks a value as public again, because it leaves the meter anyway.
pub fn publish<T: ?Sized>(value: &T) {
    let address: *const T = value;
    request(MAKE_DEFINED, [address.cast::<u8>() as u64, size_of_val(value) as u64, 0]);
}

/// Whether any bit of the bytes depends on a secret.
pub fn depends_on_secrets(bytes: &[u8]) -> bool {
    let mut bits = vec![0u8; bytes.len()];
    request(GET_VALIDITY, [bytes.as_ptr() as u64, bits.as_mut_ptr() as u64, bytes.len() as u64]);
    bits.iter().any(|b| *b != 0)
}

fn request(number: u64, [a, b, c]: [u64; 3]) -> u64 {
    let block: [u64; 6] = [number, a, b, c, 0, 0];
    let mut answer = 0u64;
    // SAFETY: the rotations add up to whole turns and the last instruction moves a register to itself, so outside
    // valgrind nothing changes. Valgrind reads `block` and writes the answer's register and its own shadow memory;
    // only GET_VALIDITY writes to the program's memory, to a buffer of the length it is given. The block is taken
    // to read and write all memory, so values are not kept in registers across it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") block.as_ptr(),
            inout("rdx") answer,
            options(nostack),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61", "orr x10, x10, x10",
            in("x4") block.as_ptr(),
            inout("x3") answer,
            options(nostack),
        );
    }
    answer
}
