//! Trial of proving times.
#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, clippy::panic)]
#![allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)]

use gateway_core::prove::ProvingKey;
use protocol::circuit::{Assignment, BillCircuit, State, Witness};
use protocol::groth16::{Batch, Parameters};
use protocol::machine::{CELLS, Program, Readings, Shape};
use rand_core::OsRng;
use std::time::Instant;

fn main() {
    let energy = Shape {
        slots: 48,
        blocks: 32,
        sums: 5,
        tiers: 0,
        demands: 0,
        hinges: 0,
        powers: false,
        rounded: false,
        narrow: [16, 8],
        wide: [6, 4],
    };
    let which = std::env::args().nth(1).unwrap_or_default();
    let shape = match which.as_str() {
        "demand" => Shape { sums: 3, demands: 1, ..energy },
        "tiers" => Shape { sums: 2, demands: 1, tiers: 2, ..energy },
        "full" => Shape { sums: 2, demands: 1, hinges: 1, ..energy },
        "tiny" => Shape { slots: 24, blocks: 2, ..energy },
        _ => energy,
    };
    let mut program = Program::idle(shape);
    for sum in &mut program.sums {
        for (i, w) in sum.weights.iter_mut().enumerate() {
            *w = 287_100 + (i as i64 * 7919) % 5000;
        }
    }
    for demand in &mut program.demands {
        demand.weights.fill(1);
        demand.picks[..shape.blocks].fill(1);
        demand.best = 3;
    }
    if let Some(t) = &mut program.tiers {
        t.counts.fill(true);
        for (j, th) in t.thresholds.iter_mut().enumerate() {
            th.at = 100_000 * (j as u32 + 1);
            th.weights.fill(1000);
        }
    }
    program.wide[1][3].of.0 = vec![(1, 1)];
    program.wide[1][3].divisor = 10_000_000;
    let numbers = program.numbers().unwrap();
    let t = Instant::now();
    let system = protocol::circuit::System::of(BillCircuit { shape, witness: None }).unwrap();
    let (parameters, _) = Parameters::trial(&system, &mut OsRng, &|_, _| ()).unwrap();
    println!("parameters {:?}", t.elapsed());
    let t = Instant::now();
    let key = ProvingKey::new(shape, &parameters).unwrap();
    println!("key {:?}", t.elapsed());
    let vk = parameters.key.clone();
    let t = Instant::now();
    let folded = vk.fold(4 + shape.blocks, &numbers).unwrap();
    println!("fold {} numbers {:?}", numbers.len(), t.elapsed());
    let mut kept = Vec::new();
    for kind in ["zero", "random", "maximal", "zero", "random", "maximal"] {
        let mut x = 12345u32;
        let readings = Readings {
            values: (0..shape.readings())
                .map(|_| {
                    x = x.wrapping_mul(1_103_515_245).wrapping_add(12345);
                    match kind {
                        "zero" => 0,
                        "maximal" => u16::MAX,
                        _ => (x >> 16) as u16 / 40,
                    }
                })
                .collect(),
            residuals: vec![0; shape.blocks],
        };
        let blindings: Vec<_> = (0..shape.blocks).map(|n| bls12_381::Scalar::from(n as u64 + 5)).collect();
        let before = State { cells: [0; CELLS], blinding: bls12_381::Scalar::from(3) };
        let t = Instant::now();
        let witness =
            Witness::new(&[7; 32], &program, readings, &blindings, &before, &bls12_381::Scalar::from(9)).unwrap();
        let made = t.elapsed();
        let mut last = Instant::now();
        let begin = last;
        let mut times = Vec::new();
        let proof = key
            .prove(&witness, &mut OsRng, &mut |step| {
                times.push((step, last.elapsed().as_millis()));
                last = Instant::now();
                true
            })
            .unwrap();
        let total = begin.elapsed();
        let v = Instant::now();
        assert!(folded.verify(&witness.publics, &proof));
        println!(
            "{kind:8} witness {made:?} prove {total:?} {times:?} +{} verify {:?}",
            last.elapsed().as_millis(),
            v.elapsed()
        );
        kept.push((witness.publics.clone(), proof));
    }
    let mut batch = Batch::new();
    for _ in 0..86 {
        for (p, proof) in &kept {
            batch.push(&folded, p, *proof);
        }
    }
    let t = Instant::now();
    assert!(batch.verify(&mut OsRng));
    println!("batch {} {:?} each {:?}", batch.len(), t.elapsed(), t.elapsed() / batch.len() as u32);
    let witness = Witness::new(
        &[7; 32],
        &program,
        Readings { values: vec![300; shape.readings()], residuals: vec![0; shape.blocks] },
        &vec![bls12_381::Scalar::from(5); shape.blocks],
        &State { cells: [0; CELLS], blinding: bls12_381::Scalar::from(3) },
        &bls12_381::Scalar::from(9),
    )
    .unwrap();
    let t = Instant::now();
    let _ = Assignment::of(BillCircuit { shape, witness: Some(&witness) }).unwrap();
    println!("assignment {:?}", t.elapsed());
    let t = Instant::now();
    let file = parameters.write();
    println!("file {} MB written {:?}", file.len() / 1_000_000, t.elapsed());
    let t = Instant::now();
    assert_eq!(Parameters::read(&file, false).unwrap(), parameters);
    println!("read unchecked {:?}", t.elapsed());
}
