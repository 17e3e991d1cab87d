//! Receipts: what a household was told about its booked bill, word for word and for ever.

use protocol::metrology::keys::Hash;
use protocol::service::receipt::BillReceipt;
use rusqlite::OptionalExtension;

use super::{Ledger, LedgerError, fixed, unsigned};

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

    /// Writes the receipt of a booked bill, unless there is one: the first is the only one, whoever asks and however
    /// often. What it says comes from the bill's row, so one that is written after a crash says the same.
    ///
    /// # Errors
    /// When the ledger fails, or holds no such bill.
    pub fn write_receipt(
        &mut self,
        digest: &Hash,
        contract: &str,
        provider: [u8; 32],
        verdict: &str,
        sign: impl FnOnce(&BillReceipt) -> Vec<u8>,
    ) -> Result<Receipt, LedgerError> {
        let transaction = self.writing()?;
        type Row = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, bool);
        let row: Option<Row> = transaction
            .prepare_cached(
                "SELECT b.id, b.booked_at, old.digest, new.digest, EXISTS (SELECT 1 FROM receipts r WHERE r.bill = b.id) \
                 FROM bills b LEFT JOIN bills old ON old.id = b.corrects LEFT JOIN bills new ON new.corrects = b.id \
                 WHERE b.digest = ?1 AND b.contract = ?2",
            )?
            .query_row((digest.as_slice(), contract), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()?;
        let (bill, booked_at, corrects, corrected_by, written) = row.ok_or(LedgerError::Damaged("bill"))?;
        if !written {
            let link = |bytes: Option<Vec<u8>>| bytes.map(|b| fixed::<32>(b, "bill").map(Into::into)).transpose();
            let mut receipt = BillReceipt::new(provider, *digest, contract.to_owned(), unsigned(booked_at, "bill")?);
            (receipt.corrects, receipt.corrected_by) = (link(corrects)?, link(corrected_by)?);
            transaction.execute(
                "INSERT INTO receipts (bill, verdict, message) VALUES (?1, ?2, ?3)",
                (bill, verdict, sign(&receipt)),
            )?;
        }
        transaction.commit()?;
        self.receipt(digest, contract)?.ok_or(LedgerError::Damaged("receipt"))
    }
}
