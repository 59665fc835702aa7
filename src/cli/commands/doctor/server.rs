//! The server of PostgreSQL: whether it keeps what it acknowledges, tells the same time, and lets us work.

use super::finding::Finding;
use crate::domain::{Timestamp, counted};
use crate::store::maintenance::ServerFacts;

/// By how many seconds clocks may differ before times on links and locks are felt to be wrong.
const CLOCK_SLACK: i64 = 5;

/// Servers that share a database judge each other's times with so much patience.
const MOST_CLOCK_SLACK: i64 = 30;

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
        ..=MOST_CLOCK_SLACK => Finding::warning("server_clock", shown, advice),
        _ => Finding::failed("server_clock", shown, advice),
    }
}

fn role(server: &ServerFacts) -> Finding {
    let role = &server.role;
    if server.closed_tables > 0 {
        let tables = counted(server.closed_tables, "table", "tables");
        return Finding::failed(
            "server_role",
            format!("{role} may not read and write {tables}"),
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

fn connections(server: &ServerFacts) -> Finding {
    let shown = format!("{} of {}", server.connections, server.most_connections);
    if server.connections * 10 > server.most_connections * 8 {
        return Finding::warning(
            "server_connections",
            shown,
            "raise max_connections in postgresql.conf: each server of ours needs up to seven",
        );
    }
    Finding::ok("server_connections", shown)
}
