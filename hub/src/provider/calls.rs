//! The requests, one method each.
//!
//! Before the household shows itself or sends a bill, the client makes sure that it holds a revocation list that is not
//! stale: a stolen certificate of the provider is worth something only until the next list is due.

use protocol::certificate::{self, VerifiedCertificate};
use protocol::metrology::keys::Hash;
use protocol::service::command::CommandReceipt;
use protocol::service::revocation::{MAX_BYTES as MAX_LIST, RevocationError, Revocations};
use protocol::service::succession::{LineageError, MAX_CHAIN};
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::wire::MAX_MESSAGE;
use serde_json::{Value, json};

use super::answers::{BillState, Command, EnrolState, Offer, SubmitAnswer};
use super::error::ProviderError;
use super::read::{self, SHAPE, digest, hash, parse, plain, plain_text};
use super::trust::Who;
use super::wire::{Ask, MAX_JSON};
use super::{Client, ClientKey};

const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";

impl Client {
    /// Enrols with the one-time code from the provider, for the meters of these certificate files. Asked again with the
    /// same code and key it gives the same answer.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn enrol(&self, code: &str, meters: &[Vec<u8>]) -> Result<EnrolState, ProviderError> {
        let meters: Vec<String> = meters.iter().map(|file| show::hex(file)).collect();
        let body = json!({ "format": 1, "code": code, "meters": meters }).to_string().into_bytes();
        let answer = self.as_household(Ask::post("/v1/enrol", body, JSON)).await?;
        let contract = plain_text(&answer, "contract")?;
        match answer.get("state").and_then(Value::as_str) {
            Some("enrolled") => Ok(EnrolState::Enrolled { contract }),
            Some("pending") => Ok(EnrolState::Pending { contract }),
            _ => Err(SHAPE),
        }
    }

    /// The published tariffs.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn tariffs(&self) -> Result<Vec<Offer>, ProviderError> {
        let answer = parse(&self.ask(Ask::get("/v1/tariffs", MAX_JSON, false)).await?)?;
        let offer = |value: &Value| {
            let second = |name| value.get("valid")?.get(name)?.as_u64();
            Some(Offer {
                hash: hash(value.get("hash")?)?,
                id: plain(value.get("id")?.as_str()?)?,
                name: plain(value.get("name")?.as_str()?)?,
                valid: Span { from: second("from")?, until: second("until")? },
            })
        };
        let list = answer.get("tariffs").and_then(Value::as_array).ok_or(SHAPE)?;
        list.iter().map(offer).collect::<Option<_>>().ok_or(SHAPE)
    }

    /// A published tariff and its message. Its signature, hash and signer were checked: a key of the past signs for no
    /// validity that begins after its time.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn tariff(&self, wanted: &Hash) -> Result<(SignedTariff, Vec<u8>), ProviderError> {
        let path = format!("/v1/tariffs/{}", show::hex(wanted));
        let message = self.ask(Ask::get(&path, MAX_MESSAGE, false)).await?;
        let signed = SignedTariff::read(&message)
            .map_err(|_| ProviderError::BadAnswer("the tariff is damaged or not signed"))?;
        if signed.hash != *wanted {
            return Err(ProviderError::BadAnswer("it is another tariff"));
        }
        let (key, from) = (&signed.tariff.provider.key, signed.tariff.valid.from);
        let ours = self.known().lineages.iter().any(|lineage| {
            let mut tenures = lineage.tenures();
            tenures.any(|t| t.key == *key && t.until.is_none_or(|until| from < until))
        });
        if ours { Ok((signed, message)) } else { Err(ProviderError::BadAnswer("the tariff is signed by another key")) }
    }

    /// A meter's certificates as the provider's registry lists them, oldest first.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn certificates(&self, meter: &[u8; 32]) -> Result<Vec<VerifiedCertificate>, ProviderError> {
        let path = format!("/v1/meters/{}/certificates", show::hex(meter));
        let file = self.ask(Ask::get(&path, MAX_JSON, false)).await?;
        let chain = certificate::read_file(&file)
            .map_err(|_| ProviderError::BadAnswer("the certificates are damaged or not signed"))?;
        let ours = chain.iter().all(|entry| entry.certificate.identity_key == *meter);
        if ours { Ok(chain) } else { Err(ProviderError::BadAnswer("the certificates are of another meter")) }
    }

    /// The provider's present revocation list. It is remembered; an older one is refused from then on.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn revocations(&self) -> Result<Revocations, ProviderError> {
        let bytes = self.ask(Ask::get("/v1/revocations", MAX_LIST, false)).await?;
        let now = self.now();
        let mut known = self.known();
        let seen = known.list.as_ref().map(|(list, _)| list);
        let mut outcome = Err(RevocationError::OtherKey);
        for lineage in &known.lineages {
            outcome = Revocations::read(&bytes, lineage, seen, now);
            if outcome != Err(RevocationError::OtherKey) {
                break;
            }
        }
        let list = outcome?;
        known.list = Some((list.clone(), bytes));
        Ok(list)
    }

    /// Submits a bill's bytes. The same bill has the same answer, however often it is submitted.
    ///
    /// # Errors
    /// See [`ProviderError`]; [`ProviderError::retry`] says whether to submit again.
    pub async fn submit(&self, bill: &[u8]) -> Result<SubmitAnswer, ProviderError> {
        let digest = digest(bill).ok_or(ProviderError::Rejected {
            code: "malformed".into(),
            message: "the file is not a bill, or it is damaged".into(),
        })?;
        let answer = self.as_household(Ask::post("/v1/bills", bill.to_vec(), CBOR)).await?;
        self.receipted(&answer, &digest)
    }

    /// Where a submitted bill stands; none when the provider has no receipt for it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn state(&self, digest: &Hash) -> Result<Option<BillState>, ProviderError> {
        let path = format!("/v1/bills/{}", show::hex(digest));
        let answer = match self.as_household(Ask::get(&path, MAX_JSON, true)).await {
            Err(ProviderError::Rejected { code, .. }) if code == "unknown-bill" => return Ok(None),
            other => other?,
        };
        let corrected_by = match answer.get("corrected_by") {
            None | Some(Value::Null) => None,
            Some(value) => Some(hash(value).ok_or(SHAPE)?),
        };
        Ok(Some(BillState { answer: self.receipted(&answer, digest)?, corrected_by }))
    }

    /// Registers the next key of this household. The present one stays good until the next is first used. Returns the
    /// client under the next key; store that key before using it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn rotate_key(&self, next: &ClientKey) -> Result<Self, ProviderError> {
        let present = self.key.as_ref().ok_or(ProviderError::NoKey)?.public();
        // The provider's key of now: it may have been handed over since the last request.
        self.fresh_list().await?;
        let message = next.as_next(self.provider_key(), present);
        let body = json!({ "format": 1, "next": show::hex(&message) }).to_string().into_bytes();
        let answer = self.as_household(Ask::post("/v1/keys", body, JSON)).await?;
        if answer.get("state").and_then(Value::as_str) != Some("next") {
            return Err(SHAPE);
        }
        Ok(Self { key: Some(next.clone()), ..self.clone() })
    }

    /// Commands that wait for this household's meters, each signed by a key of the provider. What is not is left out: it
    /// must not hold up the others.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn commands(&self) -> Result<Vec<Command>, ProviderError> {
        let answer = self.as_household(Ask::get("/v1/commands", MAX_JSON, true)).await?;
        let list = answer.get("commands").and_then(Value::as_array).ok_or(SHAPE)?;
        let keys: Vec<[u8; 32]> =
            self.known().lineages.iter().flat_map(|lineage| lineage.tenures().map(|tenure| tenure.key)).collect();
        let sound: Vec<Command> = list.iter().filter_map(|value| read::command(value, &keys)).collect();
        if sound.len() < list.len() {
            tracing::warn!(left_out = list.len() - sound.len(), "commands that are damaged or not the provider's");
        }
        Ok(sound)
    }

    /// Passes a meter's receipt for a command on.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn command_receipt(&self, message: &[u8]) -> Result<(), ProviderError> {
        let rejected = |_| ProviderError::Rejected {
            code: "bad-receipt".into(),
            message: "the receipt is damaged or not signed by the meter it names".into(),
        };
        let receipt = CommandReceipt::read(message).map_err(rejected)?;
        let path = format!("/v1/commands/{}/receipt", receipt.sequence);
        let body = json!({ "format": 1, "receipt": show::hex(message) }).to_string().into_bytes();
        self.as_household(Ask::post(&path, body, JSON)).await?;
        Ok(())
    }

    /// A request that shows the household's key.
    async fn as_household(&self, ask: Ask<'_>) -> Result<Value, ProviderError> {
        if self.key.is_none() {
            return Err(ProviderError::NoKey);
        }
        self.fresh_list().await?;
        let ask = Ask { as_household: true, ..ask };
        let again = ask.again();
        match self.exchange(Who::Provider, ask).await {
            Err(ProviderError::WrongPin) => {
                self.follow().await?;
                // Under the key that followed, the list in hand may no longer be the provider's.
                self.fresh_list().await?;
                parse(&self.exchange(Who::Provider, again).await?)
            }
            other => parse(&other?),
        }
    }

    /// Makes sure that the list in hand is not past the time by which the next was due.
    async fn fresh_list(&self) -> Result<(), ProviderError> {
        let now = self.now();
        let fresh = self.known().list.as_ref().is_some_and(|(list, _)| now < list.next && now < half_way(list));
        if fresh {
            return Ok(());
        }
        match self.revocations().await {
            Ok(_) => Ok(()),
            // An older list than ours, or none, does no harm while ours is good.
            Err(error) => {
                let good = self.known().list.as_ref().is_some_and(|(list, _)| now < list.next);
                let harmless = matches!(error, ProviderError::Later { .. });
                if good && harmless { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Asks the provider what anybody may ask. When somebody unknown answers, asks that one how it descends from the pinned
    /// key, and tries once more if it does.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Vec<u8>, ProviderError> {
        let again = ask.again();
        match self.exchange(Who::Provider, ask).await {
            Err(ProviderError::WrongPin) => {
                self.follow().await?;
                self.exchange(Who::Provider, again).await
            }
            other => other,
        }
    }

    /// Learns how whoever answers descends from the pinned key. Only what the pinned key signed counts: whatever else a
    /// stranger says, damaged or not, it is a stranger.
    async fn follow(&self) -> Result<(), ProviderError> {
        match self.introduce().await {
            Ok(true) => Ok(()),
            Err(ProviderError::Lineage(error @ (LineageError::Forked | LineageError::TooLong))) => Err(error.into()),
            Ok(false) | Err(_) => Err(ProviderError::WrongPin),
        }
    }

    /// Takes the hand-overs that whoever answers can show; whether one of them was new and led on.
    async fn introduce(&self) -> Result<bool, ProviderError> {
        let answer = parse(&self.exchange(Who::Anybody, Ask::get("/v1/provider", MAX_JSON, false)).await?)?;
        let list = answer.get("successions").and_then(Value::as_array).ok_or(SHAPE)?;
        if list.len() > MAX_CHAIN {
            return Err(SHAPE);
        }
        let messages: Option<Vec<_>> = list.iter().map(|value| hex::decode(value.as_str()?).ok()).collect();
        self.learn(&messages.ok_or(SHAPE)?)
    }
}

/// From then on a newer list is asked for, though the present one is still good.
fn half_way(list: &Revocations) -> u64 {
    list.issued.saturating_add(list.next.saturating_sub(list.issued) / 2)
}
