//! KMS with one key, which signs; and a folder for what S3 holds.

use crate::gate::denied;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::hex;
use serde_json::{Value, json};
use std::io;
use tokio::net::TcpListener;

/// KMS, as far as one key for seals goes.
#[derive(Clone)]
pub struct Kms {
    key_id: String,
    key: p256::ecdsa::SigningKey,
}

impl Kms {
    /// A key that is the same in each run; it opens nothing.
    ///
    /// # Panics
    /// When these bytes are no key, which they are.
    pub fn with_key(key_id: &str) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a number below the curve's order");
        Self { key_id: key_id.to_owned(), key }
    }

    /// What `aws kms get-public-key` gives out.
    ///
    /// # Panics
    /// When the point is none.
    pub fn public_key(&self) -> String {
        let point = self.key.verifying_key().to_encoded_point(false);
        let key = seal::PublicKey::of_point(point.as_bytes()).expect("a point of the curve");
        key.to_pem().lines().filter(|line| !line.starts_with('-')).collect()
    }

    /// # Errors
    /// When no loopback port can be had.
    pub async fn serve(self) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(sign).with_state(self);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(address)
    }
}

async fn sign(State(kms): State<Kms>, body: Bytes) -> Response {
    use p256::ecdsa::signature::hazmat::PrehashSigner;
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let wanted = json!({ "KeyId": kms.key_id, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256" });
    let fits = wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(name, value)| asked[name] == *value));
    let hash = STANDARD.decode(asked["Message"].as_str().unwrap_or_default()).unwrap_or_default();
    let signed: Result<p256::ecdsa::Signature, _> = kms.key.sign_prehash(&hash);
    match signed {
        // As the key's policy in template.yaml demands it.
        Ok(signature) if fits && hash.len() == 32 => {
            let signature = STANDARD.encode(signature.to_der().as_bytes());
            axum::Json(json!({ "KeyId": kms.key_id, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256" }))
                .into_response()
        }
        Ok(_) | Err(_) => denied(true),
    }
}

/// A folder for objects that goes with whoever holds it.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    /// # Panics
    /// When the system gives no random bytes.
    pub fn draw() -> Self {
        let name = hex(&store::chance::<8>().expect("random bytes"));
        Self(std::env::temp_dir().join(format!("mbelyco-promo-loop-{name}")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed is left to the system.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
