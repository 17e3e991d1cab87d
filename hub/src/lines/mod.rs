//! Lines to meters: one task for each, which knows what the meter holds and fetches what is missing.
//!
//! ```text
//! drivers::Reader ─► Conversation ─► Keeper (verify, store)
//!        ▲   (bytes)      │ asks again for what did not come
//!        └────────────────┘
//! ```

mod arrival;
mod commands;
mod conversation;
mod fetch;
mod holdings;
mod meet;
mod missing;
mod pair;
mod plain;
mod refusals;
mod session;
mod shared;
#[cfg(test)]
mod tests;
mod voice;

pub(crate) use plain::{ELSEWHERE, set_up};
pub use shared::{Dated, Shared, Shown, When};

use std::collections::BTreeMap;
use std::path::PathBuf;

use drivers::{Address, Dial, Patience, Reader, Secret, sealed};
use gateway_core::store::{LineRow, PlainLine};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::api::{Event, NowMeter, Paired, PlainMeter};
use crate::keeper::Keeper;
use conversation::Conversation;
use plain::PlainConversation;

/// What a conversation is told from outside.
enum Control {
    /// Pair with this code.
    Pair(protocol::metrology::keys::PairingCode, oneshot::Sender<Result<Paired, Failure>>),
    /// Store what is held in memory, then answer.
    Flush(oneshot::Sender<Result<(), Failure>>),
    /// Look again at what is stored: commands for the meter have come.
    Look,
    /// Store what is held and stop.
    Close,
}

struct Running {
    control: mpsc::Sender<Control>,
    shared: Shared,
    reader: JoinHandle<()>,
    conversation: JoinHandle<()>,
}

/// The lines of a running gateway.
pub struct Lines {
    running: BTreeMap<i64, Running>,
    /// The home's own profiles of plain meters.
    profiles: PathBuf,
}

impl Lines {
    /// None yet. `profiles` is the folder of the home's own meters.
    #[must_use]
    pub fn new(profiles: PathBuf) -> Self {
        Self { running: BTreeMap::new(), profiles }
    }

    /// Opens a line; one that is open under the same number is closed first.
    ///
    /// # Errors
    /// When its address is none.
    pub async fn open(
        &mut self,
        row: &LineRow,
        keeper: &Keeper,
        events: &broadcast::Sender<Event>,
    ) -> Result<(), Failure> {
        self.close(row.id).await;
        let mut dial = dial(address(&row.address)?, row.password.as_deref(), row.authority.as_deref());
        let (control, orders) = mpsc::channel(8);
        let shared = Shared::default();
        shared.change(|state| state.running = true);
        let (reader, conversation) = match &row.plain {
            None => {
                let dialect = sealed::Decoder::default();
                let (reader, handle, heard) = Reader::new(dial, dialect, Patience::default(), random_number);
                let conversation = Conversation::new(row.id, keeper.clone(), handle, events.clone(), shared.clone());
                (tokio::spawn(reader.run()), tokio::spawn(conversation.run(heard, orders)))
            }
            Some(plain) => {
                let ready = plain::ready(plain, dial.address, &self.profiles)?;
                dial.address = ready.address;
                let patience = Patience { silence: ready.profile.silence(), ..Patience::default() };
                let (interval, cadence) = (ready.interval, ready.profile.cadence);
                let terms = plain::Terms { line: row.id, address: row.address.clone(), interval, cadence };
                let (reader, handle, heard) = Reader::new(dial, ready.spoken, patience, random_number);
                let conversation =
                    PlainConversation::new(terms, keeper.clone(), handle, events.clone(), shared.clone());
                (tokio::spawn(reader.run()), tokio::spawn(conversation.run(heard, orders)))
            }
        };
        self.running.insert(row.id, Running { control, shared, reader, conversation });
        Ok(())
    }

    /// What the store keeps of a line to a plain meter, and its address with the settings of that meter.
    ///
    /// # Errors
    /// When it could not be opened so.
    pub fn prepare(&self, plain: PlainMeter, address: Address) -> Result<(Address, PlainLine), Failure> {
        set_up(plain, address, &self.profiles).map(|(ready, plain)| (ready.address, plain))
    }

    /// Closes a line; what it held is stored.
    pub async fn close(&mut self, line: i64) {
        let Some(running) = self.running.remove(&line) else { return };
        let _ = running.control.send(Control::Close).await;
        let _ = running.conversation.await;
        let _ = running.reader.await;
    }

    /// Closes all lines, none waiting for another.
    pub async fn close_all(&mut self) {
        let running = std::mem::take(&mut self.running);
        for line in running.values() {
            let _ = line.control.send(Control::Close).await;
        }
        for line in running.into_values() {
            let _ = line.conversation.await;
            let _ = line.reader.await;
        }
    }

    /// Stores what the lines hold in memory.
    ///
    /// # Errors
    /// When one of them could not: what it held comes again from the meter.
    pub async fn flush(&self) -> Result<(), Failure> {
        let mut result = Ok(());
        for running in self.running.values() {
            let (done, wait) = oneshot::channel();
            if running.control.send(Control::Flush(done)).await.is_ok()
                && let Ok(flushed) = wait.await
            {
                result = result.and(flushed);
            }
        }
        result
    }

    /// Tells the lines that commands for their meters may have come.
    pub fn look(&self) {
        for running in self.running.values() {
            // A full queue means that it will look anyway.
            let _ = running.control.try_send(Control::Look);
        }
    }

    /// How a line is; none when it is not running.
    #[must_use]
    pub fn shared(&self, line: i64) -> Option<Shared> {
        self.running.get(&line).map(|running| running.shared.clone())
    }

    /// What the meters show.
    #[must_use]
    pub fn now(&self) -> Vec<NowMeter> {
        self.running.values().flat_map(|running| running.shared.now()).collect()
    }

    /// As [`Lines::now`], each value with the moment at which it was heard.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        self.running.values().flat_map(|running| running.shared.shown()).collect()
    }

    /// Begins to pair with the meter on a line; the answer comes when it is done or has failed.
    ///
    /// # Errors
    /// When the line is not running.
    pub async fn pair(
        &self,
        line: i64,
        code: protocol::metrology::keys::PairingCode,
    ) -> Result<oneshot::Receiver<Result<Paired, Failure>>, Failure> {
        let stopped = || {
            Failure::refused("no-line", format!("there is no line {line}; `wattseal line list` shows those there are"))
        };
        let running = self.running.get(&line).ok_or_else(stopped)?;
        let (answer, wait) = oneshot::channel();
        running.control.send(Control::Pair(code, answer)).await.map_err(|_| stopped())?;
        Ok(wait)
    }
}

/// Reads an address.
///
/// # Errors
/// When it is none.
pub fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error: drivers::AddressError| Failure::refused("address", error.to_string()))
}

/// Where a line or a publication leads, and how to sign in there, as the store keeps it.
pub(crate) fn dial(address: Address, password: Option<&String>, authority: Option<&str>) -> Dial {
    let mut dial = Dial::new(address);
    dial.password = password.map(|password| Secret::new(password.clone()));
    dial.ca_file = authority.map(Into::into);
    dial
}

/// Randomness for jitter and identifiers; never for keys.
pub(crate) fn random_number() -> u64 {
    getrandom::u64().unwrap_or_else(|_| jiff::Timestamp::now().as_nanosecond().to_le_bytes()[0].into())
}
