//! The gateway: one place where every request is answered, whoever asks.
//!
//! ```text
//! Request ─► Gateway::answer ─► answers (store alone) │ lines (meters) │ accounts (providers) │ publish (brokers)
//! ```
//!
//! A command that finds no gateway running makes one without lines for its own moment; a running one
//! ([`crate::daemon`]) keeps lines open and sends what is due. Both answer through the same code.

mod accounts;
mod again;
mod circuits;
mod due;
mod enrol;
mod finish;
mod look;
mod month;
mod offers;
mod publish;
mod send;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::code::{self, Purpose};
use protocol::metrology::keys::PairingCode;
use tokio::sync::{Mutex, broadcast, watch};

use crate::Failure;
use crate::answers;
use crate::answers::proof::plan;
use crate::api::{Answer, Event, Line, LineAdd, LineState, Lines as LineList, Now, PairAsk, Request};
use crate::commands::now;
use crate::home::Home;
use crate::keeper::Keeper;
use crate::lines::{self, Lines};
use crate::publish::Publishing;

/// Events that a slow listener may be behind before it misses some.
const EVENTS: usize = 256;

/// Things that need a person, remembered so that each is told once.
const MOST_TOLD: usize = 256;

/// A gateway over an open store.
#[derive(Clone)]
pub struct Gateway {
    home: Home,
    pub(crate) keeper: Keeper,
    pub(crate) events: broadcast::Sender<Event>,
    lines: Arc<Mutex<Lines>>,
    publishing: Arc<Mutex<Publishing>>,
    running: bool,
    stop: watch::Sender<bool>,
    /// What needs a person and was told already.
    told: Arc<std::sync::Mutex<BTreeSet<String>>>,
    /// What takes much memory and all processors goes one by one.
    proving: Arc<Mutex<()>>,
    /// Accounts whose providers could not be looked at lately.
    failing: Arc<std::sync::Mutex<BTreeMap<i64, look::Failing>>>,
}

impl Gateway {
    /// Opens the home's store. `running` tells whether lines are to be kept open.
    ///
    /// # Errors
    /// When the store does not open.
    pub fn open(home: &Home, running: bool) -> Result<Self, Failure> {
        let keeper = Keeper::start(home.open()?)?;
        let (events, _) = broadcast::channel(EVENTS);
        let (stop, _) = watch::channel(false);
        let (told, failing, proving, publishing) = Default::default();
        let lines = Arc::new(Mutex::new(Lines::new(home.meters())));
        Ok(Self { home: home.clone(), keeper, events, lines, publishing, running, stop, told, proving, failing })
    }

    /// Opens every line that is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_lines(&self) -> Result<(), Failure> {
        let rows = self.keeper.run(|store| store.lines()).await?;
        let mut lines = self.lines.lock().await;
        for row in rows {
            if let Err(failure) = lines.open(&row, &self.keeper, &self.events).await {
                // One bad address does not keep the others closed.
                self.tell(Event::Attention { code: failure.code().to_owned(), message: failure.to_string() });
            }
        }
        Ok(())
    }

    /// Ends what is published, closes the lines and the store; what the lines held is stored first.
    pub async fn close(&self) {
        self.publishing.lock().await.close_all().await;
        self.lines.lock().await.close_all().await;
        self.keeper.end().await;
    }

    /// Events from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Becomes true when the gateway was asked to stop.
    #[must_use]
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(crate) fn tell(&self, event: Event) {
        // Nobody listening is no failure.
        let _ = self.events.send(event);
    }

    /// Tells what needs a person, once while the gateway runs.
    pub(crate) fn tell_once(&self, code: &str, message: String) {
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Texts differ in numbers now and then; the list stays small all the same.
        if told.len() >= MOST_TOLD {
            told.clear();
        }
        if told.insert(message.clone()) {
            self.tell(Event::Attention { code: code.to_owned(), message });
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// What stands in the way, as a person would be told.
    pub async fn answer(&self, request: Request) -> Result<Answer, Failure> {
        let keeper = &self.keeper;
        Ok(match request {
            Request::Status => {
                let mut status = keeper.run(|store| answers::status(store)).await?;
                status.running = self.running;
                status.warnings = self.home.warnings();
                status.warnings.extend(self.ended_publications().await?);
                Answer::Status(status)
            }
            Request::Readings(ask) => Answer::Readings(keeper.run(move |store| answers::readings(store, &ask)).await?),
            Request::Import { directory } => {
                let shown = !self.running;
                Answer::Imported(keeper.run(move |store| answers::import(store, &directory, shown)).await?)
            }
            Request::PairFile { file } => {
                Answer::Paired(keeper.run(move |store| answers::pair_file(store, &file)).await?)
            }
            Request::Bill(ask) => self.bill(ask).await?,
            Request::Bills => Answer::Bills(keeper.run(|store| answers::bills(store)).await?),
            Request::SaveBill { bill, out } => {
                Answer::BillSaved(keeper.run(move |store| answers::save_bill(store, &bill, &out)).await?)
            }
            Request::Releases { limit } => {
                Answer::Releases(keeper.run(move |store| answers::releases(store, limit)).await?)
            }
            Request::Budgets => Answer::Budgets(keeper.run(|store| answers::budgets(store)).await?),
            Request::Explain(ask) => Answer::Explained(
                keeper
                    .run(move |store| -> Result<_, Failure> {
                        let order = answers::order(store, &ask)?;
                        let plan = plan(store, &order.tariff, &order.wish)?;
                        answers::explain(store, &order, &plan)
                    })
                    .await?,
            ),
            Request::Circuits => self.circuits().await?,
            Request::AddCircuit(add) => self.add_circuit(add).await?,
            Request::FetchCircuits { account, names } => self.fetch_circuits(account, &names).await?,
            Request::MakeCircuit { name } => self.make_circuit(&name).await?,
            Request::RemoveCircuit { circuit } => self.remove_circuit(&circuit).await?,
            Request::Lines => self.lines().await?,
            Request::AddLine(add) => self.add_line(add).await?,
            Request::RemoveLine { line } => self.remove_line(line).await?,
            Request::Pair(ask) => self.pair(ask).await?,
            Request::Now => {
                self.only_running("What a meter shows now is not stored")?;
                Answer::Now(Now { meters: self.lines.lock().await.now() })
            }
            Request::Publications => self.publications().await?,
            Request::AddPublication(add) => self.add_publication(add).await?,
            Request::RemovePublication { publication, forget } => self.remove_publication(publication, forget).await?,
            Request::Accounts => self.accounts().await?,
            Request::AddAccount(add) => self.add_account(add).await?,
            Request::RemoveAccount { account } => self.remove_account(account).await?,
            Request::RotateKey { account } => self.rotate_key(account).await?,
            Request::Tariffs { account } => self.tariffs(account).await?,
            Request::Submit { bill, account } => self.submit(&bill, account).await?,
            Request::Submissions => self.submissions().await?,
            Request::AddStanding(add) => self.add_standing(&add).await?,
            Request::EndStanding { standing } => self.end_standing(standing).await?,
            Request::Commands => self.commands().await?,
            Request::Flush => {
                self.lines.lock().await.flush().await?;
                Answer::Done
            }
            Request::Stop => {
                self.only_running("There is nothing to stop")?;
                self.stop.send_replace(true);
                Answer::Done
            }
            // A host with a lasting connection serves it itself.
            Request::Watch => Answer::Done,
        })
    }

    /// Lines are kept open by a running gateway alone.
    fn only_running(&self, what: &str) -> Result<(), Failure> {
        if self.running {
            return Ok(());
        }
        Err(Failure::could_not("not-running", format!("{what}: no gateway is running. Start one with: wattseal run")))
    }

    async fn lines(&self) -> Result<Answer, Failure> {
        let rows = self.keeper.run(|store| store.lines()).await?;
        let open = self.lines.lock().await;
        let lines = rows
            .into_iter()
            .map(|row| Line {
                line: row.id,
                profile: row.plain.map(|plain| plain.profile),
                state: open.shared(row.id).map_or_else(LineState::default, |shared| shared.state()),
                address: row.address,
            })
            .collect();
        Ok(Answer::Lines(LineList { lines }))
    }

    async fn add_line(&self, add: LineAdd) -> Result<Answer, Failure> {
        // As it is written in the end: two spellings of one port are one line.
        let mut address = lines::address(&add.address)?;
        let mut plain = None;
        if let Some(meter) = add.plain {
            let (settled, line) = self.lines.lock().await.prepare(meter, address)?;
            (address, plain) = (settled, Some(line));
        }
        let address = address.to_string();
        let authority = add.authority.map(|path| path.display().to_string());
        let row = self
            .keeper
            .run(move |store| {
                let password = add.password.as_ref().map(|password| password.as_str());
                let id = store.keep_line(&address, password, authority.as_deref(), plain.as_ref(), now())?;
                store.line(id)
            })
            .await?;
        if let Some(row) = row.filter(|_| self.running) {
            self.lines.lock().await.open(&row, &self.keeper, &self.events).await?;
        }
        self.lines().await
    }

    async fn remove_line(&self, line: i64) -> Result<Answer, Failure> {
        // Held until the row is gone: nobody opens it again meanwhile.
        let mut lines = self.lines.lock().await;
        lines.close(line).await;
        if !self.keeper.run(move |store| store.remove_line(line)).await? {
            return Err(Failure::refused("no-line", format!("there is no line {line}")));
        }
        drop(lines);
        self.lines().await
    }

    async fn pair(&self, ask: PairAsk) -> Result<Answer, Failure> {
        let code = code::read::<16>(Purpose::Pairing, &ask.code)
            .map_err(|error| Failure::refused("bad-code", error.to_string()))?;
        self.only_running("Pairing talks to the meter")?;
        let wait = self.lines.lock().await.pair(ask.line, PairingCode::from_bytes(*code)).await?;
        let ended = || Failure::could_not("line-closed", "the line was closed during the pairing");
        Ok(Answer::Paired(wait.await.map_err(|_| ended())??))
    }

    /// Tells the lines that there are commands for their meters.
    pub(crate) async fn look(&self) {
        self.lines.lock().await.look();
    }
}
