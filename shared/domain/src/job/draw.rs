//! The codes of a run, drawn so that a chunk comes out the same however often it is made: a worker that died is
//! followed by one that makes the very same chunk, and whichever commit comes first is the only one.

use crate::{
    code::{CodeText, RandomPart},
    identity::{digest, hex},
};
use jiff::civil::Date;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

/// 32 bytes that nobody can guess, as hexadecimal. Whoever knows them knows the codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(String);

impl Seed {
    pub fn new(chance: [u8; 32]) -> Self {
        Self(hex(&chance))
    }

    /// What the generator of one chunk is seeded with. `redraw` tells apart the draws of a chunk that met a taken code.
    pub fn of_chunk(&self, chunk: u64, redraw: u32) -> [u8; 32] {
        digest(&["chunk", &self.0, &chunk.to_string(), &redraw.to_string()])
    }

    /// `count` different codes of one day.
    pub fn draw(random: &mut impl CryptoRng, day: Date, count: usize) -> Vec<CodeText> {
        let mut seen = HashSet::with_capacity(count);
        let mut codes = Vec::with_capacity(count);
        while codes.len() < count {
            let part = RandomPart::draw(random);
            if seen.insert(part) {
                codes.push(part.code(day));
            }
        }
        codes
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}
