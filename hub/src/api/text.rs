//! What a person reads: text made from the typed answers.

use protocol::show;

use super::{Answer, Event, Imported, Now, Paired, Readings, Status};
use super::{text_account as account, text_bill, text_circuit, text_ledger, text_line, text_publish};

/// An answer as text, without a newline at its end.
#[must_use]
pub fn text(answer: &Answer) -> String {
    let text = match answer {
        Answer::Status(status) => self::status(status),
        Answer::Readings(readings) => self::readings(readings),
        Answer::Imported(imported) => self::imported(imported),
        Answer::Paired(paired) => self::paired(paired),
        Answer::BillMade(bill) => text_bill::made(bill),
        Answer::Bills(bills) => text_bill::bills(bills),
        Answer::BillSaved(saved) => format!("Written to {}: {}.", saved.out.display(), show::bytes(saved.bytes)),
        Answer::Releases(list) => text_ledger::releases(list),
        Answer::Budgets(budgets) => text_ledger::budgets(budgets),
        Answer::Explained(explained) => text_ledger::explained(explained),
        Answer::Circuits(circuits) => text_circuit::circuits(circuits),
        Answer::Lines(lines) => text_line::lines(lines),
        Answer::Now(now) => self::now(now),
        Answer::Publications(list) => text_publish::publications(list),
        Answer::Accounts(accounts) => account::accounts(accounts),
        Answer::Tariffs(tariffs) => account::tariffs(tariffs),
        Answer::Submissions(submissions) => account::submissions(submissions),
        Answer::Commands(commands) => account::commands(commands),
        Answer::Done => "Done.".into(),
    };
    text.trim_end().to_owned()
}

fn status(status: &Status) -> String {
    let mut text = String::new();
    for warning in &status.warnings {
        text.push_str(&format!("! {warning}\n"));
    }
    for meter in &status.meters {
        let fingerprint = identity(&meter.identity);
        let class = match meter.class.as_str() {
            "beside-the-meter" => ", sealed by a device beside it",
            "self-sealed" => ", sealed by this gateway alone",
            _ => "",
        };
        text.push_str(&format!("Meter {} ({fingerprint}), epoch {}{class}\n", meter.meter, meter.epoch));
        for register in &meter.registers {
            let span = match (&register.from, &register.until) {
                (Some(from), Some(until)) => format!("{from} to {until}"),
                _ => "nothing yet".into(),
            };
            text.push_str(&format!("  {}  {} blocks, {span}\n", register.code, register.blocks));
            for gap in &register.gaps {
                text.push_str(&format!("    gap: {} to {}\n", gap.from, gap.until));
            }
            let counts = [
                (register.missing, "not measured"),
                (register.estimated, "estimated"),
                (register.tamper, "measured while a tamper sensor was active"),
            ];
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                text.push_str(&format!("    {count} intervals {what}\n"));
            }
            for name in &register.events {
                text.push_str(&format!("    the meter reported: {name}\n"));
            }
        }
    }
    if status.meters.is_empty() {
        text.push_str("No meter is paired yet. Pair one with: wattseal pair PAIRING-FILE, or over its line\n");
    }
    let running = if status.running { "The gateway is running." } else { "The gateway is not running." };
    text.push_str(&format!("{} bill(s) made. {running}", status.bills));
    text
}

/// A fingerprint of a key given in hex.
fn identity(key: &str) -> String {
    let mut bytes = [0; 32];
    hex::decode_to_slice(key, &mut bytes).map_or_else(|_| key.to_owned(), |()| show::fingerprint(&bytes))
}

fn readings(readings: &Readings) -> String {
    let mut text = String::new();
    for register in &readings.registers {
        for row in &register.readings {
            let note = if row.status == "measured" { String::new() } else { format!("  {}", row.status) };
            let value = row.value.unwrap_or(0);
            text.push_str(&format!("{}  {:<12} {value:>6} {}{note}\n", row.start, register.register, register.unit));
        }
        text.push_str(&format!(
            "{} intervals of {}, {} in all\n",
            register.readings.len(),
            register.register,
            show::energy(register.total, &register.unit)
        ));
    }
    text
}

fn imported(imported: &Imported) -> String {
    let mut text = format!(
        "{} blocks verified and stored, {} known before, {} refused.",
        imported.stored,
        imported.known,
        imported.refused.len()
    );
    if imported.epochs > 0 {
        text.push_str(&format!("\n{} new epoch certificate(s) of the meter.", imported.epochs));
    }
    for refused in &imported.refused {
        text.push_str(&format!("\n  refused {}: {}", refused.file.display(), refused.message));
    }
    text
}

fn paired(paired: &Paired) -> String {
    let word = if paired.known { "Already paired" } else { "Paired" };
    let mut text = format!("{word} with meter {} ({}), pairing {}.", paired.meter, paired.fingerprint, paired.pairing);
    match &paired.file {
        Some(file) => {
            text.push_str(&format!("\nDelete {} now: it can read everything this meter seals.", file.display()));
        }
        None => text.push_str("\nCompare the fingerprint with the meter's label. Its history is being fetched."),
    }
    text
}

fn now(now: &Now) -> String {
    if now.meters.is_empty() {
        return "No paired meter has shown anything yet.".into();
    }
    let mut text = String::new();
    for meter in &now.meters {
        let power = meter.power.map_or_else(|| "power not measured".to_owned(), |watts| format!("{watts} W"));
        let supply = if meter.supply { "" } else { ", supply switched off" };
        text.push_str(&format!("{}: {power}{supply}\n", meter.meter));
        if let Some(credit) = meter.credit {
            text.push_str(&format!("  prepaid credit: {credit} minor units\n"));
        }
        for register in &meter.registers {
            let (whole, rest) = (register.total / 10_000, register.total % 10_000);
            text.push_str(&format!("  {:<14} {whole}.{rest:04} {}\n", register.code, register.unit));
        }
    }
    text
}

/// An event as one line of text.
#[must_use]
pub fn event(event: &Event) -> String {
    match event {
        Event::LineUp { line } => format!("line {line} is open"),
        Event::LineDown { line, why } => format!("line {line} is closed: {why}"),
        Event::MeterFound { line, meter, paired } => {
            let whose = if *paired { "paired with this home" } else { "not paired with this home" };
            format!("line {line}: meter {meter} answers, {whose}")
        }
        Event::Paired { meter, pairing } => format!("paired with meter {meter} (pairing {pairing})"),
        Event::PairedElsewhere { meter } => {
            format!("meter {meter} was paired with another household. If you have not moved out, tell its operator")
        }
        Event::Stored { meter, blocks } => format!("{blocks} blocks of meter {meter} verified and stored"),
        Event::Refused { meter, message, .. } => format!("refused from meter {meter}: {message}"),
        Event::BillMade { digest } => format!("bill {} made", digest.get(..16).unwrap_or(digest)),
        Event::Submitted { digest, state, message } => {
            format!("bill {} {state}: {message}", digest.get(..16).unwrap_or(digest))
        }
        Event::Command { meter, sequence, outcome } => format!("command {sequence} to meter {meter}: {outcome}"),
        Event::Attention { message, .. } => message.clone(),
        Event::Progress { what, percent } => format!("{what}: {percent} %"),
        Event::Missed { count } => format!("{count} events were missed"),
    }
}
