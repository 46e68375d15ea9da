//! The audit log: search, export, verification.

use super::{PAGE_DEFAULT, PAGE_MAX};
use crate::{
    App,
    caller::Needs,
    csv_file,
    views::{ClassName, EntryView, SeverityName},
};
use aide::{generate::GenContext, openapi::Operation};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    audit::Entry,
    permission::right::{AuditLogsExport, AuditLogsRead},
    seal::Hour,
    time::{self, DAY_MS},
};
use garde::Validate;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sheets::csv::Writer;
use store::{Deadline, Sought};
use web::{Api, FieldProblem, Json, OperationOutput, Page, Problem, Query, routing};

/// How far back is looked without a date.
const DEFAULT_DAYS: i64 = 30;

#[derive(Clone, Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// RFC 3339; 30 days ago without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// RFC 3339; now without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    to: Option<String>,
    /// `user:<id>`, `customer:<id>`, `system:<part>` or `visitor`.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 120))]
    actor: Option<String>,
    /// `kind:<id>`, such as `user:<id>`.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 120))]
    entity: Option<String>,
    /// An action or its beginning, such as `user.`.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 60))]
    action: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    class: Option<ClassName>,
    #[serde(default)]
    #[garde(skip)]
    severity: Option<SeverityName>,
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 64))]
    session: Option<String>,
    /// Anywhere in the entry, regardless of case.
    #[serde(default)]
    #[garde(length(chars, min = 2, max = 80))]
    text: Option<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

fn point(field: &str, text: Option<&str>, default: Timestamp) -> Result<Timestamp, Problem> {
    let Some(text) = text else { return Ok(default) };
    text.parse::<Timestamp>().map_err(|_| {
        Problem::invalid(vec![FieldProblem::new(field, "malformed", "a time as in 2026-11-20T08:00:00Z".to_owned())])
    })
}

impl AuditQuery {
    /// What is sought, and the words that a cursor is bound to.
    fn read(&self, now: Timestamp) -> Result<(Sought, String), Problem> {
        let to = point("to", self.to.as_deref(), now)?;
        let from = point("from", self.from.as_deref(), time::plus(to, -DEFAULT_DAYS * DAY_MS))?;
        if from > to {
            return Err(Problem::invalid(vec![FieldProblem::new("from", "order", "not after `to`".to_owned())]));
        }
        let sought = Sought {
            from,
            to,
            actor: self.actor.clone(),
            entity: self.entity.clone(),
            action: self.action.clone(),
            class: self.class.map(Into::into),
            severity: self.severity.map(Into::into),
            session: self.session.clone(),
            text: self.text.clone(),
        };
        let Self { actor, entity, action, class, severity, session, text, .. } = self;
        let bound = format!(
            "{:?}|{:?}|{actor:?}|{entity:?}|{action:?}|{class:?}|{severity:?}|{session:?}|{text:?}",
            self.from, self.to
        );
        Ok((sought, bound))
    }
}

async fn search(
    permit: Needs<AuditLogsRead>,
    State(app): State<App>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let (sought, bound) = query.read(app.desk.now())?;
    let bound = format!("audit|{}|{bound}", permit.actor().user());
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let found = app.desk.trail(&permit, &sought, position.as_deref(), limit).await;
    let found = found.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, found.next).await?;
    let page = Page::new(found.entries.iter().map(EntryView::from).collect(), next);
    Ok(Json(page.searched_back_to(found.searched_back_to)))
}

/// The most entries of one export.
const EXPORT_MAX: usize = 5_000;
/// The longest time of an export's searching; API Gateway gives up after 30 s.
const EXPORT_MS: u64 = 20_000;
/// The most bytes of one export: a function's answer has at most 6 MB.
const EXPORT_BYTES: usize = 4_000_000;

/// A CSV file, and where the next one goes on.
struct Csv {
    bytes: Vec<u8>,
    next: Option<String>,
    searched_back_to: String,
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let mut headers = vec![("x-searched-back-to", self.searched_back_to.as_str())];
        headers.extend(self.next.as_deref().map(|next| ("x-next-cursor", next)));
        csv_file::answer("audit-log.csv", self.bytes, &headers)
    }
}

impl OperationOutput for Csv {
    type Inner = String;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<aide::openapi::Response> {
        let headers = [
            ("X-Searched-Back-To", "Everything younger is in this file."),
            ("X-Next-Cursor", "Where the next file goes on, if there is more."),
        ];
        Some(csv_file::documented("Entries, newest first.", &headers))
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        web::openapi::inferred::<Self>(ctx, operation, 200)
    }
}

const COLUMNS: [&str; 12] = [
    "at",
    "class",
    "severity",
    "action",
    "actor",
    "entity",
    "session",
    "address",
    "agent",
    "permission",
    "count",
    "changes",
];

fn row(entry: &Entry) -> [String; 12] {
    let changes: Vec<String> = entry
        .changes
        .iter()
        .map(|change| {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
            format!("{}: {} -> {}", change.field, side(&change.before), side(&change.after))
        })
        .collect();
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        entry.at.to_string(),
        word(serde_json::to_value(ClassName::from(entry.class)).unwrap_or_default()),
        word(serde_json::to_value(SeverityName::from(entry.severity)).unwrap_or_default()),
        entry.action.clone(),
        entry.actor.clone(),
        entry.entity.clone(),
        text(&entry.session),
        text(&entry.address),
        text(&entry.agent),
        text(&entry.permission),
        entry.count.map(|count| count.to_string()).unwrap_or_default(),
        changes.join("; "),
    ]
}

/// Entries as CSV (RFC 4180). At most 5,000 of them; a header says where the next file goes on.
async fn export(
    permit: Needs<AuditLogsExport>,
    State(app): State<App>,
    Query(query): Query<AuditQuery>,
) -> Result<Csv, Problem> {
    let problem = |trouble| app.problem(trouble);
    let downloads = app.desk.store.count_call(
        "download",
        permit.actor().user().as_str(),
        app.desk.now(),
        Deadline::in_ms(crate::COUNT_BUDGET_MS),
    );
    let limit = app.settings().await.map_err(problem)?.security.limits.downloads_per_hour;
    if downloads.await?.hour > u64::from(limit) {
        return Err(Problem::too_many_requests(3_600));
    }
    let (sought, bound) = query.read(app.desk.now())?;
    let bound = format!("export|{}|{bound}", permit.actor().user());
    let mut position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let most = query.limit.map_or(EXPORT_MAX, |limit| limit as usize);
    let mut writer = Writer::new(&COLUMNS);
    let (mut count, mut bytes) = (0, 0);
    let until = Deadline::in_ms(EXPORT_MS);
    let searched_back_to = loop {
        let page = (most - count).min(PAGE_MAX as usize);
        let found = app.desk.trail(&permit, &sought, position.as_deref(), page).await.map_err(problem)?;
        for entry in &found.entries {
            let row = row(entry);
            bytes += row.iter().map(|cell| cell.len() + 3).sum::<usize>();
            writer.row(&row);
        }
        count += found.entries.len();
        position = found.next;
        if position.is_none() || count >= most || bytes >= EXPORT_BYTES || until.passed() {
            break found.searched_back_to;
        }
    };
    app.desk.note_export(&permit, count, &sought).await.map_err(problem)?;
    let next = app.cursor(&bound, position).await?;
    Ok(Csv { bytes: writer.take(), next, searched_back_to: searched_back_to.to_string() })
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// The first hour, UTC, as 2026112000.
    #[garde(custom(hour))]
    #[schemars(regex(pattern = r"^[0-9]{10}$"))]
    from: String,
    /// The last hour, included.
    #[garde(custom(hour))]
    #[schemars(regex(pattern = r"^[0-9]{10}$"))]
    to: String,
}

fn hour(text: &str, _: &()) -> garde::Result {
    text.parse::<Hour>().map(|_| ()).map_err(|error| web::finding("malformed", error.to_string()))
}

/// What a verification of the log found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Verification {
    /// Nothing was found, and the whole period was looked at and is sealed.
    whole: bool,
    /// Sealed hours that were checked, and entries in them.
    hours: u64,
    entries: u64,
    /// How many findings there are, and the first of them in order of time.
    found: u64,
    findings: Vec<FindingView>,
    /// The first seal of all, where the period begins before it.
    begins: Option<String>,
    /// From this hour on nothing is sealed yet.
    unsealed_from: Option<String>,
    /// Go on from this hour: time was up.
    cut_short_at: Option<String>,
    /// Who signed. A local key is not tamper-proof.
    signers: Vec<String>,
}

/// One thing that is not as it was sealed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingView {
    hour: String,
    /// What, in words, with the entry's keys where it is an entry.
    what: String,
}

/// The longest time of a verification.
const VERIFY_MS: u64 = 20_000;

async fn verify(
    permit: Needs<AuditLogsRead>,
    State(app): State<App>,
    Query(query): Query<VerifyQuery>,
) -> Result<Json<Verification>, Problem> {
    let parse = |text: &str| text.parse::<Hour>().map_err(|_| Problem::internal());
    let (from, to) = (parse(&query.from)?, parse(&query.to)?);
    if from > to {
        return Err(Problem::invalid(vec![FieldProblem::new("from", "order", "not after `to`".to_owned())]));
    }
    let report = app.log.verify(from, to, Deadline::in_ms(VERIFY_MS)).await.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be verified now");
        Problem::busy(60)
    })?;
    let noted = app.desk.note_verification(&*permit, (&query.from, &query.to), report.found).await;
    noted.map_err(|trouble| app.problem(trouble))?;
    let name = |hour: Option<Hour>| hour.map(|hour| hour.to_string());
    Ok(Json(Verification {
        whole: report.hours > 0
            && report.found == 0
            && report.cut_short_at.is_none()
            && report.unsealed_from.is_none()
            && report.begins.is_none(),
        hours: report.hours,
        entries: report.entries,
        found: report.found,
        findings: report
            .findings
            .iter()
            .map(|finding| FindingView { hour: finding.hour.to_string(), what: finding.found.to_string() })
            .collect(),
        begins: name(report.begins),
        unsealed_from: name(report.unsealed_from),
        cut_short_at: name(report.cut_short_at),
        signers: report.signers.into_iter().collect(),
    }))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("audit", "Every act, refused ones too.")
        .route(
            "/api/v1/admin/audit-logs",
            routing::get_with(search, |op| {
                op.id("searchAuditLog").tag("audit").summary("Entries of the audit log, newest first.")
            }),
        )
        .route(
            "/api/v1/admin/audit-logs/export",
            routing::get_with(export, |op| {
                op.id("exportAuditLog").tag("audit").summary("Entries of the audit log as CSV, newest first.")
            }),
        )
        .route(
            "/api/v1/admin/audit-logs/verify",
            routing::get_with(verify, |op| {
                op.id("verifyAuditLog").tag("audit").summary("Whether the entries are as they were sealed.")
            }),
        )
}
