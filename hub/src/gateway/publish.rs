//! Requests about publishing, and the publications of a running gateway.

use gateway_core::store::Publication;
use gateway_core::{Store, StoreError};

use super::Gateway;
use crate::Failure;
use crate::api::{Answer, Event, Publications, PublishAdd};
use crate::commands::now;
use crate::publish::{Known, list, settle, take_back};

/// Brokers that one home publishes to.
const MOST: usize = 16;

impl Gateway {
    /// Begins every publication that is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_publications(&self) -> Result<(), Failure> {
        let rows = self.keeper.run(|store| store.publications()).await?;
        for row in rows.into_iter().filter(|row| row.ended_at.is_none()) {
            if let Err(failure) = self.publish(&row).await {
                // One that cannot be opened does not keep the others closed.
                self.tell(Event::Attention { code: failure.code().to_owned(), message: failure.to_string() });
            }
        }
        Ok(())
    }

    async fn publish(&self, row: &Publication) -> Result<(), Failure> {
        self.publishing.lock().await.open(row, &self.keeper, &self.lines, &self.events).await
    }

    /// What is published where.
    pub(super) async fn publications(&self) -> Result<Answer, Failure> {
        let rows = self
            .keeper
            .run(|store| {
                let rows = store.publications()?.into_iter().map(|row| {
                    let known = Known { published: store.published(row.id)?, meters: store.meters()? };
                    Ok((row, known))
                });
                rows.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let shown = self.lines.lock().await.now();
        let publishing = self.publishing.lock().await;
        let publications = rows.iter().map(|(row, known)| list(row, known, &shown, publishing.state(row.id)));
        Ok(Answer::Publications(Publications { publications: publications.collect::<Result<_, _>>()? }))
    }

    /// What a person should do about publications that were ended.
    pub(super) async fn ended_publications(&self) -> Result<Vec<String>, Failure> {
        let rows = self.keeper.run(|store| store.publications()).await?.into_iter();
        let ended = rows.filter(|row| row.ended_at.is_some()).map(|row| {
            format!(
                "publishing to {} was ended, and the broker may still keep descriptions of it: take them back with: \
                 wattseal publish remove {}; or begin again with: wattseal publish add",
                row.broker, row.id
            )
        });
        Ok(ended.collect())
    }

    /// Adds a broker, or gives the one that is there new settings.
    pub(super) async fn add_publication(&self, add: PublishAdd) -> Result<Answer, Failure> {
        let mut name = [0; 4];
        getrandom::fill(&mut name)
            .map_err(|error| Failure::could_not("randomness", format!("the system gives no randomness: {error}")))?;
        let row = settle(add, hex::encode(name))?;
        let row = self.keeper.run(move |store| store.transaction(|store| keep(store, &row))).await?;
        if self.running {
            self.publish(&row).await?;
        }
        self.publications().await
    }

    /// Ends a publication at once, takes back what its broker keeps, and only then forgets it. With `forget` it does not
    /// talk with the broker.
    pub(super) async fn remove_publication(&self, id: i64, forget: bool) -> Result<Answer, Failure> {
        // Ended first, so that a restart in between does not begin it again.
        let ended = self.keeper.run(move |store| store.transaction(|store| end(store, id))).await?;
        let Some(row) = ended else {
            return Err(Failure::refused(
                "no-publication",
                format!("there is no publication {id}; `wattseal publish list` shows those there are"),
            ));
        };
        self.publishing.lock().await.close(id).await;
        if !forget {
            let kept = self.keeper.run(move |store| store.published(id)).await?;
            let topics: Vec<String> = kept.into_iter().map(|kept| kept.topic).collect();
            take_back(&row, &topics).await?;
        }
        self.keeper
            .run(move |store| {
                store.transaction(|store| {
                    let left = if forget { store.published(id)?.len() } else { 0 };
                    store.remove_publication(id)?;
                    let rest =
                        if left > 0 { format!("; {left} topics were left at the broker") } else { String::new() };
                    store.note(now(), "publish-removed", &format!("publishing to {} was removed{rest}", row.broker))
                })
            })
            .await?;
        self.publications().await
    }
}

fn keep(store: &Store, row: &Publication) -> Result<Publication, Failure> {
    let rows = store.publications()?;
    if rows.len() >= MOST && rows.iter().all(|other| other.broker != row.broker) {
        return Err(Failure::refused("too-many", format!("this home publishes to {MOST} brokers already")));
    }
    let id = store.keep_publication(row, now())?;
    let what = row.what.replace(',', ", ");
    let outside = if row.not_local { ", which may be outside of the home" } else { "" };
    let text = format!("publishing of {what} to {}{outside} was allowed, every {} s at most", row.broker, row.every);
    store.note(now(), "publish-added", &text)?;
    store.publication(id)?.ok_or_else(|| StoreError::Damaged("publication").into())
}

/// Ends a publication; gives its row. Noted once.
fn end(store: &Store, id: i64) -> Result<Option<Publication>, StoreError> {
    let Some(row) = store.publication(id)? else { return Ok(None) };
    if row.ended_at.is_none() {
        store.end_publication(id, now())?;
        store.note(now(), "publish-ended", &format!("publishing to {} was ended", row.broker))?;
    }
    Ok(Some(row))
}
