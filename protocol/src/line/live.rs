//! Current readings: a telegram of fixed length under the key of a live session.
//!
//! Whoever carries it (a broker, a radio) sees that the meter is alive, and nothing else: every field has a fixed width,
//! because the length of a compact number would tell whether the kettle is on. The key is new in each session by both
//! ends' nonces, the counter is the cipher's nonce, and a receiver takes counters in rising order only. The totals stand in
//! the order of the Identity, which nobody signs: that order, with units and cadence, is authenticated with every telegram
//! ([`Terms`]), so that a line which changes it gets telegrams that do not open, and not import shown as export.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use metrology::exchange::LiveKey;
use metrology::keys::{Hash, hash};
use metrology::label::ClockQuality;
use zeroize::Zeroizing;

use super::{Identity, Now, RegisterInfo};
use crate::wire;

const AAD: &[u8] = b"wattseal/v1/now";
/// Bytes before the registers' totals.
const FIXED: usize = 1 + 8 + 1 + 1 + 8 + 4 + 1;
/// Power that the meter does not measure.
const NO_POWER: i32 = i32::MIN;

const SUPPLY: u8 = 1;
const PREPAID: u8 = 2;

/// What a meter shows at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// The meter's clock, Unix seconds.
    pub at: u64,
    /// How far it trusts its clock.
    pub clock: ClockQuality,
    /// Whether the supply switch is closed.
    pub supply: bool,
    /// Prepaid credit in minor units, when the meter keeps one.
    pub credit: Option<i64>,
    /// Power now in watts, feeding in negative, when it is measured.
    pub power: Option<i32>,
    /// Totals in 10⁻⁴ units, in the order in which the meter named its registers.
    pub totals: Vec<u64>,
}

/// What the telegrams of a session rest on besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms(Hash);

impl Terms {
    /// Of a meter with these registers, in this order, and this many seconds between telegrams.
    #[must_use]
    pub fn new(registers: &[RegisterInfo], cadence: u16) -> Self {
        Self(hash("wattseal/v1/terms", &[&wire::encode(&(registers, cadence))]))
    }

    /// As a meter said them.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self::new(&identity.registers, identity.cadence)
    }

    fn aad(&self) -> Vec<u8> {
        [AAD, &self.0].concat()
    }
}

/// Why a telegram of current readings is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// A counter that was used, or an older one.
    #[error("it was seen before, or comes late")]
    Replayed,
    /// It does not open under the session's key.
    #[error("it does not open under the key of this session")]
    Closed,
    /// It opens and is not a telegram.
    #[error("it is not a telegram of this version")]
    Malformed,
}

/// The meter's end of a session.
pub struct Sending {
    key: LiveKey,
    terms: Terms,
    counter: u64,
}

impl Sending {
    /// Begins a session.
    #[must_use]
    pub fn new(key: LiveKey, terms: Terms) -> Self {
        Self { key, terms, counter: 0 }
    }

    /// Encrypts a telegram. `None` when the session has sent all it can.
    pub fn seal(&mut self, live: &Live) -> Option<Now> {
        let counter = self.counter;
        self.counter = counter.checked_add(1)?;
        let plaintext = write(live);
        let payload = Payload { msg: &plaintext, aad: &self.terms.aad() };
        let ciphertext = cipher(&self.key).encrypt(&nonce(counter), payload).ok()?;
        Some(Now { counter, ciphertext: ciphertext.into() })
    }
}

/// The household's end of a session.
pub struct Receiving {
    key: LiveKey,
    terms: Terms,
    next: u64,
}

impl Receiving {
    /// Begins a session.
    #[must_use]
    pub fn new(key: LiveKey, terms: Terms) -> Self {
        Self { key, terms, next: 0 }
    }

    /// Opens a telegram.
    ///
    /// # Errors
    /// See [`LiveError`]; the session goes on.
    pub fn open(&mut self, now: &Now) -> Result<Live, LiveError> {
        if now.counter < self.next {
            return Err(LiveError::Replayed);
        }
        let payload = Payload { msg: now.ciphertext.as_slice(), aad: &self.terms.aad() };
        let plaintext = cipher(&self.key).decrypt(&nonce(now.counter), payload).map_err(|_| LiveError::Closed)?;
        let live = read(&Zeroizing::new(plaintext)).ok_or(LiveError::Malformed)?;
        self.next = now.counter.checked_add(1).ok_or(LiveError::Malformed)?;
        Ok(live)
    }
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sending({})", self.counter)
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receiving({})", self.next)
    }
}

fn cipher(key: &LiveKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(Key::from_slice(key.expose()))
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

fn write(live: &Live) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED + 8 * live.totals.len()));
    bytes.push(metrology::VERSION);
    bytes.extend_from_slice(&live.at.to_le_bytes());
    bytes.push(live.clock as u8);
    let prepaid = if live.credit.is_some() { PREPAID } else { 0 };
    bytes.push(prepaid | if live.supply { SUPPLY } else { 0 });
    bytes.extend_from_slice(&live.credit.unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(&live.power.unwrap_or(NO_POWER).to_le_bytes());
    // A certificate names eight registers at most.
    bytes.push(u8::try_from(live.totals.len()).unwrap_or(u8::MAX));
    for total in &live.totals {
        bytes.extend_from_slice(&total.to_le_bytes());
    }
    bytes
}

fn read(bytes: &[u8]) -> Option<Live> {
    let (version, rest) = bytes.split_first()?;
    let (at, rest) = rest.split_first_chunk()?;
    let ([clock, flags], rest) = rest.split_first_chunk()?;
    let (credit, rest) = rest.split_first_chunk()?;
    let (power, rest) = rest.split_first_chunk()?;
    let (count, rest) = rest.split_first()?;
    let (totals, end) = rest.as_chunks::<8>();
    let whole = end.is_empty() && totals.len() == usize::from(*count);
    if *version != metrology::VERSION || !whole || flags & !(SUPPLY | PREPAID) != 0 {
        return None;
    }
    Some(Live {
        at: u64::from_le_bytes(*at),
        clock: ClockQuality::from_code(*clock)?,
        supply: flags & SUPPLY != 0,
        credit: (flags & PREPAID != 0).then(|| i64::from_le_bytes(*credit)),
        power: Some(i32::from_le_bytes(*power)).filter(|watts| *watts != NO_POWER),
        totals: totals.iter().map(|total| u64::from_le_bytes(*total)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrology::exchange::{Course, live_key};
    use metrology::keys::{AgreementKey, PairingCode, PairingContext};
    use metrology::label::{RegisterCode, Unit};

    fn key(nonce: u8) -> LiveKey {
        let (a, b) = (AgreementKey::from_bytes([1; 32]), AgreementKey::from_bytes([2; 32]));
        let context = PairingContext { certificate: &[3; 32], counter: 1, household: &[4; 32] };
        let course = Course { context, household_nonce: [nonce; 16], meter_nonce: [6; 16] };
        live_key(&a, &b.public(), &PairingCode::from_bytes([7; 16]), &course).unwrap()
    }

    fn registers() -> [RegisterInfo; 2] {
        let named = |code| RegisterInfo {
            code: RegisterCode::new(code).unwrap(),
            unit: Unit::new("Wh").unwrap(),
            sampled: false,
            interval: 900,
        };
        [named("1-0:1.8.0"), named("1-0:2.8.0")]
    }

    fn terms() -> Terms {
        Terms::new(&registers(), 10)
    }

    fn live(power: i32, total: u64) -> Live {
        Live { at: 5, supply: true, credit: Some(-7), power: Some(power), totals: vec![total, 0], ..Live::default() }
    }

    #[test]
    fn telegrams_come_back_once_and_all_have_one_length() {
        let (mut meter, mut home) = (Sending::new(key(1), terms()), Receiving::new(key(1), terms()));
        let telegrams: Vec<_> =
            [live(0, 0), live(3_000_000, u64::MAX), Live { power: None, credit: None, ..live(1, 1) }]
                .iter()
                .map(|l| meter.seal(l).unwrap())
                .collect();
        assert!(telegrams.windows(2).all(|w| w[0].ciphertext.len() == w[1].ciphertext.len()));
        assert_eq!(home.open(&telegrams[0]).unwrap(), live(0, 0));
        assert_eq!(home.open(&telegrams[0]), Err(LiveError::Replayed));
        // One may be lost, none may come late.
        assert_eq!(home.open(&telegrams[2]).unwrap().credit, None);
        assert_eq!(home.open(&telegrams[1]), Err(LiveError::Replayed));
    }

    #[test]
    fn another_session_and_changed_bytes_do_not_open() {
        let now = Sending::new(key(1), terms()).seal(&live(1, 2)).unwrap();
        assert_eq!(Receiving::new(key(2), terms()).open(&now), Err(LiveError::Closed), "a telegram of another session");
        for at in 0..now.ciphertext.len() {
            let mut bytes = now.ciphertext.to_vec();
            bytes[at] ^= 1;
            let changed = Now { counter: now.counter, ciphertext: bytes.into() };
            assert_eq!(Receiving::new(key(1), terms()).open(&changed), Err(LiveError::Closed));
        }
        let moved = Now { counter: 1, ..now.clone() };
        assert_eq!(Receiving::new(key(1), terms()).open(&moved), Err(LiveError::Closed));
        let mut home = Receiving::new(key(1), terms());
        assert!(home.open(&moved).is_err());
        assert!(home.open(&now).is_ok(), "a false telegram does not end the session");
    }

    #[test]
    fn totals_are_shown_under_the_meter_s_own_names_or_not_at_all() {
        let now = Sending::new(key(1), terms()).seal(&live(1, 2)).unwrap();
        let [import, export] = registers();
        let litres = RegisterInfo { unit: Unit::new("L").unwrap(), ..import };
        for (what, named, cadence) in [
            ("exchanged", vec![export, import], 10),
            ("left out", vec![import], 10),
            ("added", vec![import, export, export], 10),
            ("another unit", vec![litres, export], 10),
            ("another cadence", vec![import, export], 3600),
        ] {
            let mut home = Receiving::new(key(1), Terms::new(&named, cadence));
            assert_eq!(home.open(&now), Err(LiveError::Closed), "{what}");
        }
        assert!(Receiving::new(key(1), terms()).open(&now).is_ok());
    }
}
