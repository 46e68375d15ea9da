//! A file of any size, written piece by piece.

use crate::{Files, FilesError, failed};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use domain::{identity::hex, job::JobFile};
use ring::digest::{Context, SHA256};

/// What is gathered before it is sent. S3 wants at least 5 MiB a part, and at most 10,000 parts: that is 80 GB.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// A file being written. Parts that are left behind when its worker dies are removed by the bucket itself.
pub struct Upload {
    files: Files,
    key: String,
    name: String,
    content_type: String,
    gathered: Vec<u8>,
    /// Once the first part had to be sent.
    upload_id: Option<String>,
    parts: Vec<CompletedPart>,
    digest: Context,
    bytes: u64,
}

impl Upload {
    pub(crate) fn new(files: Files, key: String, name: &str, content_type: &str) -> Self {
        Self {
            files,
            key,
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            gathered: Vec::new(),
            upload_id: None,
            parts: Vec::new(),
            digest: Context::new(&SHA256),
            bytes: 0,
        }
    }

    /// Takes the next bytes of the file, and sends a part when enough are gathered.
    ///
    /// # Errors
    /// The bucket's refusal, or no answer after several tries.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), FilesError> {
        self.digest.update(&bytes);
        self.bytes += bytes.len() as u64;
        if self.gathered.is_empty() {
            self.gathered = bytes;
        } else {
            self.gathered.extend_from_slice(&bytes);
        }
        if self.gathered.len() >= PART_BYTES { self.send_part().await } else { Ok(()) }
    }

    async fn send_part(&mut self) -> Result<(), FilesError> {
        let upload_id = match &self.upload_id {
            Some(id) => id.clone(),
            None => self.begin().await?,
        };
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let part = std::mem::take(&mut self.gathered);
        let call = self.files.client.upload_part().bucket(&self.files.bucket).key(&self.key);
        let call = call.upload_id(upload_id).part_number(number).body(ByteStream::from(part));
        let sent = call.send().await.map_err(|error| failed(&error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            // The SDK has each part checked on its way; the end must name these sums again.
            .set_checksum_crc32(sent.checksum_crc32)
            .build();
        self.parts.push(part);
        Ok(())
    }

    async fn begin(&mut self) -> Result<String, FilesError> {
        let call = self.files.client.create_multipart_upload().bucket(&self.files.bucket).key(&self.key);
        let begun = call.content_type(&self.content_type).send().await.map_err(|error| failed(&error))?;
        let id = begun.upload_id.ok_or(FilesError::NoAnswer)?;
        self.upload_id = Some(id.clone());
        Ok(id)
    }

    /// Sends what is left, puts the parts together, reads the whole back and compares its SHA-256.
    ///
    /// # Errors
    /// [`FilesError::Different`] when it reads otherwise than it was written; the bucket's refusal; no answer.
    pub async fn finish(mut self) -> Result<JobFile, FilesError> {
        let sha256 = hex(self.digest.clone().finish().as_ref());
        let ended = match self.upload_id.clone() {
            None => {
                let whole = std::mem::take(&mut self.gathered);
                self.files.put(&self.key, &self.content_type, whole).await
            }
            Some(id) => {
                if !self.gathered.is_empty() {
                    self.send_part().await?;
                }
                let parts = std::mem::take(&mut self.parts);
                let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
                let call = self.files.client.complete_multipart_upload().bucket(&self.files.bucket).key(&self.key);
                let ended = call.upload_id(id).multipart_upload(parts).send().await;
                ended.map(drop).map_err(|error| failed(&error))
            }
        };
        // An end whose answer was lost is refused when it is sent again. What lies there decides.
        match (self.files.verified(&self.key, self.bytes, &sha256).await, ended) {
            (Ok(etag), _) => Ok(JobFile {
                name: self.name,
                key: self.key,
                content_type: self.content_type,
                bytes: self.bytes,
                sha256,
                etag,
            }),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    /// Gives the file up. What can't be removed now is removed by the bucket later.
    pub async fn abort(self) {
        let Some(id) = self.upload_id else { return };
        let call = self.files.client.abort_multipart_upload().bucket(&self.files.bucket).key(&self.key);
        if let Err(error) = call.upload_id(id).send().await {
            tracing::warn!(error = %failed(&error), "an upload that was given up is left to the bucket");
        }
    }
}
