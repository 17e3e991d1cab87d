//! State of a home.

use gateway_core::{Store, gaps};
use protocol::metrology::certificate::SealClass;
use protocol::show;

use crate::Failure;
use crate::api::{GapInfo, MeterInfo, NoteInfo, RegisterInfo, Status};
use crate::dates::Calendar;

/// Refusals that are shown.
const SHOWN: u32 = 10;

/// Meters, registers, gaps, what was refused.
///
/// # Errors
/// When the store fails.
pub fn status(store: &Store) -> Result<Status, Failure> {
    let calendar = Calendar::named("UTC")?;
    let states = gaps::registers(store)?;
    let mut meters = Vec::new();
    for meter in store.meters()? {
        let certificates = store.certificates(meter.id)?;
        let newest = certificates.last().map(|(_, last)| &last.certificate);
        let registers = states.iter().filter(|state| state.register.meter == meter.id).map(|state| RegisterInfo {
            code: state.register.code.clone(),
            unit: state.register.unit.clone(),
            blocks: state.blocks,
            from: state.span.map(|span| calendar.show(span.from)),
            until: state.span.map(|span| calendar.show(span.until)),
            gaps: state
                .gaps
                .iter()
                .map(|gap| GapInfo { from: calendar.show(gap.from), until: calendar.show(gap.until) })
                .collect(),
            missing: state.missing_slots,
            estimated: state.estimated_slots,
            tamper: state.tamper_slots,
            events: show::event_names(state.events).into_iter().map(|name| name.to_string()).collect(),
        });
        meters.push(MeterInfo {
            identity: hex::encode(meter.identity),
            epoch: newest.map_or(0, |newest| newest.epoch),
            class: newest.map(|newest| class(newest.class).to_owned()).unwrap_or_default(),
            registers: registers.collect(),
            meter: meter.name,
        });
    }
    let refusals = store.events(SHOWN)?.into_iter().map(|(at, code, message)| NoteInfo { at, code, message });
    Ok(Status {
        meters,
        bills: store.bills()?.len(),
        refusals: refusals.collect(),
        running: false,
        warnings: Vec::new(),
    })
}

/// A class of seals, as programs read it.
const fn class(class: SealClass) -> &'static str {
    match class {
        SealClass::Certified => "certified",
        SealClass::BesideMeter => "beside-the-meter",
        SealClass::SelfSealed => "self-sealed",
    }
}
