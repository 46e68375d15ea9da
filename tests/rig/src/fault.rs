//! Which call fails, and how. Calls are numbered in the order in which they are made.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// What happens to one outgoing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process dies before the call is sent.
    DieBefore,
    /// The process dies after the call was applied, before its answer is read.
    DieAfter,
    /// The call is applied and its answer is lost; the process lives.
    LoseAnswer,
    /// The process stands still before the call, and goes on when everything else is over.
    Stall,
    /// DynamoDB: another transaction was on the same items. Not applied.
    Conflict,
    /// DynamoDB: one item's condition failed while another was in conflict. Not applied.
    MixedReasons,
    /// DynamoDB: throttled. Not applied.
    Throttle,
    /// DynamoDB: a transaction with this token is still running. Not applied.
    InProgress,
    /// DynamoDB: nothing of a batch was processed.
    Unprocessed,
    /// DynamoDB: the index does not show what has just been written.
    LaggingIndex,
    /// SQS: the message arrives twice.
    Twice,
    /// MoMo: no connection can be had, so nothing reaches it.
    NoConnection,
}

impl Fault {
    pub const DEATHS_AND_LOSSES: [Self; 3] = [Self::DieBefore, Self::DieAfter, Self::LoseAnswer];
}

/// Draws a fault for the call of that name, or none.
type Draw = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    planned: BTreeMap<usize, Fault>,
    made: Vec<String>,
    /// The fault that stopped a process last.
    stopped_by: Option<Fault>,
    /// Draws a fault for any call beside the planned ones.
    draw: Option<Draw>,
}

/// The plan of failures of one scenario, shared by the wire and the rail.
#[derive(Clone, Default)]
pub struct Script {
    state: Arc<Mutex<State>>,
    /// Told when a process dies or stands still.
    pub stopped: Arc<Notify>,
    /// Lets the ones that stand still go on.
    pub resume: Arc<Notify>,
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn plan(faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let script = Self::default();
        script.state().planned = faults.into_iter().collect();
        script
    }

    /// Faults are drawn for each call by `draw`, which gets the call's name.
    pub fn drawn(draw: impl FnMut(&str) -> Option<Fault> + Send + 'static) -> Self {
        let script = Self::default();
        script.state().draw = Some(Box::new(draw));
        script
    }

    /// From here on faults are drawn for each call by `draw`, which gets the call's name.
    pub fn draw_by(&self, draw: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        self.state().draw = Some(Box::new(draw));
    }

    /// No more failures from here on.
    pub fn heal(&self) {
        let mut state = self.state();
        state.planned.clear();
        state.draw = None;
    }

    /// Counts a call and says what happens to it.
    pub fn next(&self, name: &str) -> Option<Fault> {
        let mut state = self.state();
        let index = state.made.len();
        state.made.push(name.to_owned());
        let drawn = state.draw.as_mut().and_then(|draw| draw(name));
        let fault = state.planned.remove(&index).or(drawn);
        if matches!(fault, Some(Fault::DieBefore | Fault::DieAfter | Fault::Stall)) {
            state.stopped_by = fault;
        }
        fault
    }

    /// Whether the process that stopped last only stands still.
    pub fn stands_still(&self) -> bool {
        self.state().stopped_by == Some(Fault::Stall)
    }

    /// The names of all calls made so far.
    pub fn calls(&self) -> Vec<String> {
        self.state().made.clone()
    }
}
