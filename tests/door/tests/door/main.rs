//! What staff, programs and strangers get at the door of the API.
//!
//! One program for all of them: each test program links the whole system, and twenty of those fill a disk.

mod attacks_browser;
mod attacks_codes;
mod attacks_keys;
mod attacks_lists;
mod attacks_races;
mod attacks_refresh;
mod attacks_roles;
mod attacks_rules;
mod attacks_secrets;
mod attacks_sign_in;
mod attacks_tokens;
mod audit_search;
mod bad_input;
mod batches;
mod books;
mod ceilings;
mod codes;
mod jobs;
mod matrix;
mod pages;
mod payouts;
mod payouts_acts;
mod staff_life;
mod takeover;
