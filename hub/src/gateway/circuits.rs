//! Circuits at home: proving parameters that are checked before anything is proved with them.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::sync::atomic::{AtomicU8, Ordering};

use gateway_core::Store;
use gateway_core::circuits::{Checked, CircuitFolder, read};
use gateway_core::store::{Source, StoredCircuit};
use protocol::circuit::{CATALOGUE, Profile};
use protocol::groth16::Parameters;
use rand_core::OsRng;

use super::Gateway;
use super::finish::beside;
use crate::Failure;
use crate::api::{Answer, CircuitAdd, CircuitInfo, Circuits, Event};
use crate::commands::now;
use crate::provider::{CircuitOffer, Client};

impl Gateway {
    pub(super) async fn circuits(&self) -> Result<Answer, Failure> {
        let folder = self.home.circuits();
        let list = self
            .keeper
            .run(move |store| -> Result<Vec<CircuitInfo>, Failure> {
                store.circuits()?.into_iter().map(|circuit| info(store, &folder, circuit)).collect()
            })
            .await?;
        Ok(Answer::Circuits(Circuits { circuits: list }))
    }

    pub(super) async fn add_circuit(&self, add: CircuitAdd) -> Result<Answer, Failure> {
        let checked = self
            .check(move || {
                let powers = File::open(&add.powers).map_err(|error| Failure::file(&add.powers, &error))?;
                Ok((read(&add.parameters)?, BufReader::with_capacity(1 << 20, powers)))
            })
            .await?;
        self.keep_circuit(checked, Source::File).await?;
        self.circuits().await
    }

    /// Fetches what a provider takes bills by, and checks it. What is here already is only noted as this provider's too.
    pub(super) async fn fetch_circuits(&self, account: Option<i64>, names: &[String]) -> Result<Answer, Failure> {
        let account = self.account(account).await?;
        let client = self.client(&account).await?;
        let offers = client.circuits().await;
        self.remember(account.id, &client).await?;
        let mut offers = offers?;
        if let Some(name) = names.iter().find(|name| offers.iter().all(|offer| offer.name != **name)) {
            return Err(Failure::refused("no-circuit", format!("the provider takes no bills in a circuit {name:?}")));
        }
        offers.retain(|offer| names.is_empty() || names.contains(&offer.name));
        if offers.is_empty() {
            return Err(Failure::refused("no-circuit", "the provider takes no private bills: it publishes no circuit"));
        }
        for offer in offers {
            self.fetch_circuit(&client, &offer, account.provider).await?;
        }
        self.circuits().await
    }

    async fn fetch_circuit(&self, client: &Client, offer: &CircuitOffer, provider: [u8; 32]) -> Result<(), Failure> {
        let pin = offer.pin;
        let known = self.keeper.run(|store| store.circuits()).await?.into_iter().find(|circuit| circuit.pin == pin);
        if let Some(known) = known.filter(|known| self.home.circuits().path(&known.profile, &known.pin).is_file()) {
            let circuit = StoredCircuit { source: Source::Provider(provider), ..known };
            return self.keeper.run(move |store| store.keep_circuit(&circuit)).await;
        }
        if offer.powers.is_none() {
            return Err(Failure::refused(
                "public-powers",
                format!(
                    "the circuit {} rests on a public file of powers of tau, which the provider does not copy; fetch both \
                     files and give them to `wattseal circuits add`",
                    offer.name
                ),
            ));
        }
        self.tell(Event::Progress { what: format!("fetching the circuit {}", offer.name), percent: 0 });
        let other = || Failure::refused("other-circuit-file", "the provider sent another circuit than it lists");
        let parameters = client.proving(offer).await?;
        if Parameters::pin(&parameters) != Some(offer.pin) {
            return Err(other());
        }
        let powers = client.powers(offer).await?;
        let checked = self.check(move || Ok((parameters, Cursor::new(powers)))).await?;
        if checked.circuit.id() != offer.id {
            return Err(other());
        }
        self.keep_circuit(checked, Source::Provider(provider)).await
    }

    /// Checks parameters against powers and puts them into the folder.
    async fn check<P: Read + Seek>(
        &self,
        files: impl FnOnce() -> Result<(Vec<u8>, P), Failure> + Send + 'static,
    ) -> Result<Checked, Failure> {
        let _one = self.proving.lock().await;
        let (folder, gateway) = (self.home.circuits(), self.clone());
        beside(move || {
            let (parameters, mut powers) = files()?;
            let progress = Progress::of(&gateway, "checking the circuit's parameters");
            Ok(folder.add(&parameters, &mut powers, &mut OsRng, &|done, all| progress.tell(done, all))?)
        })
        .await
    }

    pub(super) async fn make_circuit(&self, name: &str) -> Result<Answer, Failure> {
        let profile = Profile::named(name).ok_or_else(|| {
            let names: Vec<&str> = CATALOGUE.iter().map(|profile| profile.name).collect();
            Failure::refused("no-such-circuit", format!("there is no circuit {name:?}; there are {}", names.join(", ")))
        })?;
        {
            let _one = self.proving.lock().await;
            let (folder, gateway) = (self.home.circuits(), self.clone());
            let made = beside(move || {
                let progress = Progress::of(&gateway, "making the circuit's parameters");
                Ok(folder.trial(profile, &mut OsRng, &|done, all| progress.tell(done, all))?)
            })
            .await?;
            self.keep_circuit(made, Source::Here).await?;
        }
        self.circuits().await
    }

    async fn keep_circuit(&self, checked: Checked, source: Source) -> Result<(), Failure> {
        let circuit = StoredCircuit {
            pin: checked.pin,
            profile: checked.circuit.profile,
            id: checked.circuit.id(),
            demonstration: checked.circuit.demonstration,
            source,
            checked_at: now(),
        };
        self.keeper.run(move |store| store.keep_circuit(&circuit)).await
    }

    pub(super) async fn remove_circuit(&self, wanted: &str) -> Result<Answer, Failure> {
        let (folder, wanted) = (self.home.circuits(), wanted.to_ascii_lowercase());
        self.keeper
            .run(move |store| -> Result<(), Failure> {
                let named = |circuit: &StoredCircuit| {
                    circuit.profile.name == wanted
                        || (wanted.len() >= 8 && hex::encode(circuit.pin).starts_with(&wanted))
                };
                let mut found: Vec<StoredCircuit> = store.circuits()?.into_iter().filter(named).collect();
                found.sort_by_key(|circuit| circuit.pin);
                found.dedup_by_key(|circuit| circuit.pin);
                match (found.pop(), found.is_empty()) {
                    (Some(circuit), true) => {
                        store.drop_circuit(&circuit.pin)?;
                        Ok(folder.remove(&circuit.profile, &circuit.pin)?)
                    }
                    (Some(_), false) => Err(Failure::refused(
                        "several-circuits",
                        "there are several; give the digits that `wattseal circuits` shows beside the one you mean",
                    )),
                    (None, _) => Err(Failure::refused("no-circuit", format!("there is no circuit {wanted} here"))),
                }
            })
            .await?;
        self.circuits().await
    }
}

fn info(store: &Store, folder: &CircuitFolder, circuit: StoredCircuit) -> Result<CircuitInfo, Failure> {
    let (source, provider) = match circuit.source {
        Source::Provider(key) => ("provider", store.provider(&key)?),
        Source::File => ("file", None),
        Source::Here => ("here", None),
    };
    Ok(CircuitInfo {
        name: circuit.profile.name.to_owned(),
        id: hex::encode(circuit.id),
        pin: hex::encode(circuit.pin),
        demonstration: circuit.demonstration,
        source: source.to_owned(),
        provider,
        checked_at: circuit.checked_at,
        present: folder.path(&circuit.profile, &circuit.pin).is_file(),
    })
}

/// Tells how far a piece of work is, each hundredth once.
struct Progress<'a> {
    gateway: &'a Gateway,
    what: &'static str,
    percent: AtomicU8,
}

impl<'a> Progress<'a> {
    fn of(gateway: &'a Gateway, what: &'static str) -> Self {
        Self { gateway, what, percent: AtomicU8::new(0) }
    }

    fn tell(&self, done: usize, all: usize) {
        let percent = u8::try_from(done.saturating_mul(100) / all.max(1)).unwrap_or(100).min(100);
        if self.percent.fetch_max(percent, Ordering::Relaxed) < percent {
            self.gateway.tell(Event::Progress { what: self.what.to_owned(), percent });
        }
    }
}
