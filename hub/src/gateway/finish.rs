//! Bills made: with a linear proof in the store's thread, or a private one beside it, so that readings go on arriving.

use gateway_core::bill::proved::ProvedBill;
use gateway_core::prove::Step;
use gateway_core::store::StoredCircuit;
use protocol::circuit::CircuitKey;
use protocol::tariff::SignedTariff;
use rand_core::OsRng;

use super::Gateway;
use crate::Failure;
use crate::answers::proof::{Finished, Plan, Wish, finished, make_linear, plan, prepare_private};
use crate::answers::{deliver, order};
use crate::api::{Answer, BillAsk, Event};

impl Gateway {
    pub(super) async fn bill(&self, ask: BillAsk) -> Result<Answer, Failure> {
        let wanted = ask.clone();
        let order = self.keeper.run(move |store| order(store, &wanted)).await?;
        let bill = self.finish(order.tariff.clone(), order.wish.clone()).await?;
        let made = self.keeper.run(move |store| deliver(store, &ask, &order, &bill)).await?;
        Ok(Answer::BillMade(Box::new(made)))
    }

    /// Makes a bill as it is wished for. Nothing is kept yet.
    pub(super) async fn finish(&self, tariff: SignedTariff, wish: Wish) -> Result<Finished, Failure> {
        let planned = self
            .keeper
            .run(move |store| -> Result<_, Failure> {
                Ok(match plan(store, &tariff, &wish)? {
                    Plan::Linear => Ok(make_linear(store, &tariff, &wish)?),
                    Plan::Private(circuit) => Err((circuit, tariff, wish)),
                })
            })
            .await?;
        match planned {
            Ok(bill) => Ok(bill),
            Err((circuit, tariff, wish)) => self.prove(*circuit, tariff, wish).await,
        }
    }

    async fn prove(&self, stored: StoredCircuit, tariff: SignedTariff, wish: Wish) -> Result<Finished, Failure> {
        // One at a time: a key takes up to 200 MB.
        let _one = self.proving.lock().await;
        let folder = self.home.circuits();
        let (key, circuit) = beside(move || Ok(folder.load(&stored.profile, &stored.pin)?)).await?;
        let (under, chosen) = (tariff.clone(), circuit.clone());
        let prepared = self.keeper.run(move |store| prepare_private(store, &under, &wish, &chosen)).await?;
        let gateway = self.clone();
        let proved = beside(move || -> Result<ProvedBill, Failure> {
            let mut watch = |step| {
                gateway.tell(Event::Progress { what: "proving the bill".into(), percent: percent(step) });
                !*gateway.stop.borrow()
            };
            Ok(prepared.prove(&key, &mut OsRng, &mut watch)?)
        })
        .await?;
        self.tell(Event::Progress { what: "proving the bill".into(), percent: 100 });
        Ok(done(proved, &tariff, &circuit))
    }
}

fn done(proved: ProvedBill, tariff: &SignedTariff, circuit: &CircuitKey) -> Finished {
    tracing::info!(circuit = circuit.profile.name, "bill proved");
    finished(proved, tariff, circuit)
}

/// Work that takes a processor for a while.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Failure::could_not("stopped", "the work was stopped before its end; nothing was changed"))
    })
}

/// How far a proof is: the shares of its steps in the time of one.
fn percent(step: Step) -> u8 {
    match step {
        Step::Values => 0,
        Step::Quotient => 10,
        Step::Sum(1) => 30,
        Step::Sum(2) => 60,
        Step::Sum(3) => 70,
        Step::Sum(4) => 75,
        Step::Sum(_) => 80,
    }
}
