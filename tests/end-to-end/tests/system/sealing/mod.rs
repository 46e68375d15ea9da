//! The audit log under seal: what is done to it in the table or in the archive is seen and named.

mod hours;
mod retention;
mod tampering;
mod town;
