//! `doctor --calibrate`: which hashes this machine makes in a given time.

use std::time::Duration;

use serde::Serialize;

use super::machine::free_memory;
use crate::cli::terminal::output::{Output, note};
use crate::crypto::Cost;
use crate::domain::counted;
use crate::settings::Settings;

/// A cost that was tried, as it is printed. The names are stable.
#[derive(Serialize)]
struct Tried {
    scrypt: String,
    milliseconds: u128,
    memory_mib: u64,
    all_threads_mib: u64,
    is_proposed: bool,
}

/// Tries costs from what OWASP asks for upwards, until one takes longer than `target` or all hashing
/// threads together would need more than half of the free memory.
pub(crate) fn run(
    settings: &Settings,
    target: Duration,
    output: &mut Output,
) -> anyhow::Result<()> {
    let threads = settings.hash_threads as u64;
    let needed = |cost: Cost| cost.memory().saturating_mul(threads);
    let room = free_memory().map_or(u64::MAX, |it| it / 2);
    let mut tried: Vec<(Cost, Duration)> = Vec::new();
    for ln in Cost::RECOMMENDED.ln..=Cost::HIGHEST_LN {
        let cost = Cost {
            ln,
            ..Cost::RECOMMENDED
        };
        if !tried.is_empty() && needed(cost) > room {
            note(&format!(
                "{cost} was not tried: {} would need more than half of the free memory",
                counted(threads, "hashing thread", "hashing threads")
            ));
            break;
        }
        let took = cost.measure()?;
        tried.push((cost, took));
        if took > target {
            break;
        }
    }
    // Twice as long is as far off as half as long.
    let distance = |took: Duration| (took.as_secs_f64() / target.as_secs_f64()).ln().abs();
    let nearest = |one: &&(Cost, Duration), other: &&(Cost, Duration)| {
        distance(one.1).total_cmp(&distance(other.1))
    };
    let proposed = tried.iter().min_by(nearest).map(|it| it.0);
    let rows = tried.iter().map(|(cost, took)| Tried {
        scrypt: cost.to_string(),
        milliseconds: took.as_millis(),
        memory_mib: cost.memory() >> 20,
        all_threads_mib: needed(*cost) >> 20,
        is_proposed: proposed == Some(*cost),
    });
    output.rows(rows)?;
    output.finish()?;
    let least = tried.first().filter(|it| it.1 > target);
    let is_least = least.is_some_and(|it| Some(it.0) == proposed);
    let why = match is_least {
        true => ": nothing that is safe is as quick as that",
        false => "",
    };
    if proposed == Some(settings.scrypt) {
        note(&format!("the cost is right as it is{why}"));
    } else if let Some(cost) = proposed {
        note(&format!(
            "to use the proposed cost, set scrypt = \"{cost}\" and start the server again; \
             each password gets it at the next login"
        ));
    }
    Ok(())
}
