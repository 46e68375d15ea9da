//! Stories: plain text files of what a person dials and reads. `tests/stories/README.md` tells how to write one.

use aws_lambda_events::event::sqs::SqsMessage;
use domain::{
    audit::{Class, Entry},
    batch::{Batch, BatchState, Claim, Code, Origin, Run},
    code::CodeText,
    identity::{CustomerId, RedemptionId},
    money::{Currency, Money},
    phone::Msisdn,
    settings::Settings,
    switches::Switches,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use momo_simulator::{Behaviour, Endpoint, FaultKind, Outcome};
use rig::{
    Answered, Ended, Fault, World,
    world::{CALLBACK_SECRET, EPOCH, PATH_SECRET, START_MS, Setup},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use store::Deadline;

struct Teller<'s> {
    world: World,
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'s>>>,
    codes: HashMap<String, CodeText>,
    phone: String,
    network: String,
    sessions: usize,
    /// The open session: what was dialled, and the inputs so far.
    session: Option<(String, String, Vec<String>)>,
    shown: Vec<String>,
    /// Whether the payout worker says whose account a number is while the hop still waits.
    names_at_once: bool,
    /// Messages that were taken off the queue and are not about names.
    put_by: Vec<SqsMessage>,
}

type Told = Result<(), String>;

/// Tells one story. The first line that doesn't come true is the error.
///
/// # Errors
/// The line's number, what was expected and what came.
pub async fn tell(text: &str) -> Told {
    let settings = text.lines().filter_map(|line| line.strip_prefix("settings ")).try_fold(
        serde_json::to_value(Settings::default()).map_err(|error| error.to_string())?,
        |mut all, line| {
            let one: Value = serde_json::from_str(line).map_err(|error| format!("settings: {error}"))?;
            merge(&mut all, &one);
            Ok::<_, String>(all)
        },
    )?;
    let settings: Settings = serde_json::from_value(settings).map_err(|error| format!("settings: {error}"))?;
    let world = World::start(Setup { codes: 1, settings: Some(settings), ..Setup::default() }).await;
    let mut teller = Teller {
        world,
        lines: text.lines().enumerate().peekable(),
        codes: HashMap::new(),
        phone: "0788000001".to_owned(),
        network: "63510".to_owned(),
        sessions: 0,
        session: None,
        shown: Vec::new(),
        names_at_once: true,
        put_by: Vec::new(),
    };
    while let Some((number, line)) = teller.lines.next() {
        teller.line(line.trim_end()).await.map_err(|why| format!("line {}: {why}", number + 1))?;
    }
    let broken = teller.world.broken_money(false, &HashSet::new()).await;
    if broken.is_empty() { Ok(()) } else { Err(format!("afterwards: {broken:?}")) }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

impl Teller<'_> {
    async fn line(&mut self, line: &str) -> Told {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" | "proves:" | "settings" => Ok(()),
            "code" => self.code(rest).await,
            "phone" => {
                self.phone = rest.to_owned();
                self.session = None;
                Ok(())
            }
            "network" => {
                self.network = rest.to_owned();
                Ok(())
            }
            "dial" => {
                self.sessions += 1;
                let dialled = self.filled(rest);
                self.session = Some((format!("story-{}", self.sessions), dialled, Vec::new()));
                self.send(false).await
            }
            ">" | ">>" => {
                let input = self.filled(rest);
                let (_, _, inputs) = self.session.as_mut().ok_or("nothing has been dialled")?;
                inputs.push(input);
                self.send(word == ">>").await
            }
            "<" => self.shows(rest),
            "notice" => self.notice(rest).await,
            "wait" => self.wait(rest).await,
            "pay" => self.pay().await,
            "momo" => self.momo(rest),
            "wallet" => self.wallet(rest),
            "switch" => self.switch(rest).await,
            other => Err(format!("{other:?} is no word of a story")),
        }
    }

    /// `{name}` becomes the code of that name, as printed.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, code) in &self.codes {
            text = text.replace(&format!("{{{name}}}"), &code.printed());
            text = text.replace(&format!("{{{name} folded}}"), &code.as_str().to_lowercase());
        }
        text
    }

    /// `code NAME [TEXT] [amount N] [blocked] [reported] [expired] [inactive] [staging] [imported] [taken]`
    async fn code(&mut self, rest: &str) -> Told {
        let mut words = rest.split_whitespace().peekable();
        let name = words.next().ok_or("a code has a name")?.to_owned();
        let number = self.codes.len();
        let text = match words.peek().filter(|word| word.chars().any(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
        {
            Some(text) => {
                let text = CodeText::parse(text).map_err(|error| error.to_string())?;
                words.next();
                text
            }
            None => {
                CodeText::parse(&format!("7K3M9A26CE11X{}20", ["H", "J", "K", "L", "M", "N", "P", "R"][number % 8]))
                    .map_err(|error| error.to_string())?
            }
        };
        let mut amount = 5_000;
        let mut said = Vec::new();
        while let Some(word) = words.next() {
            if word == "amount" {
                amount = words.next().and_then(|n| n.parse().ok()).ok_or("amount N")?;
            } else {
                said.push(word);
            }
        }
        let is = |word: &str| said.contains(&word);
        let start = time::from_millis(START_MS);
        let money = Money::new(amount, Currency::Rwf).map_err(|error| error.to_string())?;
        let mut batch = Batch::new(
            format!("story-{number}"),
            number as u64 + 2,
            format!("BATCH_STORY_{number}"),
            money,
            time::plus(start, if is("expired") { -DAY_MS } else { 90 * DAY_MS }),
            start,
        );
        if is("inactive") {
            batch.state = BatchState::Blocked;
        }
        let origin = if is("imported") { Origin::Imported } else { Origin::Generated };
        let run = Run::staging(format!("run-{number}"), batch.id.clone(), 1, origin);
        let other = Msisdn::parse("0789999999").map_err(|error| error.to_string())?;
        let mut code = Code::made(text.clone(), &batch, &run, 0);
        if is("staging") {
            // A run that isn't there is as good as one that is not live yet.
            code.run_id = "not-live".to_owned();
        }
        code.blocked = is("blocked");
        code.reported = is("reported");
        code.deleted = is("deleted");
        let entry = |what: &str| {
            Entry::new(
                format!("{what}-{number}"),
                start,
                Class::Change,
                what,
                "system:test".to_owned(),
                format!("batch:{}", batch.id),
            )
        };
        let limit = Deadline::in_ms(5_000);
        let made =
            self.world.store.create_batch(&batch, &run, std::slice::from_ref(&code), &entry("run.live"), limit).await;
        made.map_err(|error| error.to_string())?;
        if is("taken") {
            let mut claimed = code.clone();
            claimed.version += 1;
            claimed.claim = Some(Claim {
                redemption: RedemptionId::of("elsewhere", &text, 1),
                customer: CustomerId::of(b"pepper", &other),
                at: start,
            });
            self.world
                .store
                .save_code(&code, &claimed, &entry("code.claim"), limit)
                .await
                .map_err(|error| error.to_string())?;
        }
        self.codes.insert(name, text);
        Ok(())
    }

    async fn send(&mut self, twice: bool) -> Told {
        let (session, dialled, inputs) = self.session.clone().ok_or("nothing has been dialled")?;
        let (phone, network) = (self.phone.clone(), self.network.clone());
        let form = [
            ("sessionId", session.as_str()),
            ("phoneNumber", &phone),
            ("networkCode", &network),
            ("serviceCode", &dialled),
            ("text", &inputs.join("*")),
        ];
        let first = self.post("/api/v1/ussd/handle/", &form).await?;
        if twice {
            let second = self.post("/api/v1/ussd/handle/", &form).await?;
            if first != second {
                return Err(format!("delivered twice, answered differently:\n{first}\nand\n{second}"));
            }
        }
        self.shown = first.lines().rev().map(str::to_owned).collect();
        Ok(())
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<String, String> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let path = format!("{path}{PATH_SECRET}");
        let answered = self.answered(&path, body.into_bytes()).await?;
        if answered.status == 200 {
            Ok(answered.body)
        } else {
            Err(format!("answered {}: {}", answered.status, answered.body))
        }
    }

    /// What a hop is answered. One that waits for a name stands still while the worker learns it.
    async fn answered(&mut self, path: &str, body: Vec<u8>) -> Result<Answered, String> {
        if self.names_at_once {
            let mut nudged = false;
            self.world.script.draw_by(move |call| {
                let looks = nudged && call == "BatchGetItem";
                nudged = call == "SendMessage" || (nudged && !looks);
                looks.then_some(Fault::Stall)
            });
        }
        let hop = self.world.post(path, "application/x-www-form-urlencoded", body);
        let ended = self.world.run(hop).await;
        self.world.script.heal();
        match ended {
            Ended::Answered(answered) => Ok(answered),
            Ended::Died => Err("the function died".to_owned()),
            Ended::Stalled(hop) => {
                let (about_names, others): (Vec<_>, Vec<_>) = self
                    .world
                    .messages()
                    .await
                    .into_iter()
                    .partition(|message| message.body.as_ref().is_some_and(|body| body.starts_with("{\"name\"")));
                self.put_by.extend(others);
                for message in about_names {
                    if !self.world.work(message).await {
                        return Err("a question about a name was not finished".to_owned());
                    }
                }
                self.world.script.resume.notify_one();
                Ok(hop.await)
            }
        }
    }

    /// One line of the screen; the last expected one must be the screen's last.
    fn shows(&mut self, expected: &str) -> Told {
        let expected = self.filled(expected);
        let shown = self.shown.pop().unwrap_or_default();
        if !same(&expected, &shown) {
            return Err(format!("expected {expected:?}, the screen shows {shown:?}"));
        }
        let more = self.lines.peek().is_some_and(|(_, next)| next.starts_with('<'));
        match (more, self.shown.last()) {
            (false, Some(rest)) => Err(format!("the screen goes on with {rest:?}")),
            (true | false, _) => Ok(()),
        }
    }

    async fn notice(&mut self, status: &str) -> Told {
        let (session, dialled, inputs) = self.session.take().ok_or("nothing has been dialled")?;
        let (phone, network) = (self.phone.clone(), self.network.clone());
        let hops = (inputs.len() + 1).to_string();
        let form = [
            ("sessionId", session.as_str()),
            ("phoneNumber", &phone),
            ("networkCode", &network),
            ("serviceCode", &dialled),
            ("status", status),
            ("durationInMillis", "12000"),
            ("hopsCount", &hops),
            ("input", &inputs.join("*")),
        ];
        self.post("/api/v1/webhooks/ussd/status/", &form).await.map(|_| ())
    }

    async fn wait(&mut self, rest: &str) -> Told {
        let (number, unit) = rest.split_once(' ').ok_or("wait N minutes|hours|days")?;
        let number: i64 = number.parse().map_err(|_| "wait N")?;
        let unit = match unit.trim_end_matches('s') {
            "minute" => MINUTE_MS,
            "hour" => HOUR_MS,
            "day" => DAY_MS,
            other => return Err(format!("{other:?} is no unit of time")),
        };
        self.world.advance(number * unit);
        Ok(())
    }

    /// Messages, callbacks and one sweep, until nothing happens any more.
    async fn pay(&mut self) -> Told {
        for _ in 0..20 {
            let mut messages = std::mem::take(&mut self.put_by);
            messages.extend(self.world.messages().await);
            self.world.simulator.settle_due();
            let callbacks = self.world.simulator.due_callbacks();
            if messages.is_empty() && callbacks.is_empty() {
                let sweeper = Arc::clone(&self.world.functions.sweeper);
                let swept = sweeper.sweep().await.map_err(|error| error.to_string())?;
                if swept["routed"] == 0 {
                    return Ok(());
                }
            }
            for message in messages {
                if !matches!(self.world.run(self.world.work(message)).await, Ended::Answered(true)) {
                    return Err("a message was not finished".to_owned());
                }
            }
            for callback in callbacks {
                let path = format!("/api/v1/webhooks/momo/disbursements/{CALLBACK_SECRET}");
                let answered =
                    self.world.callback(callback.method, &path, callback.body.to_string().into_bytes()).await;
                if answered.status != 200 {
                    return Err(format!("a callback was answered {}", answered.status));
                }
            }
        }
        Err("payouts don't come to rest".to_owned())
    }

    /// How MoMo behaves; what it may do stands in the stories' README.
    fn momo(&mut self, rest: &str) -> Told {
        let behaviour = match rest.split_once(' ') {
            Some(("fails", reason)) => {
                Behaviour { outcome: Outcome::Failed { reason: reason.to_owned() }, ..Behaviour::default() }
            }
            Some(("is", "well")) => Behaviour::default(),
            Some(("tells", when @ ("names at once" | "names later"))) => {
                self.names_at_once = when == "names at once";
                return Ok(());
            }
            Some(("knows", "no account")) => {
                self.world
                    .simulator
                    .next(vec![momo_simulator::Fault::at(Endpoint::AccountHolder, FaultKind::NotFound404)]);
                return Ok(());
            }
            Some(("is", "silent about names")) => {
                self.world
                    .simulator
                    .next(vec![momo_simulator::Fault::at(Endpoint::AccountHolder, FaultKind::Unavailable503)]);
                return Ok(());
            }
            None if rest == "waits" => Behaviour { outcome: Outcome::PendingForever, ..Behaviour::default() },
            _ => return Err(format!("{rest:?} is nothing that MoMo does")),
        };
        self.world.simulator.behave(behaviour);
        Ok(())
    }

    /// `wallet AMOUNT [NUMBER]`: what that number's owner, else the dialling phone's, has received.
    fn wallet(&mut self, rest: &str) -> Told {
        let (amount, number) = rest.split_once(' ').unwrap_or((rest, &self.phone));
        let expected: u64 = amount.parse().map_err(|_| "wallet AMOUNT")?;
        let phone = Msisdn::parse(number).map_err(|error| error.to_string())?;
        let wallets = self.world.simulator.wallets();
        let there = wallets.iter().find(|wallet| wallet.payee == phone.party_id()).map_or(0, |wallet| wallet.balance);
        if there == expected { Ok(()) } else { Err(format!("the wallet holds {there}, not {expected}")) }
    }

    /// `switch payouts|redemptions on|off`
    async fn switch(&mut self, rest: &str) -> Told {
        let mut switches = Switches::all_on(EPOCH);
        match rest {
            "payouts off" => switches.payouts = false,
            "redemptions off" => switches.redemptions = false,
            "all on" => {}
            other => return Err(format!("{other:?}: payouts off, redemptions off, or all on")),
        }
        self.sessions += 1;
        let entry = Entry::new(
            format!("switch-{}", self.sessions),
            self.world.now(),
            Class::System,
            "switches.set",
            "system:test".to_owned(),
            "switches:all".to_owned(),
        );
        self.world
            .store
            .save_switches(&switches, &entry, Deadline::in_ms(5_000))
            .await
            .map_err(|error| error.to_string())
    }
}

/// Whether a screen's line is the expected one; `{ref}` stands for any eight hexadecimal figures.
fn same(expected: &str, shown: &str) -> bool {
    match expected.split_once("{ref}") {
        None => expected == shown,
        Some((before, after)) => shown
            .strip_prefix(before)
            .filter(|rest| rest.len() >= 8 && rest.as_bytes()[..8].iter().all(u8::is_ascii_hexdigit))
            .is_some_and(|rest| &rest[8..] == after),
    }
}
