//! Payouts: lists, one payout, what became of what somebody has in hand, and figures.

use super::{PAGE_DEFAULT, PAGE_MAX};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, a_batch, drawn_id},
    views::{
        payout_figures::PayoutFiguresView,
        payouts::{Explained, PayoutStatus, PayoutView, payout_tag},
    },
};
use axum::extract::State;
use domain::{
    identity::RedemptionId,
    payout::Question,
    permission::right::{CustomersRead, DisbursementsMonitor, DisbursementsRead, PromoCodesDownload, PromoCodesRead},
    time,
};
use garde::Validate;
use jiff::{ToSpan, civil::Date};
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{About, PayoutFilter};
use web::{Api, Json, Page, Path, Problem, Query, Tagged, openapi::answers, routing};

/// Days that are looked at without a date, and at most.
const DAYS_DEFAULT: i32 = 31;
const DAYS_MAX: i32 = 366;

#[derive(Clone, Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayoutQuery {
    #[serde(default)]
    #[garde(skip)]
    status: Option<PayoutStatus>,
    /// The first day (of the business) on which it was redeemed; 31 days before `to` without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 10))]
    #[schemars(extend("format" = "date"))]
    from: Option<String>,
    /// The last day, included; today without it. At most 366 days after `from`.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 10))]
    #[schemars(extend("format" = "date"))]
    to: Option<String>,
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
    /// A customer's id.
    #[serde(default)]
    #[garde(inner(custom(drawn_id)))]
    #[schemars(inner(regex(pattern = r"^[0-9a-f]{32}$")))]
    customer: Option<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = 10_000_000))]
    min_amount: Option<u64>,
    #[serde(default)]
    #[garde(range(min = 1, max = 10_000_000))]
    max_amount: Option<u64>,
    #[serde(default)]
    #[garde(skip)]
    urgent: Option<bool>,
    /// Only those that a person has to do something about, oldest first, of whatever day: without `from` and `to`.
    #[serde(default)]
    #[garde(skip)]
    attention: Option<bool>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

impl PayoutQuery {
    fn days(&self, today: Date) -> Result<(Date, Date), Problem> {
        let mut fields = Fields::default();
        let mut day = |field: &str, text: &Option<String>| text.as_deref().and_then(|text| fields.day(field, text));
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| to.saturating_sub(DAYS_DEFAULT.days()));
        if from > to {
            fields.problem("from", "order", "not after `to`");
        } else if to > from.saturating_add(DAYS_MAX.days()) {
            fields.problem("from", "out_of_bounds", "at most 366 days before `to`");
        }
        fields.finish()?;
        Ok((from, to))
    }

    fn filter(&self) -> Result<PayoutFilter, Problem> {
        let mut fields = Fields::default();
        if self.min_amount.zip(self.max_amount).is_some_and(|(least, most)| least > most) {
            fields.problem("min_amount", "order", "not more than `max_amount`");
        }
        if self.attention == Some(true) && (self.from.is_some() || self.to.is_some()) {
            fields.problem("attention", "contradiction", "what waits for a person is listed whatever its day");
        }
        fields.finish()?;
        Ok(PayoutFilter {
            status: self.status.map(Into::into),
            batch_id: self.batch_id.clone(),
            customer: self.customer.clone(),
            amount: (self.min_amount, self.max_amount),
            urgent: self.urgent,
        })
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct PayoutPath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

impl PayoutPath {
    pub fn redemption(&self) -> Result<RedemptionId, Problem> {
        RedemptionId::parse(&self.id).map_err(|_| Problem::not_found("There is no such payout."))
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealQuery {
    /// Shows the code whole, which needs `promo-codes.download` and is on record.
    #[serde(default)]
    #[garde(skip)]
    reveal: Option<bool>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionQuery {
    /// A redemption's id, a reference, a code (needs `promo-codes.read`) or a phone number (needs `customers.read`). The
    /// eight characters that a customer reads out find nothing.
    #[garde(length(chars, min = 1, max = 64))]
    q: String,
}

async fn list(
    permit: Needs<DisbursementsRead>,
    State(app): State<App>,
    Query(query): Query<PayoutQuery>,
) -> Result<Json<Page<PayoutView>>, Problem> {
    let problem = |trouble| app.problem(trouble);
    let filter = query.filter()?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let user = permit.actor().user();
    let view = |items: &[domain::payout::Payout]| items.iter().map(PayoutView::from).collect();
    if query.attention == Some(true) {
        let bound = format!("payouts|{user}|attention|{filter:?}");
        let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
        let listed = app.desk.payouts_for_attention(&permit, &filter, position.as_deref(), limit).await;
        let listed = listed.map_err(problem)?;
        let next = app.cursor(&bound, listed.next).await?;
        return Ok(Json(Page::new(view(&listed.items), next)));
    }
    let today = time::day(app.desk.now(), &app.settings().await.map_err(problem)?.zone());
    let days = query.days(today)?;
    // The days as they were asked for: a list that was begun yesterday goes on.
    let bound = format!("payouts|{user}|{:?}|{:?}|{filter:?}", query.from, query.to);
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let page = app.desk.payouts(&permit, &filter, days, position.as_deref(), limit).await.map_err(problem)?;
    let next = app.cursor(&bound, page.next).await?;
    Ok(Json(Page::new(view(&page.items), next).searched_back_to(page.searched_back_to)))
}

async fn one(
    permit: Needs<DisbursementsRead>,
    Path(path): Path<PayoutPath>,
    State(app): State<App>,
    Query(query): Query<RevealQuery>,
) -> Result<Tagged<PayoutView>, Problem> {
    let problem = |trouble| app.problem(trouble);
    let actor = permit.actor();
    let mut whole = None;
    if query.reveal == Some(true) {
        let right = app.desk.permit::<PromoCodesDownload>(actor, "GET /api/v1/admin/disbursements/{id}").await;
        whole = Some(right.map_err(problem)?);
    }
    let detail = app.desk.payout(&permit, &path.redemption()?).await.map_err(problem)?;
    let revealed = match whole.as_ref().zip(detail.code.as_ref()) {
        Some((right, found)) => Some(app.desk.reveal(right, found).await.map_err(problem)?),
        None => None,
    };
    let view = PayoutView::whole(&detail, revealed, |permission| actor.holds(permission));
    Ok(Tagged::new(payout_tag(&detail.payout), view))
}

async fn explain(
    permit: Needs<DisbursementsRead>,
    State(app): State<App>,
    Query(query): Query<QuestionQuery>,
) -> Result<Json<Explained>, Problem> {
    const WHAT: &str = "GET /api/v1/admin/payouts/explain";
    let problem = |trouble| app.problem(trouble);
    let actor = permit.actor();
    let wrong = |code, words: &str| {
        let mut fields = Fields::default();
        fields.problem("q", code, words);
        fields.finish()
    };
    let (codes, customers);
    let about = match Question::read(&query.q) {
        Some(Question::Redemption(id)) => About::Redemption(id),
        Some(Question::Reference(reference)) => About::Reference(reference),
        Some(Question::Code(text)) => {
            // Whoever has a customer's eight characters in hand needs no right to be told that they find nothing.
            if Question::is_short_form(&query.q) && !actor.holds(domain::permission::Permission::PromoCodesRead) {
                wrong("short_form", SHORT_FORM)?;
            }
            codes = app.desk.permit::<PromoCodesRead>(actor, WHAT).await.map_err(problem)?;
            if !actor.holds(domain::permission::Permission::PromoCodesDownload) {
                app.desk.count_lookup(actor).await.map_err(problem)?;
            }
            About::Code(&codes, text)
        }
        Some(Question::Phone(phone)) => {
            customers = app.desk.permit::<CustomersRead>(actor, WHAT).await.map_err(problem)?;
            About::Phone(&customers, phone)
        }
        None => {
            wrong("malformed", "a redemption's id, a reference, a code or a phone number")?;
            return Err(Problem::internal());
        }
    };
    let answers = app.desk.explain(&permit, about).await.map_err(problem)?;
    if answers.is_empty() && Question::is_short_form(&query.q) {
        wrong("short_form", SHORT_FORM)?;
    }
    let view = |detail| PayoutView::whole(detail, None, |permission| actor.holds(permission));
    Ok(Json(Explained { items: answers.iter().map(view).collect() }))
}

const SHORT_FORM: &str =
    "the eight characters on a screen find nothing; take the whole id, the code or the phone number";

async fn statistics(
    permit: Needs<DisbursementsMonitor>,
    State(app): State<App>,
) -> Result<Json<PayoutFiguresView>, Problem> {
    let figures = app.desk.payout_figures(&permit).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(PayoutFiguresView::from(&figures)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("disbursements", "Payouts: found, explained, and what people do about them.")
        .route(
            "/api/v1/admin/disbursements",
            routing::get_with(list, |op| {
                op.id("listDisbursements")
                    .tag("disbursements")
                    .summary("Payouts by the day of their redemption, newest first, or those that wait for a person.")
            }),
        )
        .route(
            "/api/v1/admin/disbursements/stats",
            routing::get_with(statistics, |op| {
                op.id("disbursementStatistics")
                    .tag("disbursements")
                    .summary("Payouts by state, the gate, totals, durations.")
            }),
        )
        .route(
            "/api/v1/admin/disbursements/{id}",
            routing::get_with(one, |op| {
                op.id("getDisbursement")
                    .tag("disbursements")
                    .summary("One payout: attempts, what people did, what happens next, and its timeline.")
            }),
        )
        .route(
            "/api/v1/admin/payouts/explain",
            routing::get_with(explain, |op| {
                op.id("explainPayouts")
                    .tag("disbursements")
                    .summary("What became of a redemption, a reference, a code or a customer's redemptions.")
                    .with(answers(&[429]))
            }),
        )
}
