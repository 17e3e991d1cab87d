//! Pairings and certificates.

use protocol::certificate::{VerifiedCertificate, follows};
use protocol::pairing::Pairing;

use super::{Arrival, IngestError, Refused};
use crate::store::{HandshakeRow, Store};

/// Pairs with a meter: stores its certificates and the household's side of the keys.
///
/// # Errors
/// When the pairing contradicts what is stored.
pub fn pair(store: &Store, pairing: &Pairing, now: i64) -> Result<Arrival, IngestError> {
    let Some(first) = pairing.certificates.first() else { return Err(Refused::BrokenEpochs.into()) };
    let certificate = &first.certificate;
    let meter = match store.meter(&certificate.identity_key)? {
        Some(row) => row.id,
        None => store.insert_meter(&certificate.identity_key, certificate.meter.as_str(), now)?,
    };
    learn_certificates(store, meter, &pairing.certificates)?;
    if let Some(known) = store.pairing(meter, pairing.counter)? {
        let same =
            known.pairing.household() == pairing.household() && known.pairing.code.expose() == pairing.code.expose();
        return if same { Ok(Arrival::Known) } else { Err(Refused::OtherPairing.into()) };
    }
    store.insert_pairing(meter, pairing)?;
    Ok(Arrival::Stored)
}

/// Puts a pairing in force that the meter has shown to hold: a current reading opened under its keys, or a signed header
/// names its number and household. What merely says so (an Identity, a Paired) anybody on the line can forge. `shown` are
/// the certificates that this rests on beyond those of the pairing.
///
/// # Errors
/// When the pairing or the certificates contradict what is stored; nothing should be kept then.
pub fn complete(
    store: &Store,
    handshake: &HandshakeRow,
    shown: &[VerifiedCertificate],
) -> Result<Arrival, IngestError> {
    let arrival = pair(store, &handshake.pairing, handshake.made_at)?;
    if shown.first().is_some_and(|first| first.certificate.identity_key == handshake.identity) {
        learn(store, shown)?;
    }
    store.end_handshakes(&handshake.identity, handshake.pairing.counter)?;
    Ok(arrival)
}

/// Takes in a paired meter's certificate file. Returns how many epochs were new.
///
/// # Errors
/// When the meter is not paired or the certificates contradict the known ones.
pub fn learn(store: &Store, certificates: &[VerifiedCertificate]) -> Result<usize, IngestError> {
    let Some(first) = certificates.first() else { return Err(Refused::BrokenEpochs.into()) };
    let meter = store.meter(&first.certificate.identity_key)?.ok_or(Refused::UnknownMeter)?;
    learn_certificates(store, meter.id, certificates)
}

fn learn_certificates(store: &Store, meter: i64, certificates: &[VerifiedCertificate]) -> Result<usize, IngestError> {
    let mut known: Vec<VerifiedCertificate> = store.certificates(meter)?.into_iter().map(|(_, c)| c).collect();
    let mut new = 0;
    for entry in certificates {
        if let Some(same) = known.iter().find(|k| k.certificate.epoch == entry.certificate.epoch) {
            if same.hash != entry.hash {
                return Err(Refused::ForkedEpoch.into());
            }
            continue;
        }
        let fits = match known.last() {
            Some(last) => follows(last, entry),
            None => entry.certificate.epoch == 0,
        };
        if !fits {
            return Err(Refused::BrokenEpochs.into());
        }
        store.insert_certificate(meter, entry)?;
        known.push(entry.clone());
        new += 1;
    }
    Ok(new)
}
