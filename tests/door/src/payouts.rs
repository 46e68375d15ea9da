//! Redemptions and payouts that requests are about.

use crate::{
    Office, Person,
    routes::{Operation, Request, Stage},
};
use domain::{
    access::System,
    audit::Class,
    code::CodeText,
    id::UserId,
    identity::RedemptionId,
    payout::{Attempt, NotNow, Payout, Rail, State},
};
use rig::{
    Ended,
    world::{CALLBACK_SECRET, ENVIRONMENT},
};
use serde_json::json;
use std::sync::Arc;
use store::{Deadline, chance};

pub const PAYOUTS: &str = "/api/v1/admin/disbursements";
pub const REDEMPTIONS: &str = "/api/v1/admin/redemptions";
pub const SWITCHES: &str = "/api/v1/admin/switches";
pub const EXPLAIN: &str = "/api/v1/admin/payouts/explain";

/// More rounds than any payout of a test needs.
const ROUNDS: usize = 40;

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

/// The id of a code's redemption; the first one has generation 1.
pub fn redemption_of(code: &CodeText, generation: u32) -> RedemptionId {
    RedemptionId::of(ENVIRONMENT, code, generation)
}

impl Office {
    /// A phone dials and sends a code.
    ///
    /// # Panics
    /// When nothing is redeemed by it.
    pub async fn redeem(&self, phone: &str, code: &str) -> RedemptionId {
        let text = CodeText::parse(code).expect("a code");
        let session = format!("s-{}", domain::identity::hex(&chance::<8>().expect("randomness")));
        let answered = self.world.hop(&session, phone, code).await;
        let row = self.world.store.codes(std::slice::from_ref(&text), soon()).await.expect("the table answers");
        let code = row.into_iter().next().flatten().expect("a code");
        let claim = code.claim.unwrap_or_else(|| panic!("not redeemed: {}", answered.body));
        assert_eq!(claim.redemption, redemption_of(&text, code.generation));
        claim.redemption
    }

    /// # Panics
    /// When there is none.
    pub async fn payout(&self, id: &RedemptionId) -> Payout {
        self.world.store.payout(id, soon()).await.expect("the table answers").expect("a payout")
    }

    /// Changes a payout past the API, as `act` says.
    ///
    /// # Panics
    /// When the act isn't possible or the table doesn't take it.
    pub async fn changed_payout(
        &self,
        id: &RedemptionId,
        act: impl FnOnce(&Payout) -> Result<Payout, NotNow>,
    ) -> Payout {
        let before = self.payout(id).await;
        let after = act(&before).expect("a possible act");
        let (store, now) = (&self.world.store, self.world.now());
        let act = store.act(&System("test"), now, Class::Money, "payout.placed", format!("payout:{id}"));
        let act = act.and_then(|act| act.payout(&before, &after, None, self.world.today())).expect("rows");
        act.commit(soon()).await.expect("the table takes it");
        after
    }

    /// A payout that has failed for good under one reference, as its row; MoMo knows nothing of it.
    pub async fn refused_payout(&self, id: &RedemptionId) -> Payout {
        let now = self.world.now();
        self.changed_payout(id, |payout| {
            let mut after = payout.clone();
            let rail = Rail::mtn_momo("http://momo.test", "test", "nobody");
            let attempt = json!({
                "number": 1, "reference": format!("{:0>8}-0000-4000-8000-000000000000", &id.as_str()[..8]), "rail": rail,
                "sends": 1, "first_sent_at": now.as_millisecond(), "last_sent_at": now.as_millisecond(),
                "reason": "PAYEE_NOT_FOUND", "transaction": null, "last_answer": "FAILED",
            });
            let attempt: Attempt = serde_json::from_value(attempt).expect("an attempt");
            after.attempts.push(attempt);
            after.state = State::Refused { at: now, reason: "PAYEE_NOT_FOUND".to_owned() };
            after.updated_at = now;
            after.version += 1;
            Ok(after)
        })
        .await
    }

    /// Messages, callbacks and sweeps at the present time, until nothing happens any more.
    ///
    /// # Panics
    /// When payouts don't come to rest.
    pub async fn pay(&self) {
        for _ in 0..ROUNDS {
            let messages = self.world.messages().await;
            self.world.simulator.settle_due();
            let callbacks = self.world.simulator.due_callbacks();
            if messages.is_empty() && callbacks.is_empty() {
                let sweeper = Arc::clone(&self.world.functions.sweeper);
                if sweeper.sweep().await.expect("it sweeps")["routed"] == 0 {
                    return;
                }
            }
            for message in messages {
                let Ended::Answered(done) = self.world.run(self.world.work(message)).await else {
                    panic!("a worker has died")
                };
                assert!(done, "a message was not finished");
            }
            for callback in callbacks {
                let path = format!("/api/v1/webhooks/momo/disbursements/{CALLBACK_SECRET}");
                let body = callback.body.to_string().into_bytes();
                assert_eq!(self.world.callback(callback.method, &path, body).await.status, 200);
            }
        }
        panic!("payouts don't come to rest");
    }

    /// As [`Office::pay`], minute by minute for so long.
    pub async fn pay_for(&self, minutes: i64) {
        for _ in 0..minutes {
            self.pay().await;
            self.wait(1);
        }
        self.pay().await;
    }

    /// The entity tag of a payout as it is.
    pub async fn payout_tag(&self, by: &Person, id: &RedemptionId) -> String {
        self.ask("GET", &format!("{PAYOUTS}/{id}")).by(by).send().await.expect(200).etag()
    }
}

impl Stage<'_> {
    /// A redemption whose payout waits to be sent.
    async fn redemption(&self) -> RedemptionId {
        let (_, code) = self.live_code().await;
        let phone = format!("+25078{:07}", 8_100_000 + self.number());
        let id = self.office.redeem(&phone, &code).await;
        // Nobody works here.
        self.office.world.messages().await;
        id
    }

    /// A good request about payouts; `None` for what isn't about these.
    ///
    /// # Panics
    /// When what it is about can't be made.
    pub(crate) async fn request_of_payouts(&self, operation: &Operation) -> Option<Request> {
        let at =
            |id: &RedemptionId| Request { path: operation.path.replace("{id}", id.as_str()), ..Request::default() };
        let plain = Request { path: operation.path.clone(), ..Request::default() };
        let reason = json!({ "reason": "The customer has called." });
        let now = self.office.world.now();
        let office = self.office;
        let someone = || UserId::drawn(now, chance().expect("randomness"));
        let tag = async |id: &RedemptionId| office.payout_tag(&self.helper, id).await;
        Some(match operation.id.as_str() {
            "listDisbursements" | "disbursementStatistics" | "getSwitches" => plain,
            "setSwitches" => plain.body(json!({ "sms": false, "reason": "Too many messages." })),
            "explainPayouts" => {
                let id = self.redemption().await;
                Request { path: format!("{}?q={id}", operation.path), ..plain }
            }
            "getDisbursement" => at(&self.redemption().await),
            "holdDisbursement" | "hurryDisbursement" => at(&self.redemption().await).body(reason),
            "releaseDisbursement" => {
                let id = self.redemption().await;
                office.changed_payout(&id, |payout| payout.hold(&someone(), "wait", now)).await;
                at(&id)
            }
            "cancelDisbursement" => {
                let id = self.redemption().await;
                let tag = tag(&id).await;
                at(&id).body(reason).if_match(tag)
            }
            "retryDisbursement" => {
                let id = self.redemption().await;
                office.refused_payout(&id).await;
                at(&id).body(json!({}))
            }
            "retryDisbursements" => {
                let id = self.redemption().await;
                office.refused_payout(&id).await;
                plain.body(json!({ "ids": [id] }))
            }
            "resolveDisbursement" => {
                let id = self.redemption().await;
                let tag = tag(&id).await;
                at(&id).body(json!({ "receipt": "R-100", "note": "Paid in cash." })).if_match(tag)
            }
            "approveDisbursement" | "refuseDisbursement" => {
                let id = self.redemption().await;
                office.changed_payout(&id, |payout| payout.settle(&someone(), "R-100", "Paid in cash.", now)).await;
                let tag = tag(&id).await;
                let request = at(&id).if_match(tag);
                if operation.id == "refuseDisbursement" { request.body(reason) } else { request }
            }
            "reverseRedemption" => at(&self.redemption().await).body(reason),
            _ => return None,
        })
    }
}
