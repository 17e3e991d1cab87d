//! The requests, one method each.
//!
//! Before the household shows itself or sends a bill, the client makes sure that it holds a revocation list that is not
//! stale: a stolen certificate of the provider is worth something only until the next list is due.

use protocol::bill::{Package, Statement};
use protocol::certificate::{self, VerifiedCertificate};
use protocol::metrology::keys::Hash;
use protocol::service::command::CommandReceipt;
use protocol::service::receipt::BillReceipt;
use protocol::service::revocation::{MAX_BYTES as MAX_LIST, RevocationError, Revocations};
use protocol::service::succession::MAX_CHAIN;
use protocol::show;
use protocol::tariff::SignedTariff;
use protocol::time::Span;
use protocol::wire::MAX_MESSAGE;
use protocol::{meter_bill, wire as cbor};
use serde_json::{Value, json};

use super::answers::{BillState, Command, EnrolState, Offer, SubmitAnswer};
use super::error::ProviderError;
use super::trust::Who;
use super::wire::{Ask, MAX_JSON};
use super::{Client, ClientKey};

const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";
const SHAPE: ProviderError = ProviderError::BadAnswer("it does not have the form of this answer");

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
        let contract = text(&answer, "contract")?;
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
                id: value.get("id")?.as_str()?.to_owned(),
                name: value.get("name")?.as_str()?.to_owned(),
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

    /// Commands that wait for this household's meters.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn commands(&self) -> Result<Vec<Command>, ProviderError> {
        let answer = self.as_household(Ask::get("/v1/commands", MAX_JSON, true)).await?;
        let command = |value: &Value| {
            Some(Command {
                meter: hash(value.get("meter")?)?,
                sequence: value.get("sequence")?.as_u64()?,
                expires_at: value.get("expires_at")?.as_u64()?,
                message: hex::decode(value.get("command")?.as_str()?).ok()?,
            })
        };
        let list = answer.get("commands").and_then(Value::as_array).ok_or(SHAPE)?;
        list.iter().map(command).collect::<Option<_>>().ok_or(SHAPE)
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
        parse(&self.ask(Ask { as_household: true, ..ask }).await?)
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

    /// Asks the provider. When somebody unknown answers, asks that one how it descends from the pinned key, and tries
    /// once more if it does.
    async fn ask(&self, ask: Ask<'_>) -> Result<Vec<u8>, ProviderError> {
        let again = Ask { method: ask.method.clone(), body: ask.body.clone(), ..ask };
        match self.exchange(Who::Provider, ask).await {
            Err(ProviderError::WrongPin) => {
                let followed = match self.introduce().await {
                    Ok(followed) => followed,
                    Err(ProviderError::Lineage(error)) => return Err(error.into()),
                    Err(_) => false,
                };
                if !followed {
                    return Err(ProviderError::WrongPin);
                }
                self.exchange(Who::Provider, again).await
            }
            other => other,
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

    /// Reads an answer on a bill and checks its receipt: for this bill, by a key that spoke for the provider then.
    fn receipted(&self, answer: &Value, digest: &Hash) -> Result<SubmitAnswer, ProviderError> {
        let bytes = hex::decode(text(answer, "receipt")?).map_err(|_| SHAPE)?;
        let receipt =
            BillReceipt::read(&bytes).map_err(|_| ProviderError::BadAnswer("the receipt is damaged or not signed"))?;
        // A receipt is written by the key of that day, which may be later than the booking.
        let ours = self.known().lineages.iter().any(|lineage| {
            let mut tenures = lineage.tenures();
            tenures.any(|t| t.key == receipt.provider && t.until.is_none_or(|until| receipt.booked_at < until))
        });
        if receipt.digest != *digest || receipt.verdict != "valid" || !ours {
            return Err(ProviderError::BadAnswer("the receipt is not this provider's for this bill"));
        }
        Ok(SubmitAnswer { verdict: answer.get("verdict").cloned().ok_or(SHAPE)?, receipt, receipt_bytes: bytes })
    }
}

/// From then on a newer list is asked for, though the present one is still good.
fn half_way(list: &Revocations) -> u64 {
    list.issued.saturating_add(list.next.saturating_sub(list.issued) / 2)
}

/// The digest of a bill, which the receipt must name.
fn digest(bill: &[u8]) -> Option<Hash> {
    if meter_bill::is_meter_bill(bill) {
        return meter_bill::names(bill).ok().map(|(digest, _)| digest);
    }
    let package = Package::read(bill).ok()?;
    cbor::decode::<Statement>(&package.statement, "bill statement").ok()?;
    Some(Statement::digest(&package.statement))
}

fn parse(body: &[u8]) -> Result<Value, ProviderError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| SHAPE)?;
    if value.get("format").and_then(Value::as_u64) == Some(1) {
        Ok(value)
    } else {
        Err(ProviderError::BadAnswer("its format is not known to this program; update it"))
    }
}

fn text(value: &Value, name: &str) -> Result<String, ProviderError> {
    value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(SHAPE)
}

fn hash(value: &Value) -> Option<Hash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(value.as_str()?, &mut bytes).ok()?;
    Some(bytes)
}
