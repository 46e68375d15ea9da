//! Letters through Amazon SES.

use aws_sdk_sesv2::{
    Client, Config,
    config::{BehaviorVersion, Region},
    error::{ProvideErrorMetadata, SdkError},
    types::{Body, Content, Destination, EmailContent, Message},
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use providers::{
    Boxed,
    mail::{Mailer, NotTaken, OutgoingMail},
};
use service::{aws::Aws, config::Environment};
use std::time::Duration;

/// The longest wait for SES to take one letter.
const SEND_LIMIT: Duration = Duration::from_secs(10);

pub struct Ses {
    client: Client,
    /// As it stands in the header: `Name <name@example.rw>` or the address alone. SES must have verified it.
    from: String,
}

impl Ses {
    /// `endpoint` takes the place of the region's own.
    pub fn new(aws: &Aws, endpoint: Option<String>, from: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(SEND_LIMIT).build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .credentials_provider(aws.credentials.clone())
            .http_client(aws.http.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            // A letter is tried again by the minute, and each of our tries is one of theirs.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        config.set_endpoint_url(endpoint);
        Self { client: Client::from_conf(config.build()), from: from.into() }
    }

    /// From `MAIL_FROM` and, where it is set, `AWS_ENDPOINT_URL_SESV2`.
    pub fn from_environment(environment: &mut Environment, aws: &Aws) -> Self {
        let endpoint =
            environment.optional("AWS_ENDPOINT_URL_SESV2").or_else(|| environment.optional("AWS_ENDPOINT_URL"));
        let from = environment.required("MAIL_FROM");
        if !from.is_empty() && (!from.contains('@') || from.chars().any(char::is_control)) {
            environment.problem("MAIL_FROM is an address, or a name with an address in angle brackets");
        }
        Self::new(aws, endpoint, from)
    }
}

impl Mailer for Ses {
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> Boxed<'a, Result<(), NotTaken>> {
        Box::pin(async move {
            let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
            let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
            self.client
                .send_email()
                .from_email_address(&self.from)
                .destination(Destination::builder().to_addresses(&mail.to).build())
                .content(EmailContent::builder().simple(message).build())
                .send()
                .await
                .map(|_| ())
                .map_err(|error| NotTaken(why(&error)))
        })
    }
}

fn content(text: &str) -> Result<Content, NotTaken> {
    Content::builder().data(text).charset("UTF-8").build().map_err(|error| NotTaken(error.to_string()))
}

/// The kind of fault alone: SES's own message repeats the addressee.
fn why<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("refused without a code").to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ResponseError(_) | _ => "an answer that is none".to_owned(),
    }
}
