//! The inference ledger: what left, what is left, and what an answer would tell.

#![allow(clippy::float_arithmetic)] // bits, no money or energy

use std::collections::BTreeMap;

use gateway_core::bill::{BillRefused, propose, proved};
use gateway_core::ledger::{Budget, LaneKey, LedgerError, Proposal};
use gateway_core::{Store, StoreError};
use protocol::inference::Window;
use protocol::time::date_of_day;

use super::proof::Plan;
use super::{Order, told};
use crate::Failure;
use crate::api::{Budgets, Explained, PeriodText, ProviderInfo, RegisterBudget, ReleaseInfo, Releases, WindowInfo};
use crate::dates::Calendar;

/// What left, newest first.
///
/// # Errors
/// When the store fails.
pub fn releases(store: &Store, limit: u32) -> Result<Releases, Failure> {
    let calendar = Calendar::named("UTC")?;
    let info = |(release, row): (i64, gateway_core::store::ReleaseRow)| ReleaseInfo {
        release,
        at: row.at,
        recipient: ProviderInfo { name: row.name, key: hex::encode(row.recipient) },
        purpose: row.purpose,
        statement: hex::encode(row.statement),
        period: PeriodText { from: calendar.show(row.period.from), until: calendar.show(row.period.until) },
        sentence: row.sentence,
    };
    Ok(Releases { releases: store.releases(limit)?.into_iter().map(info).collect() })
}

/// What was spent of every window that something touched.
///
/// # Errors
/// When the store fails.
pub fn budgets(store: &Store) -> Result<Budgets, Failure> {
    let mut lanes: BTreeMap<LaneKey, Vec<WindowInfo>> = BTreeMap::new();
    for budget in store.budgets().map_err(BillRefused::from)? {
        lanes.entry(budget.lane).or_default().push(window(&budget));
    }
    let registers = lanes.into_iter().map(|((register, interval), windows)| {
        let (meter, register) = store.register_names(register)?.ok_or(StoreError::Damaged("register"))?;
        Ok(RegisterBudget { meter, register, interval, windows })
    });
    Ok(Budgets { registers: registers.collect::<Result<_, StoreError>>()? })
}

/// What a bill would tell, and whether it may leave. Nothing is computed, and no reading is looked at.
///
/// # Errors
/// When the bill could not be made for another reason, or the store fails.
pub fn explain(store: &Store, order: &Order, plan: &Plan) -> Result<Explained, Failure> {
    let (tariff, request) = (&order.tariff, &order.wish.request);
    let private = matches!(plan, Plan::Private(_));
    let proposal = if private {
        let before = proved::find_before(store, tariff, request, order.wish.restart)?;
        proved::propose(store, tariff, request, before.as_ref())?
    } else {
        propose(store, tariff, request)?
    };
    let sentence = told::bill(tariff, &request.period, private);
    let known = store.has_answered(&proposal.question)?;
    match store.consider(&proposal) {
        Ok(_) => {
            let windows = after(store, &proposal)?;
            Ok(Explained { allowed: true, reason: None, sentence, coarser: None, known, windows })
        }
        Err(LedgerError::Reveals(reason)) => Ok(Explained {
            allowed: false,
            reason: Some(reason.to_string()),
            sentence,
            coarser: if private { None } else { coarser(store, order)? },
            known,
            windows: Vec::new(),
        }),
        Err(LedgerError::Store(error)) => Err(BillRefused::from(error).into()),
    }
}

/// The private bill in place of a linear one, where it may leave.
fn coarser(store: &Store, order: &Order) -> Result<Option<String>, Failure> {
    let (tariff, request) = (&order.tariff, &order.wish.request);
    // Totals are exact sums, and no part of a private bill.
    if request.totals {
        return Ok(None);
    }
    match store.consider(&proved::propose(store, tariff, request, None)?) {
        Ok(_) => Ok(Some(format!("{} (--proof private)", told::bill(tariff, &request.period, true)))),
        Err(LedgerError::Reveals(_)) => Ok(None),
        Err(LedgerError::Store(error)) => Err(BillRefused::from(error).into()),
    }
}

/// Of each kind of window, the one that has least left once a release has left.
fn after(store: &Store, proposal: &Proposal) -> Result<Vec<WindowInfo>, Failure> {
    let budgets = store.budgets_after(proposal).map_err(BillRefused::from)?;
    let least = |kind: fn(Window) -> bool| {
        let own = budgets.iter().filter(|budget| kind(budget.window));
        own.min_by(|a, b| a.left.total_cmp(&b.left)).map(window)
    };
    let kinds: [fn(Window) -> bool; 3] = [
        |window| matches!(window, Window::Day(_)),
        |window| matches!(window, Window::Week(_)),
        |window| matches!(window, Window::Month(_)),
    ];
    Ok(kinds.into_iter().filter_map(least).collect())
}

fn window(budget: &Budget) -> WindowInfo {
    let kind = match budget.window {
        Window::Day(_) => "day",
        Window::Week(_) => "week",
        Window::Month(_) => "month",
    };
    let tenth = |bits: f64| (bits * 10.0).round() / 10.0;
    WindowInfo {
        window: kind.to_owned(),
        from: date_of_day(budget.window.first_day()).to_string(),
        spent: tenth(budget.spent),
        left: tenth(budget.left),
        budget: tenth(budget.budget),
    }
}
