//! Rules of the house that a compiler doesn't know, and what is needed to read them: the files of the repository,
//! the template, and the table of requirements.

pub mod files;
pub mod requirements;
pub mod template;
