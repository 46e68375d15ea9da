//! How many sends of one reference are under way at once: there must never be two.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Clone, Default)]
pub(crate) struct Flights {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    under_way: HashMap<String, usize>,
    most: usize,
}

impl Flights {
    pub fn begin(&self, reference: &str) -> InFlightGuard {
        let reference = reference.to_ascii_lowercase();
        let mut counts = self.counts();
        let count = counts.under_way.entry(reference.clone()).or_default();
        *count += 1;
        let now = *count;
        counts.most = counts.most.max(now);
        InFlightGuard { flights: self.clone(), reference }
    }

    pub fn most(&self) -> usize {
        self.counts().most
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One send under way; dropping it ends that.
#[must_use]
pub struct InFlightGuard {
    flights: Flights,
    reference: String,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let mut counts = self.flights.counts();
        if let Some(count) = counts.under_way.get_mut(&self.reference) {
            *count -= 1;
            if *count == 0 {
                counts.under_way.remove(&self.reference);
            }
        }
    }
}
