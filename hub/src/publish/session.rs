//! One connection to a broker, from its opening until it ends: what is due goes out, and only what the broker needs to
//! know comes in.
//!
//! Two halves run side by side: one polls the client library, which is never cancelled half-way; the other looks at the
//! meters once a second. A broker that takes nothing more holds the second half up, and meanwhile nothing is piled up: the
//! next look has what is true then. Nothing that is published reaches a log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drivers::{LineError, Mqtt, broker};
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, Outgoing, Packet, QoS};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::course::{Course, Message};
use super::discovery::{OFFLINE, ONLINE};
use super::local::is_local;
use super::terms::Terms;
use crate::Failure;
use crate::keeper::Keeper;
use crate::lines::Lines;

/// Longest message either way; descriptions have about a kilobyte.
const LONGEST: usize = 8 << 10;
/// Messages that wait for the client library.
const QUEUE: usize = 16;
/// Opening a connection takes no longer.
const OPEN_WITHIN: Duration = Duration::from_secs(15);
/// What was published last may take so long to be confirmed.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Why a publication does not publish.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The broker, or the way there.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A name that looked like one of the home leads out of it.
    #[error(
        "{0} leads out of your home: nothing is published there unless it is added again with mqtts:// and --not-local"
    )]
    Outside(String),
    /// This home's own store.
    #[error(transparent)]
    Home(#[from] Failure),
}

impl Trouble {
    /// Short stable name.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Line(error) => error.code(),
            Self::Outside(_) => "not-local",
            Self::Home(failure) => failure.code(),
        }
    }
}

/// An open connection.
pub(crate) struct Session {
    client: AsyncClient,
    events: EventLoop,
}

impl Session {
    /// Connects and signs in. With a will, the broker says on the gateway's topic that it is gone when it goes unheard.
    ///
    /// # Errors
    /// [`Trouble`], within a quarter of a minute.
    pub(crate) async fn open(terms: &Terms, client: String, will: bool) -> Result<Self, Trouble> {
        let opening = async {
            let mut trouble = Trouble::Line(LineError::UnknownHost { host: terms.mqtt.host.clone() });
            for mqtt in ways(terms).await? {
                match Self::connect(terms, &mqtt, client.clone(), will).await {
                    Ok(session) => return Ok(session),
                    Err(error) => trouble = error.into(),
                }
            }
            Err(trouble)
        };
        timeout(OPEN_WITHIN, opening).await.unwrap_or(Err(LineError::OpenTimedOut.into()))
    }

    async fn connect(terms: &Terms, mqtt: &Mqtt, client: String, will: bool) -> Result<Self, LineError> {
        let mut options = broker::options(mqtt, &terms.dial, client, LONGEST).await?;
        if will {
            options.set_last_will(LastWill::new(terms.topics.gateway(), OFFLINE, QoS::AtLeastOnce, true));
        }
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        let mut network = events.network_options();
        network.set_connection_timeout(OPEN_WITHIN.as_secs());
        events.set_network_options(network);
        loop {
            match events.poll().await.map_err(|error| broker::not_opened(&error, mqtt))? {
                Event::Incoming(Packet::ConnAck(_)) => return Ok(Self { client, events }),
                _ => continue,
            }
        }
    }

    /// Takes messages back that the broker keeps, and ends.
    ///
    /// # Errors
    /// When not all were confirmed in time.
    pub(crate) async fn take_back(self, topics: &[String]) -> Result<(), Trouble> {
        let Self { client, mut events } = self;
        let (confirmed, confirmations) = watch::channel(0);
        let (births, _) = watch::channel(0);
        let within =
            LEAVE_WITHIN + Duration::from_millis(100).saturating_mul(u32::try_from(topics.len()).unwrap_or(100));
        tokio::select! {
            error = read(&mut events, "", &confirmed, &births) => Err(error.into()),
            done = timeout(within, take_back(&client, topics, confirmations)) => match done {
                Ok(()) => Ok(()),
                Err(_) => Err(LineError::Stalled.into()),
            },
        }
    }

    /// Publishes what the lines show until the connection ends or `closed` says so; then says farewell.
    ///
    /// # Errors
    /// Why the connection ended; none when it was closed.
    pub(crate) async fn run(
        self,
        terms: &Terms,
        keeper: &Keeper,
        lines: &Arc<Mutex<Lines>>,
        closed: &mut watch::Receiver<bool>,
    ) -> Result<(), Trouble> {
        let Self { client, mut events } = self;
        let (confirmed, confirmations) = watch::channel(0);
        let (birth, births) = watch::channel(0);
        let topic = terms.topics.birth();
        let mut speaking = Speaking { terms, keeper, client, confirmations, sent: 0 };
        tokio::select! {
            error = read(&mut events, &topic, &confirmed, &birth) => match error {
                LineError::Closed => Ok(()),
                error => Err(error.into()),
            },
            ended = speaking.run(lines, births, closed) => ended,
        }
    }
}

/// The addresses that may be connected to: those in the home, unless others were allowed. Where nothing is encrypted it is
/// the very address that was looked at; with TLS the certificate says who answers.
async fn ways(terms: &Terms) -> Result<Vec<Mqtt>, Trouble> {
    let mut addresses = broker::lookup(&terms.mqtt.host, terms.mqtt.port).await?;
    addresses.retain(|address| terms.not_local || is_local(address.ip()));
    if addresses.is_empty() {
        return Err(Trouble::Outside(terms.mqtt.host.clone()));
    }
    if terms.mqtt.tls {
        return Ok(vec![terms.mqtt.clone()]);
    }
    Ok(addresses.into_iter().map(|address| Mqtt { host: address.ip().to_string(), ..terms.mqtt.clone() }).collect())
}

/// Polls until the connection ends. Counts confirmations, and starts of Home Assistant, which says so on `topic`.
async fn read(
    events: &mut EventLoop,
    topic: &str,
    confirmed: &watch::Sender<usize>,
    births: &watch::Sender<u64>,
) -> LineError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => confirmed.send_modify(|count| *count += 1),
            // One that is retained tells of a start before this connection, which tells everything anew by itself.
            Ok(Event::Incoming(Packet::Publish(said)))
                if said.topic == topic && !said.retain && said.payload == ONLINE.as_bytes() =>
            {
                births.send_modify(|count| *count += 1);
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return LineError::Closed,
            Ok(_) => {}
            Err(error) => return broker::ended(&error, LONGEST),
        }
    }
}

/// Publishes empty retained messages and waits until the broker has them.
async fn take_back(client: &AsyncClient, topics: &[String], mut confirmations: watch::Receiver<usize>) {
    for topic in topics {
        // Fails only when the other half has ended, and that one tells why.
        let _ = client.publish(topic, QoS::AtLeastOnce, true, Vec::new()).await;
    }
    let _ = confirmations.wait_for(|count| *count >= topics.len()).await;
}

/// The half that publishes.
struct Speaking<'a> {
    terms: &'a Terms,
    keeper: &'a Keeper,
    client: AsyncClient,
    confirmations: watch::Receiver<usize>,
    /// Messages that are to be confirmed.
    sent: usize,
}

impl Speaking<'_> {
    async fn run(
        &mut self,
        lines: &Arc<Mutex<Lines>>,
        mut births: watch::Receiver<u64>,
        closed: &mut watch::Receiver<bool>,
    ) -> Result<(), Trouble> {
        let id = self.terms.id;
        let before = self.keeper.run(move |store| store.published(id)).await?;
        let Terms { topics, what, every, .. } = self.terms;
        let mut course = Course::new(topics.clone(), what.clone(), *every, &before);
        let mut noted = BTreeMap::new();
        for row in before {
            if course.wants(&row) {
                noted.insert(row.topic.clone(), row);
            } else {
                self.forget(row.topic).await?;
            }
        }
        let _ = self.client.subscribe(topics.birth(), QoS::AtLeastOnce).await;
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                Ok(()) = births.changed() => course.tell_anew(),
                _ = closed.wait_for(|closed| *closed) => break,
            }
            let shown = lines.lock().await.shown();
            for message in course.look(Instant::now(), &shown) {
                if let Some(row) = message.kept.clone()
                    && noted.insert(row.topic.clone(), row.clone()).as_ref() != Some(&row)
                {
                    self.keeper.run(move |store| store.keep_published(id, &row)).await?;
                }
                self.say(message).await;
            }
        }
        let farewell = self.terms.topics.gateway();
        self.sent += 1;
        let leave = async {
            let _ = self.client.publish(farewell, QoS::AtLeastOnce, true, OFFLINE).await;
            let _ = self.confirmations.wait_for(|count| *count >= self.sent).await;
            let _ = self.client.disconnect().await;
            // The other half ends with it.
            std::future::pending::<()>().await;
        };
        let _ = timeout(LEAVE_WITHIN, leave).await;
        Ok(())
    }

    async fn say(&mut self, message: Message) {
        let (quality, retain) = match message.kept {
            Some(_) => (QoS::AtLeastOnce, true),
            None => (QoS::AtMostOnce, false),
        };
        self.sent += usize::from(retain);
        // Fails only when the other half has ended, and that one tells why.
        let _ = self.client.publish(message.topic, quality, retain, message.payload).await;
    }

    /// Takes back what does not belong to the publication any more.
    async fn forget(&mut self, topic: String) -> Result<(), Trouble> {
        self.sent += 1;
        let _ = self.client.publish(&topic, QoS::AtLeastOnce, true, Vec::new()).await;
        let (id, sent) = (self.terms.id, self.sent);
        let _ = self.confirmations.wait_for(|count| *count >= sent).await;
        Ok(self.keeper.run(move |store| store.forget_published(id, &topic)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::{ready, settle};
    use super::*;
    use crate::api::PublishAdd;

    fn terms(address: &str) -> Terms {
        let add = PublishAdd {
            address: address.into(),
            password: None,
            authority: None,
            what: Vec::new(),
            prefix: None,
            every: None,
            not_local: false,
        };
        ready(&settle(add, "n".into()).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_leads_out_of_the_home_is_not_followed() {
        let mut terms = terms("mqtt://[::1]:99");
        assert_eq!(ways(&terms).await.unwrap()[0].host, "::1");
        // As when a name of the home is answered for by somebody outside.
        terms.mqtt.host = "203.0.113.7".into();
        let trouble = ways(&terms).await.unwrap_err();
        assert_eq!(trouble.code(), "not-local");
        terms.mqtt.tls = true;
        assert!(ways(&terms).await.is_err());
        terms.not_local = true;
        assert_eq!(ways(&terms).await.unwrap(), [terms.mqtt.clone()]);
    }

    #[tokio::test]
    async fn nobody_there_is_told_in_words() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let terms = terms(&format!("mqtt://{nobody}"));
        let trouble = Session::open(&terms, "c".into(), true).await.err().unwrap();
        assert_eq!(trouble.code(), "connection-refused", "{trouble}");
    }
}
