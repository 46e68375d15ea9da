//! What providers answer, in the bytes they answer it with, and what we make of it: no network but loopback.

mod airtime;
mod airtime_courses;
mod airtime_reports;
mod momo_accounts;
mod momo_statuses;
mod momo_tokens;
mod momo_transfers;
mod ours;
mod rails;
mod recorded;
mod wire;
