//! What each function may do: no more than it needs, and the dangerous things one function alone.

use house::files;
use house::template::{self, Function, Grant, Template, grants_in, place, target};
use serde_json::Value;
use std::collections::BTreeSet;

/// Actions that AWS doesn't let anybody bind to a resource.
const WITHOUT_A_RESOURCE: [&str; 8] = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    // Network interfaces are made by Lambda itself, before they have a name.
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];

/// Objects are named by hours, users and jobs, so a role can name their folder only.
const FOLDERS: [&str; 5] = [
    "AuditBucket/audit/${Environment}/*",
    "AuditBucket/audit-archive/${Environment}/*",
    "FilesBucket/uploads/*",
    "FilesBucket/jobs/*",
    "FilesBucket/books/*",
];

/// A call to a service as it stands in the sources, and the rights it takes.
const TABLE_CALLS: [(&str, &str); 10] = [
    (".get_item()", "dynamodb:GetItem"),
    (".batch_get_item()", "dynamodb:BatchGetItem"),
    (".query()", "dynamodb:Query"),
    (".scan()", "dynamodb:Scan"),
    (".put_item()", "dynamodb:PutItem"),
    ("Put::builder()", "dynamodb:PutItem"),
    (".update_item()", "dynamodb:UpdateItem"),
    ("Update::builder()", "dynamodb:UpdateItem"),
    (".delete_item()", "dynamodb:DeleteItem"),
    ("ConditionCheck::builder()", "dynamodb:ConditionCheckItem"),
];
const ARCHIVE_CALLS: [(&str, &str); 5] = [
    (".get_object()", "s3:GetObject"),
    (".put_object()", "s3:PutObject"),
    // A right of its own, which a put with a lock takes beside PutObject.
    (".object_lock_mode(", "s3:PutObjectRetention"),
    (".list_objects_v2()", "s3:ListBucket"),
    (".list_object_versions()", "s3:ListBucketVersions"),
];

const FILES_CALLS: [(&str, &str); 6] = [
    (".get_object()", "s3:GetObject"),
    (".head_object()", "s3:GetObject"),
    // Without it a file that isn't there is "forbidden".
    (".head_object()", "s3:ListBucket"),
    (".put_object()", "s3:PutObject"),
    (".create_multipart_upload()", "s3:PutObject"),
    (".abort_multipart_upload()", "s3:AbortMultipartUpload"),
];

/// The rights that the sources in `folder` make use of.
fn used(folder: &str, calls: &[(&str, &'static str)]) -> BTreeSet<&'static str> {
    let sources: Vec<String> =
        files::below(&files::root().join(folder), "rs").iter().map(|path| files::text(path)).collect();
    let stands = |call: &str| sources.iter().any(|source| source.contains(call));
    let found: BTreeSet<&str> = calls.iter().filter(|(call, _)| stands(call)).map(|(_, right)| *right).collect();
    assert!(!found.is_empty(), "{folder} calls nobody; has it moved?");
    found
}

fn rights<'a>(function: &'a Function, service: &str) -> BTreeSet<&'a str> {
    let of_service = |action: &&str| action.split(':').next() == Some(service);
    function.grants.iter().flat_map(|grant| &grant.actions).map(String::as_str).filter(of_service).collect()
}

/// The binaries of the functions that may do something of `service` with this resource.
fn holders(template: &Template, service: &str, resource: &str) -> Vec<String> {
    let holds = |function: &Function| {
        function.grants.iter().any(|grant| {
            grant.actions.iter().any(|action| action.split(':').next() == Some(service))
                && grant.resources.iter().any(|named| target(named).as_deref() == Some(resource))
        })
    };
    let mut found: Vec<String> = template.functions().into_iter().filter(holds).map(|one| one.binary).collect();
    found.sort();
    found
}

// proves: OPS-01
#[test]
fn no_function_has_a_wildcard_action_or_resource() {
    for function in template::product().functions() {
        let name = &function.resource;
        assert!(function.properties["Policies"].is_null(), "{name}: its role is the only place for its rights");
        assert!(!function.grants.is_empty(), "{name} may do nothing at all");
        for grant in &function.grants {
            for action in &grant.actions {
                assert!(!action.contains('*'), "{name} may {action}");
            }
            let bindable = grant.actions.iter().any(|action| !WITHOUT_A_RESOURCE.contains(&action.as_str()));
            for resource in &grant.resources {
                assert!(
                    !bindable || !resource.to_string().contains('*') || FOLDERS.contains(&place(resource).as_str()),
                    "{name} may {:?} on {resource}",
                    grant.actions
                );
            }
        }
    }
}

#[test]
fn no_role_takes_rights_from_a_policy_that_is_not_written_here() {
    let template = template::product();
    for (name, role) in template.of_type("AWS::IAM::Role") {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
    }
    for kind in ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"] {
        assert_eq!(template.of_type(kind).count(), 0, "a role's rights stand in the role, not in an {kind}");
    }
}

#[test]
fn no_function_may_delete_rows_or_scan_the_table() {
    for function in template::product().functions() {
        for action in function.grants.iter().flat_map(|grant| &grant.actions) {
            assert!(
                !["dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:BatchWriteItem"].contains(&action.as_str()),
                "{} may {action}",
                function.resource
            );
        }
    }
}

// proves: OPS-01
#[test]
fn no_function_has_a_right_that_the_code_makes_no_use_of() {
    let table = used("shared/store/src", &TABLE_CALLS);
    let mut archive = used("shared/seal/src", &ARCHIVE_CALLS);
    archive.extend(used("shared/files/src", &FILES_CALLS));
    let functions = template::product().functions();
    for function in &functions {
        let name = &function.resource;
        for (service, used) in [("dynamodb", &table), ("s3", &archive)] {
            let unused: Vec<_> = rights(function, service).difference(used).copied().collect();
            assert!(unused.is_empty(), "{name} may {unused:?}, which nothing in the sources does");
        }
    }
    // And every right that the code uses is somebody's.
    for (service, used) in [("dynamodb", table), ("s3", archive)] {
        let given: BTreeSet<&str> = functions.iter().flat_map(|function| rights(function, service)).collect();
        assert_eq!(given, used, "{service}");
    }
}

// proves: OPS-01
#[test]
fn an_index_is_asked_by_those_whose_work_it_is() {
    let template = template::product();
    let asks = |function: &Function, index: &str| {
        let resource = format!("Table/index/{index}");
        function.grants.iter().any(|grant| grant.allows("dynamodb:Query", &resource))
    };
    let indexes = template.resources["Table"]["Properties"]["GlobalSecondaryIndexes"].as_array().expect("indexes");
    let mut found = Vec::new();
    for index in indexes.iter().filter_map(|index| index["IndexName"].as_str()) {
        let mut askers: Vec<String> =
            template.functions().into_iter().filter(|one| asks(one, index)).map(|one| one.binary).collect();
        askers.sort();
        found.push((index, askers.join(", ")));
    }
    let expected = [("due", "notifier, sweeper"), ("actor", "admin-api"), ("entity", "admin-api")];
    assert_eq!(found, expected.map(|(index, askers)| (index, askers.to_owned())));
}

// proves: OPS-01
#[test]
fn each_secret_is_read_by_those_whose_door_it_opens() {
    let template = template::product();
    for (secret, readers) in [
        ("MomoSecret", &["disbursement"][..]),
        ("StaffSecret", &["admin-api", "notifier"]),
        ("UssdSecret", &["admin-api", "ussd"]),
        ("CallbackSecret", &["disbursement", "momo-callback"]),
        ("AirtimeSecret", &["disbursement"]),
    ] {
        assert_eq!(holders(&template, "secretsmanager", secret), readers, "{secret}");
        let told = |function: &Function| function.environment.values().any(|it| target(it).as_deref() == Some(secret));
        let mut knowers: Vec<String> = template.functions().into_iter().filter(told).map(|one| one.binary).collect();
        knowers.sort();
        assert_eq!(knowers, readers, "who knows the name of {secret}");
    }
    for (name, secret) in template.of_type("AWS::SecretsManager::Secret") {
        if name.ends_with("Part") {
            assert!(holders(&template, "secretsmanager", name).is_empty(), "{name} is read by a function");
        } else {
            assert!(!holders(&template, "secretsmanager", name).is_empty(), "{name} is read by nobody");
        }
        assert!(secret["Properties"]["Description"].is_string(), "{name} says not what it is");
    }
}

#[test]
fn every_function_may_use_exactly_the_secrets_and_queues_that_its_environment_names() {
    for function in template::product().functions() {
        let named: BTreeSet<String> = function
            .environment
            .iter()
            .filter(|(key, _)| ["_SECRET_ID", "_QUEUE_URL", "_DLQ_URL"].iter().any(|kind| key.ends_with(kind)))
            .filter_map(|(_, value)| target(value))
            .collect();
        let granted: BTreeSet<String> = function
            .grants
            .iter()
            .filter(|grant| {
                grant
                    .actions
                    .iter()
                    .any(|action| ["secretsmanager:GetSecretValue", "sqs:SendMessage"].contains(&action.as_str()))
            })
            .flat_map(|grant| grant.resources.iter().filter_map(target))
            .collect();
        assert_eq!(named, granted, "{}: named in the environment, granted by the role", function.resource);
    }
}

// proves: OPS-01, AUD-02
#[test]
fn nobody_signs_seals_but_nightly() {
    let template = template::product();
    for function in template.functions() {
        assert!(rights(&function, "kms").is_empty(), "{}: the key's own policy says who may", function.resource);
    }
    assert_eq!(template.of_type("AWS::KMS::Key").count(), 1);
    let key = &template.resources["AuditKey"];
    assert_eq!((&key["DeletionPolicy"], &key["UpdateReplacePolicy"]), (&"Retain".into(), &"Retain".into()));
    let key = &key["Properties"];
    assert_eq!((&key["KeySpec"], &key["KeyUsage"]), (&"ECC_NIST_P256".into(), &"SIGN_VERIFY".into()));

    let statements = key["KeyPolicy"]["Statement"].as_array().expect("statements");
    let mut signers = Vec::new();
    for statement in statements {
        for action in grants_in(statement).into_iter().flat_map(|grant| grant.actions) {
            // A wildcard would hold the right to sign; a grant would hand it on.
            assert!(!action.contains('*') && action != "kms:CreateGrant", "{}: {action}", statement["Sid"]);
            if action == "kms:Sign" {
                signers.push(place(&statement["Principal"]["AWS"]));
            }
        }
    }
    assert_eq!(signers, ["NightlyRole"]);
    assert_eq!(target(&template.function("nightly").properties["Role"]).as_deref(), Some("NightlyRole"));
    let trusted = template
        .functions()
        .into_iter()
        .filter(|one| target(&one.properties["Role"]).as_deref() == Some("NightlyRole"));
    assert_eq!(trusted.count(), 1, "a role of its own");
}

// proves: OPS-01, AUD-02
#[test]
fn the_archive_takes_new_objects_from_nightly_alone_and_gives_none_up() {
    let template = template::product();
    for function in template.functions() {
        let of_archive =
            |grant: &&Grant| grant.resources.iter().any(|one| target(one).as_deref() == Some("AuditBucket"));
        let writes: BTreeSet<&str> = function
            .grants
            .iter()
            .filter(of_archive)
            .flat_map(|grant| &grant.actions)
            .map(String::as_str)
            .filter(|action| !action.starts_with("s3:Get") && !action.starts_with("s3:List"))
            .collect();
        let expected: &[&str] =
            if function.binary == "nightly" { &["s3:PutObject", "s3:PutObjectRetention"] } else { &[] };
        assert_eq!(writes, BTreeSet::from_iter(expected.iter().copied()), "{}", function.resource);
    }
    assert_eq!(holders(&template, "s3", "AuditBucket"), ["admin-api", "nightly"]);

    let bucket = &template.resources["AuditBucket"];
    assert_eq!((&bucket["DeletionPolicy"], &bucket["UpdateReplacePolicy"]), (&"Retain".into(), &"Retain".into()));
    let bucket = &bucket["Properties"];
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    assert_eq!(bucket["ObjectLockEnabled"], true);
    let lock = &bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!(lock["Mode"], "COMPLIANCE");
    assert_eq!(target(&lock["Days"]).as_deref(), Some("AuditLockDays"));
    assert_eq!(lock["Days"], template.function("nightly").environment["AUDIT_LOCK_DAYS"]);
    for door in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        assert_eq!(bucket["PublicAccessBlockConfiguration"][door], true, "{door}");
    }
    assert!(bucket["BucketEncryption"].is_object());
    for rule in bucket["LifecycleConfiguration"]["Rules"].as_array().expect("rules") {
        let goes =
            rule.as_object().into_iter().flat_map(|fields| fields.keys()).any(|name| name.contains("Expiration"));
        assert!(!goes, "{} removes objects", rule["Id"]);
    }

    let policy = &template.resources["AuditBucketPolicy"];
    assert_eq!(policy["DeletionPolicy"], "Retain", "a bucket that stays keeps its policy");
    let denied = |sid: &str| -> Value {
        let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array().expect("statements");
        let statement = statements.iter().find(|statement| statement["Sid"] == sid);
        let statement = statement.unwrap_or_else(|| panic!("no statement {sid}"));
        assert_eq!((&statement["Effect"], &statement["Principal"]), (&"Deny".into(), &"*".into()), "{sid}");
        statement["Condition"].clone()
    };
    assert_eq!(denied("OnlyByTls")["Bool"]["aws:SecureTransport"], "false");
    assert_eq!(place(&denied("OnlyNightlyWrites")["ArnNotEquals"]["aws:PrincipalArn"]), "NightlyRole");
    assert_eq!(denied("OnlyWhereNothingLies")["Null"]["s3:if-none-match"], "true");
}

// proves: OPS-01, COD-04, COD-07
#[test]
fn files_are_read_and_written_by_those_whose_work_they_are_and_go_by_themselves() {
    let template = template::product();
    let folders = |binary: &str, action: &str| -> Vec<String> {
        let function = template.function(binary);
        let allowed = |folder: &&&str| {
            let file = folder.replace('*', "of-somebody");
            function.grants.iter().any(|grant| grant.allows(action, &format!("FilesBucket/{file}")))
        };
        ["uploads/*", "jobs/*", "books/*"].iter().filter(allowed).map(|folder| (*folder).to_owned()).collect()
    };
    for (binary, reads, writes) in [
        ("admin-api", &["jobs/*", "books/*"][..], &["uploads/*"][..]),
        ("generation", &["uploads/*", "jobs/*"], &["jobs/*"]),
        ("export", &["uploads/*", "jobs/*"], &["jobs/*"]),
        ("nightly", &["books/*"], &["books/*"]),
    ] {
        assert_eq!(folders(binary, "s3:GetObject"), reads, "{binary} reads");
        assert_eq!(folders(binary, "s3:PutObject"), writes, "{binary} writes");
        let told = &template.function(binary).environment["FILES_BUCKET"];
        assert_eq!(target(told).as_deref(), Some("FilesBucket"), "{binary}");
    }
    assert_eq!(holders(&template, "s3", "FilesBucket"), ["admin-api", "export", "generation", "nightly"]);

    let bucket = &template.resources["FilesBucket"]["Properties"];
    assert!(bucket["BucketEncryption"].is_object());
    for door in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        assert_eq!(bucket["PublicAccessBlockConfiguration"][door], true, "{door}");
    }
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let days = |prefix: &str| {
        let rule = rules.iter().find(|rule| rule["Prefix"] == prefix);
        rule.unwrap_or_else(|| panic!("{prefix} stays for ever"))["ExpirationInDays"].as_u64()
    };
    assert_eq!((days("uploads/"), days("jobs/")), (Some(2), Some(30)));
    let half = rules.iter().find_map(|rule| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64());
    assert_eq!(half, Some(1), "what a worker that died has left");
    // From the console's origin alone, and only to put.
    let cors = bucket["CorsConfiguration"]["Fn::If"].as_array().expect("only where there is a console");
    assert_eq!((cors[0].as_str(), &cors[2]["Ref"]), (Some("HasConsole"), &"AWS::NoValue".into()));
    let [rule] = cors[1]["CorsRules"].as_array().expect("rules").as_slice() else { panic!("one rule: {cors:?}") };
    assert_eq!(rule["AllowedMethods"], serde_json::json!(["PUT"]));
    assert!(rule["AllowedOrigins"].to_string().contains("ConsoleBaseUrl"), "{rule}");
    let policy = &template.resources["FilesBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(
        (&policy["Effect"], &policy["Condition"]["Bool"]["aws:SecureTransport"]),
        (&"Deny".into(), &"false".into())
    );
}

// proves: OPS-01
#[test]
fn only_the_notifier_sends_mail_and_only_as_one_sender() {
    for function in template::product().functions() {
        let mail: Vec<_> =
            function.grants.iter().filter(|grant| grant.actions.iter().any(|one| one.starts_with("ses:"))).collect();
        if function.binary != "notifier" {
            assert!(mail.is_empty(), "{} may send mail", function.resource);
            continue;
        }
        let [grant] = mail.as_slice() else { panic!("{}: {mail:?}", function.resource) };
        assert_eq!(grant.actions, ["ses:SendEmail"]);
        let named = grant.resources.iter().map(place).collect::<Vec<_>>().join(" ");
        assert!(named.ends_with(":identity/${SesIdentity}") && !named.contains(' '), "{named}");
    }
}
