//! How fast telegrams are decoded, and what a reader holds meanwhile.
//!
//!     cargo bench -p drivers --bench decode
//!
//! Criterion prints the throughput of each protocol over what the emulator's meters send in an hour, in pieces as a line
//! gives them, by a decoder that was made before, as a line has one. Beside SML stands `sml-rs` on the same bytes, beside
//! JSON `serde_json` on the same publications: once as it checks them, which is the least that they cost, once as it makes
//! trees of them. Then a table: the bytes of a day, how many telegrams they were, and the heap that decoder and slots held
//! at most while it passed, counted by the allocator. `-- none` prints the table alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use drivers::plain::{Decode, Keys, MeterKey, Protocol};
use drivers::slots::{Slots, Terms};
use drivers::{Chunk, Found};
use meter_emulator::plain::{Keys as MeterKeys, Plan, Play, Protocol as Spoken};
use peak_alloc::PeakAlloc;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// 28 March 2026, 12:00 UTC.
const START: u64 = 1_774_699_200;
const HOUR: u64 = 3600;
/// What a read from a line gives at most.
const PIECE: usize = 4096;

/// A meter's name in figures, and what it speaks.
fn meters() -> Vec<(String, Spoken)> {
    let named = |spoken: Spoken| (format!("{} {}", spoken.name(), spoken.dialect()), spoken);
    Spoken::all().into_iter().map(named).collect()
}

fn decoder(spoken: Spoken) -> Box<dyn Decode> {
    let protocol: Protocol = spoken.read_as().parse().unwrap();
    let meter = spoken.is_encrypted().then(|| MeterKey::new(MeterKeys::EXAMPLE, Some(MeterKeys::PUBLISHED)));
    protocol.decoder(Keys { meter, public: None })
}

/// What a meter sends, with the moment of each piece.
fn sent(spoken: Spoken, seconds: u64) -> Vec<(u64, Chunk)> {
    let mut plan = Plan::new(spoken, 5, START, START + seconds);
    plan.keys = spoken.example_keys();
    let mut chunks = Vec::new();
    for sent in Play::new(plan).unwrap() {
        let at = sent.at * 1000;
        match sent.topic {
            Some(topic) => chunks.push((at, Chunk::Datagram { topic, payload: sent.bytes })),
            None => chunks.extend(sent.bytes.chunks(PIECE).map(|piece| (at, Chunk::Bytes(piece.to_vec())))),
        }
    }
    chunks
}

fn length(chunk: &Chunk) -> usize {
    match chunk {
        Chunk::Bytes(bytes) => bytes.len(),
        Chunk::Datagram { payload, .. } => payload.len(),
    }
}

/// A stream in full pieces, as one that is read from a file or a fast line; publications as they are.
fn pieces(chunks: &[(u64, Chunk)]) -> Vec<Chunk> {
    let stream: Vec<u8> =
        chunks.iter().flat_map(|(_, c)| if let Chunk::Bytes(b) = c { &b[..] } else { &[] }).copied().collect();
    if stream.is_empty() {
        return chunks.iter().map(|(_, chunk)| chunk.clone()).collect();
    }
    stream.chunks(PIECE).map(|piece| Chunk::Bytes(piece.to_vec())).collect()
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    for (name, spoken) in meters() {
        let chunks = pieces(&sent(spoken, if spoken.name() == "ocmf" { 24 * HOUR } else { HOUR }));
        let bytes: usize = chunks.iter().map(length).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        let read = |decoder: &mut dyn Decode| {
            let found = chunks.iter().flat_map(|chunk| decoder.hear(chunk));
            found.filter(|found| matches!(found, Found::Message(_))).count()
        };
        let mut decoder = decoder(spoken);
        let telegrams = read(&mut *decoder);
        decoder.begin();
        assert!(telegrams > 0 && read(&mut *decoder) == telegrams, "{name}: not everything is read");
        group.bench_function(&name, |bench| {
            bench.iter(|| {
                decoder.begin();
                black_box(read(&mut *decoder))
            });
        });
        if name == "sml emh" {
            let stream: Vec<u8> =
                chunks.iter().flat_map(|c| if let Chunk::Bytes(b) = c { &b[..] } else { &[] }).copied().collect();
            assert!(peer(&stream) > 0);
            group.bench_function("sml emh, sml-rs", |bench| bench.iter(|| black_box(peer(&stream))));
        }
        if spoken.name() == "json" {
            let checked = || chunks.iter().filter(|chunk| is_json::<IgnoredAny>(chunk)).count();
            let trees = || chunks.iter().filter(|chunk| is_json::<serde_json::Value>(chunk)).count();
            group.bench_function(format!("{name}, serde_json check"), |bench| bench.iter(|| black_box(checked())));
            group.bench_function(format!("{name}, serde_json tree"), |bench| bench.iter(|| black_box(trees())));
        }
    }
    group.finish();
}

/// The same with `sml-rs`: values of all lists.
fn peer(stream: &[u8]) -> usize {
    use sml_rs::parser::streaming::{ParseEvent, Parser};
    let files = sml_rs::transport::decode(stream).into_iter().flatten();
    let entry = |event: Result<ParseEvent<'_>, _>| usize::from(matches!(event, Ok(ParseEvent::ListEntry(_))));
    files.map(|file| Parser::new(&file).map(entry).sum::<usize>()).sum()
}

/// What `serde_json` makes of a publication.
fn is_json<'c, T: Deserialize<'c>>(chunk: &'c Chunk) -> bool {
    matches!(chunk, Chunk::Datagram { payload, .. } if black_box(serde_json::from_slice::<T>(payload)).is_ok())
}

fn memory() {
    println!("| meter | bytes of a day | telegrams | heap at most, bytes |");
    for (name, spoken) in meters() {
        let chunks = sent(spoken, 24 * HOUR);
        let bytes: usize = chunks.iter().map(|(_, chunk)| length(chunk)).sum();
        let before = HEAP.current_usage();
        let (mut decoder, mut slots, mut telegrams) = (decoder(spoken), Slots::new(Terms::for_interval(900)), 0_u32);
        HEAP.reset_peak_usage();
        for (at, chunk) in &chunks {
            for found in decoder.hear(chunk) {
                if let Found::Message(telegram) = found {
                    telegrams += 1;
                    black_box(slots.hear(*at, &telegram));
                }
            }
        }
        println!("| {name} | {bytes} | {telegrams} | {} |", HEAP.peak_usage() - before);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    throughput(&mut criterion);
    criterion.final_summary();
    memory();
}
