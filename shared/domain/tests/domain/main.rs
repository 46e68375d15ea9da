//! The business, decided without clock, network or table.
//!
//! One program for all of them: it is linked once.

mod access;
mod account_names;
mod audit_entries;
mod batch_statistics;
mod batches;
mod codes;
mod course;
mod decisions;
mod dialogue;
mod drawing_codes;
mod jobs;
mod ladder;
mod letters;
mod limits_of_money;
mod money_and_phones;
mod other_networks;
mod payout_answers;
mod payout_courses;
mod payout_ends;
mod payout_explained;
mod payout_restored;
mod payout_waived;
mod payout_walk;
mod payouts;
mod people;
mod permissions;
mod provider;
mod reconcile;
mod reconcile_findings;
mod reconcile_ledger;
mod reconcile_planted;
mod reconcile_recount;
mod records;
mod references;
mod sample;
mod screens;
mod seals;
mod second_person;
mod security;
mod sessions;
mod staff;
mod two_people;
mod wording;
