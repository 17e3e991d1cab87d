//! A report as a mail (RFC 5322), for `sendmail -t`: one file a report, complete when it has its name.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::show;

use crate::desk;
use crate::files::{self, FileError};
use crate::ledger::{Report, State};

impl Report {
    /// The period's first and last moment as local time.
    #[must_use]
    pub fn period(&self) -> (String, String) {
        let zone = desk::named(&self.late.zone).unwrap_or(TimeZone::UTC);
        let local = |second: u64| {
            let moment = i64::try_from(second).ok().and_then(|s| Timestamp::from_second(s).ok());
            moment.map_or_else(|| second.to_string(), |m| m.display_with_offset(zone.to_offset(m)).to_string())
        };
        (local(self.late.period.from), local(self.late.period.until))
    }
}

/// The mail's text. Who receives it, the local mail system's alias for `wattseal-operator` says.
#[must_use]
pub fn mail_text(provider: &str, report: &Report) -> String {
    let (from, until) = report.period();
    let date = Timestamp::from_second(report.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = jiff::fmt::rfc2822::to_string(&date.to_zoned(TimeZone::UTC)).unwrap_or_default();
    let (word, line) = match report.state {
        State::Late => ("Bill is late", "The bill of this contract has not come in time."),
        State::Resolved => ("Bill has come", "The late bill of this contract has come."),
        State::Withdrawn => ("Bill is expected no more", "The late bill of this contract is expected no more."),
    };
    // A contract's name has no control characters, so it cannot begin a header of its own; other than ASCII is encoded.
    let subject = encoded(&format!("{word}: contract {}", report.late.contract));
    format!(
        "From: wattseal-provider\r\nTo: wattseal-operator\r\nDate: {date}\r\nMessage-ID: <report-{}-{}@wattseal>\r\n\
         Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{line}\r\n\r\nProvider: {provider}\r\nContract: {}\r\nMeter: {}\r\n\
         Period: {from} to {until}\r\n",
        report.id,
        report.at,
        report.late.contract,
        show::hex(&report.late.meter),
    )
}

/// A header's text in ASCII: RFC 2047 in hexadecimal "Q" words when it has to be.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let words: Vec<String> = text
        .chars()
        .collect::<Vec<_>>()
        .chunks(12)
        .map(|part| {
            let part: String = part.iter().collect();
            let bytes: String = part.bytes().map(|byte| format!("={byte:02X}")).collect();
            format!("=?utf-8?Q?{bytes}?=")
        })
        .collect();
    words.join("\r\n ")
}

/// Writes the mail into a folder, under a name that is the report's own.
pub(super) fn write(folder: &Path, provider: &str, report: &Report) -> Result<(), FileError> {
    let word = report.state.name();
    files::write(&folder.join(format!("{word}-{}.eml", report.id)), mail_text(provider, report).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Lateness;
    use protocol::time::Span;

    #[test]
    fn a_mail_names_contract_meter_and_period() {
        let late = Lateness {
            contract: "4711".into(),
            meter: [0xab; 32],
            period: Span { from: 1_772_319_600, until: 1_774_994_400 },
            zone: "Europe/Amsterdam".into(),
        };
        let mut report = Report { id: 3, state: State::Late, at: 1_775_858_400, late };
        let mail = mail_text("Fern", &report);
        assert!(mail.contains("Subject: Bill is late: contract 4711\r\n"), "{mail}");
        assert!(mail.contains("2026-03-01T00:00:00+01:00 to 2026-04-01T00:00:00+02:00"), "{mail}");
        assert!(mail.contains(&"ab".repeat(32)) && mail.contains("Date: Fri, 10 Apr 2026 22:00:00"), "{mail}");
        report.late.contract = "Groß".into();
        let mail = mail_text("Fern", &report);
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.is_ascii() && head.contains("=C3=9F"), "{head}");
    }
}
