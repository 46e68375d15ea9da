//! The pieces of `web` as a caller meets them, over a small API of their own.

mod bodies;
mod demo;
mod document;
mod every_answer;
mod versions;
