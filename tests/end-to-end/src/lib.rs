//! The system as people meet it: stories, races, bad input, and the whole of it on one laptop.

pub mod story;
