//! Ids of what staff make: drawn, and in the order of time, so that a list by id is a list by age.

/// An id of 32 hexadecimal figures: 12 of the millisecond, 20 drawn.
macro_rules! drawn_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The caller brings time and chance.
            pub fn drawn(at: jiff::Timestamp, chance: [u8; 10]) -> Self {
                let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or_default();
                let bytes = [&milliseconds.to_be_bytes()[2..], &chance].concat();
                Self($crate::identity::hex(&bytes))
            }

            /// # Errors
            /// [`BadId`](crate::identity::BadId) unless it has the shape that `drawn` makes.
            pub fn parse(text: &str) -> Result<Self, $crate::identity::BadId> {
                let shaped = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if shaped { Ok(Self(text.to_owned())) } else { Err($crate::identity::BadId) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// When it was drawn, to the millisecond.
            pub fn at(&self) -> jiff::Timestamp {
                let milliseconds = self.0.get(..12).and_then(|figures| i64::from_str_radix(figures, 16).ok());
                $crate::time::from_millis(milliseconds.unwrap_or_default())
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::identity::BadId;
            fn try_from(text: String) -> Result<Self, $crate::identity::BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

drawn_id!(
    /// A member of the staff.
    UserId
);
drawn_id!(
    /// One sign-in and what follows from it.
    SessionId
);
drawn_id!(
    /// A change that waits for a second person.
    ChangeId
);
drawn_id!(
    /// A key that a program signs in with.
    ApiKeyId
);
drawn_id!(
    /// A letter to a member of the staff.
    MailId
);
drawn_id!(
    /// A piece of work that goes on in the background.
    JobId
);
drawn_id!(
    /// A file that somebody is about to upload.
    UploadId
);
