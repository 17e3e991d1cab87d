//! The household's end for tests: verifies, chains and opens blocks with public functions of metrology and protocol.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

pub mod live;
pub mod process;
pub mod tariff;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use metrology::keys::{DaySeed, RegisterKey};
use metrology::label::{MAX_SLOTS, RegisterCode, RegisterKind, Status};
use metrology::seal::{PARTS, PLAINTEXT_PREFIX, nonce};
use metrology::{pedersen, poseidon};
use protocol::block::{BlockFile, DayHeader, commitment_list};
use protocol::certificate::VerifiedCertificate;
use protocol::pairing::Pairing;

/// A block whose every commitment was recomputed from its readings.
pub struct Opened {
    pub header: DayHeader,
    pub before: u64,
    pub after: u64,
    pub residual: u32,
    pub readings: Vec<u16>,
}

impl Opened {
    pub fn statuses(&self) -> Vec<Status> {
        (0..usize::from(self.header.count)).map(|place| self.header.status_at(place)).collect()
    }
}

/// Opens a run of one register's blocks in order: signatures, chain, readings, commitments and totals must all agree.
pub fn open_chain(files: &[BlockFile], certificates: &[VerifiedCertificate], pairing: &Pairing) -> Vec<Opened> {
    let mut previous: Option<([u8; 32], DayHeader, u64)> = None;
    let mut keys: BTreeMap<u32, (u32, RegisterKey)> = BTreeMap::new();
    let mut opened = Vec::new();
    for file in files {
        let (block, epoch) = certificates
            .iter()
            .find_map(|epoch| Some((file.verify(&epoch.certificate.signing_key).ok()?, epoch)))
            .expect("a block of one of the meter's epochs");
        let header = block.header.clone();
        assert_eq!((header.certificate, header.epoch), (epoch.hash, epoch.certificate.epoch));
        assert_eq!((header.pairing, header.household), (pairing.counter, pairing.household()));
        assert!(header.span().from >= epoch.certificate.first);
        match &previous {
            Some((hash, before, _)) => {
                assert_eq!((header.previous, header.block), (*hash, before.block + 1));
                assert!(header.span().from >= before.span().until);
                if before.epoch == header.epoch {
                    assert_eq!(header.span().from, before.span().until, "continuous within an epoch");
                } else {
                    assert_eq!(epoch.certificate.heads.get(&header.register.code), Some(hash));
                }
            }
            None => assert_eq!((header.previous, header.block), (epoch.hash, 0)),
        }
        let (day, key) =
            keys.entry(header.epoch).or_insert_with(|| pairing.register_key(epoch, &header.register.code).unwrap());
        while *day < header.day {
            (*day, *key) = (*day + 1, key.next());
        }
        let day = open(file, &header, &block.hash, &key.day_seed());
        if let Some((_, _, total)) = previous {
            assert_eq!(day.before, total, "the register goes on where it stood");
        }
        previous = Some((block.hash, header, day.after));
        opened.push(day);
    }
    opened
}

pub fn open(file: &BlockFile, header: &DayHeader, hash: &[u8; 32], seed: &DaySeed) -> Opened {
    let register = header.register;
    let mut plain = file.ciphertext.to_vec();
    let tag: [u8; 16] = plain.split_off(plain.len() - 16).try_into().unwrap();
    ChaCha20Poly1305::new(&seed.encryption_key().into())
        .decrypt_in_place_detached(&nonce(&register.code, header.block).into(), hash, &mut plain, &tag.into())
        .expect("the pairing opens the block");
    assert_eq!(plain[0], metrology::VERSION);
    let before = u64::from_le_bytes(plain[1..9].try_into().unwrap());
    let after = u64::from_le_bytes(plain[9..17].try_into().unwrap());
    let residual = u32::from_le_bytes(plain[17..21].try_into().unwrap());
    let readings: Vec<u16> =
        plain[PLAINTEXT_PREFIX..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_eq!(readings.len(), usize::from(header.count));

    let commitments = commitment_list(&file.commitments).unwrap();
    let mut day = [0u16; MAX_SLOTS];
    for (place, (reading, commitment)) in readings.iter().zip(commitments).enumerate() {
        let opening = seed.slot_opening(&register, header.first_slot() + place as u64, header.block);
        assert_eq!(pedersen::commit_reading(*reading, opening.expose()), *commitment);
        day[usize::from(header.first) + place] = *reading;
    }
    let opening = seed.residual_opening(&register, header.block);
    assert_eq!(pedersen::commit_residual(residual, opening.expose()), header.residual);
    let blinding = seed.day_blinding(&register, header.block);
    let slots = register.interval.slots_per_day() as usize;
    let commitment = poseidon::day_commitment(&day, slots, residual, blinding.expose());
    assert_eq!(commitment.to_bytes(), header.day_commitment);
    if register.kind == RegisterKind::Cumulative {
        let sum: u64 = readings.iter().map(|x| u64::from(*x)).sum::<u64>() + u64::from(residual);
        assert_eq!(after / PARTS - before / PARTS, sum, "no energy appears or is lost");
    }
    Opened { header: header.clone(), before, after, residual, readings }
}

/// What stands in a meter's directory, opened register by register.
pub fn open_directory(dir: &Path) -> BTreeMap<String, Vec<Opened>> {
    open_first(dir, usize::MAX)
}

/// The first blocks of every register in a meter's directory.
pub fn open_first(dir: &Path, blocks: usize) -> BTreeMap<String, Vec<Opened>> {
    let certificates = protocol::certificate::read_file(&fs::read(dir.join("meter.cert")).unwrap()).unwrap();
    let pairing = Pairing::read(&fs::read(dir.join("pairing.key")).unwrap()).unwrap();
    let mut registers = BTreeMap::new();
    for entry in fs::read_dir(dir.join("blocks")).unwrap() {
        let directory = entry.unwrap().path();
        let files: Vec<_> = names(&directory)
            .iter()
            .take(blocks)
            .map(|path| BlockFile::read(&fs::read(path).unwrap()).unwrap())
            .collect();
        let opened = open_chain(&files, &certificates, &pairing);
        let code = opened[0].header.register.code;
        registers.insert(code.as_str().to_owned(), opened);
    }
    registers
}

/// The files of a directory in order of name.
pub fn names(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

/// Every file under a directory with its bytes.
pub fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    if directory.exists() {
        for path in names(directory) {
            if path.is_dir() {
                found.extend(snapshot(&path));
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// All readings of a register, missing slots as none.
pub fn readings(days: &[Opened]) -> Vec<Option<u16>> {
    let day = |day: &Opened| {
        let statuses = day.statuses();
        day.readings.iter().zip(statuses).map(|(x, s)| (s != Status::Missing).then_some(*x)).collect::<Vec<_>>()
    };
    days.iter().flat_map(day).collect()
}

/// Runs `wattseal-meter` with words and a directory.
pub fn run(words: &str, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattseal-meter"))
        .args(words.split_whitespace())
        .arg("--out")
        .arg(out)
        .output()
        .expect("the program runs")
}

/// Runs it with `--json`, checks the exit code and returns what it printed.
pub fn run_json(words: &str, out: &Path, code: i32) -> serde_json::Value {
    let output = run(&format!("{words} --json"), out);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words}: {text} {errors}");
    serde_json::from_str(text.lines().last().expect("a result")).expect("JSON")
}

/// A code that fits.
pub fn code(text: &str) -> RegisterCode {
    RegisterCode::new(text).unwrap()
}

/// A CSV file of half-hours with 100, 101, … Wh in a directory.
pub fn half_hours(directory: &Path, name: &str, from: &str, count: u64) -> PathBuf {
    let start = sealer::time::parse_moment(from).unwrap();
    let mut text = String::from("utc_start,import_wh,export_wh\n");
    for i in 0..count {
        let time = sealer::time::show(start + i * 1800);
        text.push_str(&format!("{time},{},{}.5\n", 100 + i % 50, i % 7));
    }
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}
