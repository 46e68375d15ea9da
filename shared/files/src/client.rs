use aws_sdk_s3::Client;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use service::aws::Aws;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// One part of an upload, or the start of an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Before the second try; each later one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The S3 client. Where an endpoint is given, buckets are a part of the path. Calls are tried again: writing the same
/// object or part twice is writing it once.
pub fn s3(aws: &Aws) -> Client {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(CALL_TIMEOUT).build();
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new(aws.region.clone()))
        .credentials_provider(aws.credentials.clone())
        .http_client(aws.http.clone())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(FIRST_PAUSE))
        .timeout_config(timeouts)
        .force_path_style(aws.s3.is_some());
    config.set_endpoint_url(aws.s3.clone());
    Client::from_conf(config.build())
}
