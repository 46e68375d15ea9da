//! Secrets for one laptop: drawn at the first start, kept in the data folder, readable by its owner alone.

use domain::identity::hex;
use rand_core::TryRngCore;
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

#[derive(Clone, Serialize, Deserialize)]
pub struct LocalSecrets {
    pub ussd_path: String,
    pub callback_path: String,
    pub customer_pepper: String,
    pub momo_api_user: String,
    pub momo_api_key: String,
    pub momo_subscription_key: String,
    /// Signs the staff's tokens, and what else the staff's secret holds. Made up later where a folder is older.
    #[serde(default)]
    pub staff: Option<Staff>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Staff {
    pub token_key: String,
    pub seal_key: String,
    pub pepper: String,
    /// The first administrator's password at the start; good for this laptop alone.
    pub first_password: String,
}

impl Staff {
    fn draw() -> io::Result<Self> {
        Ok(Self {
            token_key: drawn()? + &drawn()?,
            seal_key: drawn()?,
            pepper: drawn()?,
            // Long enough to need no rule; the letters are for the policy.
            first_password: format!("Local-{}", drawn()?),
        })
    }
}

fn drawn() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    rand_core::OsRng.try_fill_bytes(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&bytes))
}

impl LocalSecrets {
    pub fn draw() -> io::Result<Self> {
        Ok(Self {
            ussd_path: drawn()?,
            callback_path: drawn()?,
            customer_pepper: drawn()?,
            momo_api_user: "00000000-0000-4000-8000-000000000001".to_owned(),
            momo_api_key: drawn()?,
            momo_subscription_key: drawn()?,
            staff: Some(Staff::draw()?),
        })
    }

    /// Those of an earlier start in this folder, or new ones. The pepper must outlive a restart: customers' keys are
    /// derived with it.
    pub fn kept_in(folder: &Path) -> io::Result<Self> {
        let file = folder.join("secrets.json");
        match fs::read(&file) {
            Ok(bytes) => {
                let mut kept: Self = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
                if kept.staff.is_none() {
                    kept.staff = Some(Staff::draw()?);
                    let part = folder.join("secrets.json.part");
                    match fs::remove_file(&part) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        Ok(()) | Err(_) => {}
                    }
                    write_private(&part, &serde_json::to_vec_pretty(&kept).map_err(io::Error::other)?)?;
                    fs::rename(part, file)?;
                }
                Ok(kept)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::draw()?;
                write_private(&file, &serde_json::to_vec_pretty(&secrets).map_err(io::Error::other)?)?;
                Ok(secrets)
            }
            Err(error) => Err(error),
        }
    }

    pub fn ussd(&self) -> String {
        serde_json::json!({ "path_secrets": [self.ussd_path], "customer_pepper": self.customer_pepper }).to_string()
    }

    pub fn callback(&self) -> String {
        serde_json::json!({ "path_secrets": [self.callback_path] }).to_string()
    }

    pub fn staff(&self) -> String {
        match &self.staff {
            Some(staff) => serde_json::json!({
                "token_keys": [{ "id": "1", "secret": staff.token_key }],
                "seal_key": staff.seal_key, "pepper": staff.pepper,
            })
            .to_string(),
            None => "{}".to_owned(),
        }
    }

    pub fn momo(&self) -> String {
        serde_json::json!({
            "api_user": self.momo_api_user, "api_key": self.momo_api_key,
            "subscription_key": self.momo_subscription_key,
        })
        .to_string()
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
