//! A publication as a person asked for it, checked before anything is stored or sent.

use std::collections::BTreeSet;

use drivers::{Address, AddressError, Dial, Mqtt};
use gateway_core::store::Publication;

use super::discovery::Topics;
use super::local::{is_here, may_be_local};
use crate::Failure;
use crate::api::{PublishAdd, What};
use crate::lines::dial;

/// Home Assistant's own discovery prefix.
const PREFIX: &str = "homeassistant";
/// Seconds between two messages of a value, when nothing is said and as far as it goes.
const EVERY: u32 = 10;
const LEAST: u32 = 1;
const MOST: u32 = 3600;

/// A publication that can be opened.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Its row.
    pub id: i64,
    /// The broker; the topic is the prefix.
    pub mqtt: Mqtt,
    /// How to sign in.
    pub dial: Dial,
    /// Its topics.
    pub topics: Topics,
    /// What is published.
    pub what: BTreeSet<What>,
    /// A value is published every so many seconds at most.
    pub every: u32,
    /// Whether the broker may be outside.
    pub not_local: bool,
}

/// What the store keeps of a publication. `name` is for a new one: random, hex.
///
/// # Errors
/// When it is not understood, or would send readings or a password where nobody should have meant to.
pub(crate) fn settle(add: PublishAdd, name: String) -> Result<Publication, Failure> {
    let refused = |code, message: &str| Err(Failure::refused(code, message));
    let mqtt = broker(&add.address, add.prefix.as_deref().unwrap_or(PREFIX))?;
    let every = add.every.unwrap_or(EVERY);
    if !(LEAST..=MOST).contains(&every) {
        return refused("every", "a value is published every 1 to 3600 seconds");
    }
    if add.password.is_some() && mqtt.user.is_none() {
        return refused("no-user", "a password was given without a user name: write mqtt://USER@HOST");
    }
    if add.password.is_some() && !mqtt.tls && !is_here(&mqtt.host) {
        return refused(
            "clear-password",
            "a password is not sent over an unencrypted connection: use mqtts:// with the file of the broker's authority, \
             or a broker on this machine",
        );
    }
    if add.authority.is_some() && !mqtt.tls {
        return refused("authority", "an authority is for mqtts:// only; mqtt:// is not encrypted");
    }
    if !may_be_local(&mqtt.host) && !add.not_local {
        return refused(
            "not-local",
            "this broker does not look like one in your home: whoever runs it, and everyone it lets in, could see when you \
             are at home. If you mean it, say so with --not-local",
        );
    }
    if add.not_local && !mqtt.tls {
        return refused("not-encrypted", "readings do not leave the home unencrypted: with --not-local, use mqtts://");
    }
    let what: BTreeSet<What> = if add.what.is_empty() { What::ALL.into() } else { add.what.into_iter().collect() };
    let names: Vec<&str> = what.into_iter().map(What::name).collect();
    Ok(Publication {
        id: 0,
        broker: format!("{}:{}", mqtt.host.to_ascii_lowercase(), mqtt.port),
        name,
        address: Address::Mqtt(mqtt).to_string(),
        password: add.password,
        authority: add.authority.map(|path| path.display().to_string()),
        what: names.join(","),
        every,
        not_local: add.not_local,
        ended_at: None,
    })
}

/// Reads `mqtt[s]://[user@]host[:port]` as the address of topics below a prefix: one set of rules for both.
fn broker(address: &str, prefix: &str) -> Result<Mqtt, Failure> {
    let address = address.strip_suffix('/').unwrap_or(address);
    let refused = |why: &str| Failure::refused("address", why);
    let no_broker = || refused("a broker's address begins with mqtt:// or mqtts://");
    let topics = || refused("nothing follows the port of a broker; the discovery prefix is given by --prefix");
    let mqtt = match format!("{address}/{PREFIX}").parse() {
        Ok(Address::Mqtt(mqtt)) if mqtt.topic == PREFIX => mqtt,
        Ok(Address::Mqtt(_)) | Err(AddressError::Topic | AddressError::Setting) => return Err(topics()),
        Ok(_) | Err(AddressError::Kind | AddressError::BarePort) => return Err(no_broker()),
        Err(error) => return Err(refused(&error.to_string())),
    };
    // As a topic it has the rules of one, and no characters that mean something in an address.
    let plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte));
    let levels = prefix.split('/').all(|level| !level.is_empty());
    if !plain || !levels || prefix.len() > 64 {
        return Err(Failure::refused(
            "prefix",
            "a prefix has 1 to 64 letters, digits, - and _, with single slashes between them",
        ));
    }
    Ok(Mqtt { topic: prefix.to_owned(), ..mqtt })
}

/// A publication as the store has it.
///
/// # Errors
/// When the store's row is none.
pub(crate) fn ready(row: &Publication) -> Result<Terms, Failure> {
    let damaged = || Failure::could_not("damaged-store", "the store holds a damaged publication");
    let Ok(Address::Mqtt(mqtt)) = row.address.parse() else { return Err(damaged()) };
    let what: Result<BTreeSet<What>, _> = row.what.split(',').map(str::parse).collect();
    let dial = dial(Address::Mqtt(mqtt.clone()), row.password.as_deref(), row.authority.as_deref());
    Ok(Terms {
        id: row.id,
        topics: Topics { prefix: mqtt.topic.clone(), name: row.name.clone() },
        what: what.map_err(|_| damaged())?,
        every: row.every,
        not_local: row.not_local,
        mqtt,
        dial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn add(address: &str) -> PublishAdd {
        PublishAdd {
            address: address.into(),
            password: None,
            authority: None,
            what: Vec::new(),
            prefix: None,
            every: None,
            not_local: false,
        }
    }

    fn code(add: PublishAdd) -> String {
        settle(add, "n".into()).map_or_else(|failure| failure.code().to_owned(), |row| row.address)
    }

    #[test]
    fn as_people_write_them() {
        let row = settle(add("mqtt://Broker.local"), "ab".into()).unwrap();
        assert_eq!(
            (row.broker.as_str(), row.address.as_str()),
            ("broker.local:1883", "mqtt://Broker.local:1883/homeassistant")
        );
        assert_eq!((row.what.as_str(), row.every), ("power,import,export,gas,water,heat", 10));
        let own = PublishAdd {
            prefix: Some("home/ha".into()),
            what: vec![What::Gas, What::Power],
            ..add("mqtt://[::1]:99/")
        };
        let row = settle(own, "ab".into()).unwrap();
        assert_eq!((row.address.as_str(), row.what.as_str()), ("mqtt://[::1]:99/home/ha", "power,gas"));
        let terms = ready(&row).unwrap();
        assert_eq!(terms.topics.birth(), "home/ha/status");
        assert_eq!(terms.what.into_iter().collect::<Vec<_>>(), [What::Power, What::Gas]);
    }

    #[test]
    fn what_nobody_should_mean_is_refused() {
        assert_eq!(code(add("mqtts://ha@192.168.1.2")), "mqtts://ha@192.168.1.2:8883/homeassistant");
        assert_eq!(code(add("mqtt://broker.example.org")), "not-local");
        assert_eq!(code(PublishAdd { not_local: true, ..add("mqtt://broker.example.org") }), "not-encrypted");
        let meant = PublishAdd { not_local: true, ..add("mqtts://broker.example.org") };
        assert_eq!(code(meant), "mqtts://broker.example.org:8883/homeassistant");
        for (bad, name) in [
            ("broker.local", "address"),
            ("tcp://broker.local:1", "address"),
            ("mqtt://broker.local/topic", "address"),
            ("mqtt://u:hunter2@broker.local", "address"),
            ("mqtt://u@broker.local/x", "address"),
            ("mqtt://", "address"),
        ] {
            assert_eq!(code(add(bad)), name, "{bad}");
        }
        for prefix in ["", "/", "a//b", "a/", "home assistant", "a/#", "+", "ä"] {
            assert_eq!(code(PublishAdd { prefix: Some(prefix.into()), ..add("mqtt://lan") }), "prefix", "{prefix}");
        }
        for every in [0, 3601] {
            assert_eq!(code(PublishAdd { every: Some(every), ..add("mqtt://lan") }), "every");
        }
        assert_eq!(code(PublishAdd { authority: Some("/ca.pem".into()), ..add("mqtt://lan") }), "authority");
        let with = |address| PublishAdd { password: Some(Zeroizing::new("hunter2".into())), ..add(address) };
        assert_eq!(code(with("mqtt://ha@192.168.1.2")), "clear-password");
        assert_eq!(code(with("mqtt://127.0.0.1")), "no-user");
        let here = settle(with("mqtt://ha@127.0.0.1"), "n".into()).unwrap();
        assert!(!format!("{here:?} {:?} {:?}", ready(&here).unwrap(), with("mqtt://lan")).contains("hunter2"));
    }
}
