//! The rules of the house.
//!
//! One program for all of them: it is linked once.

mod dependencies;
mod requirements;
mod sources;
mod template;
mod template_alarms;
mod template_rights;
mod words;
