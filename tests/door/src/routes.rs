//! Every operation of the API, and for each a request that whoever may do it sees done.

use crate::{Office, PASSWORD, Person};
use domain::{
    access::System,
    audit::Class,
    id::{ApiKeyId, UserId},
    permission::{Permission, Permissions},
    role::{Role, RoleId},
    staff::{User, UserState},
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use store::{ApiKey, Deadline, chance};

/// What somebody new becomes the password of, where a request sets one.
pub const NEW_PASSWORD: &str = "Another-horse-8-battery";

/// One operation as the OpenAPI document has it.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    /// The permission that it asks for, or several with spaces between.
    pub permission: Option<String>,
    /// Whether it asks for nobody in particular.
    pub open: bool,
    pub value: Value,
}

impl Operation {
    /// As in the matrix.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn changes(&self) -> bool {
        // Validating is a POST so that no code stands in an address.
        self.method != "GET" && self.id != "validateCode"
    }

    /// The permissions that it asks for.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permission.as_deref().unwrap_or_default().split_whitespace()
    }

    /// Whether it is about work in the background, which everybody sees of their own, in person or by a key.
    pub fn is_of_jobs(&self) -> bool {
        ["/api/v1/admin/jobs", "/api/v1/admin/notices"].iter().any(|path| self.path.starts_with(path))
    }
}

/// What changes the caller's own account comes last, in this order: each leaves the next one possible.
const LAST: [&str; 6] = ["newRecoveryCodes", "giveUpMfa", "beginMfa", "confirmMfa", "changePassword", "logout"];

/// All of them, in an order in which one caller can do them one after the other.
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            let Some(id) = value["operationId"].as_str() else { continue };
            found.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                permission: value["x-permission"].as_str().map(str::to_owned),
                open: value["security"].as_array().is_none_or(Vec::is_empty),
                value: value.clone(),
            });
        }
    }
    found.sort_by_key(|operation| {
        let at = LAST.iter().position(|id| *id == operation.id).map_or(0, |at| at + 1);
        (at, operation.path.clone(), operation.method.clone())
    });
    found
}

/// A request that is good by itself.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub path: String,
    pub body: Option<Value>,
    pub if_match: Option<String>,
}

impl Request {
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn if_match(mut self, tag: String) -> Self {
        self.if_match = Some(tag);
        self
    }
}

/// Whoever calls, with what their requests are about.
#[derive(Clone, Debug)]
pub struct Caller {
    pub person: Person,
    pub token: Option<String>,
    pub address: [u8; 4],
    /// A session of theirs that may be ended.
    pub spare_session: String,
}

/// An office with two administrators in it beside the caller, so that nothing is waived and everything can be made.
pub struct Stage<'o> {
    pub office: &'o Office,
    /// A Super Administrator, who makes what requests are about.
    pub helper: Person,
    made: AtomicU32,
}

impl<'o> Stage<'o> {
    pub async fn set(office: &'o Office) -> Self {
        let helper = office.first().await;
        office.placed(&["super-administrator"]).await;
        Self { office, helper, made: AtomicU32::new(0) }
    }

    pub(crate) fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// A request for `operation` about things that are there for it alone.
    ///
    /// # Panics
    /// When nobody has said here what a good request is.
    pub async fn request(&self, operation: &Operation, caller: &Caller) -> Request {
        // Boxed: what it may await is much, and a test's stack is small.
        if let Some(request) = Box::pin(self.request_of_codes(operation, caller)).await {
            return request;
        }
        if let Some(request) = Box::pin(self.request_of_payouts(operation)).await {
            return request;
        }
        if let Some(request) = Box::pin(self.request_of_books(operation)).await {
            return request;
        }
        let request = Request { path: operation.path.clone(), ..Request::default() };
        let at = |id: &str| Request { path: operation.path.replace("{id}", id), ..Request::default() };
        match operation.id.as_str() {
            "health" | "registrationStatus" | "me" | "sessions" | "apiKeys" | "listUsers" | "userStatistics"
            | "pendingUsers" | "listRoleRequests" | "listPermissions" | "listRoles" | "securitySettings"
            | "searchAuditLog" | "exportAuditLog" | "logout" => request,
            "verifyAuditLog" => {
                Request { path: format!("{}?from=2026112007&to=2026112007", operation.path), ..request }
            }
            "login" => {
                let person = self.office.placed(&["viewer"]).await;
                request.body(json!({ "email": person.email, "password": PASSWORD }))
            }
            "secondStep" => {
                let form = json!({ "email": self.helper.email, "password": PASSWORD });
                let got = self.office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(200);
                request.body(json!({ "challenge": got.body["challenge"], "code": self.office.code(&self.helper) }))
            }
            "refresh" => {
                let mut person = self.office.placed(&["viewer"]).await;
                self.office.sign_in(&mut person).await;
                request.body(json!({ "refresh_token": person.refresh }))
            }
            "register" => request.body(json!({
                "email": format!("applicant{}@example.rw", self.number()), "first_name": "Some", "last_name": "Applicant",
                "password": PASSWORD,
            })),
            "updateMe" => {
                let me = self.office.ask("GET", "/api/v1/auth/me").bearer(caller.token.as_deref().unwrap_or("none"));
                let got = me.send().await;
                let tag = if got.status == 200 { got.etag() } else { "\"unknown\"".to_owned() };
                request.body(json!({ "first_name": "Other" })).if_match(tag)
            }
            "changePassword" => request.body(json!({ "present": PASSWORD, "new": NEW_PASSWORD })),
            "setPasswordByLink" => {
                let email = format!("invited{}@example.rw", self.number());
                let form = json!({ "email": email, "first_name": "Some", "last_name": "Invited" });
                self.office.ask("POST", "/api/v1/admin/users").by(&self.helper).json(&form).send().await.expect(201);
                let token = self.office.world.letter_link(&email).await;
                request.body(json!({ "token": token, "password": PASSWORD }))
            }
            "confirmEmail" => {
                let (id, tag) = self.user().await;
                let email = format!("moved{}@example.rw", self.number());
                let put = self.office.ask("PUT", &format!("/api/v1/admin/users/{id}")).by(&self.helper).if_match(&tag);
                put.json(&json!({ "email": email })).send().await.expect(200);
                request.body(json!({ "token": self.office.world.letter_link(&email).await }))
            }
            "beginMfa" => request.body(json!({ "password": PASSWORD })),
            "confirmMfa" => request.body(json!({ "code": self.code(caller) })),
            "giveUpMfa" | "newRecoveryCodes" => {
                request.body(json!({ "password": PASSWORD, "code": self.code(caller) }))
            }
            "endSession" => at(&caller.spare_session),
            "createApiKey" => {
                // What the caller holds and a program may ask for; who holds nothing has nothing to name.
                let me = self.office.ask("GET", "/api/v1/auth/me").bearer(caller.token.as_deref().unwrap_or("none"));
                let held = me.send().await.body["permissions"][0].as_str().unwrap_or("alerts.read").to_owned();
                request.body(json!({ "name": "till", "scope": [held], "days": 30 }))
            }
            "revokeApiKey" => at(&self.api_key(&caller.person).await),
            "createUser" => request.body(json!({
                "email": format!("new{}@example.rw", self.number()), "first_name": "Some", "last_name": "Body",
            })),
            "getUser" | "userPermissions" => at(&self.user().await.0),
            "updateUser" => {
                let (id, tag) = self.user().await;
                at(&id).body(json!({ "first_name": "Other" })).if_match(tag)
            }
            "deleteUser" => {
                let (id, tag) = self.user().await;
                at(&id).if_match(tag)
            }
            "approveUser" => at(&self.applicant().await),
            "rejectUser" => at(&self.applicant().await).body(json!({ "reason": "Not one of ours." })),
            "setUserPermissions" => {
                at(&self.user().await.0).body(json!({ "grants": ["reports.export"], "denials": [] }))
            }
            "assignRoles" => at(&self.user().await.0).body(json!({ "roles": ["batch-manager"] })),
            "revokeRoles" => {
                let request = at(&self.user().await.0);
                Request { path: format!("{}?roles=viewer", request.path), ..request }
            }
            "approveRoleRequest" => at(&self.change().await),
            "rejectRoleRequest" => at(&self.change().await).body(json!({ "reason": "Not now." })),
            "createRole" => {
                let name = format!("New role {}", self.number());
                request.body(json!({ "name": name, "permissions": ["alerts.read"] }))
            }
            "editRole" => {
                let (id, tag) = self.role().await;
                let name = format!("Other role {}", self.number());
                at(&id).body(json!({ "name": name, "permissions": ["alerts.read"] })).if_match(tag)
            }
            "removeRole" => {
                let (id, tag) = self.role().await;
                at(&id).if_match(tag)
            }
            "saveSecuritySettings" => {
                let got = self.office.ask("GET", &operation.path).by(&self.helper).send().await.expect(200);
                let tag = got.etag();
                request.body(got.body).if_match(tag)
            }
            unknown => panic!("say in tests/door/src/routes.rs what a good request for {unknown} is"),
        }
    }

    fn code(&self, caller: &Caller) -> String {
        if caller.person.app.is_some() { self.office.code(&caller.person) } else { "123456".to_owned() }
    }

    /// A new viewer: id and entity tag.
    async fn user(&self) -> (String, String) {
        let id = self.office.placed(&["viewer"]).await.id;
        let got = self.office.ask("GET", &format!("/api/v1/admin/users/{id}")).by(&self.helper).send().await;
        let tag = got.expect(200).etag();
        (id, tag)
    }

    async fn applicant(&self) -> String {
        let id = self.office.placed(&[]).await.id;
        changed(self.office, &id, |user| user.state = UserState::Pending).await;
        id
    }

    /// An open change that the helper has asked for.
    async fn change(&self) -> String {
        let (id, _) = self.user().await;
        let path = format!("/api/v1/admin/users/{id}/roles");
        let asked = self.office.ask("POST", &path).by(&self.helper).json(&json!({ "roles": ["batch-manager"] }));
        let got = asked.send().await.expect(202);
        assert_eq!(got.body["standing"], "open");
        got.body["id"].as_str().expect("an id").to_owned()
    }

    /// A new custom role: id and entity tag.
    async fn role(&self) -> (String, String) {
        let id = format!("custom-{}", self.number());
        let store = &self.office.world.store;
        let (roles, _, _) = store.governance(soon()).await.expect("the table answers");
        let role = Role {
            id: RoleId::parse(&id).expect("an id"),
            name: format!("Role {id}"),
            description: String::new(),
            permissions: Permissions::of(&[Permission::AlertsRead]),
            predefined: false,
            assigned_only: false,
            version: 0,
        };
        let with = roles.with(role).expect("a good role");
        let now = self.office.world.now();
        let act = store.act(&System("test"), now, Class::System, "role.placed", format!("role:{id}"));
        let act = act.and_then(|act| act.roles(&roles, &with)).expect("a row");
        act.commit(soon()).await.expect("the table takes it");
        let got = self.office.ask("GET", "/api/v1/admin/settings/roles").by(&self.helper).send().await.expect(200);
        let found = got.body["items"].as_array().into_iter().flatten().find(|role| role["id"] == id.as_str());
        (id.clone(), found.expect("the new role")["etag"].as_str().expect("a tag").to_owned())
    }

    /// A key of this person, whoever they are: nobody without permissions can make one.
    async fn api_key(&self, person: &Person) -> String {
        let now = self.office.world.now();
        let owner = if person.id.is_empty() { &self.helper.id } else { &person.id };
        let key = ApiKey {
            id: ApiKeyId::drawn(now, chance().expect("randomness")),
            user: UserId::parse(owner).expect("an id"),
            name: "old".to_owned(),
            digest: "none".to_owned(),
            scope: Permissions::default(),
            epoch: 0,
            created_at: now,
            expires_at: None,
            revoked_at: None,
            version: 1,
        };
        let entity = format!("api_key:{}", key.id);
        let act = self.office.world.store.act(&System("test"), now, Class::System, "api_key.placed", entity);
        let act = act.and_then(|act| act.api_key(None, &key)).expect("a row");
        act.commit(soon()).await.expect("the table takes it");
        key.id.to_string()
    }
}

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

/// Changes a user straight in the table.
///
/// # Panics
/// When there is no such user.
pub async fn changed(office: &Office, id: &str, change: impl FnOnce(&mut User)) {
    let store = &office.world.store;
    let id = UserId::parse(id).expect("an id");
    let user = store.linked_user(&id, soon()).await.expect("the table answers").expect("a user");
    let mut after = user.next(office.world.now());
    change(&mut after);
    let act = store.act(&System("test"), office.world.now(), Class::System, "user.changed", format!("user:{id}"));
    let act = act.and_then(|act| act.user(Some(&user), &after)).expect("a row");
    act.commit(soon()).await.expect("the table takes it");
}
