//! What is noted of an open day, one record after the other, each with a checksum.
//!
//! ```text
//! length (2 bytes) ‖ CBOR ‖ first 8 bytes of SHA-256 over the CBOR
//! ```

use metrology::keys::hash;
use metrology::label::{RegisterCode, Status};
use metrology::seal::Sample;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

const LENGTH_BYTES: usize = 2;
const CHECK_BYTES: usize = 8;

/// When something was noted: in the world, and by the computer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Stamp {
    /// World time up to which the registers have counted.
    #[n(0)]
    pub at: u64,
    /// The computer's clock, Unix milliseconds.
    #[n(1)]
    pub seen: u64,
}

/// One thing that a meter must know again after a power cut.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    /// A slot was recorded in these registers.
    #[n(0)]
    Slot {
        /// When.
        #[n(0)]
        stamp: Stamp,
        /// `unix_time / interval` by the meter's clock.
        #[n(1)]
        slot: u64,
        /// What each register measured.
        #[n(2)]
        advances: Vec<Advance>,
        /// Credit that is left, in 10⁻⁹ currency units.
        #[n(3)]
        credit: i64,
        /// Whether the meter ran when the slot ended.
        #[n(4)]
        running: bool,
    },
    /// Events that the block being filled has to report.
    #[n(1)]
    Report {
        /// See [`metrology::label::events`].
        #[n(0)]
        events: u16,
    },
    /// The clock was set.
    #[n(2)]
    Clock {
        /// When.
        #[n(0)]
        stamp: Stamp,
        /// What the meter's clock is ahead of the world's from now on.
        #[n(1)]
        offset: i64,
        /// What has passed and is not in a slot yet.
        #[n(2)]
        pending: Vec<Pending>,
    },
    /// A command was obeyed.
    #[n(3)]
    Order {
        /// When.
        #[n(0)]
        stamp: Stamp,
        /// Number of the command.
        #[n(1)]
        sequence: u64,
        /// Its hash.
        #[n(2)]
        command: ByteArray<32>,
        /// The receipt.
        #[n(3)]
        receipt: ByteVec,
        /// Whether the switch is open by order from now on.
        #[n(4)]
        disconnected: bool,
        /// Credit from now on.
        #[n(5)]
        credit: i64,
        /// What has passed and is not in a slot yet.
        #[n(6)]
        pending: Vec<Pending>,
    },
    /// The meter was running.
    #[n(4)]
    Alive {
        /// When.
        #[n(0)]
        stamp: Stamp,
        /// What has passed and is not in a slot yet.
        #[n(1)]
        pending: Vec<Pending>,
        /// Credit that is left.
        #[n(2)]
        credit: i64,
    },
}

/// What one register measured in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Advance {
    /// The register.
    #[cbor(n(0), with = "protocol::block::text")]
    pub code: RegisterCode,
    /// Code of the slot's status.
    #[n(1)]
    pub status: u8,
    /// 10⁻⁴ units.
    #[n(2)]
    pub advance: u32,
}

/// What has passed through a register since its last slot.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Pending {
    /// The register.
    #[cbor(n(0), with = "protocol::block::text")]
    pub code: RegisterCode,
    /// 10⁻⁴ units.
    #[n(1)]
    pub amount: u64,
}

impl Advance {
    /// What the sealer takes.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample { advance: self.advance, status: Status::from_code(self.status) }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        match self {
            Self::Slot { advances, .. } => advances.iter_mut().for_each(|advance| advance.advance.zeroize()),
            Self::Clock { pending, .. } | Self::Order { pending, .. } | Self::Alive { pending, .. } => {
                pending.iter_mut().for_each(|pending| pending.amount.zeroize());
            }
            Self::Report { .. } => {}
        }
    }
}

impl Record {
    /// The record as it stands in the file.
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let body = protocol::wire::encode_secret(self);
        let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + LENGTH_BYTES + CHECK_BYTES));
        // Eight registers and a receipt of 512 bytes are far below 2¹⁶.
        bytes.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&check(&body));
        bytes
    }

    /// Reads records up to the first that is not whole, and says how many bytes are good.
    #[must_use]
    pub fn read_all(bytes: &[u8]) -> (Vec<Self>, usize) {
        let (mut records, mut good) = (Vec::new(), 0);
        while let Some((record, length)) = bytes.get(good..).and_then(Self::read) {
            records.push(record);
            good += length;
        }
        (records, good)
    }

    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
        let (body, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        if rest.get(..CHECK_BYTES)? != check(body) {
            return None;
        }
        let record = protocol::wire::decode_secret(body, "record of an open day").ok()?;
        Some((record, LENGTH_BYTES + body.len() + CHECK_BYTES))
    }
}

fn check(body: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hash("wattseal/open-day", &[body])[..CHECK_BYTES]);
    check
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code() -> RegisterCode {
        RegisterCode::new("1-0:1.8.0").unwrap()
    }

    pub(crate) fn records() -> Vec<Record> {
        let stamp = Stamp { at: 1_772_323_200, seen: 1_772_323_200_000 };
        let pending = vec![Pending { code: code(), amount: u64::MAX }];
        vec![
            Record::Report { events: 4 },
            Record::Slot {
                stamp,
                slot: 984_624,
                advances: vec![Advance { code: code(), status: 1, advance: u32::MAX }; 8],
                credit: -1,
                running: true,
            },
            Record::Clock { stamp, offset: -3600, pending: pending.clone() },
            Record::Order {
                stamp,
                sequence: u64::MAX,
                command: [7; 32].into(),
                receipt: vec![1; 512].into(),
                disconnected: true,
                credit: i64::MIN,
                pending: pending.clone(),
            },
            Record::Alive { stamp, pending, credit: 5 },
        ]
    }

    #[test]
    fn a_torn_record_ends_the_reading() {
        let bytes: Vec<u8> = records().iter().flat_map(|record| record.write().to_vec()).collect();
        let mut ends = vec![0];
        for record in records() {
            ends.push(ends.last().unwrap() + record.write().len());
        }
        for cut in 0..=bytes.len() {
            let (read, good) = Record::read_all(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!((read.len(), good), (whole, ends[whole]));
            assert!(read == records()[..whole]);
        }
    }

    proptest! {
        #[test]
        fn a_damaged_byte_is_noticed(at: prop::sample::Index, by in 1u8..) {
            for record in records() {
                let mut bytes = record.write();
                let at = at.index(bytes.len());
                bytes[at] ^= by;
                prop_assert_eq!(Record::read_all(&bytes).1, 0);
            }
        }
    }
}
