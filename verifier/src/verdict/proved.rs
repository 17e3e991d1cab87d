//! The verdict on a bill with a zero-knowledge proof.

use protocol::circuit::CircuitKey;
use protocol::metrology::keys::Hash;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::verify::proved::ProvedBill;
use serde_json::json;

use super::{Flags, Holds, Verdict, registers};

impl Verdict {
    /// A proved bill that holds. What it goes on from is for whoever has the bill before to compare.
    #[must_use]
    pub fn of_proved(bill: &ProvedBill, circuit: &CircuitKey, tariff: &SignedTariff, bytes: usize) -> Self {
        let statement = &bill.statement;
        let mut verdict = Self::holds(&Holds {
            origin: bill.origin,
            class: bill.class,
            fee_minor: statement.fee_minor,
            slots: bill.slots,
            period: &statement.period,
            digest: &bill.digest,
            how: "proved without telling the readings or any sum of them",
            tariff,
            bytes,
            flags: Flags::of(&statement.metered),
        });
        let (name, continues) = (circuit.profile.name, statement.continues.map(|digest| show::hex(digest.as_slice())));
        verdict.text.push_str(&format!("\ncircuit {name}, {}", show::hex(&statement.circuit)));
        if bill.demonstration {
            verdict.text.push_str("\nDEMONSTRATION: whoever made these parameters can forge");
        }
        if !tariff.tariff.cells().is_empty() {
            let from = continues.as_ref().map_or("begins the tariff's carried values anew".to_owned(), |digest| {
                format!("goes on from the carried values of bill {digest}")
            });
            verdict.text.push_str(&format!("\n{from}"));
        }
        verdict.insert("kind", "proved-bill".into());
        verdict.insert("registers", registers(&statement.metered));
        verdict.insert("meters", bill.meters.iter().map(hex::encode).collect::<Vec<_>>().into());
        verdict.insert("corrects", statement.corrects.map(|digest| show::hex(digest.as_slice())).into());
        verdict.insert("circuit", json!({ "name": name, "id": show::hex(&statement.circuit) }));
        verdict.insert("demonstration", bill.demonstration.into());
        verdict.insert("continues", continues.into());
        verdict.insert("before", show::hex(&statement.before).into());
        verdict.insert("after", show::hex(&statement.after).into());
        verdict
    }

    /// A bill under a circuit that is not among those given; `advice` says where to get it.
    #[must_use]
    pub fn unknown_circuit(circuit: &Hash, advice: &str, bytes: usize) -> Self {
        let message =
            format!("the bill was proved under circuit {}, which is not known here; {advice}", show::hex(circuit));
        Self::invalid("unknown-circuit", &message, bytes)
    }
}
