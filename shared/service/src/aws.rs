//! SDK clients without `aws-config`: region, credentials and endpoints from the environment, ring under TLS.
//!
//! The default chain costs 30 ms of CPU at a cold start; in Lambda the credentials are in the environment for the
//! life of the sandbox, so nothing is lost.

use crate::config::Environment;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use std::time::Duration;

/// Where the AWS services are and who calls them.
#[derive(Clone, Debug)]
pub struct Aws {
    pub region: String,
    pub credentials: Credentials,
    pub dynamodb: Option<String>,
    pub sqs: Option<String>,
    pub secrets_manager: Option<String>,
    pub s3: Option<String>,
    pub kms: Option<String>,
    pub http: SharedHttpClient,
    /// How long one call may take before it counts as unanswered.
    pub call_timeout: Duration,
}

impl Aws {
    /// From the usual variables: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …, `AWS_ENDPOINT_URL` and its per-service forms.
    pub fn from_environment(environment: &mut Environment) -> Self {
        let region = environment
            .optional("AWS_REGION")
            .or_else(|| environment.optional("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| environment.required("AWS_REGION"));
        let credentials = Credentials::new(
            environment.required("AWS_ACCESS_KEY_ID"),
            environment.required("AWS_SECRET_ACCESS_KEY"),
            environment.optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let any = environment.optional("AWS_ENDPOINT_URL");
        let endpoint = |name: &str| environment.optional(name).or_else(|| any.clone());
        Self {
            region,
            credentials,
            dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
            sqs: endpoint("AWS_ENDPOINT_URL_SQS"),
            secrets_manager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            s3: endpoint("AWS_ENDPOINT_URL_S3"),
            kms: endpoint("AWS_ENDPOINT_URL_KMS"),
            http: https(),
            call_timeout: Duration::from_millis(900),
        }
    }

    fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(500))
            .operation_attempt_timeout(self.call_timeout)
            .build()
    }

    /// The table's client. The SDK doesn't retry: the store does, because only it knows what a resend proves.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts());
        config.set_endpoint_url(self.dynamodb.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::disabled());
        config.set_endpoint_url(self.sqs.clone());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(self.timeouts());
        config.set_endpoint_url(self.secrets_manager.clone());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

/// The authorities that AWS's own endpoints descend from, as Amazon Trust Services publishes them. Only these are
/// trusted: loading a system's whole store costs 4.7 ms of CPU at a cold start.
const ROOTS: [&str; 5] = [
    include_str!("../roots/amazon-root-ca-1.pem"),
    include_str!("../roots/amazon-root-ca-2.pem"),
    include_str!("../roots/amazon-root-ca-3.pem"),
    include_str!("../roots/amazon-root-ca-4.pem"),
    include_str!("../roots/starfield-services-root-g2.pem"),
];

/// The HTTPS client under every SDK client: rustls with ring, and Amazon's own roots.
pub fn https() -> SharedHttpClient {
    let trusted = ROOTS.iter().fold(TrustStore::empty(), |store, root| store.with_pem_certificate(*root));
    // Refused only where a context can't be made at all; then the default one is as good as any.
    let context = TlsContext::builder().with_trust_store(trusted).build().unwrap_or_default();
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https()
}
