//! How a plain line is set up: profile, keys and slots, checked before anything is stored.

use std::path::Path;

use drivers::Address;
use drivers::plain::{Keys, MeterKey, ocmf};
use drivers::profile::{Profile, Profiles, Spoken};
use gateway_core::store::PlainLine;
use protocol::metrology::label::Interval;
use zeroize::Zeroizing;

use crate::Failure;
use crate::api::PlainMeter;

/// Slots of a plain meter when nothing is said.
const INTERVAL: Interval = Interval::QUARTER;

/// A plain line that can be opened.
pub(crate) struct Ready {
    /// What is spoken there.
    pub spoken: Spoken,
    /// The meter.
    pub profile: Profile,
    /// Where it is read, with the settings of this meter.
    pub address: Address,
    /// Its slots.
    pub interval: Interval,
}

/// A line as it was asked for, ready to be opened, and what the store keeps of it. `folder` holds the home's own profiles.
///
/// # Errors
/// When there is no such meter, a key is none, or this meter is not read at such an address.
pub(crate) fn set_up(add: PlainMeter, address: Address, folder: &Path) -> Result<(Ready, PlainLine), Failure> {
    let minutes = add.interval.unwrap_or(u32::try_from(INTERVAL.seconds() / 60).unwrap_or(15));
    let seconds = minutes.saturating_mul(60);
    if Interval::from_seconds(seconds).is_none() {
        return Err(Failure::refused("interval", "slots have 15, 30 or 60 minutes"));
    }
    let bytes = |key: Option<Zeroizing<String>>| key.map(|key| Zeroizing::new(key.trim().as_bytes().to_vec()));
    let plain = PlainLine {
        profile: add.profile,
        interval: seconds,
        key: bytes(add.key),
        authentication_key: bytes(add.authentication_key),
        public_key: add.public_key.map(String::into_bytes),
    };
    let ready = ready(&plain, address, folder)?;
    Ok((ready, plain))
}

/// Sets a line up as the store has it.
///
/// # Errors
/// As [`set_up`].
pub(in crate::lines) fn ready(plain: &PlainLine, address: Address, folder: &Path) -> Result<Ready, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::refused("meter", error.to_string());
    let profiles = Profiles::with_folder(folder).map_err(|error| refused(&error))?;
    let profile = profiles.named(&plain.profile).map_err(|error| refused(&error))?.clone();
    let address = profile.settle(address);
    let spoken = profile.dialect(keys(plain)?, &address).map_err(|error| refused(&error))?;
    let interval = Interval::from_seconds(plain.interval).unwrap_or(INTERVAL);
    Ok(Ready { spoken, profile, address, interval })
}

fn keys(plain: &PlainLine) -> Result<Keys, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::refused("meter-key", error.to_string());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let authentication = plain.authentication_key.as_ref().map(|key| Zeroizing::new(text(key)));
    let meter = match &plain.key {
        None if authentication.is_some() => {
            return Err(Failure::refused(
                "meter-key",
                "an authentication key alone opens nothing; give the key as well",
            ));
        }
        None => None,
        Some(key) => {
            let key = Zeroizing::new(text(key));
            let authentication = authentication.as_ref().map(|key| key.as_str());
            Some(MeterKey::from_hex(&key, authentication).map_err(|error| refused(&error))?)
        }
    };
    let public = plain.public_key.as_ref().map(|key| ocmf::PublicKey::from_text(&text(key))).transpose();
    Ok(Keys { meter, public: public.map_err(|error| refused(&error))? })
}
