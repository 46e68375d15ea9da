//! A simulated week through the real store and the real functions: codes are dialled, paid and asked about while much
//! goes wrong, people meddle, and in every second week the table is put back to an earlier moment. Afterwards
//! everything heals, and the books are compared: with MoMo's, with the audit log, and with a count of the rows.
//!
//! A week comes from its seed alone: the same seed lives it again.

mod books;
mod dice;
mod people;
mod restored;
mod schedule;
mod trouble;
mod turns;

use dice::Dice;
use domain::{
    access::System,
    audit::Class,
    gate::{Gate, Outcomes},
    payout::MTN_MOMO,
    settings::Settings,
    switches::Switches,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use jiff::Timestamp;
use momo_simulator::Behaviour;
use rig::{
    Script, World,
    restore::Copy,
    world::{API_KEY, EPOCH, Setup},
};
use schedule::Event;
use std::collections::{BTreeMap, BTreeSet};
use store::{Deadline, keys};
use trouble::{Trouble, Weather};
use turns::Frozen;

/// Codes of one week; each is redeemed in the end.
pub const CODES: usize = 50;
const PHONES: usize = 12;
const AMOUNTS: [u64; 3] = [500, 5_000, 50_000];
const FULL: u64 = 10_000_000_000;
const BY: System = System("test");
/// Rounds from one due time to the next until nothing is due any more. A week that needs more doesn't come to rest.
const MOST_ROUNDS: usize = 400;

/// What one week came to.
#[derive(Default)]
pub struct Lived {
    pub redemptions: usize,
    pub sends: usize,
    pub asks: usize,
    /// Calls of MoMo of any kind.
    pub momo_calls: usize,
    /// Calls of everything, MoMo included.
    pub calls: usize,
    pub restored: bool,
    pub second_references: usize,
    pub events: BTreeMap<&'static str, usize>,
    pub ends: BTreeMap<String, usize>,
    pub broken: Vec<String>,
    /// What happened, with its time.
    pub told: Vec<String>,
}

struct Week {
    world: World,
    dice: Dice,
    weather: Weather,
    amount: u64,
    lasting: BTreeSet<Trouble>,
    /// When messages come again whose worker did not finish.
    again: Vec<Timestamp>,
    /// Messages taken from the queue and not yet handed out: they come late and in any order.
    waiting: Vec<aws_lambda_events::event::sqs::SqsMessage>,
    frozen: Option<Frozen>,
    epoch: u32,
    key: String,
    keys_made: u32,
    copy: Option<Copy>,
    restored: bool,
    /// Who dials each code first.
    phones: Vec<usize>,
    /// Somebody has barred a payout from being sent.
    barred: bool,
    /// Codes whose customer was told that the money comes.
    promised: BTreeSet<usize>,
    /// Everything works and everything that waits is worked on.
    calm: bool,
    events: BTreeMap<&'static str, usize>,
    told: Vec<String>,
    broken: Vec<String>,
}

fn soon() -> Deadline {
    Deadline::in_ms(10_000)
}

/// Lives the week of this seed to its end.
pub async fn live(seed: u64) -> Lived {
    let mut dice = Dice::new(seed);
    let amount = *dice.pick(&AMOUNTS);
    let phones: Vec<usize> = (0..CODES).map(|_| dice.below(PHONES)).collect();
    let schedule = schedule::drawn(&phones, &mut dice);
    let quiet = |name: &str, _: &str| name == "GetSecretValue";
    let settings = Settings { version: 1, ..trouble::settings(&[], amount) };
    let (script, settings) = (Script::default(), Some(settings));
    let setup =
        Setup { script, codes: CODES, amount, settings, quiet, seed: Some(seed), direct: true, ..Setup::default() };
    let world = World::start(setup).await;
    let weather = Weather::default();
    let (failing, mut chance) = (weather.clone(), Dice::new(seed ^ 0xfa17));
    world.script.draw_by(move |name| failing.fault(name, &mut chance));
    let mut week = Week {
        world,
        dice,
        weather,
        amount,
        lasting: BTreeSet::new(),
        again: Vec::new(),
        waiting: Vec::new(),
        frozen: None,
        epoch: EPOCH.parse().expect("a number"),
        key: API_KEY.to_owned(),
        keys_made: 0,
        copy: None,
        restored: false,
        phones,
        barred: false,
        promised: BTreeSet::new(),
        calm: false,
        events: BTreeMap::new(),
        told: Vec::new(),
        broken: Vec::new(),
    };
    let start = week.world.now();
    for (at, event) in schedule {
        week.until(time::plus(start, at)).await;
        week.happens(event).await;
        week.work().await;
    }
    week.heal().await;
    week.come_to_rest().await;
    week.close().await
}

impl Week {
    fn tell(&mut self, what: &str) {
        let now = self.world.now();
        self.told.push(format!("{now} {what}"));
    }

    fn count(&mut self, event: &'static str) {
        *self.events.entry(event).or_default() += 1;
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Dial { code, phone, session } => {
                self.dial(code, phone, &session).await;
                // Somebody is faster than the worker.
                if self.dice.one_in(8) {
                    self.meddle_with(code).await;
                }
            }
            Event::Begins(trouble) => {
                self.count(trouble.name());
                self.tell(&format!("{} begins", trouble.name()));
                self.lasting.insert(trouble);
                self.changed(trouble).await;
            }
            Event::Ends(trouble) => {
                self.tell(&format!("{} ends", trouble.name()));
                self.lasting.remove(&trouble);
                self.changed(trouble).await;
            }
            Event::Jump(milliseconds) => {
                let way = if milliseconds > 0 { "clock put forward" } else { "clock put back" };
                self.count(way);
                self.tell(&format!("{way} by {milliseconds} ms"));
                // No function lives for hours.
                self.frozen = None;
                self.world.advance(milliseconds);
            }
            Event::Person => self.person().await,
            Event::Copy => {
                self.count("copy");
                self.tell("the table is copied");
                self.copy = Some(self.world.copied().await);
            }
            Event::Restore => self.restore().await,
        }
    }

    /// What follows from a trouble that begins or ends.
    async fn changed(&mut self, trouble: Trouble) {
        let lasts = self.lasting.contains(&trouble);
        match trouble {
            Trouble::NoConnection => self.weather.failing().connection = lasts,
            Trouble::Table => self.weather.failing().table = lasts,
            Trouble::Index => self.weather.failing().index = lasts,
            Trouble::Deaths => self.weather.failing().deaths = lasts,
            Trouble::FloatDry => {
                let few = self.amount * self.dice.below(4) as u64;
                self.world.simulator.set_balance(if lasts { few } else { FULL });
            }
            Trouble::KeyRotated => self.rotate(lasts).await,
            Trouble::PayoutsOff | Trouble::RedemptionsOff => self.set_switches().await,
            Trouble::Approval | Trouble::Limits | Trouble::DayTotal | Trouble::Accounts => self.set_settings().await,
            Trouble::Errors
            | Trouble::Hangs
            | Trouble::Throttled
            | Trouble::Pages
            | Trouble::Slow
            | Trouble::Fails
            | Trouble::FailsThenPays
            | Trouble::Lags
            | Trouble::Tokens
            | Trouble::CallbacksLost
            | Trouble::CallbacksTwice
            | Trouble::CallbacksLate
            | Trouble::Stalls => {}
        }
    }

    /// MoMo takes the new key only; the secret gets it later, and processes read it when they start.
    async fn rotate(&mut self, begins: bool) {
        if begins {
            self.keys_made += 1;
            self.key = format!("key-{}", self.keys_made);
            self.world.simulator.set_api_key(&self.key);
        } else {
            self.world.set_momo_key(&self.key).await;
            self.restart();
        }
    }

    async fn set_switches(&mut self) {
        let off = |trouble| self.lasting.contains(&trouble);
        let after = Switches {
            payouts: !off(Trouble::PayoutsOff),
            redemptions: !off(Trouble::RedemptionsOff),
            ..Switches::all_on(&self.epoch.to_string())
        };
        let before: Option<Switches> =
            self.world.store.one(&keys::switches(), soon()).await.expect("the table answers");
        let act = self.world.store.act(&BY, self.world.now(), Class::System, "switches.set", "switches:all".to_owned());
        let act = act.expect("chance").switches(before.as_ref(), &after).expect("a row");
        act.commit(soon()).await.expect("switches can be set");
    }

    async fn set_settings(&mut self) {
        let lasting: Vec<Trouble> = self.lasting.iter().copied().collect();
        let before: Settings =
            self.world.store.one(&keys::settings(), soon()).await.expect("the table answers").expect("settings");
        let after = Settings { version: before.version + 1, ..trouble::settings(&lasting, self.amount) };
        let act = self.world.store.act(&BY, self.world.now(), Class::Change, "settings.set", "settings:all".to_owned());
        let act = act.expect("chance").settings(before.version, &after).expect("a row");
        act.commit(soon()).await.expect("good settings");
        // They are read again after ten seconds of the machine's own clock.
        self.restart();
    }

    /// A person lets payouts go on that too many failures have paused.
    async fn resume_gate(&mut self) {
        let store = &self.world.store;
        let gate: Gate = store.one(&keys::gate(MTN_MOMO), soon()).await.expect("the table answers").unwrap_or_default();
        let outcomes: Outcomes =
            store.one(&keys::outcomes(MTN_MOMO), soon()).await.expect("the table answers").unwrap_or_default();
        let Some(resumed) = gate.resumed() else { return };
        let act = store.act(&BY, self.world.now(), Class::System, "payouts.resume", "payouts:gate".to_owned());
        let act = act.expect("chance").gate(MTN_MOMO, (&gate, &resumed), (&outcomes, &outcomes.forgotten()));
        if act.expect("a row").commit(soon()).await.is_ok() {
            self.count("gate opened by hand");
        }
    }

    /// Everything works again, and whoever has not been told of money dials once more.
    async fn heal(&mut self) {
        self.tell("everything heals");
        self.calm = true;
        self.frozen = None;
        self.weather.clears();
        self.world.simulator.behave(Behaviour::default());
        self.world.simulator.set_balance(FULL);
        self.lasting.clear();
        self.world.set_momo_key(&self.key).await;
        self.set_switches().await;
        self.set_settings().await;
        self.resume_gate().await;
        for code in 0..CODES {
            if !self.promised.contains(&code) || self.dice.one_in(10) {
                let phone = self.dice.below(PHONES);
                self.dial(code, phone, &format!("{code}-last")).await;
            }
        }
        self.work().await;
    }

    /// From one due time to the next until nothing is due any more, the questions after an end included. People work
    /// through what waits for them.
    async fn come_to_rest(&mut self) {
        let last = time::plus(self.world.now(), 30 * DAY_MS);
        for _ in 0..MOST_ROUNDS {
            self.clear_desk().await;
            self.work().await;
            let Some(due) = self.next_due().await.filter(|due| *due < last) else { return };
            // Several at a time.
            let together = *self.dice.pick(&[5 * MINUTE_MS, 6 * HOUR_MS, 12 * HOUR_MS]);
            let wait = time::between(self.world.now(), due).max(0) + together;
            self.world.advance(wait);
            self.sweep().await;
            self.work().await;
        }
        self.broken.push("it doesn't come to rest".to_owned());
    }

    async fn close(mut self) -> Lived {
        let rows = self.world.rows().await;
        let mut broken = std::mem::take(&mut self.broken);
        broken.extend(self.unbalanced(&rows).await);
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for (payout, _) in &rows.payouts {
            *ends.entry(payout.state.gauge().to_owned()).or_default() += 1;
        }
        let calls = self.world.script.calls();
        let named = |name: &str| calls.iter().filter(|call| call.as_str() == name).count();
        Lived {
            redemptions: rows.redemptions.len(),
            sends: named("momo transfer"),
            asks: named("momo status"),
            momo_calls: calls.iter().filter(|call| call.starts_with("momo ")).count(),
            calls: calls.len(),
            restored: self.restored,
            second_references: rows.payouts.iter().filter(|(payout, _)| payout.attempts.len() > 1).count(),
            events: self.events,
            ends,
            broken,
            told: self.told,
        }
    }
}
