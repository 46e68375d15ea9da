//! Many at once: about the last Super Administrator, one address, one number, one decision.

use domain::{
    id::UserId,
    role::Rank,
    staff::{User, UserState},
};
use door::{Got, Office, PASSWORD, Person};
use rig::{
    fault::{Fault, Script},
    world::Setup,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use store::Deadline;
use tokio::task::JoinSet;

const USERS: &str = "/api/v1/admin/users";

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

/// A request that is ready to be sent along with others.
#[derive(Clone)]
struct Ready {
    method: &'static str,
    path: String,
    by: String,
    tag: Option<String>,
    key: Option<String>,
    body: Option<Value>,
}

impl Ready {
    fn new(method: &'static str, path: String, by: &Person) -> Self {
        Self { method, path, by: by.token.clone(), tag: None, key: None, body: None }
    }

    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn tag(self, tag: String) -> Self {
        Self { tag: Some(tag), ..self }
    }

    /// With this Idempotency-Key.
    fn once(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// Sends all of them at the same time; answers in their order.
async fn at_once(office: &Arc<Office>, requests: Vec<Ready>) -> Vec<Got> {
    let mut asked = JoinSet::new();
    for (at, request) in requests.into_iter().enumerate() {
        let office = Arc::clone(office);
        asked.spawn(async move {
            let mut asking = office.ask(request.method, &request.path);
            if !request.by.is_empty() {
                asking = asking.bearer(&request.by);
            }
            if let Some(tag) = &request.tag {
                asking = asking.if_match(tag);
            }
            if let Some(key) = &request.key {
                asking = asking.once(key);
            }
            if let Some(body) = &request.body {
                asking = asking.json(body);
            }
            (at, asking.send().await)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, got)| got).collect()
}

fn statuses(answers: &[Got]) -> BTreeMap<u16, usize> {
    let mut found = BTreeMap::new();
    for got in answers {
        *found.entry(got.status).or_default() += 1;
    }
    found
}

async fn tag(office: &Office, by: &Person, id: &str) -> String {
    office.ask("GET", &format!("{USERS}/{id}")).by(by).send().await.expect(200).etag()
}

async fn user(office: &Office, id: &str) -> User {
    let id = UserId::parse(id).expect("an id");
    office.world.store.linked_user(&id, soon()).await.expect("the table answers").expect("a row")
}

/// Who of these can still administer, and that the row of administrators says so.
async fn left(office: &Office, people: &[Person]) -> usize {
    let (roles, administrators, _) = office.world.store.governance(soon()).await.expect("the table answers");
    let mut left = 0;
    for person in people {
        let user = user(office, &person.id).await;
        let is = user.state == UserState::Active && user.rank(&roles) == Rank::SuperAdministrator;
        assert_eq!(administrators.members.get(&user.id) == Some(&Rank::SuperAdministrator), is, "{user:?}");
        left += usize::from(is);
    }
    left
}

async fn supers(office: &Office, count: usize) -> Vec<Person> {
    let mut people = vec![office.first().await];
    while people.len() < count {
        people.push(office.person(&["super-administrator"], true).await);
    }
    for person in &mut people {
        // The first ones' tokens are old by now.
        office.sign_in(person).await;
    }
    people
}

async fn deletion(office: &Office, by: &Person, whom: &Person) -> Ready {
    Ready::new("DELETE", format!("{USERS}/{}", whom.id), by).tag(tag(office, by, &whom.id).await)
}

async fn deactivation(office: &Office, by: &Person, whom: &Person) -> Ready {
    let ready = Ready::new("PUT", format!("{USERS}/{}", whom.id), by).tag(tag(office, by, &whom.id).await);
    ready.body(json!({ "active": false }))
}

// proves: ACC-11
#[tokio::test(flavor = "multi_thread")]
async fn two_super_administrators_who_remove_each_other_at_once_leave_one() {
    for (one_deletes, other_deletes) in [(true, true), (true, false), (false, false)] {
        let office = Arc::new(Office::open().await);
        let people = supers(&office, 2).await;
        let act = async |deletes, by: &Person, whom: &Person| {
            if deletes { deletion(&office, by, whom).await } else { deactivation(&office, by, whom).await }
        };
        let requests =
            vec![act(one_deletes, &people[0], &people[1]).await, act(other_deletes, &people[1], &people[0]).await];
        let answers = at_once(&office, requests).await;
        let done = answers.iter().filter(|got| got.status < 300).count();
        assert_eq!(done, 1, "{answers:?}");
        assert_eq!(left(&office, &people).await, 1);
        // The one who is left can't be removed by anybody, nor go.
        let last = people.iter().zip([&answers[1], &answers[0]]).find(|(_, about)| about.status >= 300);
        let (last, _) = last.expect("somebody");
        let got = office.ask("GET", USERS).by(last).send().await;
        got.expect(200);
    }
}

// proves: ACC-11
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_remove_demote_and_deactivate_each_other_at_once_one_stays() {
    let office = Arc::new(Office::open().await);
    let people = supers(&office, 6).await;
    // Requests to demote that only wait for their second person.
    let mut requests = Vec::new();
    for at in 0..people.len() {
        let (by, whom, second) = (&people[at], &people[(at + 1) % 6], &people[(at + 2) % 6]);
        let path = format!("{USERS}/{}/roles?roles=super-administrator", whom.id);
        let asked = office.ask("DELETE", &path).by(by).send().await.expect(202);
        let id = asked.body["id"].as_str().expect("an id");
        requests.push(Ready::new("POST", format!("{USERS}/role-requests/{id}/approve"), second));
        for to in (0..people.len()).filter(|to| *to != at) {
            let whom = &people[to];
            let act = (at + to) % 2 == 0;
            requests.push(if act { deletion(&office, by, whom).await } else { deactivation(&office, by, whom).await });
        }
    }
    let mut rounds = 0;
    // Whoever lost a race tries again, as people do, until nothing moves.
    loop {
        let answers = at_once(&office, requests.clone()).await;
        let left = left(&office, &people).await;
        assert!(left >= 1, "{answers:?}");
        rounds += 1;
        let mut again = Vec::new();
        for (request, got) in requests.iter().zip(&answers) {
            assert!(got.status < 500 || got.status == 503, "{got:?}");
            if got.status == 412 || got.code() == "changed" || got.status == 503 {
                let mut request = request.clone();
                if let Some(id) = request.tag.as_ref().and_then(|_| request.path.rsplit('/').next()) {
                    let row = user(&office, id).await;
                    request.tag = Some(web_tag(&row));
                }
                again.push(request);
            }
        }
        if again.is_empty() || rounds == 20 {
            break;
        }
        requests = again;
    }
    assert_eq!(left(&office, &people).await, 1, "all but one have gone");
}

/// The tag that the API gives for this version.
fn web_tag(user: &User) -> String {
    let parts = ["etag", "user", user.id.as_str(), &user.version.to_string()];
    format!("\"{}\"", domain::identity::hex(&domain::identity::digest(&parts)[..12]))
}

// proves: ACC-11
#[tokio::test]
async fn the_last_super_administrator_is_neither_deleted_demoted_nor_deactivated() {
    let office = Arc::new(Office::open().await);
    let people = supers(&office, 2).await;
    let (first, second) = (&people[0], &people[1]);
    let gone = deletion(&office, first, second).await;
    assert_eq!(statuses(&at_once(&office, vec![gone]).await), BTreeMap::from([(204, 1)]));
    // Nobody of the same rank is left, and nobody manages their own account.
    let administrator = office.person(&["administrator"], true).await;
    for by in [first, &administrator] {
        for request in [deletion(&office, by, first).await, deactivation(&office, by, first).await] {
            let got = at_once(&office, vec![request]).await.remove(0);
            assert!(["not_oneself", "above_you"].contains(&got.code()), "{}", got.text);
        }
        let path = format!("{USERS}/{}/roles?roles=super-administrator", first.id);
        let got = office.ask("DELETE", &path).by(by).send().await.expect(403);
        assert!(["not_oneself", "above_you"].contains(&got.code()), "{}", got.text);
    }
    assert_eq!(left(&office, &people).await, 1);
}

// proves: ACC-17
#[tokio::test(flavor = "multi_thread")]
async fn thirty_who_want_one_address_or_one_number_at_once_are_one() {
    let office = Arc::new(Office::open().await);
    let first = office.first().await;
    let cased = |at: usize| {
        let letters = "wanted@example.rw".chars().enumerate();
        letters.map(|(i, c)| if at >> (i % 5) & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect::<String>()
    };
    for phone in [false, true] {
        let requests = (0..30).map(|at| {
            let email = if phone { format!("other{at}@example.rw") } else { cased(at) };
            let number = if phone { ["0788123456", "+250788123456", "250788123456"][at % 3] } else { "" };
            let form = json!({ "email": email, "first_name": "A", "last_name": "B", "phone": number });
            Ready::new("POST", USERS.to_owned(), &first).body(form)
        });
        let answers = at_once(&office, requests.collect()).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(201, 1), (422, 29)]), "{answers:?}");
        let field = if phone { "phone" } else { "email" };
        for got in answers.iter().filter(|got| got.status == 422) {
            assert_eq!(
                (&got.body["errors"][0]["field"], &got.body["errors"][0]["code"]),
                (&json!(field), &json!("taken"))
            );
        }
    }
    let list = office.ask("GET", USERS).by(&first).send().await.expect(200);
    assert_eq!(list.body["items"].as_array().map(Vec::len), Some(3), "and nobody else was made");
}

// proves: ACC-06, ACC-17
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_confirm_the_same_new_address_at_once_one_gets_it() {
    let office = Arc::new(Office::open().await);
    let mut links = Vec::new();
    let mut people = Vec::new();
    for _ in 0..8 {
        let person = office.person(&["viewer"], false).await;
        office.world.advance(1);
        let got = office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(200);
        let form = json!({ "email": "wanted@example.rw" });
        office.ask("PUT", "/api/v1/auth/me").by(&person).if_match(&got.etag()).json(&form).send().await.expect(200);
        links.push(office.world.letter_link("wanted@example.rw").await);
        people.push(person);
    }
    let nobody = Person::default();
    let confirm = |link: &String| {
        Ready::new("POST", "/api/v1/auth/email/confirm".to_owned(), &nobody).body(json!({ "token": link }))
    };
    let answers = at_once(&office, links.iter().map(confirm).collect()).await;
    let statuses = statuses(&answers);
    assert_eq!(statuses.get(&204), Some(&1), "{answers:?}");
    assert!(statuses.keys().all(|status| [204, 410, 422].contains(status)), "{answers:?}");
    let mut owners = 0;
    for (person, got) in people.iter().zip(&answers) {
        let has = user(&office, &person.id).await.email.as_str() == "wanted@example.rw";
        assert_eq!(has, got.status == 204);
        owners += usize::from(has);
    }
    assert_eq!(owners, 1);
    // The old address of the one who moved is free; the others keep theirs.
    let first = office.person(&["super-administrator"], true).await;
    for (person, got) in people.iter().zip(&answers) {
        let form = json!({ "email": person.email, "first_name": "A", "last_name": "B" });
        let made = office.ask("POST", USERS).by(&first).json(&form).send().await;
        assert_eq!(made.status, if got.status == 204 { 201 } else { 422 });
    }
}

// proves: ACC-11
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_many_decide_on_at_once_is_decided_once() {
    let office = Arc::new(Office::open().await);
    let people = supers(&office, 4).await;
    let person = office.person(&["viewer"], false).await;
    let ask = async |role: &str| {
        let form = json!({ "roles": [role] });
        let path = format!("{USERS}/{}/roles", person.id);
        let asked = office.ask("POST", &path).by(&people[0]).json(&form).send().await.expect(202);
        format!("{USERS}/role-requests/{}", asked.body["id"].as_str().expect("an id"))
    };
    let one = ask("batch-manager").await;
    let mut requests = Vec::new();
    for by in &people[1..] {
        requests.push(Ready::new("POST", format!("{one}/approve"), by));
        requests.push(Ready::new("POST", format!("{one}/reject"), by).body(json!({ "reason": "No." })));
    }
    let answers = at_once(&office, requests).await;
    let done: Vec<_> = answers.iter().filter(|got| got.status == 200).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    let has = user(&office, &person.id).await.roles.iter().any(|role| role.as_str() == "batch-manager");
    assert_eq!(has, done[0].body["standing"] == "approved");

    // Two requests about one person that were asked of the same state: the second one would undo the first.
    let (one, two) = (ask("audit-viewer").await, ask("support-agent").await);
    let requests = [one, two].map(|path| Ready::new("POST", format!("{path}/approve"), &people[1]));
    let answers = at_once(&office, requests.to_vec()).await;
    assert_eq!(answers.iter().filter(|got| got.status == 200).count(), 1, "{answers:?}");
    let roles = user(&office, &person.id).await.roles;
    assert_eq!(roles.iter().filter(|role| ["audit-viewer", "support-agent"].contains(&role.as_str())).count(), 1);
}

/// A request that a role is given to somebody new.
async fn asked_for(office: &Office, by: &Person, role: &str) -> String {
    let person = office.placed(&["viewer"]).await;
    let path = format!("{USERS}/{}/roles", person.id);
    let asked = office.ask("POST", &path).by(by).json(&json!({ "roles": [role] })).send().await.expect(202);
    format!("{USERS}/role-requests/{}/approve", asked.body["id"].as_str().expect("an id"))
}

/// What they are told who find that another has decided: at once, or by the race that they lost.
fn lost(got: &Got) -> bool {
    got.status == 409 && ["changed", "decided_already"].contains(&got.code())
}

fn replayed(got: &Got) -> bool {
    got.header("idempotent-replayed") == "true"
}

// proves: ACC-11, RED-03
#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_race_may_ask_again_with_the_same_key() {
    let office = Arc::new(Office::open().await);
    let people = supers(&office, 5).await;
    // One change, many who approve it.
    let mut raced = 0;
    for round in 0..10 {
        let path = asked_for(&office, &people[0], "batch-manager").await;
        let approval = |by: &Person| Ready::new("POST", path.clone(), by).once(format!("approval-{round}-{}", by.id));
        let requests: Vec<_> = people[1..].iter().map(approval).collect();
        let first = at_once(&office, requests.clone()).await;
        let again = at_once(&office, requests.clone()).await;
        let third = at_once(&office, requests).await;
        assert_eq!(first.iter().filter(|got| got.status == 200).count(), 1, "{first:?}");
        for ((first, again), third) in first.iter().zip(&again).zip(&third) {
            if first.status == 200 {
                assert!(again.status == 200 && replayed(again) && again.body == first.body, "{again:?}");
                continue;
            }
            assert!(lost(first), "{first:?}");
            raced += usize::from(first.code() == "changed");
            assert_eq!((again.status, again.code()), (409, "decided_already"), "{again:?}");
            assert_eq!(replayed(again), first.code() == "decided_already", "a lost race is not kept");
            assert!(third.code() == "decided_already" && replayed(third), "what is settled is kept: {third:?}");
        }
    }
    assert!(raced > 0, "nobody was overtaken");

    // Many changes that meet in the row of administrators: whoever repeats the same call gets theirs done.
    let mut requests = Vec::new();
    for by in &people[1..] {
        let path = asked_for(&office, &people[0], "administrator").await;
        requests.push(Ready::new("POST", path, by).once(format!("appointment-{}", by.id)));
    }
    let mut rounds = 0;
    loop {
        let answers = at_once(&office, requests.clone()).await;
        if statuses(&answers) == BTreeMap::from([(200, requests.len())]) {
            break;
        }
        assert!(answers.iter().all(|got| got.status == 200 || got.code() == "changed"), "{answers:?}");
        rounds += 1;
        assert!(rounds < requests.len(), "each round settles one: {answers:?}");
    }
    assert!(rounds > 0, "nobody was overtaken");
}

// proves: ACC-11, RED-03
#[tokio::test(flavor = "multi_thread")]
async fn who_is_overtaken_at_any_point_of_an_approval_is_told_so() {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let calls = Arc::clone(&left);
    let script = Script::drawn(move |_| (calls.fetch_sub(1, Ordering::SeqCst) == 0).then_some(Fault::Stall));
    let office = Arc::new(Office::with(Setup { codes: 0, script: script.clone(), ..Setup::default() }).await);
    let people = supers(&office, 3).await;
    let (mut overtaken, mut place) = (0, 0);
    loop {
        let path = asked_for(&office, &people[0], "batch-manager").await;
        let slow = Ready::new("POST", path.clone(), &people[1]).once(format!("slow-{place}"));
        let quick = Ready::new("POST", path, &people[2]).once(format!("quick-{place}"));
        left.store(place, Ordering::SeqCst);
        let mut answer = Box::pin(at_once(&office, vec![slow.clone()]));
        let stands_still = tokio::select! {
            biased;
            () = script.stopped.notified() => true,
            answers = &mut answer => {
                assert_eq!(answers[0].status, 200, "{answers:?}");
                false
            }
        };
        left.store(usize::MAX, Ordering::SeqCst);
        if !stands_still {
            break;
        }
        let other = at_once(&office, vec![quick]).await.remove(0);
        script.resume.notify_one();
        let got = answer.await.remove(0);
        assert!(got.status == 200 && lost(&other) || lost(&got) && other.status == 200, "{place}: {got:?} {other:?}");
        let again = at_once(&office, vec![slow]).await.remove(0);
        if got.status == 200 {
            assert!(replayed(&again) && again.body == got.body, "{place}: {again:?}");
        } else {
            assert_eq!((again.status, again.code()), (409, "decided_already"), "{place}: {again:?}");
        }
        overtaken += usize::from(got.code() == "changed");
        place += 1;
    }
    assert!(overtaken > 0, "nobody was overtaken in {place} places");
}

// proves: ACC-02, ACC-03
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_among_renewals_at_once_ends_the_session_for_all_of_them() {
    let office = Arc::new(Office::open().await);
    let person = office.person(&["viewer"], false).await;
    let nobody = Person::default();
    let renewal = Ready::new("POST", "/api/v1/auth/refresh".to_owned(), &nobody);
    let mut requests = vec![renewal.body(json!({ "refresh_token": person.refresh })); 10];
    requests.insert(5, Ready::new("POST", "/api/v1/auth/logout".to_owned(), &person));
    let answers = at_once(&office, requests).await;
    assert_eq!(answers[5].status, 204, "{}", answers[5].text);
    office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(401);
    for got in answers.iter().filter(|got| got.status == 200) {
        let form = json!({ "refresh_token": got.body["refresh_token"] });
        office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await.expect(401);
        let token = got.body["access_token"].as_str().expect("a token");
        office.ask("GET", "/api/v1/auth/me").bearer(token).send().await.expect(401);
    }
}

// proves: ACC-01, ACC-04
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_at_once_leave_one_session_where_only_one_is_allowed() {
    let mut settings = domain::settings::Settings::default();
    settings.security.sign_in.single_session = true;
    let setup = Setup { codes: 0, settings: Some(settings), ..Setup::default() };
    let office = Arc::new(Office::with(setup).await);
    let person = office.placed(&["viewer"]).await;
    let nobody = Person::default();
    let form = json!({ "email": person.email, "password": PASSWORD });
    let login = Ready::new("POST", "/api/v1/auth/login".to_owned(), &nobody).body(form);
    let answers = at_once(&office, vec![login; 4]).await;
    let tokens: Vec<_> = answers.iter().filter_map(|got| got.body["access_token"].as_str()).collect();
    assert!(!tokens.is_empty(), "{answers:?}");
    let mut open = 0;
    for token in tokens {
        let got = office.ask("GET", "/api/v1/auth/me").bearer(token).send().await;
        open += usize::from(got.status == 200);
    }
    assert_eq!(open, 1);
}

// proves: ACC-01, ACC-04
#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_are_all_right() {
    let office = Arc::new(Office::open().await);
    let person = office.placed(&["viewer"]).await;
    let form = json!({ "email": person.email, "password": PASSWORD });
    let login = Ready::new("POST", "/api/v1/auth/login".to_owned(), &Person::default()).body(form);
    let answers = at_once(&office, vec![login; 4]).await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, 4)]), "{answers:?}");
    for got in &answers {
        let token = got.body["access_token"].as_str().expect("a token");
        office.ask("GET", "/api/v1/auth/me").bearer(token).send().await.expect(200);
    }
}
