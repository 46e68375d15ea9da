//! New codes: drawn uniformly, never twice in practice, and dated with one day for a run.

use crate::sample;

use domain::{
    code::{ALPHABET, RandomPart},
    settings::Settings,
    time,
};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{CryptoRng, RngCore, SeedableRng},
};

const COMBINATIONS: u64 = 590_490_000_000_000;
/// Where the ten random characters stand among the sixteen.
const RANDOM_PLACES: [usize; 10] = [0, 1, 2, 3, 4, 5, 8, 9, 12, 13];
const SAMPLES: u32 = 120_000;
/// Chi-square with 29 degrees of freedom exceeds this once in 10,000 fair samples.
const CRITICAL: f64 = 66.152;

fn fixed() -> ChaCha20Rng {
    ChaCha20Rng::from_seed(*b"the seed of the tests of codes 1")
}

fn today() -> Date {
    date(2026, 11, 20)
}

fn chi_square(counts: &[u32; 30]) -> f64 {
    let all: u32 = counts.iter().sum();
    let expected = f64::from(all) / 30.0;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// How often each character stands in each of the ten places.
fn counted(mut draw: impl FnMut() -> [u8; 10]) -> [[u32; 30]; 10] {
    let mut counts = [[0; 30]; 10];
    for _ in 0..SAMPLES {
        for (place, character) in draw().iter().enumerate() {
            let which = ALPHABET.iter().position(|known| known == character).expect("only printed characters");
            counts[place][which] += 1;
        }
    }
    counts
}

// proves: COD-01
#[test]
fn every_character_is_equally_likely_in_every_place() {
    let mut random = fixed();
    let counts = counted(|| {
        let code = RandomPart::draw(&mut random).bytes(today());
        RANDOM_PLACES.map(|place| code[place])
    });
    for (place, counts) in counts.iter().enumerate() {
        let found = chi_square(counts);
        assert!(found < CRITICAL, "place {place}: {found} is not below {CRITICAL}");
    }
}

/// The mistake that is usually made: a random byte modulo 30 favours the first sixteen characters by an eighth.
#[test]
fn a_sampler_with_modulo_bias_would_be_found_out() {
    let mut random = fixed();
    let counts = counted(|| {
        let mut bytes = [0; 10];
        random.fill_bytes(&mut bytes);
        bytes.map(|byte| ALPHABET[usize::from(byte) % 30])
    });
    for counts in &counts {
        assert!(chi_square(counts) > CRITICAL);
    }
}

#[test]
fn the_fair_byte_sampler_beside_it_would_not() {
    let mut random = fixed();
    let counts = counted(|| {
        [0; 10].map(|_: u8| {
            loop {
                let mut byte = [0];
                random.fill_bytes(&mut byte);
                if byte[0] < 240 {
                    return ALPHABET[usize::from(byte[0]) % 30];
                }
            }
        })
    });
    for counts in &counts {
        assert!(chi_square(counts) < CRITICAL);
    }
}

/// Gives the numbers it was made with, in turn.
struct Scripted(Vec<u64>);

impl RngCore for Scripted {
    fn next_u32(&mut self) -> u32 {
        u32::try_from(self.next_u64() >> 32).expect("32 bits are left")
    }
    fn next_u64(&mut self) -> u64 {
        self.0.remove(0)
    }
    fn fill_bytes(&mut self, _: &mut [u8]) {
        unreachable!("a part is drawn from one u64");
    }
}

impl CryptoRng for Scripted {}

// proves: COD-01
#[test]
fn draws_beyond_the_last_whole_multiple_are_drawn_again() {
    let below = u64::MAX - u64::MAX % COMBINATIONS;
    assert_eq!(below % COMBINATIONS, 0);
    let drawn = |script: &[u64]| RandomPart::draw(&mut Scripted(script.to_vec())).number();
    assert_eq!(drawn(&[0]), 0);
    assert_eq!(drawn(&[COMBINATIONS - 1]), COMBINATIONS - 1);
    assert_eq!(drawn(&[COMBINATIONS]), 0);
    assert_eq!(drawn(&[below - 1]), COMBINATIONS - 1);
    assert_eq!(drawn(&[below, 7]), 7);
    assert_eq!(drawn(&[u64::MAX, below, 8]), 8);
}

// proves: COD-01
#[test]
fn a_million_draws_are_in_range_and_all_different() {
    // By the birthday formula a repetition among a million has a chance of one in 1,200.
    let mut random = fixed();
    let mut parts: Vec<RandomPart> = (0..1_000_000).map(|_| RandomPart::draw(&mut random)).collect();
    assert!(parts.iter().all(|part| part.number() < COMBINATIONS));
    parts.sort_unstable();
    let all = parts.len();
    parts.dedup();
    assert_eq!(parts.len(), all);
}

#[test]
fn the_number_is_written_in_base_30_with_the_highest_place_first() {
    let part = |number: u64| RandomPart::draw(&mut Scripted(vec![number]));
    assert_eq!(part(0).code(today()).printed(), "0000-0026-0011-0020");
    assert_eq!(part(1).code(today()).printed(), "0000-0026-0011-0120");
    assert_eq!(part(30).code(today()).printed(), "0000-0026-0011-1020");
    assert_eq!(part(COMBINATIONS - 1).code(today()).printed(), "ZZZZ-ZZ26-ZZ11-ZZ20");
}

proptest! {
    #![proptest_config(sample::cases(256))]

    // proves: COD-01
    #[test]
    fn a_new_code_has_the_printed_form_and_carries_its_day(number in 0..COMBINATIONS, days in 0..36_524i32) {
        let day = date(2000, 1, 1).checked_add(jiff::Span::new().days(days)).expect("within the century");
        let code = RandomPart::draw(&mut Scripted(vec![number])).code(day);
        prop_assert_eq!(code.printed_problem(), None);
        prop_assert_eq!(code.date_part(), Some(day));
        prop_assert_eq!(code.forgiven(), None);
        prop_assert_eq!(domain::code::CodeText::parse(&code.printed()), Ok(code));
    }

    #[test]
    fn two_numbers_never_make_one_code(one in 0..COMBINATIONS, other in 0..COMBINATIONS) {
        let code = |number| RandomPart::draw(&mut Scripted(vec![number])).bytes(today());
        prop_assert_eq!(code(one) == code(other), one == other);
    }
}

// proves: COD-01
#[test]
fn all_codes_of_a_run_carry_its_one_day_of_the_business() {
    // 23:59 in Kigali: the run goes past midnight, the day is that of its start.
    let started = "2026-11-20T21:59:30Z".parse().expect("a time");
    let day = time::day(started, &Settings::default().zone());
    assert_eq!(day, date(2026, 11, 20));
    let mut random = fixed();
    for _ in 0..1_000 {
        assert_eq!(RandomPart::draw(&mut random).code(day).date_part(), Some(day));
    }
    // Half a minute after midnight in Kigali, while it is still the 20th in London.
    assert_eq!(time::day(time::plus(started, 60_000), &Settings::default().zone()), date(2026, 11, 21));
}
