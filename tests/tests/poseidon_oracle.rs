//! Metrology's Poseidon against two others: the crate `neptune` (Filecoin's), and `oracle/poseidon.py`, written from
//! the papers in plain integers. Permutations, constants and whole day commitments have to agree on random inputs
//! and with the frozen vectors of `oracle/poseidon.txt`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use bls12_381::Scalar as Fq;
use metrology::label::MAX_SLOTS;
use metrology::poseidon::{WIDTH, day_commitment, day_domain, permute};
use neptune::Strength;
use neptune::poseidon::{HashMode, Poseidon, PoseidonConstants};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use typenum::U8;

/// Neptune's parameters for eight words beside the capacity, which holds `domain`.
fn neptune_constants(domain: Fq) -> PoseidonConstants<Fq, U8> {
    static STANDARD: OnceLock<PoseidonConstants<Fq, U8>> = OnceLock::new();
    let mut constants = STANDARD.get_or_init(|| PoseidonConstants::new_with_strength(Strength::Standard)).clone();
    constants.domain_tag = domain;
    constants
}

/// All nine words after Neptune's permutation, in its plain and in its optimised form.
fn neptune_permute(state: &[Fq; WIDTH]) -> [Fq; WIDTH] {
    let constants = neptune_constants(state[0]);
    let [plain, fast] = [HashMode::Correct, HashMode::OptimizedStatic].map(|mode| {
        let mut hash = Poseidon::new_with_preimage(&state[1..], &constants);
        hash.hash_in_mode(mode);
        <[Fq; WIDTH]>::try_from(hash.elements.as_slice()).unwrap()
    });
    assert_eq!(plain, fast);
    plain
}

fn permuted(mut state: [Fq; WIDTH]) -> [Fq; WIDTH] {
    permute(&mut state);
    state
}

/// D by Neptune, packed here in another way than in metrology: byte by byte.
fn neptune_day(readings: &[u16], residual: u32, blinding: Fq) -> Fq {
    let values = readings.iter().flat_map(|reading| reading.to_le_bytes()).chain(residual.to_le_bytes());
    let mut bytes: Vec<u8> = values.collect();
    bytes.resize(7 * 30, 0);
    let mut state = [day_domain(); WIDTH];
    state[8] = blinding;
    for (word, packed) in state[1..8].iter_mut().zip(bytes.chunks(30)) {
        let mut padded = [0; 32];
        padded[..30].copy_from_slice(packed);
        *word = Fq::from_bytes(&padded).unwrap();
    }
    neptune_permute(&state)[1]
}

fn our_day(readings: &[u16], residual: u32, blinding: &Fq) -> Fq {
    let mut day = [0; MAX_SLOTS];
    day[..readings.len()].copy_from_slice(readings);
    day_commitment(&day, readings.len(), residual, blinding)
}

fn oracle(arguments: &[&str], input: &str) -> String {
    let script = tests::root().join("tests/oracle/poseidon.py");
    let mut child = Command::new("python3")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 cannot be started; ./test installs what tests need");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn element(text: &str) -> Fq {
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect();
    Fq::from_bytes(&bytes.try_into().unwrap()).unwrap()
}

fn any_element() -> impl Strategy<Value = Fq> {
    any::<[[u8; 32]; 2]>().prop_map(|halves| Fq::from_bytes_wide(&halves.concat().try_into().unwrap()))
}

fn any_day() -> impl Strategy<Value = (Vec<u16>, u32, Fq)> {
    let readings = prop_oneof![Just(24usize), Just(48), Just(96)].prop_flat_map(|n| vec![any::<u16>(); n]);
    (readings, any::<u32>(), any_element())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn permutation_equals_neptune(words in [(); WIDTH].map(|()| any_element())) {
        prop_assert_eq!(permuted(words), neptune_permute(&words));
    }

    #[test]
    fn day_commitment_equals_neptune((readings, residual, blinding) in any_day()) {
        prop_assert_eq!(our_day(&readings, residual, &blinding), neptune_day(&readings, residual, blinding));
    }
}

proptest! {
    // Every case starts Python, which first computes the constants.
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn day_commitment_equals_python(days in proptest::collection::vec(any_day(), 12)) {
        let (mut input, mut expected) = (String::new(), String::new());
        for (readings, residual, blinding) in &days {
            let list: Vec<_> = readings.iter().map(u16::to_string).collect();
            let blinding_text = hex(&blinding.to_bytes());
            writeln!(input, "{} {residual} {blinding_text} {}", readings.len(), list.join(",")).unwrap();
            writeln!(expected, "{}", hex(&our_day(readings, *residual, blinding).to_bytes())).unwrap();
        }
        prop_assert_eq!(oracle(&["day"], &input), expected);
    }
}

#[test]
fn constants_equal_the_frozen_ones() {
    let neptune = neptune_constants(Fq::zero());
    assert_eq!((neptune.full_rounds, neptune.partial_rounds), (8, 57));
    let matrix = neptune.mds_matrices.m.iter().flatten();
    let mut hash = Sha256::new();
    for number in neptune.round_constants.as_ref().unwrap().iter().chain(matrix) {
        hash.update(number.to_bytes());
    }
    let frozen = include_str!("../oracle/poseidon.txt").lines().find_map(|line| line.strip_prefix("constants "));
    assert_eq!(Some(hex(&hash.finalize()).as_str()), frozen);
}

/// Inputs that random ones never hit: all words zero but one.
#[test]
fn single_words_equal_neptune() {
    for place in 0..WIDTH {
        let mut state = [Fq::zero(); WIDTH];
        state[place] = Fq::one();
        assert_eq!(permuted(state), neptune_permute(&state), "word {place}");
    }
}

#[test]
fn frozen_vectors() {
    let file = tests::root().join("tests/oracle/poseidon.txt");
    oracle(&["check", file.to_str().unwrap()], "");
    let mut seen = 0;
    for line in include_str!("../oracle/poseidon.txt").lines() {
        let Some((input, output)) = line.split_once(" = ") else { continue };
        let fields: Vec<_> = input.split(' ').collect();
        let outputs: Vec<_> = output.split(' ').map(element).collect();
        match fields[..] {
            ["permute", ..] => {
                let state: Vec<_> = fields[1..].iter().map(|word| element(word)).collect();
                assert_eq!(permuted(state.try_into().unwrap()).to_vec(), outputs);
            }
            ["day", slots, residual, blinding, readings] => {
                let readings: Vec<u16> = readings.split(',').map(|r| r.parse().unwrap()).collect();
                assert_eq!(readings.len().to_string(), slots);
                assert_eq!(our_day(&readings, residual.parse().unwrap(), &element(blinding)), outputs[0]);
            }
            _ => panic!("a line of another kind: {line}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 8);
}
