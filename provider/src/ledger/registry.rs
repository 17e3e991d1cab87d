//! The registry: the meters that this provider knows, by identity and epoch certificates.
//!
//! A bill never teaches the registry anything: epochs are listed by `meter add` alone.

use protocol::certificate::{VerifiedCertificate, follows};
use protocol::metrology::certificate::SealClass;
use protocol::metrology::keys::Hash;
use protocol::metrology::label::RegisterCode;
use protocol::show;
use protocol::verify::Registry;
use rusqlite::{Connection, OptionalExtension};

use super::booking::Epoch;
use super::refusals::{Refusal, record_refusal};
use super::rules::{Stop, check_epoch};
use super::terms::assign;
use super::{Ledger, LedgerError, Objection, fixed, signed, unsigned};

/// A listed meter.
#[derive(Clone, Debug)]
pub struct MeterEntry {
    pub(super) id: i64,
    /// Its key for life.
    pub identity: [u8; 32],
    /// What the maker printed on it.
    pub name: String,
    /// The contract it is billed under.
    pub contract: Option<String>,
    /// When it was listed, Unix seconds.
    pub added_at: i64,
    /// Unix second from which it is out of service.
    pub retired_from: Option<u64>,
    /// Its listed epochs, oldest first.
    pub epochs: Vec<EpochEntry>,
    /// Registers that bills are expected for, when they were named.
    pub registers: Vec<String>,
}

/// A listed epoch of a meter.
#[derive(Clone, Debug)]
pub struct EpochEntry {
    /// Its number.
    pub number: u32,
    /// Hash of its certificate.
    pub hash: Hash,
    /// Its first Unix second.
    pub first: u64,
    /// Where the sealing runs.
    pub class: SealClass,
}

/// What a certificate file brought.
#[derive(Clone, Debug)]
pub struct Added {
    /// The meter as it is listed now.
    pub meter: MeterEntry,
    /// Epochs that were not listed before.
    pub new_epochs: usize,
}

impl Ledger {
    /// Lists a meter, or further epochs of a listed one. A contradiction is recorded with the file as evidence.
    ///
    /// # Errors
    /// When the ledger fails; nothing is changed then.
    pub fn add_meter(
        &mut self,
        file: &[u8],
        chain: &[VerifiedCertificate],
        contract: Option<&str>,
        registers: &[RegisterCode],
        now: i64,
    ) -> Result<Result<Added, Objection>, LedgerError> {
        let transaction = self.writing()?;
        match add(&transaction, chain, contract, registers, now) {
            Ok(added) => {
                transaction.commit()?;
                Ok(Ok(added))
            }
            Err(Stop::Objection(objection)) => {
                transaction.rollback()?;
                let transaction = self.writing()?;
                let (code, message) = (objection.code(), objection.to_string());
                let against = objection.against();
                record_refusal(&transaction, &Refusal { file, code, message: &message, against, contract: None }, now)?;
                transaction.commit()?;
                Ok(Err(objection))
            }
            Err(Stop::Ledger(error)) => Err(error),
        }
    }

    /// Takes a meter out of service from a Unix second on; no bill may rest on later readings of it, and none is missed.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn retire_meter(&mut self, meter: &MeterEntry, from: u64) -> Result<MeterEntry, LedgerError> {
        let transaction = self.writing()?;
        transaction
            .prepare_cached("UPDATE meters SET retired_from = ?2 WHERE id = ?1")?
            .execute((meter.id, signed(from)?))?;
        transaction.commit()?;
        Ok(MeterEntry { retired_from: Some(from), ..meter.clone() })
    }

    /// All listed meters, in order of listing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn meters(&self) -> Result<Vec<MeterEntry>, LedgerError> {
        let ids = ids(&self.connection, "SELECT id FROM meters ORDER BY id")?;
        ids.into_iter().map(|id| entry(&self.connection, id)).collect()
    }

    /// A listed meter by its identity key.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn meter(&self, identity: &[u8; 32]) -> Result<Option<MeterEntry>, LedgerError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM meters WHERE identity = ?1")?;
        let id: Option<i64> = statement.query_row([identity.as_slice()], |row| row.get(0)).optional()?;
        id.map(|id| entry(&self.connection, id)).transpose()
    }

    /// The one listed meter that a text names: its identity key (hex, or at least its first eight digits), or the name
    /// that the maker printed on it.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn find_meter(&self, text: &str) -> Result<Result<MeterEntry, Objection>, LedgerError> {
        let digits: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_lowercase()).collect();
        let is_start = |identity: &[u8; 32]| digits.len() >= 8 && show::hex(identity).starts_with(&digits);
        let mut found: Vec<_> =
            self.meters()?.into_iter().filter(|m| m.name == text || is_start(&m.identity)).collect();
        Ok(match (found.pop(), found.is_empty()) {
            (Some(meter), true) => Ok(meter),
            (Some(_), false) => Err(Objection::NoSuchMeter(format!(
                "several meters are called {text:?}; give more digits of the identity key"
            ))),
            (None, _) => Err(Objection::NoSuchMeter(format!(
                "the registry lists no meter {text:?}; `meter list` shows those it has"
            ))),
        })
    }

    /// The certificate messages of a meter, oldest first; none when it is not listed.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn certificates(&self, identity: &[u8; 32]) -> Result<Vec<Vec<u8>>, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.message FROM certificates c JOIN meters m ON m.id = c.meter WHERE m.identity = ?1 ORDER BY c.epoch",
        )?;
        let rows = statement.query_map([identity.as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a verifier needs of the registry for bills of these meters. It is empty only when no meter is listed at all.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn registry(&self, meters: &[[u8; 32]]) -> Result<Registry, LedgerError> {
        let mut registry = Registry::default();
        let mut statement = self.connection.prepare_cached("SELECT id FROM meters WHERE identity = ?1")?;
        for meter in meters {
            if let Some(id) = statement.query_row([meter.as_slice()], |row| row.get(0)).optional()? {
                registry.list(&certificates(&self.connection, id)?);
            }
        }
        if registry.is_empty() {
            for id in ids(&self.connection, "SELECT id FROM meters LIMIT 1")? {
                registry.list(&certificates(&self.connection, id)?);
            }
        }
        Ok(registry)
    }
}

pub(super) fn add(
    connection: &Connection,
    chain: &[VerifiedCertificate],
    contract: Option<&str>,
    registers: &[RegisterCode],
    now: i64,
) -> Result<Added, Stop> {
    let Some(first) = chain.first() else { return Err(Objection::BrokenEpochs.into()) };
    let (identity, name) = (first.certificate.identity_key, first.certificate.meter);
    connection
        .prepare_cached("INSERT OR IGNORE INTO meters (identity, name, added_at) VALUES (?1, ?2, ?3)")?
        .execute((identity.as_slice(), name.as_str(), now))?;
    let id: i64 = connection
        .prepare_cached("SELECT id FROM meters WHERE identity = ?1")?
        .query_row([identity.as_slice()], |row| row.get(0))?;
    let new_epochs = add_epochs(connection, id, chain, now)?;

    if let Some(wanted) = contract {
        assign(connection, id, wanted, now)?;
    }
    let mut expected =
        connection.prepare_cached("INSERT OR IGNORE INTO expected_registers (meter, code) VALUES (?1, ?2)")?;
    for register in registers {
        expected.execute((id, register.as_str()))?;
    }
    Ok(Added { meter: entry(connection, id)?, new_epochs })
}

/// Lists epochs that are new. Each is the only one of its number, and follows its listed neighbours.
fn add_epochs(connection: &Connection, meter: i64, chain: &[VerifiedCertificate], now: i64) -> Result<usize, Stop> {
    let mut new = 0;
    for entry in chain {
        let certificate = &entry.certificate;
        let epoch = Epoch { meter: certificate.identity_key, number: certificate.epoch, hash: entry.hash };
        check_epoch(connection, &epoch)?;
        new += connection
            .prepare_cached(
                "INSERT OR IGNORE INTO certificates (meter, epoch, hash, first_second, message, added_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                meter,
                certificate.epoch,
                entry.hash.as_slice(),
                signed(certificate.first)?,
                &entry.message,
                now,
            ))?;
    }
    let neighbours = certificates(connection, meter)?;
    let linked = neighbours.windows(2).all(|pair| match pair {
        [a, b] if a.certificate.epoch.checked_add(1) == Some(b.certificate.epoch) => follows(a, b),
        _ => true,
    });
    if linked { Ok(new) } else { Err(Objection::BrokenEpochs.into()) }
}

fn ids(connection: &Connection, sql: &str) -> Result<Vec<i64>, LedgerError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A meter's certificates, oldest first.
fn certificates(connection: &Connection, meter: i64) -> Result<Vec<VerifiedCertificate>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT message FROM certificates WHERE meter = ?1 ORDER BY epoch")?;
    let rows = statement.query_map([meter], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|message| VerifiedCertificate::read(&message?).map_err(|_| LedgerError::Damaged("certificate"))).collect()
}

pub(super) fn entry(connection: &Connection, id: i64) -> Result<MeterEntry, LedgerError> {
    type Row = (Vec<u8>, String, Option<String>, i64, Option<i64>);
    let (identity, name, contract, added_at, retired): Row = connection
        .prepare_cached("SELECT identity, name, contract, added_at, retired_from FROM meters WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
    let epochs = certificates(connection, id)?
        .into_iter()
        .map(|c| EpochEntry {
            number: c.certificate.epoch,
            hash: c.hash,
            first: c.certificate.first,
            class: c.certificate.class,
        })
        .collect();
    let mut statement =
        connection.prepare_cached("SELECT code FROM expected_registers WHERE meter = ?1 ORDER BY code")?;
    let registers = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(MeterEntry {
        id,
        identity: fixed(identity, "meter")?,
        name,
        contract,
        added_at,
        retired_from: retired.map(|at| unsigned(at, "meter")).transpose()?,
        epochs,
        registers,
    })
}
