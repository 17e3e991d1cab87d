//! `wattseal decode`: what a recorded telegram says, one line for each. Nothing is stored, and no home is needed.

use std::path::Path;

use drivers::plain::ocmf::{self, Verdict};
use drivers::plain::{Energy, Fault, Keys, MAX_TELEGRAM, Moment, Power, Protocol, Telegram, file};
use drivers::{Chunk, Damage, Found};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Failure;

/// Longest file: a day of telegrams that come every second.
const MAX_FILE: u64 = 512 << 20;

/// What is to be decoded, and how.
#[derive(Clone, Debug)]
pub struct Decoding<'a> {
    /// The protocol.
    pub protocol: Protocol,
    /// What opens and checks it.
    pub keys: Keys,
    /// Why the public key that was given cannot be used.
    pub unusable: Option<ocmf::PublicKeyError>,
    /// Where a payload was published.
    pub topic: &'a str,
}

/// One telegram or record, as programs read it. Numbers are written out exactly.
#[derive(Debug, Default, Serialize)]
struct Line {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    import_wh: Option<Box<RawValue>>,
    export_wh: Option<Box<RawValue>>,
    power_w: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apparent_va: Option<u32>,
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_index: Option<u32>,
    meter_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maker: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rates: Vec<RateLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ChannelLine>,
    #[serde(skip_serializing_if = "is_zero")]
    damaged_groups: u32,
    /// Of signed records: whether the signature fits, or nothing when it could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_valid: Option<Option<bool>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    readings: Vec<ReadingLine>,
}

#[derive(Debug, Serialize)]
struct RateLine {
    rate: u8,
    direction: &'static str,
    total_wh: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct ChannelLine {
    code: String,
    meter_id: Option<String>,
    total: Option<Box<RawValue>>,
    unit: String,
    timestamp: Option<String>,
}

/// A reading of a signed record, as the record writes it.
#[derive(Debug, Serialize)]
struct ReadingLine {
    time: Option<String>,
    transaction: Option<String>,
    value: Option<Box<RawValue>>,
    register: Option<String>,
    unit: Option<String>,
    state: Option<String>,
    errors: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A number as it stands; none where it is not JSON.
fn exact(number: &impl ToString) -> Option<Box<RawValue>> {
    RawValue::from_string(number.to_string()).ok()
}

/// What came of a file: its lines, and whether a telegram was accepted.
#[derive(Debug)]
pub struct Decoded {
    /// One for each telegram or record, in order.
    pub lines: Vec<String>,
    /// Whether one was accepted.
    pub accepted: bool,
}

/// Decodes a file; `json` says whether lines are for programs.
///
/// # Errors
/// When the file cannot be read.
pub fn decode(path: &Path, decoding: Decoding<'_>, json: bool) -> Result<Decoded, Failure> {
    let length = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    if length > MAX_FILE {
        let message = format!("{} has {length} bytes; at most {MAX_FILE} are read at once", path.display());
        return Err(Failure::refused("file-too-long", message));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    let lines = lines(&bytes, decoding);
    let accepted = lines.iter().any(|line| line.accepted);
    let lines = lines.iter().map(|line| if json { written(line) } else { said(line) }).collect();
    Ok(Decoded { lines, accepted })
}

fn lines(bytes: &[u8], decoding: Decoding<'_>) -> Vec<Line> {
    match decoding.protocol {
        Protocol::Ocmf => records(bytes).map(|record| signed(record, &decoding)).collect(),
        Protocol::Json => {
            let mut decoder = decoding.protocol.decoder(decoding.keys);
            let chunk = Chunk::Datagram { topic: decoding.topic.to_owned(), payload: bytes.to_vec() };
            decoder.hear(&chunk).iter().filter_map(line).collect()
        }
        protocol => {
            let mut decoder = protocol.decoder(decoding.keys);
            let bytes = file::bytes_of(bytes);
            let mut lines = Vec::new();
            for part in bytes.chunks(MAX_TELEGRAM) {
                lines.extend(decoder.hear(&Chunk::Bytes(part.to_vec())).iter().filter_map(line));
            }
            lines.extend(decoder.end().iter().filter_map(line));
            lines
        }
    }
}

/// The records of a file: each begins with the format's name.
fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const NAME: &[u8] = b"OCMF|";
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(NAME)).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([bytes.len()]).collect();
    starts.into_iter().zip(ends).map(|(from, until)| bytes.get(from..until).unwrap_or_default())
}

fn line(found: &Found<Telegram>) -> Option<Line> {
    match found {
        Found::Message(telegram) => Some(accepted(telegram)),
        Found::Damaged(Damage::Plain(fault)) => Some(refused(*fault)),
        Found::Damaged(_) | Found::Noise(_) => None,
    }
}

fn refused(fault: Fault) -> Line {
    Line { reason: Some(fault.code().into()), message: Some(fault.to_string()), ..Line::default() }
}

fn accepted(telegram: &Telegram) -> Line {
    let wh = |energy: Option<Energy>| energy.and_then(|energy| exact(&energy));
    Line {
        accepted: true,
        import_wh: wh(telegram.import),
        export_wh: wh(telegram.export),
        power_w: telegram.power.and_then(|power: Power| exact(&power)),
        apparent_va: telegram.apparent,
        timestamp: match telegram.at {
            Some(Moment::Clock(stamp)) => Some(stamp.to_string()),
            _ => None,
        },
        seconds_index: match telegram.at {
            Some(Moment::Seconds(seconds)) => Some(seconds),
            _ => None,
        },
        meter_id: telegram.meter.clone(),
        maker: telegram.maker.clone(),
        rates: telegram
            .rates
            .iter()
            .map(|rate| RateLine {
                rate: rate.number,
                direction: if rate.export { "export" } else { "import" },
                total_wh: exact(&rate.total),
            })
            .collect(),
        channels: telegram
            .channels
            .iter()
            .map(|channel| ChannelLine {
                code: channel.code.clone(),
                meter_id: channel.meter.clone(),
                total: exact(&channel.total),
                unit: channel.unit.clone(),
                timestamp: channel.at.map(|at| at.to_string()),
            })
            .collect(),
        damaged_groups: telegram.damaged_groups,
        ..Line::default()
    }
}

/// A signed record: accepted unless its signature is wrong, or was to be checked and could not be.
fn signed(record: &[u8], decoding: &Decoding<'_>) -> Line {
    let record = match ocmf::read(record, decoding.keys.public.as_ref()) {
        Ok(record) => record,
        Err(fault) => return refused(fault),
    };
    let telegrams = record.telegrams();
    let last = telegrams.as_ref().ok().and_then(|telegrams| telegrams.last());
    let mut line = last.map_or_else(Line::default, accepted);
    line.meter_id.clone_from(&record.meter);
    line.maker.clone_from(&record.maker);
    line.signature_valid = Some(record.verdict.fits());
    line.readings = record.readings.iter().map(reading).collect();
    line.accepted = true;
    let refusal = match (&decoding.unusable, record.verdict, &telegrams) {
        (Some(error), ..) => Some(("unusable-key", error.to_string())),
        (None, Verdict::DoesNotFit, _) => Some((Fault::Signature.code(), Fault::Signature.to_string())),
        (None, Verdict::Unchecked(why), _) if decoding.keys.public.is_some() => Some(("unchecked", why.to_string())),
        (None, _, Err(fault)) if *fault != Fault::Nothing => Some((fault.code(), fault.to_string())),
        _ => None,
    };
    if let Some((reason, message)) = refusal {
        (line.accepted, line.reason, line.message) = (false, Some(reason.into()), Some(message));
    }
    line
}

fn reading(reading: &ocmf::Reading) -> ReadingLine {
    ReadingLine {
        time: reading.time.clone(),
        transaction: reading.transaction.clone(),
        value: reading.value.and_then(|value| exact(&value)),
        register: reading.register.clone(),
        unit: reading.unit.clone(),
        state: reading.state.clone(),
        errors: reading.errors.clone(),
    }
}

fn written(line: &Line) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// The same for people.
fn said(line: &Line) -> String {
    if !line.accepted {
        return format!("not accepted: {}", line.message.as_deref().unwrap_or("no reason"));
    }
    let number = |name: &str, value: &Option<Box<RawValue>>, unit: &str| {
        value.as_ref().map(|value| format!("{name} {} {unit}", value.get()))
    };
    let parts = [
        line.timestamp.clone(),
        line.meter_id.as_ref().map(|meter| format!("meter {meter}")),
        number("import", &line.import_wh, "Wh"),
        number("export", &line.export_wh, "Wh"),
        number("power", &line.power_w, "W"),
        line.apparent_va.map(|apparent| format!("apparent power {apparent} VA")),
        line.signature_valid.map(|valid| {
            let words = match valid {
                Some(true) => "the signature fits",
                Some(false) => "the signature does not fit",
                None => "the signature was not checked",
            };
            words.to_owned()
        }),
        (line.damaged_groups > 0).then(|| format!("{} damaged groups left out", line.damaged_groups)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
