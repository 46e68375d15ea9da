//! Comparisons and differences that requests are about.

use crate::{
    Office,
    codes::{BATCHES, text_of},
    routes::{Operation, Request, Stage},
};
use domain::{
    access::System,
    audit::Class,
    id::UserId,
    identity::hex,
    reconcile::{Difference, Finding, Kind, Note},
};
use jiff::civil::{Date, date};
use serde_json::json;
use store::{Deadline, chance};

/// Long over at the office's present time.
pub const DAY: Date = date(2026, 11, 18);

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

impl Office {
    /// A difference that was found; `by` says what it was, if anybody has.
    ///
    /// # Panics
    /// When the table doesn't take it.
    pub async fn difference(&self, by: Option<&UserId>) -> Finding {
        let (store, now) = (&self.world.store, self.world.now());
        let difference = Difference {
            id: hex(&chance::<16>().expect("randomness")),
            kind: Kind::MissingThere,
            ours: None,
            theirs: None,
            words: "MoMo doesn't have it.".to_owned(),
        };
        let finding = Finding::new(DAY, difference, now);
        assert!(store.keep_finding(&finding, soon()).await.expect("the table answers"), "it is new");
        let Some(by) = by else { return finding };
        let note = Note::parse("MTN has it under another day.").expect("a note");
        let proposed = finding.propose(by, note, now).expect("it is open");
        let act = store.act(&System("test"), now, Class::Money, "difference.placed", "difference:one".to_owned());
        let act = act.and_then(|act| act.finding(&finding, &proposed)).expect("a row");
        act.commit(soon()).await.expect("the table takes it");
        proposed
    }
}

impl Stage<'_> {
    /// A request about the books.
    pub(crate) async fn request_of_books(&self, operation: &Operation) -> Option<Request> {
        let request = Request { path: operation.path.clone(), ..Request::default() };
        let of = |finding: &Finding| Request {
            path: operation.path.replace("{day}", &finding.day.to_string()).replace("{id}", &finding.id),
            ..Request::default()
        };
        let helper = UserId::parse(&self.helper.id).expect("an id");
        Some(match operation.id.as_str() {
            "reconcile" | "listReconciliations" | "listDifferences" => request,
            "reconcileAfresh" => request.body(json!({ "day": DAY.to_string() })),
            "reconcileStatement" => request.body(json!({
                "upload": "0123456789abcdef0123456789abcdef", "from": DAY.to_string(), "to": DAY.to_string(),
            })),
            "createStatementUpload" => request.body(json!({ "bytes": 100, "file_name": "statement.csv" })),
            "proposeDifference" => {
                of(&self.office.difference(None).await).body(json!({ "note": "Found under another day." }))
            }
            "closeDifference" | "rejectDifference" => {
                let proposed = self.office.difference(Some(&helper)).await;
                of(&proposed).if_match(web::etag("difference", &proposed.id, proposed.version))
            }
            "exportedPayouts" | "exportPayouts" => {
                // Each call asks for other payouts: what was asked before is there.
                let form = json!({ "name": format!("Paid {}", self.number()), "amount": 500 });
                let made = self.office.ask("POST", BATCHES).by(&self.helper).json(&form).send().await.expect(201);
                let batch = text_of(&made.body, "/batch/id");
                Request { path: format!("{}?from={DAY}&to={DAY}&batch_id={batch}", operation.path), ..request }
            }
            _ => return None,
        })
    }
}
