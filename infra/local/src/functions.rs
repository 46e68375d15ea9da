//! The functions, wired as their `main.rs` wires them, but with everything they are given named by the caller.

use crate::names::Names;
use admin_api::AdminApi;
use disbursement::{Disbursement, SecretKeys};
use domain::access::MfaDemand;
use export::Export;
use files::Files;
use generation::Generation;
use momo_callback::MomoCallback;
use providers::{MobileMoney, momo::MtnMomo, rails::Rails, transport::Transport};
use seal::{Archive, Log, PublicKeys};
use service::{
    Clock,
    aws::Aws,
    live::LiveSettings,
    nudge::{JobNudges, Nudges},
    secret::Secret,
};
use staff::Desk;
use std::{sync::Arc, time::Duration};
use store::Store;
use sweeper::Sweeper;
use ussd::Ussd;

/// Which MoMo is paid through.
#[derive(Clone)]
pub struct Rail {
    pub transport: Arc<dyn Transport>,
    pub host: String,
    /// What the host is called in a payout's record, where its address changes from run to run.
    pub known_as: Option<String>,
    pub target_environment: String,
    pub api_user: String,
    pub currency: String,
    pub callback_url: Option<String>,
    pub http_timeout: Duration,
    /// For numbers that MoMo doesn't reach; off by default.
    pub second: Option<Arc<dyn MobileMoney>>,
}

#[derive(Clone)]
pub struct Functions {
    pub ussd: Arc<Ussd>,
    pub disbursement: Arc<Disbursement>,
    pub momo_callback: Arc<MomoCallback>,
    pub sweeper: Arc<Sweeper>,
    pub generation: Arc<Generation>,
    pub export: Arc<Export>,
    pub admin_api: Arc<AdminApi>,
}

/// What a deployment is told by its parameters.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Goes into every id and token.
    pub environment: String,
    /// What the switches must carry.
    pub epoch: String,
    pub mfa: MfaDemand,
    /// What the seals of the audit log are verified with.
    pub audit_keys: PublicKeys,
}

impl Functions {
    pub fn new(aws: &Aws, names: &Names, rail: &Rail, clock: &Clock, deployment: &Deployment) -> Self {
        let Deployment { environment, epoch, mfa, audit_keys } = deployment;
        let store = || Store::new(aws.dynamodb(), &names.table);
        let jobs = |limit_ms| {
            let (generation, export) = (&names.generation_queue, &names.export_queue);
            JobNudges::new(aws.sqs(), generation, export, Duration::from_millis(limit_ms))
        };
        let files = || Files::new(files::s3(aws), &names.files_bucket);
        let nudges = |limit_ms| Nudges::new(aws.sqs(), &names.payout_queue, Duration::from_millis(limit_ms));
        let keys = Arc::new(SecretKeys(Secret::new(aws.secrets_manager(), &names.momo_secret)));
        let mut momo = MtnMomo::new(
            Arc::clone(&rail.transport),
            keys,
            &rail.host,
            &rail.target_environment,
            &rail.api_user,
            rail.callback_url.clone(),
        );
        if let Some(name) = &rail.known_as {
            momo.rail = domain::payout::Rail::mtn_momo(name, &rail.target_environment, &rail.api_user);
        }
        let staff_secret = Secret::new(aws.secrets_manager(), &names.staff_secret);
        let mut desk = Desk::new(store(), clock.clone(), staff_secret, environment.clone(), *mfa);
        desk.epoch.clone_from(epoch);
        desk.customers = Some(Secret::new(aws.secrets_manager(), &names.ussd_secret));
        Self {
            ussd: Arc::new(Ussd {
                store: store(),
                nudges: nudges(400),
                secret: Secret::new(aws.secrets_manager(), &names.ussd_secret),
                settings: LiveSettings::default(),
                clock: clock.clone(),
                environment: environment.clone(),
                epoch: epoch.clone(),
                addresses: Vec::new(),
                name_wait: ussd::NAME_WAIT,
            }),
            disbursement: Arc::new(Disbursement {
                store: store(),
                rails: Rails { mobile_money: Arc::new(momo), second: rail.second.clone() },
                settings: LiveSettings::default(),
                clock: clock.clone(),
                environment: environment.clone(),
                epoch: epoch.clone(),
                currency: rail.currency.clone(),
                dead_letters: Nudges::new(aws.sqs(), &names.payout_dead_letters, Duration::from_secs(5)),
                http_timeout: rail.http_timeout,
                lease: Duration::from_secs(60),
            }),
            momo_callback: Arc::new(MomoCallback {
                store: store(),
                nudges: nudges(1_000),
                secret: Secret::new(aws.secrets_manager(), &names.callback_secret),
                clock: clock.clone(),
            }),
            sweeper: Arc::new(Sweeper {
                store: store(),
                nudges: nudges(2_000),
                jobs: jobs(2_000),
                settings: LiveSettings::default(),
                clock: clock.clone(),
                provider: domain::payout::MTN_MOMO.to_owned(),
            }),
            generation: Arc::new(Generation {
                store: store(),
                files: files(),
                clock: clock.clone(),
                nudges: jobs(5_000),
            }),
            export: Arc::new(Export::new(store(), files(), clock.clone())),
            admin_api: Arc::new(AdminApi::new(
                Arc::new(desk),
                Arc::new(Log {
                    store: store(),
                    archive: Archive::new(files::s3(aws), &names.bucket, environment, clock.clone(), None),
                    keys: audit_keys.clone(),
                    clock: clock.clone(),
                }),
                (jobs(1_000), nudges(1_000)),
                files(),
            )),
        }
    }
}
