//! Who signs a digest: KMS, or on a laptop a key in a file.

use crate::{Boxed, SealError, keys::PublicKey};
use aws_sdk_kms::{
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use service::aws::Aws;
use std::{fs, io, path::Path, time::Duration};

/// What digests say that were signed without KMS.
pub const LOCAL: &str = "local, not tamper-proof";
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

pub trait Signer: Send + Sync {
    /// As it stands in the digest.
    fn name(&self) -> &str;
    /// What verifies the signatures.
    fn public_key(&self) -> &PublicKey;
    /// ECDSA on P-256 with SHA-256, ASN.1.
    fn sign<'a>(&'a self, message: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, SealError>>;
}

/// An asymmetric key in KMS (ECC_NIST_P256, SIGN_VERIFY); the private half never leaves it.
pub struct KmsSigner {
    client: aws_sdk_kms::Client,
    key_id: String,
    public_key: PublicKey,
}

impl KmsSigner {
    pub fn new(client: aws_sdk_kms::Client, key_id: impl Into<String>, public_key: PublicKey) -> Self {
        Self { client, key_id: key_id.into(), public_key }
    }
}

impl Signer for KmsSigner {
    fn name(&self) -> &str {
        "aws-kms"
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, SealError>> {
        Box::pin(async move {
            let hash = digest::digest(&digest::SHA256, message);
            let call = self
                .client
                .sign()
                .key_id(&self.key_id)
                .message(Blob::new(hash.as_ref()))
                .message_type(MessageType::Digest)
                .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
            let answer = call.send().await.map_err(|error| {
                use aws_sdk_kms::error::ProvideErrorMetadata;
                SealError::Signer(error.code().unwrap_or("no answer").to_owned())
            })?;
            let signature =
                answer.signature.ok_or_else(|| SealError::Signer("no signature in the answer".to_owned()))?;
            Ok(signature.into_inner())
        })
    }
}

/// The KMS client.
pub fn kms(aws: &Aws) -> aws_sdk_kms::Client {
    let mut config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
        .region(aws_sdk_kms::config::Region::new(aws.region.clone()))
        .credentials_provider(aws.credentials.clone())
        .http_client(aws.http.clone())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(CALL_TIMEOUT).build());
    config.set_endpoint_url(aws.kms.clone());
    aws_sdk_kms::Client::from_conf(config.build())
}

/// A key on this machine. Whoever has the machine can sign whatever they like with it, and its digests say so.
pub struct LocalSigner {
    pair: EcdsaKeyPair,
    public_key: PublicKey,
}

fn broken(_: impl std::fmt::Debug) -> io::Error {
    io::Error::other("the local signing key can't be used")
}

impl LocalSigner {
    /// A new key that is gone with the process.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn draw() -> io::Result<Self> {
        let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Self::of(drawn.map_err(broken)?.as_ref())
    }

    /// The key in `file`, drawn and written there (readable by its owner alone) when there is none.
    ///
    /// # Errors
    /// When the file can't be read or written, or holds no key.
    pub fn kept_in(file: &Path) -> io::Result<Self> {
        match fs::read(file) {
            Ok(key) => Self::of(&key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
                let drawn = drawn.map_err(broken)?;
                write_private(file, drawn.as_ref())?;
                Self::of(drawn.as_ref())
            }
            Err(error) => Err(error),
        }
    }

    fn of(pkcs8: &[u8]) -> io::Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new());
        let pair = pair.map_err(broken)?;
        let public_key = PublicKey::of_point(pair.public_key().as_ref()).map_err(broken)?;
        Ok(Self { pair, public_key })
    }
}

impl Signer for LocalSigner {
    fn name(&self) -> &str {
        LOCAL
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, SealError>> {
        Box::pin(async move {
            let signature = self.pair.sign(&SystemRandom::new(), message);
            let signature = signature.map_err(|_| SealError::Signer("the local key does not sign".to_owned()))?;
            Ok(signature.as_ref().to_vec())
        })
    }
}

fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    io::Write::write_all(&mut options.open(file)?, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::{
        client::{
            http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
            orchestrator::{HttpRequest, HttpResponse},
        },
        http::StatusCode,
    };
    use aws_smithy_types::body::SdkBody;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// A KMS with one answer.
    #[derive(Clone, Debug)]
    struct Answers(u16, Value, Arc<std::sync::Mutex<Vec<Value>>>);

    impl HttpConnector for Answers {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let asked = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
            self.2.lock().expect("no test has failed").push(asked);
            let status = StatusCode::try_from(self.0).expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.1.to_string()))))
        }
    }

    fn kms_that(answers: Answers) -> aws_sdk_kms::Client {
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(answers.clone()));
        kms(&Aws {
            region: "eu-west-1".to_owned(),
            credentials: Credentials::new("key", "secret", None, None, "test"),
            dynamodb: None,
            sqs: None,
            secrets_manager: None,
            s3: None,
            kms: None,
            http,
            call_timeout: CALL_TIMEOUT,
        })
    }

    // proves: AUD-02
    #[tokio::test]
    async fn kms_is_given_the_hash_and_its_answer_is_the_signature() {
        let local = LocalSigner::draw().expect("a key");
        let asked = Arc::default();
        let signature = local.sign(b"a digest").await.expect("a signature");
        let answer = json!({ "Signature": STANDARD.encode(&signature) });
        let client = kms_that(Answers(200, answer, Arc::clone(&asked)));
        let signer = KmsSigner::new(client, "key-1", local.public_key().clone());
        assert_eq!(signer.sign(b"a digest").await.expect("a signature"), signature);
        assert!(signer.public_key().verifies(b"a digest", &signature));
        let hash = digest::digest(&digest::SHA256, b"a digest");
        let expected = json!({
            "KeyId": "key-1", "Message": STANDARD.encode(hash), "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        assert_eq!(*asked.lock().expect("no test has failed"), [expected]);
    }

    // proves: AUD-02
    #[tokio::test]
    async fn a_refusal_of_kms_is_told_by_its_code() {
        let answer = json!({ "__type": "AccessDeniedException", "message": "no" });
        let client = kms_that(Answers(400, answer, Arc::default()));
        let key = LocalSigner::draw().expect("a key").public_key().clone();
        let refused = KmsSigner::new(client, "key-1", key).sign(b"a digest").await.expect_err("refused");
        assert_eq!(refused.to_string(), "the signing key: AccessDeniedException");
    }
}
