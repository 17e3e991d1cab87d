//! Receipts: what a household was told about its booked bill, word for word.
//!
//! A receipt is written from the booked row, once. It is written again only when the key that signed it did not speak
//! for the provider at that time, as after a theft: households would take it for a thief's.

use protocol::metrology::keys::Hash;
use protocol::service::receipt::BillReceipt;
use rusqlite::{Connection, OptionalExtension};

use super::keys::check_household;
use super::terms::holder;
use super::{Household, Ledger, LedgerError, fixed, unsigned};
use protocol::time::Span;

/// A booked bill's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The verdict as JSON text.
    pub verdict: String,
    /// The signed receipt.
    pub message: Vec<u8>,
    /// The correction that has superseded the bill since.
    pub corrected_by: Option<Hash>,
}

/// A booked bill as it came, to be looked at again.
#[derive(Clone, Debug)]
pub struct BookedFile {
    /// Its file.
    pub package: Vec<u8>,
    /// Its tariff's message.
    pub tariff: Vec<u8>,
    /// The file of the circuit that it was proved under, if it was.
    pub circuit: Option<Vec<u8>>,
}

impl Ledger {
    /// The receipt of a contract's bill, if one was written.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn receipt(&self, digest: &Hash, contract: &str) -> Result<Option<Receipt>, LedgerError> {
        type Row = (String, Vec<u8>, Option<Vec<u8>>);
        let row: Option<Row> = self
            .connection
            .prepare_cached(
                "SELECT r.verdict, r.message, n.digest FROM receipts r JOIN bills b ON b.id = r.bill \
                 LEFT JOIN bills n ON n.corrects = b.id WHERE b.digest = ?1 AND b.contract = ?2",
            )?
            .query_row((digest.as_slice(), contract), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        row.map(|(verdict, message, newer)| {
            let corrected_by = newer.map(|b| fixed(b, "bill")).transpose()?;
            Ok(Receipt { verdict, message, corrected_by })
        })
        .transpose()
    }

    /// A booked bill of a contract, whether or not it has a receipt. One that was booked before its meters had any
    /// contract is of the contract that has them by now.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn booked_file(&self, digest: &Hash, contract: &str) -> Result<Option<BookedFile>, LedgerError> {
        let Some((bill, _)) = find(&self.connection, digest, contract)? else { return Ok(None) };
        let file = self
            .connection
            .prepare_cached(
                "SELECT b.package, t.message, c.file FROM bills b JOIN tariffs t ON t.hash = b.tariff \
                 LEFT JOIN proofs p ON p.bill = b.id LEFT JOIN circuits c ON c.id = p.circuit WHERE b.id = ?1",
            )?
            .query_row([bill], |row| {
                Ok(BookedFile { package: row.get(0)?, tariff: row.get(1)?, circuit: row.get(2)? })
            })?;
        Ok(Some(file))
    }

    /// Writes the receipt of a household's booked bill. What it says comes from the bill's row, so one that is written
    /// after a crash says the same. One that is there already stays as it is when `stands` says that its key spoke for
    /// the provider; else it is signed again.
    ///
    /// # Errors
    /// When the household was shut out meanwhile, or the ledger fails or holds no such bill.
    pub fn write_receipt(
        &mut self,
        digest: &Hash,
        household: &Household,
        provider: [u8; 32],
        verdict: &str,
        stands: impl FnOnce(&[u8]) -> bool,
        sign: impl FnOnce(&BillReceipt) -> Vec<u8>,
    ) -> Result<Receipt, LedgerError> {
        let transaction = self.writing()?;
        check_household(&transaction, household)?;
        let contract = household.contract.as_str();
        let (bill, owned) = find(&transaction, digest, contract)?.ok_or(LedgerError::Damaged("bill"))?;
        if !owned {
            transaction.execute("UPDATE bills SET contract = ?2 WHERE id = ?1", (bill, contract))?;
        }
        type Row = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);
        let (booked_at, corrects, corrected_by, written): Row = transaction
            .prepare_cached(
                "SELECT b.booked_at, old.digest, new.digest, r.message FROM bills b \
                 LEFT JOIN bills old ON old.id = b.corrects LEFT JOIN bills new ON new.corrects = b.id \
                 LEFT JOIN receipts r ON r.bill = b.id WHERE b.id = ?1",
            )?
            .query_row([bill], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        if !written.is_some_and(|message| stands(&message)) {
            let link = |bytes: Option<Vec<u8>>| bytes.map(|b| fixed::<32>(b, "bill").map(Into::into)).transpose();
            let mut receipt = BillReceipt::new(provider, *digest, contract.to_owned(), unsigned(booked_at, "bill")?);
            (receipt.corrects, receipt.corrected_by) = (link(corrects)?, link(corrected_by)?);
            // What a household was told of the bill stays; the signature alone is another.
            transaction.execute(
                "INSERT INTO receipts (bill, verdict, message) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (bill) DO UPDATE SET message = excluded.message",
                (bill, verdict, sign(&receipt)),
            )?;
        }
        transaction.commit()?;
        self.receipt(digest, contract)?.ok_or(LedgerError::Damaged("receipt"))
    }
}

/// The row of a contract's bill, and whether it is the contract's own already: a bill that was booked for none is of the
/// contract that had all its meters when they measured.
fn find(connection: &Connection, digest: &Hash, contract: &str) -> Result<Option<(i64, bool)>, LedgerError> {
    let row: Option<(i64, Option<String>)> = connection
        .prepare_cached("SELECT id, contract FROM bills WHERE digest = ?1")?
        .query_row([digest.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match row {
        Some((bill, Some(found))) => Ok((found == contract).then_some((bill, true))),
        Some((bill, None)) => {
            let mut statement =
                connection.prepare_cached("SELECT identity, first_second, end_second FROM claims WHERE bill = ?1")?;
            let mut rows = statement.query([bill])?;
            while let Some(row) = rows.next()? {
                let span = Span { from: unsigned(row.get(1)?, "claim")?, until: unsigned(row.get(2)?, "claim")? };
                let meter = fixed(row.get(0)?, "claim")?;
                if holder(connection, &meter, span)?.as_deref() != Some(contract) {
                    return Ok(None);
                }
            }
            Ok(Some((bill, false)))
        }
        None => Ok(None),
    }
}
