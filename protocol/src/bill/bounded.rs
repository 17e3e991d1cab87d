//! Limits of a bill's parts, held while it is read: a few bytes of a hostile file never become much memory.
//!
//! An element of one byte costs dozens in memory, so a file within its length could still fill a machine with empty
//! elements. Every array of a bill says how many it has before the first of them; one with too many is refused there.

use minicbor::{Decode, Decoder, decode};

/// Registers of a bill, which are those of its tariff.
pub const MAX_REGISTERS: usize = 8;
/// Energy lines of a tariff.
pub const MAX_LINES: usize = 32;
/// Certificates in a package.
pub const MAX_CERTIFICATES: usize = 1024;
/// Runs of blocks under one certificate in a register, and so their signatures.
pub const MAX_RUNS: usize = 1024;
/// Blocks of a register: the days of the longest period, and parts of days.
pub const MAX_BLOCKS: usize = 8192;
/// Bytes of a statement.
pub const MAX_STATEMENT: usize = 1 << 20;
/// Bytes of a proof: 101 a line, for each energy line and each total.
pub const MAX_PROOF: usize = 8 << 10;

/// Reads an array of at most `N` elements.
///
/// # Errors
/// When it is longer, of unknown length, or an element is wrong.
pub(crate) fn at_most<'b, const N: usize, T, C>(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Vec<T>, decode::Error>
where
    T: Decode<'b, C>,
{
    let count = d.array()?.and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= N);
    let count = count.ok_or_else(|| decode::Error::message("an array is longer than its limit"))?;
    (0..count).map(|_| d.decode_with(ctx)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::package::{Chain, Package};
    use super::super::statement::{Metered, Segment, Statement};
    use super::*;
    use crate::time::Span;
    use crate::wire::{self, WireError};
    use metrology::label::Text;

    fn package(certificates: usize, chains: usize, signatures: usize) -> Result<Package, WireError> {
        let code = Text::new("1-0:1.8.0").unwrap();
        let chain = Chain { code, blocks: Vec::new(), signatures: vec![Vec::new().into(); signatures] };
        let package = Package::new(Vec::new(), Vec::new(), vec![Vec::new(); certificates], vec![chain; chains]);
        Package::read(&package.write())
    }

    #[test]
    fn a_package_has_no_more_parts_than_any_honest_one() {
        let malformed = Err(WireError::Malformed("bill"));
        assert!(package(MAX_CERTIFICATES, MAX_REGISTERS, MAX_RUNS).is_ok());
        assert_eq!(package(MAX_CERTIFICATES + 1, 1, 1), malformed);
        assert_eq!(package(1, MAX_REGISTERS + 1, 1), malformed);
        assert_eq!(package(1, 1, MAX_RUNS + 1), malformed);
        let blocks = |count: usize| {
            let code = Text::new("1-0:1.8.0").unwrap();
            let block = super::super::ChainBlock::new(Vec::new(), &[]);
            let chain = Chain { code, blocks: vec![block; count], signatures: Vec::new() };
            Package::read(&Package::new(Vec::new(), Vec::new(), Vec::new(), vec![chain]).write())
        };
        assert!(blocks(MAX_BLOCKS).is_ok());
        assert_eq!(blocks(MAX_BLOCKS + 1), malformed);
        let long = |statement: usize, proof: usize| {
            Package::read(&Package::new(vec![0; statement], vec![0; proof], Vec::new(), Vec::new()).write()).map(|_| ())
        };
        assert_eq!(long(MAX_STATEMENT, MAX_PROOF), Ok(()));
        assert_eq!(long(MAX_STATEMENT + 1, 0), Err(WireError::TooLong("bill")));
        assert_eq!(long(0, MAX_PROOF + 1), Err(WireError::TooLong("bill")));
    }

    #[test]
    fn a_file_of_empty_elements_is_refused_at_its_first_array() {
        // Eight million empty byte strings where the certificates stand.
        let mut bytes = Package::new(Vec::new(), Vec::new(), Vec::new(), Vec::new()).write();
        assert_eq!(bytes.split_off(bytes.len() - 2), [0x80, 0x80]);
        let count = 8_u32 << 20;
        bytes.push(0x9a);
        bytes.extend_from_slice(&count.to_be_bytes());
        // Where the elements would begin nothing stands: who refuses by the count never looks for them.
        assert_eq!(Package::read(&bytes), Err(WireError::Malformed("bill")));
        let mut decoder = Decoder::new(&bytes[bytes.len() - 5..]);
        let refused = at_most::<MAX_CERTIFICATES, u8, ()>(&mut decoder, &mut ()).unwrap_err();
        assert!(refused.is_message(), "{refused}");
    }

    #[test]
    fn a_statement_has_no_more_parts_than_its_tariff_can_ask_for() {
        let segment = Segment { certificate: [0; 32], first_block: 0, blocks: 1, head: [0; 32] };
        let read = |metered: usize, segments: usize, amounts: usize| {
            let one = Metered {
                code: Text::new("1-0:1.8.0").unwrap(),
                interval: 900,
                segments: vec![segment.clone(); segments],
                missing: 0,
                estimated: 0,
                tamper: 0,
                events: 0,
            };
            let statement = Statement {
                kind: String::new(),
                version: 1,
                suite: 1,
                recipient: [0; 32],
                purpose: String::new(),
                nonce: [0; 16],
                tariff: [0; 32],
                period: Span { from: 0, until: 1 },
                metered: vec![one; metered],
                amounts: vec![0; amounts],
                corrects: None,
                fee_minor: 0,
                totals: None,
            };
            wire::decode::<Statement>(&statement.encode(), "statement").map(|_| ())
        };
        let malformed = Err(WireError::Malformed("statement"));
        assert_eq!(read(MAX_REGISTERS, MAX_RUNS, MAX_LINES), Ok(()));
        assert_eq!(read(MAX_REGISTERS + 1, 1, 1), malformed);
        assert_eq!(read(1, MAX_RUNS + 1, 1), malformed);
        assert_eq!(read(1, 1, MAX_LINES + 1), malformed);
    }
}
