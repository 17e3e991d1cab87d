//! Circuits that a provider takes bills by, and their files. Nothing of it is trusted: parameters are checked at home.

use serde_json::Value;

use super::Client;
use super::answers::CircuitOffer;
use super::error::ProviderError;
use super::read::{SHAPE, hash, parse, plain};
use super::wire::{Ask, MAX_JSON};

/// Larger than any file of powers or parameters of the catalogue.
const MOST_BYTES: usize = 1 << 29;

impl Client {
    /// The circuits that it offers.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn circuits(&self) -> Result<Vec<CircuitOffer>, ProviderError> {
        let answer = parse(&self.ask(Ask::get("/v1/circuits", MAX_JSON, false)).await?)?;
        let offer = |value: &Value| {
            let proving = value.get("proving")?;
            let powers = match value.get("powers")? {
                Value::Null => None,
                powers => Some(powers.get("bytes")?.as_u64()?),
            };
            Some(CircuitOffer {
                id: hash(value.get("id")?)?,
                name: plain(value.get("name")?.as_str()?)?,
                pin: hash(proving.get("pin")?)?,
                bytes: proving.get("bytes")?.as_u64()?,
                powers,
            })
        };
        let list = answer.get("circuits").and_then(Value::as_array).ok_or(SHAPE)?;
        // One whose parameters it does not publish cannot be fetched.
        let published = list.iter().filter(|value| value.get("proving").is_none_or(|proving| !proving.is_null()));
        published.map(offer).collect::<Option<_>>().ok_or(SHAPE)
    }

    /// The proving parameters of a circuit.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn proving(&self, offer: &CircuitOffer) -> Result<Vec<u8>, ProviderError> {
        self.file(offer, "proving", offer.bytes).await
    }

    /// The powers of tau that a circuit's parameters rest on.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn powers(&self, offer: &CircuitOffer) -> Result<Vec<u8>, ProviderError> {
        self.file(offer, "powers", offer.powers.unwrap_or(0)).await
    }

    async fn file(&self, offer: &CircuitOffer, which: &str, bytes: u64) -> Result<Vec<u8>, ProviderError> {
        let length = usize::try_from(bytes).ok().filter(|length| *length <= MOST_BYTES).ok_or(SHAPE)?;
        let path = format!("/v1/circuits/{}/{which}", protocol::show::hex(&offer.id));
        let file = self.ask(Ask::download(&path, length)).await?;
        if file.len() == length { Ok(file) } else { Err(ProviderError::BadAnswer("the file has another length")) }
    }
}
