//! OCMF: signed records of a charging station's meter (S.A.F.E. Open Charge Metering Format 1.0).
//!
//! `OCMF|{payload}|{"SD":"…"}`: the payload's bytes are signed with ECDSA over secp256r1 and SHA-256, deterministically
//! (RFC 6979), so that one state makes one record.

use std::fmt;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};

use super::state::{Clock, State, number};

/// How a transaction is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Begin and end in one record.
    Transaction,
    /// A record for the begin, and one for the end.
    Pairs,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Transaction, Self::Pairs];

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Pairs => "pairs",
        }
    }
}

/// SubjectPublicKeyInfo of a point on secp256r1, up to the point (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The meter's signing key.
#[derive(Clone)]
pub struct Signer256(SigningKey);

impl fmt::Debug for Signer256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer256({})", self.public_key())
    }
}

impl Signer256 {
    /// A key from 32 bytes. `None` when they are zero or beyond the order of the curve.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(bytes).ok().map(Self)
    }

    /// The public key as stations print it: SubjectPublicKeyInfo in hexadecimal digits.
    #[must_use]
    pub fn public_key(&self) -> String {
        let point = self.0.verifying_key().to_sec1_point(false);
        hex::encode([&SPKI, point.as_bytes()].concat())
    }

    fn record(&self, payload: &str) -> Vec<u8> {
        let signature: Signature = self.0.sign(payload.as_bytes());
        format!("OCMF|{payload}|{{\"SD\":\"{}\"}}\r\n", hex::encode(signature.to_der())).into_bytes()
    }
}

/// A transaction from one state to another: one record, or two.
#[must_use]
pub fn encode(dialect: Dialect, begin: &State, end: &State, signer: &Signer256) -> Vec<Vec<u8>> {
    let readings = [reading(begin, "B"), reading(end, "E")];
    match dialect {
        Dialect::Transaction => vec![signer.record(&payload(end, &readings.join(",")))],
        Dialect::Pairs => {
            let [first, last] = readings;
            vec![signer.record(&payload(begin, &first)), signer.record(&payload(end, &last))]
        }
    }
}

fn payload(state: &State, readings: &str) -> String {
    format!(
        concat!(
            r#"{{"FV":"1.0","GI":"WALLBOX","GS":"{gateway:08}","GV":"1.2","PG":"T{page}","MV":"{maker}","#,
            r#""MM":"EM340","MS":"{number:08}","MF":"1.0","IS":true,"IL":"VERIFIED","IF":["RFID_RELATED"],"#,
            r#""IT":"ISO14443","ID":"1F2D3A4F5506C7","RD":[{readings}]}}"#
        ),
        gateway = state.number,
        page = state.sequence,
        maker = state.maker_text(),
        number = state.number,
        readings = readings,
    )
}

fn reading(state: &State, kind: &str) -> String {
    let Clock { offset, doubtful, .. } = state.clock;
    let zone = format!("{:+03}{:02}", offset / 3600, offset.abs() / 60 % 60);
    // Unknown, or synchronised.
    let sync = if doubtful { 'U' } else { 'S' };
    format!(
        r#"{{"TM":"{},000{zone} {sync}","TX":"{kind}","RV":{},"RI":"1-b:1.8.0","RU":"kWh","RT":"AC","EF":"","ST":"G"}}"#,
        state.clock.local().strftime("%Y-%m-%dT%H:%M:%S"),
        number(state.import.total(), 7, 4),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::testing::{state, states};
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;
    use proptest::prelude::*;

    fn signer() -> Signer256 {
        Signer256::new(&[7; 32]).unwrap()
    }

    /// The payload of a record whose signature holds.
    fn verified(record: &[u8], key: &str) -> Option<serde_json::Value> {
        let text = std::str::from_utf8(record).unwrap().trim_end();
        let parts: Vec<_> = text.splitn(3, '|').collect();
        assert_eq!((parts.len(), parts[0]), (3, "OCMF"));
        let signature: serde_json::Value = serde_json::from_str(parts[2]).unwrap();
        let signature = hex::decode(signature["SD"].as_str().unwrap()).unwrap();
        let point = hex::decode(key).unwrap();
        let key = VerifyingKey::from_sec1_bytes(&point[point.len() - 65..]).unwrap();
        key.verify(parts[1].as_bytes(), &Signature::from_der(&signature).unwrap()).ok()?;
        Some(serde_json::from_str(parts[1]).unwrap())
    }

    #[test]
    fn a_transaction_is_signed_whole() {
        let (begin, mut end) = (state(), state());
        end.import.rates[1] += 12_345;
        end.clock.unix += 900;
        let record = encode(Dialect::Transaction, &begin, &end, &signer()).remove(0);
        let payload = verified(&record, &signer().public_key()).unwrap();
        let readings = payload["RD"].as_array().unwrap();
        let field = |place: usize, name: &str| readings[place][name].to_string();
        assert_eq!((field(0, "TX"), field(1, "TX")), ("\"B\"".into(), "\"E\"".into()));
        assert_eq!((field(0, "RV"), field(1, "RV")), ("3580.2467".into(), "3580.248".into()));
        assert_eq!(field(0, "TM"), "\"2025-06-01T02:00:00,000+0200 S\"");
        assert_eq!(payload["PG"], "T77");
        let mut forged = record;
        let place = forged.windows(4).position(|window| window == b"3580").unwrap();
        forged[place] = b'2';
        assert_eq!(verified(&forged, &signer().public_key()), None);
        assert!(Signer256::new(&[0; 32]).is_none() && Signer256::new(&[0xff; 32]).is_none());
    }

    /// RFC 6979, A.2.5, curve P-256 with SHA-256, message "sample": the signer is the deterministic one.
    #[test]
    fn signatures_are_those_of_rfc_6979() {
        let mut key = [0; 32];
        hex::decode_to_slice("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", &mut key).unwrap();
        let signer = Signer256::new(&key).unwrap();
        let signature: Signature = signer.0.sign(b"sample");
        assert_eq!(hex::encode(&signature.to_bytes()[..8]), "efd48b2aacb6a8fd");
        assert!(signer.public_key().contains("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_state_makes_records_of_bounded_size(state in states()) {
            let records = encode(Dialect::Pairs, &state, &state, &signer());
            prop_assert_eq!(records.len(), 2);
            for record in records {
                prop_assert!(record.len() < 1024 && record.is_ascii());
                prop_assert!(verified(&record, &signer().public_key()).is_some());
            }
        }
    }
}
