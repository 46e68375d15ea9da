//! Who gets what: every operation, called for real as every kind of caller, against the table in `matrix.txt`.
//!
//! `UPDATE_MATRIX=1` writes the table anew. What may not be, it doesn't take: the rules here are asked besides.

use domain::{
    audit::{Class, Entry},
    permission::Permissions,
    security::Span,
    settings::Settings,
};
use door::{
    Got, Office, PASSWORD, Person,
    routes::{Caller, Operation, Stage, changed, operations},
};
use rig::world::Setup;
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

const MATRIX: &str = include_str!("../../matrix.txt");
const ROUTES: &str = include_str!("../../routes.txt");
const ROLES: &str = include_str!("../../../roles.txt");

/// More at one time and the embedded tables answer too late.
const OFFICES_AT_ONCE: usize = 4;

const HERE: [u8; 4] = [192, 0, 2, 10];
const REFUSED_ADDRESS: [u8; 4] = [203, 0, 113, 9];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Anonymous,
    /// With a token that is more than ten minutes old.
    Expired,
    Deactivated,
    /// Signed in before somebody tried too many passwords.
    Locked,
    MfaMissing,
    Role(&'static str),
    WithoutRole,
    /// Every permission of the role denied to this one user.
    Denied,
    OutsideHours,
    WrongAddress,
    Program,
}

/// The columns, by name.
const COLUMNS: [(&str, Kind); 20] = [
    ("anonymous", Kind::Anonymous),
    ("expired", Kind::Expired),
    ("inactive", Kind::Deactivated),
    ("locked", Kind::Locked),
    ("no-mfa", Kind::MfaMissing),
    ("super", Kind::Role("super-administrator")),
    ("admin", Kind::Role("administrator")),
    ("campaign", Kind::Role("campaign-manager")),
    ("batch", Kind::Role("batch-manager")),
    ("finance", Kind::Role("financial-administrator")),
    ("support", Kind::Role("support-agent")),
    ("viewer", Kind::Role("viewer")),
    ("system", Kind::Role("system-administrator")),
    ("config", Kind::Role("configuration-manager")),
    ("auditor", Kind::Role("audit-viewer")),
    ("roleless", Kind::WithoutRole),
    ("denied", Kind::Denied),
    ("hours", Kind::OutsideHours),
    ("address", Kind::WrongAddress),
    ("program", Kind::Program),
];

impl Kind {
    fn roles(self) -> Vec<&'static str> {
        match self {
            Self::Role(role) => vec![role],
            Self::WithoutRole => Vec::new(),
            Self::Anonymous
            | Self::Expired
            | Self::Deactivated
            | Self::Locked
            | Self::MfaMissing
            | Self::Denied
            | Self::OutsideHours
            | Self::WrongAddress
            | Self::Program => vec!["super-administrator"],
        }
    }

    /// Whether the caller holds a permission, by the roles of the documents.
    fn holds(self, permission: &str) -> bool {
        self != Self::Denied && self.roles().into_iter().any(|role| role_holds(role, permission))
    }

    /// The minutes between making what a request is about and sending it.
    fn wait_minutes(self) -> i64 {
        if self == Self::OutsideHours { 4 } else { 0 }
    }
}

/// By `tests/roles.txt`.
fn role_holds(role: &str, permission: &str) -> bool {
    let line = ROLES.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (name, keys) = line.split_once(':')?;
        (name.to_lowercase().replace(' ', "-") == role).then_some(keys)
    });
    let keys = line.expect("a role of the documents");
    keys.split_whitespace().any(|key| key == "all" || key.trim_start_matches('+') == permission)
}

/// What a cell may be, whatever the table says.
#[derive(Debug, PartialEq, Eq)]
enum Rule {
    Exactly(u16),
    /// It may be a conflict or find something wrong, but the caller is let in.
    LetIn,
}

fn rule(kind: Kind, operation: &Operation) -> Rule {
    // Signing in, registering and following a link obey the rules of access though nobody is known yet.
    let at_the_door = ["login", "secondStep", "refresh", "register", "setPasswordByLink", "confirmEmail"]
        .contains(&operation.id.as_str());
    let kept_out = matches!(kind, Kind::OutsideHours | Kind::WrongAddress);
    if operation.open {
        return if kept_out && at_the_door { Rule::Exactly(403) } else { Rule::LetIn };
    }
    if matches!(kind, Kind::Anonymous | Kind::Expired | Kind::Deactivated) {
        return Rule::Exactly(401);
    }
    let of_jobs = operation.is_of_jobs();
    let confined =
        kind == Kind::MfaMissing && (operation.permission.is_some() || operation.id == "createApiKey" || of_jobs);
    let refused = match (&operation.permission, operation.id.as_str()) {
        (Some(_), _) => operation.permissions().any(|permission| !kind.holds(permission)),
        // What the job does must still be allowed.
        (None, "retryJob") => !kind.holds("promo-codes.bulk.operations"),
        // A program's key is not its owner.
        (None, _) => kind == Kind::Program && !of_jobs,
    };
    if kept_out || confined || refused { Rule::Exactly(403) } else { Rule::LetIn }
}

struct Cell {
    operation: Operation,
    got: Got,
}

/// What one caller was answered, and what is wrong with what the audit log says of it.
struct Column {
    name: &'static str,
    kind: Kind,
    cells: Vec<Cell>,
    complaints: Vec<String>,
}

async fn settings_of(kind: Kind) -> Settings {
    let mut settings = Settings { version: 1, ..Settings::default() };
    settings.codes.ceiling_per_batch = Some(door::codes::STAGE_CEILING);
    let security = &mut settings.security;
    security.registration.enabled = true;
    security.limits.downloads_per_hour = 1_000;
    security.limits.api_per_minute = 10_000;
    security.limits.api_per_hour = 100_000;
    security.limits.sign_ins_per_minute = 1_000;
    if kind == Kind::WrongAddress {
        security.access.deny_addresses = vec!["203.0.113.0/24".parse().expect("a network")];
    }
    if kind == Kind::OutsideHours {
        // It is 10:00 when the office opens.
        security.access.hours.enabled = true;
        security.access.hours.allowed = vec![Span { from_minute: 9 * 60, to_minute: 10 * 60 + 5 }];
    }
    settings
}

async fn caller_of(kind: Kind, office: &Office, helper: &Person) -> Caller {
    let address = if kind == Kind::WrongAddress { REFUSED_ADDRESS } else { HERE };
    let mut person = Person::default();
    let mut spare_session = "0".repeat(32);
    if kind != Kind::Anonymous {
        // Two sessions, so that one can be ended.
        person = office.person(&kind.roles(), kind != Kind::MfaMissing).await;
        spare_session.clone_from(&person.session);
        office.sign_in(&mut person).await;
    }
    let mut token = (kind != Kind::Anonymous).then(|| person.token.clone());
    match kind {
        Kind::Deactivated => {
            let path = format!("/api/v1/admin/users/{}", person.id);
            let tag = office.ask("GET", &path).by(helper).send().await.expect(200).etag();
            let put = office.ask("PUT", &path).by(helper).if_match(&tag).json(&json!({ "active": false }));
            put.send().await.expect(200);
        }
        Kind::Denied => changed(office, &person.id, |user| user.denials = Permissions::all()).await,
        Kind::Locked => {
            for _ in 0..5 {
                let form = json!({ "email": person.email, "password": "wrong" });
                let from = office.ask("POST", "/api/v1/auth/login").from([10, 9, 9, 9]);
                from.json(&form).send().await.expect(401);
            }
            let form = json!({ "email": person.email, "password": PASSWORD });
            office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(429);
        }
        Kind::Expired => office.wait(11),
        Kind::Program => {
            let scope: Vec<&str> = Permissions::all().iter().map(|permission| permission.key()).collect();
            let form = json!({ "name": "nightly", "scope": scope, "days": 1 });
            let got = office.ask("POST", "/api/v1/auth/keys").by(&person).json(&form).send().await.expect(201);
            token = got.body["token"].as_str().map(str::to_owned);
            // A program's entries name its key.
            person.session = got.body["id"].as_str().expect("an id").to_owned();
        }
        Kind::Anonymous
        | Kind::MfaMissing
        | Kind::Role(_)
        | Kind::WithoutRole
        | Kind::OutsideHours
        | Kind::WrongAddress => {}
    }
    Caller { person, token, address, spare_session }
}

async fn column(name: &'static str, kind: Kind) -> Column {
    let settings = Some(settings_of(kind).await);
    let office = Office::with(Setup { codes: 0, files: true, settings, ..Setup::default() }).await;
    let mut stage = Stage::set(&office).await;
    let mut caller = caller_of(kind, &office, &stage.helper).await;
    // Time may have passed since.
    office.sign_in(&mut stage.helper).await;
    let mut cells = Vec::new();
    for operation in operations(office.api.document()) {
        let request = stage.request(&operation, &caller).await;
        let mut asking = office.ask(&operation.method, &request.path).from(caller.address);
        if let Some(token) = &caller.token {
            asking = asking.bearer(token);
        }
        if let Some(tag) = &request.if_match {
            asking = asking.if_match(tag);
        }
        if let Some(body) = &request.body {
            asking = asking.json(body);
        }
        office.wait(kind.wait_minutes());
        let got = asking.send().await;
        office.wait(-kind.wait_minutes());
        if operation.id == "beginMfa" && got.status == 200 {
            caller.person.app = got.body["secret"].as_str().map(str::to_owned);
        }
        cells.push(Cell { operation, got });
    }
    let complaints = told(kind, &caller, &cells, &office.world.rows().await.audit);
    Column { name, kind, cells, complaints }
}

/// What the audit log doesn't say though it must, or says without need.
fn told(kind: Kind, caller: &Caller, cells: &[Cell], entries: &[Entry]) -> Vec<String> {
    let address = caller.address.map(|part| part.to_string()).join(".");
    let actor = format!("user:{}", caller.person.id);
    let by_caller = |entry: &&Entry| {
        entry.actor == actor
            && entry.session.as_deref() == Some(&caller.person.session)
            && entry.address.as_deref() == Some(&address)
    };
    let mut complaints = Vec::new();
    let mut granted: BTreeMap<&str, usize> = BTreeMap::new();
    for Cell { operation, got } in cells {
        let Some(permission) = operation.permissions().next() else { continue };
        let route = format!("route:{}", operation.name());
        let refused = entries.iter().filter(|entry| entry.action == "access.refused" && entry.entity == route);
        let (mine, all) = (refused.clone().filter(by_caller).count(), refused.count());
        let wanted = usize::from(matches!(got.code(), "permission_missing" | "mfa_missing"));
        if (mine, all) != (wanted, wanted) {
            complaints.push(format!("{route}: {all} refusals on record, {mine} with actor, session and address"));
        }
        if got.status < 300 && operation.changes() {
            *granted.entry(permission).or_default() += 1;
        }
        if operation.changes() {
            continue;
        }
        let kind = format!("kind:{}", operation.path.trim_start_matches("/api/v1/"));
        let read = entries.iter().filter(|entry| entry.action == "access.granted" && entry.entity == kind);
        let read: Vec<_> = read.filter(by_caller).map(|entry| (entry.permission.as_deref(), entry.count)).collect();
        let wanted = (got.status < 300).then_some((Some(permission), Some(1)));
        if read != Vec::from_iter(wanted) {
            complaints.push(format!("{route}: reads on record: {read:?}"));
        }
    }
    for (permission, count) in granted {
        let acts = entries.iter().filter(by_caller).filter(|entry| entry.class != Class::Access);
        let found = acts.filter(|entry| entry.permission.as_deref() == Some(permission)).count();
        if found < count {
            complaints.push(format!("{count} changes under {permission}, {found} on record"));
        }
    }
    let kept_out = entries.iter().filter(|entry| entry.action == "access.kept_out" && entry.entity == actor);
    let kept_out = kept_out.filter(|entry| entry.address.as_deref() == Some(&address)).count();
    let wanted = if matches!(kind, Kind::OutsideHours | Kind::WrongAddress) { cells.len() } else { 0 };
    if kept_out != wanted {
        complaints.push(format!("{wanted} calls were kept out, {kept_out} on record"));
    }
    complaints
}

/// The table's text: a row for each operation, a column for each caller.
fn text(columns: &[Column]) -> String {
    let mut rows: BTreeMap<(String, String), Vec<u16>> = BTreeMap::new();
    for column in columns {
        for Cell { operation, got } in &column.cells {
            rows.entry((operation.path.clone(), operation.method.clone())).or_default().push(got.status);
        }
    }
    let names: Vec<String> = rows.keys().map(|(path, method)| format!("{method} {path}")).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::from(
        "# Who is answered what: a row for each operation, a column for each kind of caller (tests/matrix.rs says what\n\
         # they are). Every cell is called for real. UPDATE_MATRIX=1 cargo test --workspace --test matrix writes it anew.\n",
    );
    let mut line = format!("{:width$}", "#");
    for column in columns {
        line.push_str(&format!(" {}", column.name));
    }
    text.push_str(&line);
    text.push('\n');
    for (name, cells) in names.iter().zip(rows.values()) {
        let mut line = format!("{name:width$}");
        for (column, status) in columns.iter().zip(cells) {
            line.push_str(&format!(" {status:>0$}", column.name.len()));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The cells of a table, by operation and caller.
fn cells(text: &str) -> BTreeMap<(String, String), String> {
    let mut columns: Vec<&str> = Vec::new();
    let mut cells = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("#") if line.contains(" anonymous ") => columns = words.collect(),
            Some("#") | None => {}
            Some(method) => {
                let name = format!("{method} {}", words.next().unwrap_or_default());
                for (column, cell) in columns.iter().zip(words) {
                    cells.insert((name.clone(), (*column).to_owned()), cell.to_owned());
                }
            }
        }
    }
    cells
}

// proves: ACC-08, ACC-09, ACC-14, ACC-15
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_every_kind_of_caller_as_the_table_says() {
    let mut asked = JoinSet::new();
    let room = Arc::new(Semaphore::new(OFFICES_AT_ONCE));
    for (name, kind) in COLUMNS {
        let room = Arc::clone(&room);
        asked.spawn(async move {
            let _turn = room.acquire_owned().await.expect("it stays open");
            column(name, kind).await
        });
    }
    let mut columns = asked.join_all().await;
    columns.sort_by_key(|column| COLUMNS.iter().position(|(name, _)| *name == column.name));
    let mut wrong = String::new();
    for Column { name, kind, cells, complaints } in &columns {
        for Cell { operation, got } in cells {
            let rule = rule(*kind, operation);
            let fits = match rule {
                Rule::Exactly(status) => got.status == status,
                Rule::LetIn => got.status < 500 && ![401, 403].contains(&got.status),
            };
            if !fits {
                writeln!(wrong, "{name}: {} gives {}, not {rule:?}: {}", operation.name(), got.status, got.text)
                    .expect("a text");
            }
        }
        for complaint in complaints {
            writeln!(wrong, "{name}: {complaint}").expect("a text");
        }
    }
    assert!(wrong.is_empty(), "whatever the table says:\n{wrong}");

    let text = text(&columns);
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("matrix.txt");
        std::fs::write(path, &text).expect("the table can be written");
        return;
    }
    let (expected, found) = (cells(MATRIX), cells(&text));
    let mut differences = String::new();
    for key in expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key))) {
        let cell = |cells: &BTreeMap<_, String>| cells.get(key).map_or("none", String::as_str).to_owned();
        let (expected, found) = (cell(&expected), cell(&found));
        if expected != found {
            let (operation, caller) = key;
            writeln!(differences, "{operation} as {caller}: {found}, in the table {expected}").expect("a text");
        }
    }
    assert!(differences.is_empty(), "matrix.txt says otherwise:\n{differences}\nNow it would be\n\n{text}");
}

// proves: ACC-08
#[test]
fn the_table_has_a_cell_for_every_caller_and_every_route_of_the_documents() {
    let cells = cells(MATRIX);
    let rows: std::collections::BTreeSet<&str> = cells.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(cells.len(), rows.len() * COLUMNS.len(), "a cell is missing");
    let wanted: Vec<&str> = ROUTES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(wanted.len() > 30);
    let missing: Vec<_> = wanted.iter().filter(|line| !rows.contains(*line)).collect();
    assert!(missing.is_empty(), "routes of the documents that the API doesn't have: {missing:?}");
    let unknown: Vec<_> = rows.iter().filter(|row| !wanted.contains(row)).collect();
    assert!(unknown.is_empty(), "say in routes.txt why these are there: {unknown:?}");
}

// proves: ACC-14
#[tokio::test]
async fn like_reads_of_a_quarter_of_an_hour_are_one_entry_with_their_count() {
    let office = Office::open().await;
    office.first().await;
    let mut auditor = office.person(&["audit-viewer"], true).await;
    let roles = "/api/v1/admin/settings/roles";
    for (path, times) in [(roles, 3), ("/api/v1/admin/settings/permissions", 1), ("/api/v1/admin/audit-logs", 2)] {
        for _ in 0..times {
            office.ask("GET", path).by(&auditor).send().await.expect(200);
        }
    }
    // Another quarter of an hour, the same session.
    office.wait(15);
    let form = json!({ "refresh_token": auditor.refresh });
    let tokens = office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await.expect(200);
    auditor.token = tokens.body["access_token"].as_str().expect("a token").to_owned();
    for _ in 0..2 {
        office.ask("GET", roles).by(&auditor).send().await.expect(200);
    }
    let entries = office.world.rows().await.audit;
    let reads = entries.iter().filter(|entry| entry.action == "access.granted");
    let mut found: Vec<(&str, Option<u64>)> = reads
        .inspect(|entry| {
            assert_eq!(entry.actor, format!("user:{}", auditor.id));
            assert_eq!(entry.session.as_deref(), Some(auditor.session.as_str()));
            assert_eq!(entry.address.as_deref(), Some("198.51.100.7"));
        })
        .map(|entry| (entry.entity.as_str(), entry.count))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("kind:admin/audit-logs", Some(2)),
            ("kind:admin/settings/permissions", Some(1)),
            ("kind:admin/settings/roles", Some(2)),
            ("kind:admin/settings/roles", Some(3)),
        ]
    );
}
