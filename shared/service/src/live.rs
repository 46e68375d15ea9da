//! The settings in force, at most ten seconds old, read along with a read that happens anyway.

use domain::settings::Settings;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use store::{Items, StoreError, keys};

const FRESH: Duration = Duration::from_secs(10);

/// The settings and when they were read.
type Held = Option<(Instant, Arc<Settings>)>;

#[derive(Clone, Default)]
pub struct LiveSettings(Arc<Mutex<Held>>);

impl LiveSettings {
    /// Whether not even old settings are in hand.
    pub fn never_read(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The key to add to the next read, when the settings in hand have aged.
    pub fn wanted(&self) -> Option<keys::Key> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.as_ref().is_some_and(|(read, _)| read.elapsed() < FRESH);
        (!fresh).then(keys::settings)
    }

    /// The settings in force after a read that took along what [`LiveSettings::wanted`] asked for.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the row can't be read and none is in hand.
    pub fn current(&self, items: &Items, asked: bool) -> Result<Arc<Settings>, StoreError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked {
            match items.get::<Settings>(&keys::settings()) {
                Ok(row) => *held = Some((Instant::now(), Arc::new(row.unwrap_or_default()))),
                Err(error) => match held.as_ref() {
                    Some(_) => tracing::error!(%error, "the settings cannot be read; the ones in hand stay in force"),
                    None => return Err(error),
                },
            }
        }
        Ok(held.as_ref().map(|(_, settings)| Arc::clone(settings)).unwrap_or_default())
    }

    /// What was in force last, or the defaults: for an answer when the table doesn't speak.
    pub fn last(&self) -> Arc<Settings> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|(_, settings)| Arc::clone(settings)).unwrap_or_default()
    }
}
