//! Standing submissions: begun and ended by the household.

use gateway_core::Store;
use protocol::show;
use protocol::time::{Span, Zone};

use super::Gateway;
use super::month::start_of_month;
use crate::Failure;
use crate::api::{Answer, StandingAdd};
use crate::commands::now;

impl Gateway {
    pub(super) async fn add_standing(&self, add: &StandingAdd) -> Result<Answer, Failure> {
        let account = self.enrolled(add.account).await?;
        let month = || Failure::refused("month", format!("{:?} is not a month; write 2026-03", add.from));
        // Any zone is within a day of UTC: the middle of the month lies in it everywhere.
        let middle = start_of_month(&utc(), &add.from).ok_or_else(month)?.saturating_add(15 * 86_400);
        let (tariff, _) = self.tariff_for(&account, &add.tariff, middle).await?;
        let first = start_of_month(&tariff.tariff.zone, &add.from).ok_or_else(month)?;
        let (name, offset, totals) = (add.tariff.clone(), u64::from(add.after_hours) * 3600, add.totals);
        let zone = tariff.tariff.zone;
        self.keeper
            .run(move |store| {
                store.transaction(|store| {
                    check_new(store, account.id, &name, first, &zone)?;
                    Ok::<_, Failure>(store.keep_standing(account.id, &name, first, offset, totals)?)
                })
            })
            .await?;
        self.submissions().await
    }

    pub(super) async fn end_standing(&self, standing: i64) -> Result<Answer, Failure> {
        if !self.keeper.run(move |store| store.end_standing(standing, now())).await? {
            return Err(Failure::refused(
                "no-standing",
                format!("there is no standing submission {standing} under way"),
            ));
        }
        self.submissions().await
    }
}

fn utc() -> Zone {
    Zone { name: "UTC".into(), offset: 0, changes: Vec::new() }
}

/// A month is billed once: not by two standing submissions, and not again by one that begins in the past.
fn check_new(store: &Store, account: i64, tariff: &str, first: u64, zone: &Zone) -> Result<(), Failure> {
    let same = |s: &gateway_core::store::Standing| s.ended_at.is_none() && s.account == account && s.tariff == tariff;
    if let Some(standing) = store.standing()?.into_iter().find(same) {
        return Err(Failure::refused(
            "standing-exists",
            format!(
                "standing submission {} bills this account under {tariff} already; to change it, end it first with: wattseal \
                 standing end {0}",
                standing.id
            ),
        ));
    }
    let months = Span { from: first, until: i64::MAX.unsigned_abs() };
    if let Some(billed) = store.last_month_billed(account, tariff, &months, None)? {
        return Err(Failure::refused(
            "month-billed",
            format!(
                "the month that begins at {} has a bill of a standing submission under {tariff} already; begin after it",
                show::local(zone, billed)
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::store::StoreKey;

    #[test]
    fn a_second_press_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("s"), &StoreKey::from_bytes([1; 32])).unwrap();
        store.pin_provider(&[7; 32], "Fern", 1).unwrap();
        let account = store.keep_account(&[7; 32], "a:1", &[1; 32], &[1; 32]).unwrap();
        let check = |tariff| check_new(&store, account, tariff, 100, &utc()).map_err(|f| f.code().to_owned());
        assert_eq!(check("green"), Ok(()));
        let id = store.keep_standing(account, "green", 100, 0, false).unwrap();
        assert_eq!(check("green"), Err("standing-exists".into()));
        assert_eq!(check("gas"), Ok(()));
        assert!(store.end_standing(id, 5).unwrap());
        assert_eq!(check("green"), Ok(()));
    }
}
