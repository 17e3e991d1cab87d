//! Which bill a new one goes on from, when its tariff carries numbers from period to period.

use protocol::metrology::keys::Hash;
use protocol::tariff::SignedTariff;

use super::super::{BillRefused, BillRequest};
use super::Before;
use crate::store::{Store, StoreError, StoredState, SubmissionState};

/// A bill that left a state under a tariff like the wanted one.
struct Earlier {
    until: u64,
    accepted: bool,
    state: StoredState,
}

/// The bill that a new one has to go on from: the one that ends where it begins, or for a correction the one that the
/// corrected bill went on from. `None` begins with the tariff's first values; `restart` does so although there are earlier
/// bills.
///
/// # Errors
/// When bills are missing in between, or the store fails.
pub fn find_before(
    store: &Store,
    tariff: &SignedTariff,
    request: &BillRequest,
    restart: bool,
) -> Result<Option<Before>, BillRefused> {
    if tariff.tariff.cells().is_empty() || restart {
        return Ok(None);
    }
    let all = earlier(store, tariff)?;
    if let Some(old) = request.corrects.and_then(|old| all.iter().find(|bill| bill.state.bill == old)) {
        let Some(continued) = old.state.continues else { return Ok(None) };
        // What was continued may have been corrected itself since.
        return Ok(newest_version(&all, continued).map(before));
    }
    let begins = request.period.from;
    let standing = || all.iter().filter(|bill| !is_superseded(&all, bill));
    let ends_here = || standing().filter(|bill| bill.until == begins);
    // Newest first; one that the provider has booked goes before one that it has not seen.
    if let Some(found) = ends_here().find(|bill| bill.accepted).or_else(|| ends_here().next()) {
        return Ok(Some(before(found)));
    }
    match standing().map(|bill| bill.until).filter(|until| *until < begins).max() {
        Some(until) => Err(BillRefused::StateGap { until }),
        None => Ok(None),
    }
}

/// Bills that were not refused, under tariffs of the same provider with the same registers and cells; newest first.
fn earlier(store: &Store, tariff: &SignedTariff) -> Result<Vec<Earlier>, BillRefused> {
    let wanted = &tariff.tariff;
    let names = |tariff: &protocol::tariff::Tariff| -> (Vec<String>, Vec<String>) {
        let registers = tariff.registers.iter().map(|register| register.code.as_str().to_owned());
        (tariff.cells().iter().map(|cell| cell.name.clone()).collect(), registers.collect())
    };
    let mut found = Vec::new();
    for digest in store.bills_with_state()? {
        let bill = store.bill(&digest)?.ok_or(StoreError::Damaged("bill"))?;
        let message = store.tariff(&bill.tariff)?.ok_or(StoreError::Damaged("tariff"))?;
        let under = SignedTariff::read(&message).map_err(|_| StoreError::Damaged("tariff"))?.tariff;
        let submission = store.submission(&digest)?.map(|submission| submission.state);
        let like = under.provider.key == wanted.provider.key && names(&under) == names(wanted);
        if like && submission != Some(SubmissionState::Refused) {
            let state = store.state(&digest)?.ok_or(StoreError::Damaged("state of a bill"))?;
            let accepted = submission == Some(SubmissionState::Accepted);
            found.push(Earlier { until: bill.period.until, accepted, state });
        }
    }
    Ok(found)
}

fn is_superseded(all: &[Earlier], bill: &Earlier) -> bool {
    all.iter().any(|other| other.state.corrects == Some(bill.state.bill))
}

/// A bill, or its last correction.
fn newest_version(all: &[Earlier], digest: Hash) -> Option<&Earlier> {
    let mut found = all.iter().find(|bill| bill.state.bill == digest)?;
    // Corrections lead forward in time: there are no more steps than bills.
    for _ in all {
        match all.iter().find(|other| other.state.corrects == Some(found.state.bill)) {
            Some(correction) => found = correction,
            None => break,
        }
    }
    Some(found)
}

fn before(bill: &Earlier) -> Before {
    Before { state: bill.state.after.clone(), bill: bill.state.bill }
}
