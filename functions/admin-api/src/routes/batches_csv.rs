//! Batches and their figures as CSV, without any code.

use super::batch_forms::BatchQuery;
use crate::{App, caller::Needs, csv_file};
use aide::{generate::GenContext, openapi::Operation};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    batch::{Batch, Statistics},
    permission::right::BatchesExport,
};
use sheets::csv::Writer;
use store::Deadline;
use web::{Api, OperationOutput, Problem, Query, routing};

/// The most batches of one file.
const BATCHES_MAX: usize = 1_000;
/// Batches that are looked for at one time.
const PAGE: usize = 100;
/// The longest time of gathering; API Gateway gives up after 30 s.
const GATHER_MS: u64 = 20_000;

/// A CSV file, and where the next one goes on.
struct Csv {
    bytes: Vec<u8>,
    next: Option<String>,
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let next = self.next.as_deref().map(|next| ("x-next-cursor", next));
        csv_file::answer("batches.csv", self.bytes, &next.into_iter().collect::<Vec<_>>())
    }
}

impl OperationOutput for Csv {
    type Inner = String;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<aide::openapi::Response> {
        let headers = [("X-Next-Cursor", "Where the next file goes on, if there is more.")];
        Some(csv_file::documented("Batches with their figures.", &headers))
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        web::openapi::inferred::<Self>(ctx, operation, 200)
    }
}

const COLUMNS: [&str; 25] = [
    "number",
    "name",
    "description",
    "state",
    "amount",
    "currency",
    "created_at",
    "expires_at",
    "assigned_to",
    "codes",
    "active",
    "blocked",
    "used",
    "redeemed",
    "reported",
    "expired",
    "deleted",
    "redemptions",
    "redeemed_amount",
    "paid",
    "paid_amount",
    "issued_amount",
    "outstanding_amount",
    "in_payment_amount",
    "id",
];

fn row(batch: &Batch, figures: &Statistics) -> [String; 25] {
    [
        batch.number.to_string(),
        batch.name.clone(),
        batch.description.clone(),
        batch.state.name().to_owned(),
        batch.money.amount.to_string(),
        batch.money.currency.code().to_owned(),
        batch.created_at.to_string(),
        batch.expires_at.to_string(),
        batch.assigned_to.as_ref().map(ToString::to_string).unwrap_or_default(),
        figures.codes.to_string(),
        figures.active.to_string(),
        figures.blocked.to_string(),
        figures.used.to_string(),
        figures.redeemed.to_string(),
        figures.reported.to_string(),
        figures.expired.to_string(),
        figures.deleted.to_string(),
        figures.redemptions.to_string(),
        figures.redeemed_amount.to_string(),
        figures.paid.to_string(),
        figures.paid_amount.to_string(),
        figures.issued_amount.to_string(),
        figures.outstanding_amount.to_string(),
        figures.in_payment_amount.to_string(),
        batch.id.clone(),
    ]
}

/// Batches as CSV (RFC 4180), with the filters of their list. At most 1,000; a header says where the next file goes on.
async fn download(
    permit: Needs<BatchesExport>,
    State(app): State<App>,
    Query(query): Query<BatchQuery>,
) -> Result<Csv, Problem> {
    let problem = |trouble| app.problem(trouble);
    let caller = permit.actor().user();
    let (filter, newest_first, bound) = query.read(caller)?;
    let bound = format!("batches.csv|{caller}|{bound}");
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    app.desk.count_download(permit.actor()).await.map_err(problem)?;
    let mut next = position;
    let most = query.limit.map_or(BATCHES_MAX, |limit| limit as usize);
    let mut writer = Writer::new(&COLUMNS);
    let until = Deadline::in_ms(GATHER_MS);
    let mut count = 0;
    'gathering: loop {
        let position = next.as_deref().and_then(|number| number.parse().ok());
        let page = (most - count).min(PAGE);
        let listed = app.desk.batches(&permit, &filter, newest_first, position, page).await.map_err(problem)?;
        for batch in &listed.items {
            let (figures, _) = app.desk.figures(batch).await.map_err(problem)?;
            writer.row(&row(batch, &figures));
            count += 1;
            next = Some(batch.number.to_string());
            if until.passed() {
                break 'gathering;
            }
        }
        next = listed.next;
        if next.is_none() || count >= most || until.passed() {
            break;
        }
    }
    app.desk.note_batches_export(&permit, count).await.map_err(problem)?;
    Ok(Csv { bytes: writer.take(), next: app.cursor(&bound, next).await? })
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/batches/download",
        routing::get_with(download, |op| {
            op.id("downloadBatches").tag("batches").summary("Batches and their figures as CSV, without any code.")
        }),
    )
}
