//! The server of PostgreSQL: whether it keeps what it acknowledges, tells the same time, and lets us work.

use super::finding::Finding;
use crate::domain::{Timestamp, counted};
use crate::operator::clock::SLACK_BETWEEN_MACHINES;
use crate::store::maintenance::{ConnectionLimit, ServerFacts};

/// By how many seconds clocks may differ before times on links and locks are felt to be wrong.
const CLOCK_SLACK: i64 = 5;

/// How many connections one of our servers makes: four that read, one that looks sessions up, one that writes,
/// and a spare.
const OF_A_SERVER: i64 = 7;

pub(crate) fn check(server: &ServerFacts, now: Timestamp) -> [Finding; 4] {
    [
        durability(server),
        clock(server, now),
        role(server),
        connections(server),
    ]
}

fn durability(server: &ServerFacts) -> Finding {
    let version = format!("PostgreSQL {}", server.version);
    if !server.waits_for_disk {
        return Finding::failed(
            "server",
            format!("{version} loses what it acknowledged when the power fails"),
            "set fsync = on and full_page_writes = on in postgresql.conf, and reload it",
        );
    }
    let waits = &server.synchronous_commit;
    Finding::ok(
        "server",
        format!("{version}, synchronous_commit is {waits}"),
    )
}

fn clock(server: &ServerFacts, now: Timestamp) -> Finding {
    let apart = server.clock.seconds_since(now).abs();
    let shown = format!("it says {}, and this machine {now}", server.clock);
    let advice = "let both machines follow a time server";
    match apart {
        0..=CLOCK_SLACK => Finding::ok("server_clock", shown),
        ..=SLACK_BETWEEN_MACHINES => Finding::warning("server_clock", shown, advice),
        _ => Finding::failed("server_clock", shown, advice),
    }
}

fn role(server: &ServerFacts) -> Finding {
    let role = &server.role;
    let closed = [
        (
            server.closed_tables,
            counted(server.closed_tables, "table", "tables"),
            "read and write",
        ),
        (
            server.closed_sequences,
            counted(server.closed_sequences, "sequence", "sequences"),
            "use",
        ),
    ];
    if let Some((_, which, what)) = closed.into_iter().find(|it| it.0 > 0) {
        return Finding::failed(
            "server_role",
            format!("{role} may not {what} {which}"),
            "connect as the role that made the database, or make it the owner of all tables",
        );
    }
    if server.is_superuser {
        return Finding::warning(
            "server_role",
            format!("{role} is a superuser"),
            "make a role that owns this database and nothing else: createuser and createdb --owner",
        );
    }
    Finding::ok(
        "server_role",
        format!("{role} may read and write all tables"),
    )
}

/// Of the limits, the one that is reached first.
fn connections(server: &ServerFacts) -> Finding {
    const CHECK: &str = "server_connections";
    let used = |it: &&ConnectionLimit| it.connections * 100 / it.most.max(1);
    let is_small = |it: &&ConnectionLimit| it.most < OF_A_SERVER;
    let small = server.limits.iter().find(is_small);
    let Some(nearest) = small.or_else(|| server.limits.iter().max_by_key(used)) else {
        return Finding::ok(CHECK, "there is no limit");
    };
    let shown = format!(
        "{} of {} that {} may have",
        nearest.connections, nearest.most, nearest.of
    );
    if small.is_some() || used(&nearest) > 80 {
        let raise = &nearest.raised_by;
        let advice =
            format!("each server of ours needs up to {OF_A_SERVER}; to allow more, set {raise}");
        return Finding::warning(CHECK, shown, advice);
    }
    Finding::ok(CHECK, shown)
}
