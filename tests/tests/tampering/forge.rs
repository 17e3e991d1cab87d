//! A bill under the attacker's hands. It can be rebuilt after any change: links, signatures by the meter's own keys,
//! the statement's account, and the proof with the true openings, so that each check has to stand alone.

use std::collections::BTreeMap;

use metrology::curve::{Niels, read_point};
use metrology::header::list_hash;
use metrology::keys::Opening;
use metrology::label::Status;
use protocol::bill::statement::{KIND, PURPOSE};
use protocol::bill::{Chain, ChainBlock, Metered, Package, Segment, Statement, energy, settle, weights};
use protocol::linear::{LineClaim, LinearProof, combined_opening, prove};
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::verify::{Policy, Registry, VerifiedBill, verify};
use protocol::wire;
use rand_core::OsRng;

use crate::world::{Entry, MARCH, Sealed, World, hash_of};

/// A bill that can be changed anywhere.
#[derive(Clone)]
pub struct Forge {
    pub tariff: SignedTariff,
    pub entries: Vec<Entry>,
    /// Certificates as they go into the package; made from the entries by [`Forge::reseal`].
    pub certificates: Vec<Vec<u8>>,
    pub codes: Vec<metrology::label::RegisterCode>,
    pub chains: Vec<Vec<Sealed>>,
    pub signatures: Vec<Vec<[u8; 64]>>,
    pub period: Span,
    pub registry: Vec<Entry>,
    pub policy: Policy,
}

impl Forge {
    /// The honest bill for March.
    pub fn new(world: &World) -> Self {
        let touched =
            |chain: &Vec<Sealed>| chain.iter().filter(|b| b.header.span().overlaps(&MARCH)).cloned().collect();
        let mut forge = Self {
            tariff: world.signed_tariff(),
            entries: world.entries.clone(),
            certificates: Vec::new(),
            codes: world.tariff.registers.iter().map(|r| r.code).collect(),
            chains: world.chains.iter().map(touched).collect(),
            signatures: Vec::new(),
            period: MARCH,
            // A registry lists a meter as it was installed; later epochs follow by the identity key.
            registry: vec![world.entries[0].clone()],
            policy: Policy { allow_incomplete: true, ..Policy::default() },
        };
        forge.certificates = forge.entries.iter().map(Entry::message).collect();
        forge.signatures = forge.chains.iter().map(|chain| last_signatures(chain)).collect();
        forge
    }

    /// The legitimate keys sign everything anew: list hashes, links within epochs, certificates with their heads and
    /// predecessors, and the last header of each run.
    pub fn reseal(&mut self) {
        for number in 0..self.entries.len() {
            let old = self.entries[number].hash();
            if number > 0 {
                self.entries[number].certificate.previous = Some(self.entries[number - 1].hash());
                let heads: BTreeMap<_, _> = self
                    .codes
                    .iter()
                    .zip(&self.chains)
                    .filter_map(|(code, chain)| {
                        chain
                            .iter()
                            .rfind(|b| b.header.epoch + 1 == self.entries[number].certificate.epoch)
                            .map(|b| (*code, hash_of(&b.header)))
                    })
                    .collect();
                self.entries[number].certificate.heads.extend(heads);
            }
            let new = self.entries[number].hash();
            for chain in &mut self.chains {
                let mut before = None;
                for block in chain.iter_mut() {
                    if block.header.certificate == old {
                        block.header.certificate = new;
                        block.header.list = list_hash(&block.list);
                        if let Some(previous) = before {
                            block.header.previous = previous;
                        }
                    }
                    before = Some(hash_of(&block.header));
                }
            }
        }
        self.sign();
    }

    /// Signs certificates and last headers as they stand.
    pub fn sign(&mut self) {
        self.certificates = self.entries.iter().map(Entry::message).collect();
        let keys: BTreeMap<_, _> = self.entries.iter().map(|e| (e.hash(), e.signing.clone())).collect();
        for chain in &mut self.chains {
            for block in chain.iter_mut() {
                if let Some(key) = keys.get(&block.header.certificate) {
                    block.signature = metrology::cose::signature(
                        key,
                        metrology::cose::purpose::DAY_BLOCK,
                        &wire::encode(&block.header),
                    )
                    .unwrap();
                }
            }
        }
        self.signatures = self.chains.iter().map(|chain| last_signatures(chain)).collect();
    }

    /// The statement that the blocks call for.
    pub fn statement(&self) -> Statement {
        let metered: Vec<_> =
            self.codes.iter().zip(&self.chains).map(|(code, chain)| self.metered(*code, chain)).collect();
        let sums = self.sums(&metered);
        let fee_minor = settle(&self.tariff.tariff, &self.period, &sums).map_or(0, |s| s.fee_minor);
        Statement {
            kind: KIND.into(),
            version: 1,
            suite: 1,
            recipient: self.tariff.tariff.provider.key,
            purpose: PURPOSE.into(),
            nonce: [9; 16],
            tariff: self.tariff.hash,
            period: self.period,
            metered,
            amounts: sums.iter().map(|s| i64::try_from(*s).unwrap()).collect(),
            fee_minor,
            corrects: None,
            totals: None,
        }
    }

    fn sums(&self, metered: &[Metered]) -> Vec<i128> {
        let intervals: Vec<u64> = metered.iter().map(|m| u64::from(m.interval)).collect();
        let Ok(weights) = weights(&self.tariff.tariff, &self.period, &intervals) else { return vec![0; 2] };
        weights
            .iter()
            .map(|w| {
                let chain = &self.chains[w.register];
                let readings: Vec<u16> =
                    self.slots(chain).iter().map(|(b, place)| b.readings.get(*place).copied().unwrap_or(0)).collect();
                let residuals: Vec<u32> = self.residual_blocks(chain).iter().map(|b| b.residual).collect();
                energy(w, &readings, &residuals)
            })
            .collect()
    }

    /// What each register took in the period, residuals included.
    pub fn taken(&self) -> Vec<i64> {
        let of = |chain: &Vec<Sealed>| {
            let slots: i64 = self
                .slots(chain)
                .iter()
                .map(|(b, place)| i64::from(b.readings.get(*place).copied().unwrap_or(0)))
                .sum();
            slots + self.residual_blocks(chain).iter().map(|b| i64::from(b.residual)).sum::<i64>()
        };
        self.chains.iter().map(of).collect()
    }

    fn slots<'a>(&self, chain: &'a [Sealed]) -> Vec<(&'a Sealed, usize)> {
        let period = self.period;
        chain
            .iter()
            .flat_map(|block| {
                let seconds = block.header.register.interval.seconds();
                (0..usize::from(block.header.count)).filter_map(move |place| {
                    let from = block.header.span().from + place as u64 * seconds;
                    (period.from <= from && from < period.until).then_some((block, place))
                })
            })
            .collect()
    }

    fn residual_blocks<'a>(&self, chain: &'a [Sealed]) -> Vec<&'a Sealed> {
        chain.iter().filter(|b| b.header.span().until <= self.period.until).collect()
    }

    fn metered(&self, code: metrology::label::RegisterCode, chain: &[Sealed]) -> Metered {
        let mut segments: Vec<Segment> = Vec::new();
        for block in chain {
            match segments.last_mut() {
                Some(s) if s.certificate == block.header.certificate => {
                    s.blocks += 1;
                    s.head = hash_of(&block.header);
                }
                _ => segments.push(Segment {
                    certificate: block.header.certificate,
                    first_block: block.header.block,
                    blocks: 1,
                    head: hash_of(&block.header),
                }),
            }
        }
        let count = |wanted: Status| {
            u32::try_from(self.slots(chain).iter().filter(|(b, place)| b.header.status_at(*place) == wanted).count())
                .unwrap()
        };
        Metered {
            code,
            interval: chain.first().map_or(1800, |b| u16::try_from(b.header.register.interval.seconds()).unwrap()),
            segments,
            missing: count(Status::Missing),
            estimated: count(Status::Estimated),
            tamper: count(Status::Tamper),
            events: chain.iter().fold(0, |all, b| all | b.header.events),
        }
    }

    /// A proof of the statement with the true openings, as good as anyone could make one.
    pub fn prove(&self, statement: &Statement) -> LinearProof {
        let digest = Statement::digest(&statement.encode());
        let intervals: Vec<u64> = statement.metered.iter().map(|m| u64::from(m.interval)).collect();
        let empty = LinearProof { lines: Vec::new() };
        let Ok(weights) = weights(&self.tariff.tariff, &self.period, &intervals) else { return empty };
        let points: Vec<(Vec<Niels>, Vec<Niels>)> = self
            .chains
            .iter()
            .map(|chain| {
                let slots = self.slots(chain).iter().filter_map(|(b, place)| read_point(b.list.get(*place)?)).collect();
                let rest = self.residual_blocks(chain).iter().filter_map(|b| read_point(&b.header.residual)).collect();
                (slots, rest)
            })
            .collect();
        let mut claims = Vec::new();
        let mut secrets = Vec::new();
        for (w, amount) in weights.iter().zip(&statement.amounts) {
            let (commitments, residuals) = &points[w.register];
            claims.push(LineClaim { weights: w, amount: *amount, commitments, residuals });
            let chain = &self.chains[w.register];
            let openings: Vec<Opening> = self
                .slots(chain)
                .iter()
                .map(|(b, place)| {
                    b.seed.slot_opening(&b.header.register, b.header.first_slot() + *place as u64, b.header.block)
                })
                .collect();
            let rest: Vec<Opening> = self
                .residual_blocks(chain)
                .iter()
                .map(|b| b.seed.residual_opening(&b.header.register, b.header.block))
                .collect();
            secrets.push(combined_opening(w, &openings, &rest));
        }
        prove(&digest, &claims, &secrets, &mut OsRng).unwrap_or(empty)
    }

    /// A package with this statement and proof.
    pub fn package_with(&self, statement: &Statement, proof: &LinearProof) -> Package {
        let chains = self
            .codes
            .iter()
            .zip(&self.chains)
            .zip(&self.signatures)
            .map(|((code, chain), signatures)| Chain {
                code: *code,
                blocks: chain.iter().map(|b| ChainBlock::new(wire::encode(&b.header), &b.list)).collect(),
                signatures: signatures.iter().map(|s| s.to_vec().into()).collect(),
            })
            .collect();
        Package::new(statement.encode(), wire::encode(proof), self.certificates.clone(), chains)
    }

    /// A package for what stands here: true statement, true proof.
    pub fn package(&self) -> Vec<u8> {
        let statement = self.statement();
        self.package_with(&statement, &self.prove(&statement)).write()
    }

    /// The verdict on bytes.
    pub fn judge(&self, bytes: &[u8]) -> Result<VerifiedBill, &'static str> {
        let mut registry = Registry::default();
        for entry in &self.registry {
            registry.list(&[entry.verified()]);
        }
        verify(bytes, &self.tariff, &registry, &self.policy).map_err(|refusal| refusal.code())
    }

    /// The verdict's code on what stands here.
    pub fn code(&self) -> &'static str {
        self.judge(&self.package()).map_or_else(|code| code, |_| "valid")
    }

    /// The verdict's code after the statement was changed and proved anew.
    pub fn code_with(&self, change: impl FnOnce(&mut Statement)) -> &'static str {
        let mut statement = self.statement();
        change(&mut statement);
        let package = self.package_with(&statement, &self.prove(&statement)).write();
        self.judge(&package).map_or_else(|code| code, |_| "valid")
    }

    /// The verdict's code after the statement was changed but the proof kept.
    pub fn code_flipped(&self, change: impl FnOnce(&mut Statement)) -> &'static str {
        let mut statement = self.statement();
        let proof = self.prove(&statement);
        change(&mut statement);
        let package = self.package_with(&statement, &proof).write();
        self.judge(&package).map_or_else(|code| code, |_| "valid")
    }
}

/// The signature of the last block of each run under one certificate.
fn last_signatures(chain: &[Sealed]) -> Vec<[u8; 64]> {
    chain
        .chunk_by(|a, b| a.header.certificate == b.header.certificate)
        .filter_map(|run| run.last().map(|b| b.signature))
        .collect()
}
