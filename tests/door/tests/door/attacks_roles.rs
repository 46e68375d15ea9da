//! Becoming more than one is: by updates, roles of one's own making, requests one approves oneself, and other people's
//! accounts.

use door::{Got, Office, PASSWORD, Person};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";
const ROLES: &str = "/api/v1/admin/settings/roles";
/// All that there is about people.
const PEOPLE: [&str; 9] = [
    "users.create",
    "users.delete",
    "users.permissions.manage",
    "users.read",
    "users.registration.approve",
    "users.registration.manage",
    "users.roles.assign",
    "users.roles.revoke",
    "users.update",
];

#[track_caller]
fn refused(got: &Got, status: u16, code: &str) {
    assert_eq!((got.status, got.code()), (status, code), "{}", got.text);
}

async fn tag(office: &Office, by: &Person, id: &str) -> String {
    office.ask("GET", &format!("{USERS}/{id}")).by(by).send().await.expect(200).etag()
}

async fn updated(office: &Office, by: &Person, id: &str, form: &Value) -> Got {
    office.world.advance(1);
    let tag = tag(office, by, id).await;
    office.ask("PUT", &format!("{USERS}/{id}")).by(by).if_match(&tag).json(form).send().await
}

async fn given(office: &Office, by: &Person, id: &str, roles: &[&str]) -> Got {
    let form = json!({ "roles": roles });
    office.ask("POST", &format!("{USERS}/{id}/roles")).by(by).json(&form).send().await
}

async fn granted(office: &Office, by: &Person, id: &str, grants: &[&str], denials: &[&str]) -> Got {
    let form = json!({ "grants": grants, "denials": denials });
    office.ask("PUT", &format!("{USERS}/{id}/permissions")).by(by).json(&form).send().await
}

async fn decided(office: &Office, by: &Person, asked: &Got) -> Got {
    let id = asked.body["id"].as_str().expect("an id");
    office.ask("POST", &format!("{USERS}/role-requests/{id}/approve")).by(by).send().await
}

async fn roles(office: &Office, by: &Person, id: &str) -> Value {
    office.ask("GET", &format!("{USERS}/{id}")).by(by).send().await.expect(200).body["roles"].take()
}

/// Makes a role and gives its id. Who asks is alone, or `second` approves.
async fn role(office: &Office, by: &Person, second: Option<&Person>, name: &str, permissions: &[&str]) -> String {
    let form = json!({ "name": name, "permissions": permissions });
    let asked = office.ask("POST", ROLES).by(by).json(&form).send().await.expect(202);
    match second {
        Some(second) => drop(decided(office, second, &asked).await.expect(200)),
        None => assert_eq!(asked.body["standing"], "approved"),
    }
    asked.body["about"].as_str().and_then(|about| about.strip_prefix("role:")).expect("a role").to_owned()
}

/// A first Super Administrator, a second one, and somebody with a role that manages people and nothing else.
async fn three(office: &Office) -> (Person, Person, Person) {
    let first = office.first().await;
    let people = role(office, &first, None, "People", &PEOPLE).await;
    let second = office.person(&["super-administrator"], true).await;
    let clerk = office.person(&[&people], true).await;
    (first, second, clerk)
}

// proves: ACC-11, ACC-13
#[tokio::test]
async fn no_form_takes_more_than_it_shows() {
    let office = Office::open().await;
    let (first, _, clerk) = three(&office).await;
    let viewer = office.person(&["viewer"], false).await;
    for (field, value) in [
        ("roles", json!(["super-administrator"])),
        ("grants", json!(["users.delete"])),
        ("denials", json!([])),
        ("permissions", json!(["users.delete"])),
        ("rank", json!("super_administrator")),
        ("state", json!("active")),
        ("version", json!(1)),
        ("id", json!(first.id)),
        ("mfa", json!({ "state": "off" })),
        ("password", json!(PASSWORD)),
        ("password_at", json!("2030-01-01T00:00:00Z")),
        ("session_epoch", json!(1)),
        ("new_email", json!("evil@example.rw")),
        ("Roles", json!(["super-administrator"])),
        ("__proto__", json!({ "roles": ["super-administrator"] })),
    ] {
        let mut form = json!({ "first_name": "Other" });
        form[field] = value.clone();
        for (by, path) in [(&clerk, format!("{USERS}/{}", viewer.id)), (&viewer, "/api/v1/auth/me".to_owned())] {
            let got = office.ask("GET", &path).by(by).send().await.expect(200);
            let got = office.ask("PUT", &path).by(by).if_match(&got.etag()).json(&form).send().await;
            refused(&got, 422, "invalid");
            assert_eq!(got.body["errors"][0]["field"], field, "{path}");
        }
        if field == "roles" {
            continue;
        }
        let mut form = json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B" });
        form[field] = value;
        office.ask("POST", USERS).by(&clerk).json(&form).send().await.expect(422);
    }
    // Twice in one body: whoever reads the first and whoever reads the last would not agree.
    let body = br#"{"first_name":"A","first_name":"B"}"#.to_vec();
    let tag = tag(&office, &clerk, &viewer.id).await;
    let got = office.ask("PUT", &format!("{USERS}/{}", viewer.id)).by(&clerk).if_match(&tag);
    got.bytes("application/json", body).send().await.expect(422);
    let list = office.ask("GET", USERS).by(&first).send().await.expect(200);
    assert_eq!(list.body["items"].as_array().expect("a list").len(), 4, "nobody new");
    assert_eq!(roles(&office, &first, &viewer.id).await, json!(["viewer"]));
}

// proves: ACC-11
#[tokio::test]
async fn nobody_raises_themself_whichever_way_they_ask() {
    let office = Office::open().await;
    let (first, second, clerk) = three(&office).await;
    let custom = roles(&office, &first, &clerk.id).await[0].as_str().expect("an id").to_owned();
    for who in [&clerk, &first] {
        refused(&given(&office, who, &who.id, &["administrator"]).await, 403, "not_oneself");
        refused(&given(&office, who, &who.id, &["viewer"]).await, 403, "not_oneself");
        refused(&granted(&office, who, &who.id, &["users.read"], &[]).await, 403, "not_oneself");
        refused(&updated(&office, who, &who.id, &json!({ "unlock": true })).await, 403, "not_oneself");
        let path = format!("{USERS}/{}/roles?roles=super-administrator", who.id);
        refused(&office.ask("DELETE", &path).by(who).send().await, 403, "not_oneself");
        let tag = tag(&office, who, &who.id).await;
        let path = format!("{USERS}/{}", who.id);
        refused(&office.ask("DELETE", &path).by(who).if_match(&tag).send().await, 403, "not_oneself");
    }

    // A role of one's own making, or one that is held already.
    let form = json!({ "name": "Cashier", "permissions": ["disbursements.approve"] });
    refused(&office.ask("POST", ROLES).by(&clerk).json(&form).send().await, 403, "more_than_held");
    let list = office.ask("GET", ROLES).by(&first).send().await.expect(200);
    let held = list.body["items"].as_array().expect("a list").iter().find(|role| role["id"] == custom.as_str());
    let role_tag = held.and_then(|role| role["etag"].as_str()).expect("a tag").to_owned();
    let path = format!("{ROLES}/{custom}");
    let form = json!({ "name": "People", "permissions": ["users.read", "disbursements.approve"] });
    for form in [form, json!({ "name": "People", "permissions": PEOPLE, "assigned_only": true })] {
        let got = office.ask("PUT", &path).by(&clerk).if_match(&role_tag).json(&form).send().await;
        refused(&got, 403, "not_oneself");
    }
    refused(&office.ask("DELETE", &path).by(&clerk).if_match(&role_tag).send().await, 403, "not_oneself");
    for predefined in ["administrator", "viewer"] {
        let list = list.body["items"].as_array().expect("a list");
        let held = list.iter().find(|role| role["id"] == predefined).and_then(|role| role["etag"].as_str());
        let form = json!({ "name": "Mine", "permissions": ["users.read"] });
        let got = office.ask("PUT", &format!("{ROLES}/{predefined}")).by(&first);
        refused(&got.if_match(held.expect("a tag")).json(&form).send().await, 409, "predefined_role");
    }

    // Through an accomplice: each asks for the other, at once; neither can approve.
    let accomplice = office.person(&[&custom], true).await;
    let (one, other) = tokio::join!(
        granted(&office, &clerk, &accomplice.id, &["users.read"], &["users.delete"]),
        granted(&office, &accomplice, &clerk.id, &["users.read"], &["users.delete"]),
    );
    for (asked, approver) in [(one, &accomplice), (other, &clerk)] {
        refused(&decided(&office, approver, &asked.expect(202)).await, 403, "second_person");
    }
    let third = office.person(&["viewer"], false).await;
    let asked = given(&office, &clerk, &third.id, &[&custom]).await.expect(202);
    refused(&decided(&office, &clerk, &asked).await, 403, "second_person");
    refused(&decided(&office, &accomplice, &asked).await, 403, "above_you");
    refused(&granted(&office, &clerk, &third.id, &["disbursements.approve"], &[]).await, 403, "more_than_held");
    refused(&given(&office, &clerk, &third.id, &["financial-administrator"]).await, 403, "more_than_held");
    refused(&given(&office, &clerk, &third.id, &["administrator"]).await, 403, "above_you");
    // What was denied to somebody is more than the roles say, when it is lifted.
    decided(&office, &second, &granted(&office, &first, &third.id, &[], &["reports.read"]).await.expect(202))
        .await
        .expect(200);
    refused(&granted(&office, &clerk, &third.id, &[], &[]).await, 403, "more_than_held");
    assert_eq!(roles(&office, &first, &clerk.id).await, json!([custom]));
}

// proves: ACC-11
#[tokio::test]
async fn somebody_elses_account_is_no_ladder() {
    let office = Office::open().await;
    let (first, second, clerk) = three(&office).await;
    // Whoever gets the mailbox gets the next link, so these would be the clerk's in two steps.
    let cashier = office.person(&["financial-administrator"], true).await;
    let got = updated(&office, &clerk, &cashier.id, &json!({ "email": "evil@example.rw" })).await;
    refused(&got, 403, "more_than_held");
    let viewer = office.person(&["viewer"], false).await;
    refused(&updated(&office, &clerk, &viewer.id, &json!({ "email": "evil@example.rw" })).await, 403, "more_than_held");
    // Nor by the password or the app, which is the lesser half of it.
    for form in [json!({ "reset_password": true }), json!({ "reset_mfa": true })] {
        refused(&updated(&office, &clerk, &cashier.id, &form).await, 403, "more_than_held");
        // Of somebody who may no more than the clerk, they are the clerk's business.
        let peer = office.placed(&[]).await;
        updated(&office, &clerk, &peer.id, &form).await.expect(200);
    }
    let deadline = store::Deadline::in_ms(5_000);
    let letters = office.world.store.due_mail(office.world.now(), 100, deadline).await.expect("the table answers");
    assert!(letters.iter().all(|letter| letter.to.as_str() != "evil@example.rw"), "{letters:?}");
    // A form that is sent back as it was found moves nothing.
    let form = json!({ "email": cashier.email, "first_name": "Same" });
    updated(&office, &clerk, &cashier.id, &form).await.expect(200);

    // Two Super Administrators are two people: neither becomes the other, whose approval would then be their own.
    let got = updated(&office, &first, &second.id, &json!({ "email": "evil@example.rw" })).await;
    refused(&got, 403, "owners_address");
    let administrator = office.person(&["administrator"], true).await;
    let got = updated(&office, &first, &administrator.id, &json!({ "email": "evil@example.rw" })).await;
    refused(&got, 403, "owners_address");
    // One's own address is one's own.
    let got = office.ask("GET", "/api/v1/auth/me").by(&second).send().await.expect(200);
    let form = json!({ "email": "second@example.rw" });
    office.ask("PUT", "/api/v1/auth/me").by(&second).if_match(&got.etag()).json(&form).send().await.expect(200);
    let link = office.world.letter_link("second@example.rw").await;
    office.ask("POST", "/api/v1/auth/email/confirm").json(&json!({ "token": link })).send().await.expect(204);
}

// proves: ACC-11
#[tokio::test]
async fn an_administrator_manages_nobody_of_the_same_rank_or_above() {
    let office = Office::open().await;
    let (first, _, clerk) = three(&office).await;
    let administrator = office.person(&["administrator"], true).await;
    let colleague = office.person(&["administrator"], true).await;
    for (by, whom) in
        [(&administrator, &first), (&administrator, &colleague), (&clerk, &administrator), (&clerk, &first)]
    {
        for form in [
            json!({ "first_name": "Other" }),
            json!({ "email": "evil@example.rw" }),
            json!({ "phone": "0788999999" }),
            json!({ "active": false }),
            json!({ "reset_password": true }),
            json!({ "reset_mfa": true }),
            json!({ "unlock": true }),
        ] {
            refused(&updated(&office, by, &whom.id, &form).await, 403, "above_you");
        }
        let tag = tag(&office, by, &whom.id).await;
        let path = format!("{USERS}/{}", whom.id);
        refused(&office.ask("DELETE", &path).by(by).if_match(&tag).send().await, 403, "above_you");
        refused(&given(&office, by, &whom.id, &["viewer"]).await, 403, "above_you");
        refused(&granted(&office, by, &whom.id, &[], &["users.read"]).await, 403, "above_you");
        for role in ["administrator", "super-administrator"] {
            let path = format!("{USERS}/{}/roles?roles={role}", whom.id);
            let got = office.ask("DELETE", &path).by(by).send().await;
            assert!([403, 409].contains(&got.status) && ["above_you", "changes_nothing"].contains(&got.code()));
        }
    }
    for role in ["administrator", "super-administrator"] {
        let viewer = office.placed(&["viewer"]).await;
        refused(&given(&office, &administrator, &viewer.id, &[role]).await, 403, "above_you");
        let form = json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B", "roles": [role] });
        refused(&office.ask("POST", USERS).by(&administrator).json(&form).send().await, 403, "above_you");
        refused(&office.ask("POST", USERS).by(&clerk).json(&form).send().await, 403, "above_you");
    }
    let form =
        json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B", "roles": ["financial-administrator"] });
    refused(&office.ask("POST", USERS).by(&clerk).json(&form).send().await, 403, "more_than_held");
    let found = office.ask("GET", &format!("{USERS}?text=new@example.rw")).by(&first).send().await.expect(200);
    assert_eq!(found.body["items"], json!([]), "nobody was made on the way");
    // A denial takes from an Administrator what the rank would give away.
    let cashier = office.placed(&["viewer"]).await;
    let second = office.person(&["super-administrator"], true).await;
    let asked = granted(&office, &first, &administrator.id, &[], &["disbursements.approve"]).await.expect(202);
    decided(&office, &second, &asked).await.expect(200);
    let got = given(&office, &administrator, &cashier.id, &["financial-administrator"]).await;
    refused(&got, 403, "more_than_held");
    // Nor may they vouch for it.
    let asked = given(&office, &colleague, &cashier.id, &["financial-administrator"]).await.expect(202);
    refused(&decided(&office, &administrator, &asked).await, 403, "more_than_held");
    decided(&office, &first, &asked).await.expect(200);
}

// proves: ACC-11
#[tokio::test]
async fn a_request_is_decided_once_by_a_second_person_in_time_and_as_it_was_asked() {
    let office = Office::open().await;
    let (mut first, mut second, _) = three(&office).await;
    let person = office.person(&["viewer"], false).await;
    let asked = given(&office, &first, &person.id, &["batch-manager"]).await.expect(202);
    assert_eq!(roles(&office, &first, &person.id).await, json!(["viewer"]), "it waits");
    refused(&decided(&office, &first, &asked).await, 403, "second_person");
    refused(&decided(&office, &person, &asked).await, 403, "permission_missing");

    // Somebody else's change in between: what was asked for is no longer what would happen.
    let other = given(&office, &second, &person.id, &["audit-viewer"]).await.expect(202);
    decided(&office, &first, &other).await.expect(200);
    refused(&decided(&office, &second, &asked).await, 409, "outdated");
    let third = office.person(&["administrator"], true).await;
    refused(&decided(&office, &third, &other).await, 409, "decided_already");

    let asked = given(&office, &first, &person.id, &["batch-manager"]).await.expect(202);
    let id = asked.body["id"].as_str().expect("an id").to_owned();
    let reject = office.ask("POST", &format!("{USERS}/role-requests/{id}/reject")).by(&second);
    reject.json(&json!({ "reason": "Not needed." })).send().await.expect(200);
    refused(&decided(&office, &third, &asked).await, 409, "decided_already");

    let asked = given(&office, &first, &person.id, &["batch-manager"]).await.expect(202);
    office.wait(14 * 24 * 60 + 1);
    office.sign_in(&mut second).await;
    refused(&decided(&office, &second, &asked).await, 409, "lapsed");
    office.sign_in(&mut first).await;

    // A role that has grown since, or has gone.
    let form = json!({ "name": "Growing", "permissions": ["reports.read"] });
    let made = office.ask("POST", ROLES).by(&first).json(&form).send().await.expect(202);
    decided(&office, &second, &made).await.expect(200);
    let custom = made.body["about"].as_str().and_then(|about| about.strip_prefix("role:")).expect("a role").to_owned();
    let asked = given(&office, &first, &person.id, &[&custom]).await.expect(202);
    let list = office.ask("GET", ROLES).by(&first).send().await.expect(200);
    let etag = list.body["items"].as_array().and_then(|list| list.iter().find(|role| role["id"] == custom.as_str()));
    let etag = etag.and_then(|role| role["etag"].as_str()).expect("a tag").to_owned();
    let gone = office.ask("DELETE", &format!("{ROLES}/{custom}")).by(&first).if_match(&etag).send().await.expect(202);
    decided(&office, &second, &gone).await.expect(200);
    let got = decided(&office, &second, &asked).await.expect(422);
    assert_eq!(got.body["errors"][0]["code"], "unknown");
    assert_eq!(roles(&office, &first, &person.id).await, json!(["audit-viewer", "viewer"]));

    // Whom it concerns is no second person either.
    let asked = given(&office, &first, &third.id, &["viewer"]).await.expect(202);
    let mut third = third;
    office.sign_in(&mut third).await;
    refused(&decided(&office, &third, &asked).await, 403, "second_person");
}

// proves: ACC-11
#[tokio::test]
async fn the_second_person_is_waived_only_while_there_is_none_and_never_in_silence() {
    let office = Office::open().await;
    let first = office.first().await;
    let viewer = office.person(&["viewer"], false).await;
    let waived = async || {
        let alerts = office.world.rows().await.alerts.into_iter();
        alerts.filter(|alert| alert.kind == domain::alert::Kind::ApprovalWaived).count()
    };
    let asked = given(&office, &first, &viewer.id, &["audit-viewer"]).await.expect(202);
    assert_eq!(asked.body["standing"], "approved");
    assert_eq!(waived().await, 1);
    // An Administrator can approve for staff, not for Administrators.
    let administrator = office.person(&["administrator"], true).await;
    let asked = given(&office, &first, &viewer.id, &["batch-manager"]).await.expect(202);
    assert_eq!(asked.body["standing"], "open");
    let asked = given(&office, &administrator, &viewer.id, &["support-agent"]).await.expect(202);
    assert_eq!(asked.body["standing"], "open", "the Super Administrator is there");
    assert_eq!(waived().await, 1);
    let asked = given(&office, &first, &viewer.id, &["administrator"]).await.expect(202);
    assert_eq!(asked.body["standing"], "approved");
    assert_eq!(waived().await, 2);
    let entries = office.world.rows().await.audit;
    let noted = entries
        .iter()
        .filter(|entry| entry.action == "change.asked" && entry.severity == domain::audit::Severity::Critical);
    assert_eq!(noted.count(), 2);
    // With a second Super Administrator it is over.
    let second = office.person(&["super-administrator"], true).await;
    let other = office.person(&["viewer"], false).await;
    let asked = given(&office, &first, &other.id, &["administrator"]).await.expect(202);
    assert_eq!(asked.body["standing"], "open");
    refused(&decided(&office, &administrator, &asked).await, 403, "above_you");
    decided(&office, &second, &asked).await.expect(200);
}

async fn settings(office: &Office, by: &Person, change: impl FnOnce(&mut Value)) -> Got {
    let path = "/api/v1/admin/settings/security";
    let mut got = office.ask("GET", path).by(by).send().await.expect(200);
    let tag = got.etag();
    change(&mut got.body);
    office.ask("PUT", path).by(by).if_match(&tag).json(&got.body).send().await
}

// proves: ACC-11, ACC-12
#[tokio::test]
async fn a_registration_brings_at_most_the_default_role_with_a_second_person_and_never_an_administrators() {
    let office = Office::open().await;
    let (first, second, clerk) = three(&office).await;
    for role in ["administrator", "super-administrator", "no-such-role"] {
        let got = settings(&office, &first, |form| form["registration"]["default_role"] = json!(role)).await;
        refused(&got, 422, "invalid");
    }
    settings(&office, &first, |form| form["registration"]["enabled"] = json!(true)).await.expect(200);
    let apply = async |form: &Value| office.ask("POST", "/api/v1/auth/register").json(form).send().await;
    let mut form = json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B", "password": PASSWORD });
    apply(&form).await.expect(202);
    for (field, value) in [("roles", json!(["administrator"])), ("state", json!("active")), ("grants", json!([]))] {
        form[field] = value;
        apply(&form).await.expect(422);
        form.as_object_mut().expect("an object").remove(field);
    }
    let pending = office.ask("GET", &format!("{USERS}/pending")).by(&first).send().await.expect(200);
    let id = pending.body["items"][0]["id"].as_str().expect("an id").to_owned();
    let login = json!({ "email": "new@example.rw", "password": PASSWORD });
    // Not even that it waits: who tells that tells which addresses could still be registered.
    let got = office.ask("POST", "/api/v1/auth/login").json(&login).send().await;
    refused(&got, 401, "wrong_credentials");
    // Before the approval nobody makes it more: with the approval it would come into force.
    refused(&given(&office, &first, &id, &["administrator"]).await, 409, "account_inactive");
    refused(&granted(&office, &first, &id, &["users.read"], &[]).await, 409, "account_inactive");
    refused(&updated(&office, &first, &id, &json!({ "active": true })).await, 409, "account_inactive");
    let approve = format!("{USERS}/{id}/approve");
    // Who approves vouches for the role: the clerk doesn't hold what a viewer does.
    refused(&office.ask("POST", &approve).by(&clerk).send().await, 403, "more_than_held");
    let got = office.ask("POST", &approve).by(&first).send().await.expect(200);
    assert_eq!(got.body["user"]["roles"], json!([]));
    let change = Got { body: got.body["change"].clone(), ..got.clone() };
    assert_eq!(change.body["standing"], "open");
    refused(&decided(&office, &first, &change).await, 403, "second_person");
    decided(&office, &second, &change).await.expect(200);
    assert_eq!(roles(&office, &first, &id).await, json!(["viewer"]));
    refused(&office.ask("POST", &approve).by(&second).send().await, 409, "not_pending");
}

// proves: ACC-08, ACC-12, AUD-04
#[tokio::test]
async fn registration_and_the_logs_retention_need_their_own_permission_within_the_security_settings() {
    let office = Office::open().await;
    let first = office.first().await;
    let system = office.person(&["system-administrator"], true).await;
    let got = settings(&office, &system, |form| form["registration"]["enabled"] = json!(true)).await;
    refused(&got, 403, "permission_missing");
    let got = settings(&office, &system, |form| form["audit"]["retention_days"] = json!(365)).await;
    refused(&got, 403, "permission_missing");
    settings(&office, &system, |form| form["limits"]["sign_ins_per_minute"] = json!(9)).await.expect(200);
    settings(&office, &first, |form| form["audit"]["retention_days"] = json!(4_000)).await.expect(200);
    let got = settings(&office, &office.person(&["configuration-manager"], true).await, |_| {}).await;
    refused(&got, 403, "permission_missing");
}
