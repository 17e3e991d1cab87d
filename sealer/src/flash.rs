//! What the meter's flash holds, as CBOR: keys, certificates and every register's chain. All of it is secret.
//!
//! ```text
//! version 2: CBOR ‖ SHA-256 of it          version 1: CBOR alone, read still; without what a live meter remembers
//! ```
//!
//! The household's private key is not here: it stands in the pairing file alone. Its public key and the code of the
//! pairing are, since new epochs and registers need them to derive their keys. Signing keys of past epochs are gone.

use ed25519_dalek::SigningKey;
use metrology::cose::public_key;
use metrology::keys::{AgreementKey, Hash, PairingCode, RegisterKey, hash};
use metrology::label::{Coverage, Interval, MeterId, Register, RegisterCode, RegisterKind, Unit};
use metrology::seal::{ChainState, Epoch};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use protocol::certificate::{VerifiedCertificate, follows};
use protocol::time::Span;
use zeroize::Zeroizing;

use crate::meter::{HouseholdLink, Orders, Remembered, SealingMeter};
use crate::record::Pending;

const KIND: &str = "wattseal/flash";
/// Version that is written.
const VERSION: u8 = 2;
/// Before the checksum and the memory of a live meter.
const VERSION_1: u8 = 1;
const CHECKSUM_BYTES: usize = 32;

#[derive(Encode, Decode)]
#[cbor(array)]
struct Flash {
    #[n(0)]
    kind: String,
    #[n(1)]
    version: u8,
    /// Counts the writes, so that blocks which were on their way at a power cut can be told from those that were not.
    #[n(2)]
    generation: u64,
    #[cbor(n(3), with = "protocol::block::text")]
    id: MeterId,
    #[cbor(n(4), with = "secret")]
    identity: Zeroizing<[u8; 32]>,
    #[cbor(n(5), with = "secret")]
    agreement: Zeroizing<[u8; 32]>,
    #[n(6)]
    pairing_counter: u32,
    #[cbor(n(7), with = "minicbor::bytes")]
    household: [u8; 32],
    #[cbor(n(8), with = "secret")]
    code: Zeroizing<[u8; 16]>,
    /// The signing key of the current epoch.
    #[cbor(n(9), with = "secret")]
    signing: Zeroizing<[u8; 32]>,
    /// All epochs' certificates, oldest first.
    #[n(10)]
    certificates: Vec<ByteVec>,
    #[n(11)]
    registers: Vec<Chain>,
    #[n(12)]
    live: Option<Live>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Chain {
    #[cbor(n(0), with = "protocol::block::text")]
    code: RegisterCode,
    #[cbor(n(1), with = "protocol::block::text")]
    unit: Unit,
    #[n(2)]
    sampled: bool,
    #[n(3)]
    interval: u32,
    #[n(4)]
    coverage: Vec<Span>,
    #[n(5)]
    next: Option<u64>,
    #[n(6)]
    block: u64,
    #[cbor(n(7), with = "minicbor::bytes")]
    previous: Hash,
    #[n(8)]
    total: u64,
    #[n(9)]
    day: u32,
    #[cbor(n(10), with = "secret")]
    key: Zeroizing<[u8; 32]>,
}

/// [`Remembered`] and its orders.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Live {
    #[n(0)]
    at: u64,
    #[n(1)]
    seen: u64,
    #[n(2)]
    offset: i64,
    #[n(3)]
    whole: Option<u64>,
    #[n(4)]
    pending: Vec<Pending>,
    #[n(5)]
    confirmed: Option<ByteArray<32>>,
    #[n(6)]
    last: u64,
    #[n(7)]
    disconnected: bool,
    #[n(8)]
    credit: i64,
    #[n(9)]
    receipts: Vec<(ByteArray<32>, ByteVec)>,
}

/// CBOR codec for key bytes that erase themselves.
mod secret {
    use minicbor::{Decoder, Encoder};
    use zeroize::Zeroizing;

    pub fn encode<C, W: minicbor::encode::Write, const N: usize>(
        value: &Zeroizing<[u8; N]>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&**value)?.ok()
    }

    pub fn decode<C, const N: usize>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Zeroizing<[u8; N]>, minicbor::decode::Error> {
        let mut bytes = Zeroizing::new([0; N]);
        let found = d.bytes()?;
        if found.len() != N {
            return Err(minicbor::decode::Error::message("key of another length"));
        }
        bytes.copy_from_slice(found);
        Ok(bytes)
    }
}

/// The flash of a meter whose blocks are all closed: its keys, and the states that its sealers stored.
#[must_use]
pub fn write(meter: &SealingMeter, generation: u64) -> Zeroizing<Vec<u8>> {
    let chains = meter.chains.values().filter_map(|chain| {
        let (register, state) = (&chain.register, meter.journal.0.get(&chain.register.code)?);
        Some(Chain {
            code: register.code,
            unit: register.unit,
            sampled: register.kind == RegisterKind::Sampled,
            interval: u32::try_from(register.interval.seconds()).ok()?,
            coverage: state.coverage.ranges().iter().map(|&(from, until)| Span { from, until }).collect(),
            next: state.next,
            block: state.block,
            previous: state.previous,
            total: state.total,
            day: state.day,
            key: Zeroizing::new(*state.key.expose()),
        })
    });
    let flash = Flash {
        kind: KIND.into(),
        version: VERSION,
        generation,
        id: meter.id,
        identity: Zeroizing::new(meter.identity.to_bytes()),
        agreement: Zeroizing::new(*meter.agreement.expose()),
        pairing_counter: meter.household.counter,
        household: meter.household.public,
        code: Zeroizing::new(*meter.household.code.expose()),
        signing: Zeroizing::new(meter.epoch.signing.to_bytes()),
        certificates: meter.certificates.iter().map(|c| c.message.clone().into()).collect(),
        registers: chains.collect(),
        live: meter.remembered.as_ref().map(Live::of),
    };
    // Room enough that the buffer does not grow and leave copies of keys behind.
    let certificates: usize = meter.certificates.iter().map(|c| c.message.len() + 8).sum();
    let receipts: usize = flash.live.iter().flat_map(|live| &live.receipts).map(|(_, bytes)| bytes.len() + 64).sum();
    let room = 1024 + certificates + 512 * flash.registers.len() + receipts;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let written = minicbor::encode(&flash, &mut *bytes);
    debug_assert!(written.is_ok(), "encoding to memory does not fail");
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// The meter and the number of its last write. `None` when the bytes are damaged or parts do not fit each other.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<(SealingMeter, u64)> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let flash: Flash = decoder.decode().ok()?;
    let (body, rest) = bytes.split_at_checked(decoder.position())?;
    let whole = match flash.version {
        VERSION_1 => rest.is_empty() && flash.live.is_none(),
        VERSION => rest == checksum(body),
        _ => false,
    };
    if !whole || flash.kind != KIND {
        return None;
    }
    let certificates: Vec<_> =
        flash.certificates.iter().map(|m| VerifiedCertificate::read(m).ok()).collect::<Option<_>>()?;
    let linked = certificates.windows(2).all(|w| matches!(w, [a, b] if follows(a, b)));
    let last = certificates.last()?;
    let identity = SigningKey::from_bytes(&flash.identity);
    let signing = SigningKey::from_bytes(&flash.signing);
    let agreement = AgreementKey::from_bytes(*flash.agreement);
    let known = &last.certificate;
    let fits = known.identity_key == public_key(&identity)
        && known.signing_key == public_key(&signing)
        && known.agreement_key == agreement.public()
        && known.meter == flash.id;
    if !linked || !fits {
        return None;
    }
    let mut meter = SealingMeter {
        id: flash.id,
        class: known.class,
        identity,
        agreement,
        household: HouseholdLink {
            counter: flash.pairing_counter,
            public: flash.household,
            code: PairingCode::from_bytes(*flash.code),
        },
        epoch: Epoch { certificate: last.hash, number: known.epoch, first: known.first, signing },
        certificates,
        chains: std::collections::BTreeMap::new(),
        journal: crate::meter::Batch::default(),
        remembered: flash.live.map(Live::read),
    };
    for chain in flash.registers {
        let (register, state) = chain.read()?;
        meter.install(register, state);
    }
    Some((meter, flash.generation))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    hash("wattseal/flash-check", &[bytes])
}

impl Live {
    fn of(remembered: &Remembered) -> Self {
        let Remembered { at, seen, offset, whole, pending, confirmed, orders } = remembered;
        let receipts = orders.receipts.iter().map(|(command, receipt)| ((*command).into(), receipt.clone().into()));
        Self {
            at: *at,
            seen: *seen,
            offset: *offset,
            whole: *whole,
            pending: pending.iter().map(|(code, amount)| Pending { code: *code, amount: *amount }).collect(),
            confirmed: confirmed.map(Into::into),
            last: orders.last,
            disconnected: orders.disconnected,
            credit: orders.credit,
            receipts: receipts.collect(),
        }
    }

    fn read(self) -> Remembered {
        let Self { at, seen, offset, whole, pending, confirmed, last, disconnected, credit, receipts } = self;
        let receipts = receipts.into_iter().map(|(command, receipt)| (command.into(), receipt.into())).collect();
        let orders = Orders { last, disconnected, credit, receipts };
        let pending = pending.iter().map(|pending| (pending.code, pending.amount)).collect();
        Remembered { at, seen, offset, whole, pending, confirmed: confirmed.map(Into::into), orders }
    }
}

impl Chain {
    fn read(self) -> Option<(Register, ChainState)> {
        let kind = if self.sampled { RegisterKind::Sampled } else { RegisterKind::Cumulative };
        let interval = Interval::from_seconds(self.interval)?;
        let mut coverage = Coverage::default();
        if !self.coverage.iter().all(|span| coverage.add(span.from, span.until)) {
            return None;
        }
        let state = ChainState {
            coverage,
            next: self.next,
            block: self.block,
            previous: self.previous,
            total: self.total,
            day: self.day,
            key: RegisterKey::from_bytes(*self.key),
        };
        Some((Register { code: self.code, unit: self.unit, kind, interval }, state))
    }
}

#[cfg(test)]
mod tests;
