//! `wattseal bench`: what this very device can do. It needs no home; parameters for it are made once and kept as a cache.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_core::circuits::CircuitFolder;
use gateway_core::measure::{MeasureError, Measured, Stage, Year, import_year, prove_month};
use gateway_core::prove::ProveError;
use protocol::circuit::{CATALOGUE, Profile};
use protocol::show;
use rand_core::OsRng;
use serde_json::{Value, json};

use super::{Answer, Outcome};
use crate::Failure;

/// What is measured when nothing is named: the least and the most that a month of half-hours asks for.
const USUAL: [&str; 2] = ["energy-30", "back-off-30"];

/// Proves and verifies a made-up month in each circuit, `turns` times, and takes a made-up year in.
///
/// # Errors
/// When a name is not in the catalogue, or the cache cannot be written.
pub fn bench(names: &[String], turns: u32) -> Outcome {
    let wanted: Vec<&str> = if names.is_empty() { USUAL.to_vec() } else { names.iter().map(String::as_str).collect() };
    let profiles = wanted
        .iter()
        .map(|name| {
            Profile::named(name).ok_or_else(|| {
                let all: Vec<&str> = CATALOGUE.iter().map(|profile| profile.name).collect();
                let message = format!("there is no circuit {name:?}; there are {}", all.join(", "));
                Failure::refused("no-such-circuit", message)
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let cache = cache()?;
    let folder = CircuitFolder::new(&cache);
    let started = Instant::now();
    let mut text = String::new();
    let mut list = Vec::new();
    for profile in profiles {
        let told = AtomicUsize::new(0);
        let watch = |stage| {
            tell(profile.name, stage, &told);
            true
        };
        let measured = prove_month(&folder, profile, turns, &mut OsRng, &|| started.elapsed(), &watch)?;
        text.push_str(&said(profile.name, &measured));
        list.push(value(profile.name, &measured));
    }
    // Beside the cache, hence on a disk and not in memory.
    let place = std::fs::create_dir_all(&cache).and_then(|()| tempfile::tempdir_in(&cache));
    let place = place.map_err(|error| Failure::could_not("no-cache", format!("{}: {error}", cache.display())))?;
    let year = import_year(place.path(), &mut OsRng, &|| started.elapsed())?;
    text.push_str(&said_year(&year));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    text.push_str(&format!("On {processors} processors; the shortest of {turns}. A bill is proved once a month."));
    Ok(Answer::done(
        text,
        json!({ "processors": processors, "turns": turns, "circuits": list, "year": year_value(&year) }),
    ))
}

/// Parameters for trying out are not part of any home.
fn cache() -> Result<PathBuf, Failure> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.map(|base| base.join("wattseal").join("circuits")).ok_or_else(|| {
        Failure::could_not("no-cache", "neither XDG_CACHE_HOME nor HOME says where a cache may lie; set one of them")
    })
}

fn tell(name: &str, stage: Stage, told: &AtomicUsize) {
    let mut out = std::io::stderr();
    let Stage::Parameters(done, all) = stage else {
        if out.is_terminal() && stage == Stage::Key {
            let _ = writeln!(out, "\r\x1b[K{name}: proving");
        }
        return;
    };
    let tenths = done.saturating_mul(10) / all.max(1);
    if told.fetch_max(tenths, Ordering::Relaxed) < tenths {
        let text = format!("{name}: making parameters, {} % (kept for the next time)", tenths * 10);
        let _ = if out.is_terminal() { write!(out, "\r\x1b[K{text}") } else { writeln!(out, "{text}") };
    }
}

fn shortest(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn said(name: &str, measured: &Measured) -> String {
    let memory = measured.peak_bytes.map_or_else(String::new, |bytes| format!(", {} MB of memory", bytes / 1_000_000));
    format!(
        "{name}: a month of {} readings proved in {} ms{memory}\n  key of {} read in {} ms, verified in {} ms\n",
        measured.readings,
        shortest(&measured.proofs).as_millis(),
        show::bytes(usize::try_from(measured.file_bytes).unwrap_or(usize::MAX)),
        measured.load.as_millis(),
        shortest(&measured.verifications).as_micros().div_ceil(1000),
    )
}

fn said_year(year: &Year) -> String {
    format!(
        "a year of {} readings sealed in {} ms, taken in and checked in {} ms, {} on disk\n",
        year.readings,
        year.sealed.as_millis(),
        year.imported.as_millis(),
        show::bytes(usize::try_from(year.bytes).unwrap_or(usize::MAX)),
    )
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn year_value(year: &Year) -> Value {
    json!({
        "readings": year.readings,
        "seal_us": micros(year.sealed),
        "import_us": micros(year.imported),
        "store_bytes": year.bytes,
    })
}

fn value(name: &str, measured: &Measured) -> Value {
    json!({
        "circuit": name,
        "readings": measured.readings,
        "file_bytes": measured.file_bytes,
        "load_us": micros(measured.load),
        "prove_us": measured.proofs.iter().copied().map(micros).collect::<Vec<_>>(),
        "fold_us": micros(measured.fold),
        "verify_us": measured.verifications.iter().copied().map(micros).collect::<Vec<_>>(),
        "peak_bytes": measured.peak_bytes,
    })
}

impl From<MeasureError> for Failure {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Circuit(circuit) => circuit.into(),
            MeasureError::Prove(ProveError::Stopped) => Self::could_not("stopped", error.to_string()),
            other => Self::could_not("measure", other.to_string()),
        }
    }
}
