//! What happens in one week, and when: drawn from its seed before it begins.

use super::{PHONES, dice::Dice, trouble::Trouble};
use domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};

const WEEK_MS: i64 = 7 * DAY_MS;
/// Nobody dials for the first time in the last hours.
const DIALS_MS: i64 = WEEK_MS - 12 * HOUR_MS;

#[derive(Clone, Debug)]
pub enum Event {
    Dial {
        code: usize,
        phone: usize,
        session: String,
    },
    Begins(Trouble),
    Ends(Trouble),
    /// The clock is put forward, or back as a time server does.
    Jump(i64),
    /// Somebody of the staff works through what waits, and meddles with one payout.
    Person,
    /// Every row is copied.
    Copy,
    /// The table is put back to the copy.
    Restore,
}

/// Every event with its time in milliseconds from the start, in order. Each trouble lasts at most once at a time.
pub fn drawn(phones: &[usize], dice: &mut Dice) -> Vec<(i64, Event)> {
    let mut events = Vec::new();
    dials(phones, dice, &mut events);
    troubles(dice, &mut events);
    for _ in 0..dice.between(1, 3) {
        events.push((dice.between(0, WEEK_MS), Event::Jump(dice.between(HOUR_MS, 8 * HOUR_MS))));
    }
    for _ in 0..dice.between(1, 3) {
        events.push((dice.between(0, WEEK_MS), Event::Jump(-dice.between(MINUTE_MS, 5 * MINUTE_MS))));
    }
    for _ in 0..dice.between(10, 20) {
        events.push((dice.between(HOUR_MS, WEEK_MS), Event::Person));
    }
    if dice.one_in(2) {
        let copied = dice.between(12 * HOUR_MS, 4 * DAY_MS);
        events.push((copied, Event::Copy));
        events.push((copied + dice.between(HOUR_MS, 2 * DAY_MS), Event::Restore));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

fn dials(phones: &[usize], dice: &mut Dice, events: &mut Vec<(i64, Event)>) {
    for (code, phone) in phones.iter().copied().enumerate() {
        let at = dice.between(0, DIALS_MS);
        let dial =
            |at: i64, phone: usize, again: &str| (at, Event::Dial { code, phone, session: format!("{code}{again}") });
        events.push(dial(at, phone, ""));
        // The gateway delivers a hop again.
        if dice.one_in(4) {
            events.push(dial(at + dice.between(0, 10_000), phone, ""));
        }
        if dice.one_in(4) {
            events.push(dial(at + dice.between(0, HOUR_MS), phone, "-again"));
        }
        if dice.one_in(4) {
            events.push(dial(at + dice.between(0, 2 * DAY_MS), dice.below(PHONES), "-other"));
        }
    }
}

fn troubles(dice: &mut Dice, events: &mut Vec<(i64, Event)>) {
    for trouble in Trouble::ALL {
        let mut from = 0;
        while dice.one_in(2) {
            from += dice.between(0, 3 * DAY_MS);
            let until = from + dice.between(10 * MINUTE_MS, 12 * HOUR_MS);
            if until > WEEK_MS {
                break;
            }
            events.push((from, Event::Begins(trouble)));
            events.push((until, Event::Ends(trouble)));
            from = until + MINUTE_MS;
        }
    }
}
