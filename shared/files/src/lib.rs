//! The bucket of files: what users upload (`uploads/<user>/<upload>.csv`), what jobs make (`jobs/<job>/…`), and links
//! to both that live minutes.
//!
//! A file counts as made only after it has been read back and its SHA-256 found equal ([`Files::put_result`],
//! [`Upload::finish`]); a link to it is given only while the object is still that one ([`Files::link`]).

mod client;
mod upload;

pub use client::s3;
pub use upload::{PART_BYTES, Upload};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::{
    id::{JobId, UploadId, UserId},
    identity::hex,
    job::JobFile,
};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest::{Context, SHA256};
use service::{aws::Aws, config::Environment};
use std::time::Duration;

/// How long a link works that is given to somebody.
pub const LINK_LIFE: Duration = Duration::from_secs(10 * 60);
/// The one kind of file that is uploaded. It is signed: another one is refused by the bucket.
pub const UPLOAD_TYPE: &str = "text/csv";

/// What RFC 8187 leaves as it is in `filename*`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    #[error("there is no such file")]
    Missing,
    #[error("the file is larger than {most} bytes")]
    TooLarge { most: u64 },
    /// What lies there is not what was written, or not what was verified.
    #[error("the file is not what it was")]
    Different,
    /// The bucket refuses the request as such; trying again changes nothing.
    #[error("the bucket refuses: {0}")]
    Refused(String),
    /// Nothing came, or the answer broke off; a write may have been applied.
    #[error("no answer from the bucket")]
    NoAnswer,
}

/// A request that whoever has it may send, until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    /// To be sent with it exactly so.
    pub headers: Vec<(String, String)>,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address is a secret while it lives.
        f.debug_struct("Link").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The bucket. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    client: Client,
    bucket: String,
}

/// What a failed call means. A key that isn't there answers 404 only to who may list the bucket.
fn failed<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> FilesError {
    match error {
        SdkError::ServiceError(answer) => match (answer.raw().status().as_u16(), answer.err().code()) {
            (404, _) | (_, Some("NoSuchKey")) => FilesError::Missing,
            (500.., _) => FilesError::NoAnswer,
            (status, code) => FilesError::Refused(code.map_or_else(|| status.to_string(), str::to_owned)),
        },
        SdkError::ConstructionFailure(_) => FilesError::Refused("the request could not be built".to_owned()),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => {
            FilesError::NoAnswer
        }
    }
}

/// `attachment` with the file's name, as RFC 6266 wants it: once for everybody, once in UTF-8.
fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain(name), utf8_percent_encode(name, ENCODED))
}

/// A name of letters, figures, dot, dash and underscore.
fn plain(name: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    name.chars().map(|letter| if keep(letter) { letter } else { '_' }).collect()
}

/// Where a user's upload lies.
pub fn upload_key(user: &UserId, upload: &UploadId) -> String {
    format!("uploads/{user}/{upload}.csv")
}

/// Where a job's file lies. Each life of a job that makes its file anew writes to a place of its own.
pub fn result_key(job: &JobId, life: u64, name: &str) -> String {
    format!("jobs/{job}/{life}/{}", plain(name))
}

impl Files {
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// From `FILES_BUCKET`.
    pub fn from_environment(environment: &mut Environment, aws: &Aws) -> Self {
        Self::new(s3(aws), environment.required("FILES_BUCKET"))
    }

    /// A link by which `bytes` bytes of CSV are put to `key`: no more and no less, and nothing else.
    ///
    /// # Errors
    /// [`FilesError::Refused`] when it can't be signed.
    pub async fn presign_put(&self, key: &str, bytes: u64, expires: Duration) -> Result<Link, FilesError> {
        let length = i64::try_from(bytes).map_err(|_| FilesError::TooLarge { most: i64::MAX as u64 })?;
        let call = self.client.put_object().bucket(&self.bucket).key(key);
        let call = call.content_length(length).content_type(UPLOAD_TYPE);
        let request = call.presigned(life(expires)?).await.map_err(|error| failed(&error))?;
        Ok(link(&request, expires))
    }

    /// A link by which `key` is downloaded and saved as `name`.
    ///
    /// # Errors
    /// [`FilesError::Refused`] when it can't be signed.
    pub async fn presign_get(&self, key: &str, name: &str, expires: Duration) -> Result<Link, FilesError> {
        let call = self.client.get_object().bucket(&self.bucket).key(key);
        let call = call.response_content_disposition(attachment(name));
        let request = call.presigned(life(expires)?).await.map_err(|error| failed(&error))?;
        Ok(link(&request, expires))
    }

    /// A link to a job's file, if what lies there is still what was verified.
    ///
    /// # Errors
    /// [`FilesError::Missing`], [`FilesError::Different`], or no answer.
    pub async fn link(&self, file: &JobFile) -> Result<Link, FilesError> {
        let (bytes, etag) = self.head(&file.key).await?.ok_or(FilesError::Missing)?;
        if (bytes, &etag) != (file.bytes, &file.etag) {
            return Err(FilesError::Different);
        }
        self.presign_get(&file.key, &file.name, LINK_LIFE).await
    }

    /// Size and tag of an object; `None` where there is none.
    ///
    /// # Errors
    /// See [`FilesError`].
    pub async fn head(&self, key: &str) -> Result<Option<(u64, String)>, FilesError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => {
                let bytes = answer.content_length.and_then(|bytes| u64::try_from(bytes).ok());
                Ok(Some((bytes.ok_or(FilesError::NoAnswer)?, answer.e_tag.unwrap_or_default())))
            }
            Err(error) => {
                let error = failed(&error);
                if error == FilesError::Missing { Ok(None) } else { Err(error) }
            }
        }
    }

    /// An object of at most `max_bytes`, with its tag.
    ///
    /// # Errors
    /// [`FilesError::Missing`], [`FilesError::TooLarge`], or no answer.
    pub async fn get(&self, key: &str, max_bytes: u64) -> Result<(Vec<u8>, String), FilesError> {
        let mut bytes = Vec::new();
        let etag = self
            .read(key, |chunk| {
                bytes.extend_from_slice(chunk);
                if bytes.len() as u64 > max_bytes { Err(FilesError::TooLarge { most: max_bytes }) } else { Ok(()) }
            })
            .await?;
        Ok((bytes, etag))
    }

    /// Reads an object piece by piece. Answers its tag.
    async fn read(
        &self,
        key: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), FilesError>,
    ) -> Result<String, FilesError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = answer.map_err(|error| failed(&error))?;
        let mut body = answer.body;
        while let Some(chunk) = body.try_next().await.map_err(|_| FilesError::NoAnswer)? {
            each(&chunk)?;
        }
        Ok(answer.e_tag.unwrap_or_default())
    }

    /// Reads an object back and compares it with what was written. Answers its tag.
    async fn verified(&self, key: &str, bytes: u64, sha256: &str) -> Result<String, FilesError> {
        let (mut read, mut digest) = (0u64, Context::new(&SHA256));
        let etag = self
            .read(key, |chunk| {
                read += chunk.len() as u64;
                digest.update(chunk);
                Ok(())
            })
            .await?;
        if read == bytes && hex(digest.finish().as_ref()) == sha256 { Ok(etag) } else { Err(FilesError::Different) }
    }

    async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), FilesError> {
        let call = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        call.body(ByteStream::from(bytes)).send().await.map(drop).map_err(|error| failed(&error))
    }

    /// Puts a small file that a job has made, in one go, and reads it back. To be done before the row that names it.
    ///
    /// # Errors
    /// [`FilesError::Different`] when it reads otherwise than it was written; the bucket's refusal; no answer.
    pub async fn put_result(
        &self,
        job: &JobId,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<JobFile, FilesError> {
        let mut upload = self.upload(result_key(job, 0, name), name, content_type);
        upload.write(bytes).await?;
        upload.finish().await
    }

    /// A file to be written piece by piece to `key`. Nothing is sent yet.
    pub fn upload(&self, key: String, name: &str, content_type: &str) -> Upload {
        Upload::new(self.clone(), key, name, content_type)
    }
}

fn life(expires: Duration) -> Result<PresigningConfig, FilesError> {
    PresigningConfig::expires_in(expires).map_err(|error| FilesError::Refused(error.to_string()))
}

/// Links are signed with the machine's own time, which the bucket compares with its own.
fn link(request: &PresignedRequest, expires: Duration) -> Link {
    let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let expires_at = Timestamp::now().checked_add(expires).unwrap_or(Timestamp::MAX);
    Link { url: request.uri().to_owned(), headers, expires_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: COD-07
    #[test]
    fn a_file_is_saved_under_its_name_whatever_letters_that_has() {
        assert_eq!(
            attachment("BATCH_MAY-20261120-100000.csv"),
            "attachment; filename=\"BATCH_MAY-20261120-100000.csv\"; filename*=UTF-8''BATCH_MAY-20261120-100000.csv"
        );
        assert_eq!(
            attachment("é\"; a\r\nb.csv"),
            "attachment; filename=\"____a__b.csv\"; filename*=UTF-8''%C3%A9%22%3B%20a%0D%0Ab.csv"
        );
    }

    #[test]
    fn a_name_never_leaves_its_jobs_folder() {
        let job = JobId::drawn(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(result_key(&job, 3, "../../x/y.csv"), format!("jobs/{job}/3/.._.._x_y.csv"));
    }
}
