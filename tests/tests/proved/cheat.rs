//! A household that has a good bill, all its secrets and the proving key, and wants another bill.

use std::sync::Arc;

use gateway_core::bill::proved::{Before, ProvedBill, layout_of};
use protocol::bill::proved::ProvedStatement;
use protocol::bill::{Package, Statement};
use protocol::circuit::{State, Witness};
use protocol::machine::{CELLS, Layout, Program, Readings, compile};
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::proved::{Circuits, verify_proved};
use protocol::verify::{Policy, Registry};
use rand_core::OsRng;

use crate::home::{Home, Ready, request};

/// A good bill with everything it was made from.
#[derive(Clone)]
pub struct Cheat<'a> {
    pub home: &'a Home,
    pub tariff: &'a SignedTariff,
    pub ready: Arc<Ready>,
    /// The good bill.
    pub statement: ProvedStatement,
    pub package: Package,
    pub digest: [u8; 32],
    pub layout: Layout,
    pub program: Program,
    pub values: Vec<u16>,
    pub residuals: Vec<u32>,
    pub blindings: Vec<bls12_381::Scalar>,
    pub before: State,
    pub after: State,
}

impl<'a> Cheat<'a> {
    /// Has the gateway make a good bill, and takes it apart.
    pub fn new(home: &'a Home, tariff: &'a SignedTariff, period: Span, before: Option<&Before>) -> Self {
        let request = request(period);
        let ready = home.circuit(tariff, &request);
        let bill: ProvedBill = home.prove(tariff, &request, before);
        let layout = layout_of(&home.store, tariff, &request).unwrap();
        let shape = ready.circuit.profile.shape;
        let program = compile(&tariff.tariff, &period, &layout, shape).unwrap();
        let (mut values, mut residuals) = (vec![0; shape.readings()], vec![0; shape.blocks]);
        let mut blindings = vec![bls12_381::Scalar::zero(); shape.blocks];
        let mut number = 0;
        for register in &tariff.tariff.registers {
            let row = &home.store.registers_with_code(&register.code).unwrap()[0];
            for block in home.store.blocks(row.id, &period).unwrap() {
                let start = number * shape.slots + usize::from(block.header.first);
                values[start..start + block.readings.len()].copy_from_slice(&block.readings);
                residuals[number] = block.residual;
                blindings[number] = *block.seed.day_blinding(&block.header.register, block.header.block).expose();
                number += 1;
            }
        }
        let first = State {
            cells: core::array::from_fn(|place| tariff.tariff.cells().get(place).map_or(0, |cell| cell.first)),
            blinding: bls12_381::Scalar::zero(),
        };
        assert!(tariff.tariff.cells().len() <= CELLS);
        Self {
            home,
            tariff,
            ready,
            package: Package::read(&bill.package).unwrap(),
            statement: bill.statement,
            digest: bill.digest,
            layout,
            program,
            values,
            residuals,
            blindings,
            before: before.map_or(first, |before| before.state.clone()),
            after: bill.after,
        }
    }

    /// What the next bill goes on from.
    pub fn then(&self) -> Before {
        Before { state: self.after.clone(), bill: self.digest }
    }

    /// The package with another statement and the good proof.
    pub fn flipped(&self, change: impl FnOnce(&mut ProvedStatement)) -> Vec<u8> {
        let mut statement = self.statement.clone();
        change(&mut statement);
        self.package_of(&statement, self.package.proof.to_vec())
    }

    /// The package with another statement and a proof made for it, of whatever stands here.
    pub fn proved(&self, change: impl FnOnce(&mut ProvedStatement)) -> Vec<u8> {
        let mut statement = self.statement.clone();
        change(&mut statement);
        self.package_of(&statement, self.proof(&statement))
    }

    /// A proof of whatever stands here, bound to a statement.
    pub fn proof(&self, statement: &ProvedStatement) -> Vec<u8> {
        let digest = Statement::digest(&statement.encode());
        let readings = Readings { values: self.values.clone(), residuals: self.residuals.clone() };
        let witness =
            Witness::new(&digest, &self.program, readings, &self.blindings, &self.before, &self.after.blinding);
        self.ready.key.prove(&witness.unwrap(), &mut OsRng, &mut |_| true).unwrap().write().to_vec()
    }

    /// What the program makes of whatever stands here: the amount due that the cheat would like.
    pub fn amount(&self) -> i64 {
        let readings = Readings { values: self.values.clone(), residuals: self.residuals.clone() };
        self.program.run(&readings, &self.before.cells).unwrap().output
    }

    pub fn package_of(&self, statement: &ProvedStatement, proof: Vec<u8>) -> Vec<u8> {
        let mut package = self.package.clone();
        (package.statement, package.proof) = (statement.encode().into(), proof.into());
        package.write()
    }

    /// The verdict of somebody who trusts this circuit and this home's meter.
    pub fn verdict(&self, package: &[u8]) -> &'static str {
        self.verdict_by(package, &Policy::default())
    }

    pub fn verdict_by(&self, package: &[u8], policy: &Policy) -> &'static str {
        verdict(package, self.tariff, &self.ready.circuits, &self.home.registry, policy)
    }
}

/// The code of a verdict.
pub fn verdict(
    package: &[u8],
    tariff: &SignedTariff,
    circuits: &Circuits,
    registry: &Registry,
    policy: &Policy,
) -> &'static str {
    verify_proved(package, tariff, circuits, registry, policy).map_or_else(|refusal| refusal.code(), |_| "valid")
}
