//! Who may name whom, as two tables: rooms, and libraries.

use super::graph::{Arrow, Use};

/// The rooms of `src`, top down as in `src/lib.rs`, and the rooms below that each may name. A room
/// is the folder or the file of its name; a folder in a room may have a row of its own.
pub const ROOMS: &[(&str, &str)] = &[
    ("main", "cli allocator"),
    (
        "cli",
        "cli/terminal daemon compose settings http operator accounts transfer store crypto mail \
         domain private_file interrupt progress visible clock failure",
    ),
    ("cli/terminal", "interrupt progress visible domain failure"),
    (
        "daemon",
        "compose settings http operator accounts store mail domain private_file interrupt \
         progress visible clock failure",
    ),
    (
        "compose",
        "settings operator accounts store crypto mail domain private_file progress clock failure",
    ),
    (
        "settings",
        "accounts store crypto mail domain private_file failure",
    ),
    (
        "http",
        "http/middleware http/route http/openapi http/pages http/api http/wire accounts domain clock \
         failure",
    ),
    (
        "http/middleware",
        "http/route http/wire accounts domain failure",
    ),
    (
        "http/route",
        "http/openapi http/api http/wire domain failure",
    ),
    ("http/openapi", "http/api http/wire domain failure"),
    (
        "http/api",
        "http/pages http/wire operator accounts domain clock failure",
    ),
    ("http/pages", "http/wire domain failure"),
    ("http/wire", "accounts domain clock failure"),
    (
        "operator",
        "accounts transfer store crypto mail domain private_file progress clock failure",
    ),
    (
        "accounts",
        "store crypto mail domain progress clock failure",
    ),
    ("transfer", "store crypto domain progress clock failure"),
    ("store", "domain private_file progress clock failure"),
    ("crypto", "domain private_file failure"),
    ("mail", "domain private_file failure"),
    ("clock", "domain"),
    ("domain", ""),
    ("interrupt", ""),
    ("private_file", ""),
    ("allocator", ""),
    ("progress", ""),
    ("visible", ""),
    ("failure", ""),
];

const EVERYWHERE: &str = "src/";

/// The libraries of `Cargo.toml`, and where each may be named.
pub const LIBRARIES: &[(&str, &str)] = &[
    // What a room is made of.
    ("poem", "src/http/"),
    ("poem_openapi", "src/http/"),
    ("hyper", "src/http/server/"),
    ("hyper_util", "src/http/server/"),
    ("http_body_util", "src/http/server/"),
    (
        "bytes",
        "src/http/server/ src/http/openapi/swagger.rs src/store/postgres/statements.rs",
    ),
    ("governor", "src/http/wire/rate_limit.rs"),
    ("multer", "src/http/wire/body/parse.rs"),
    (
        "form_urlencoded",
        "src/http/wire/body/parse.rs src/http/pages/ src/store/postgres/url.rs",
    ),
    (
        "flate2",
        "src/http/openapi/swagger.rs src/transfer/input.rs src/transfer/export.rs",
    ),
    (
        "tokio",
        "src/http/ src/daemon/ src/cli/job.rs src/interrupt.rs src/mail/smtp.rs \
         src/store/postgres/client.rs src/store/postgres/endpoint.rs",
    ),
    ("futures_util", "src/http/ src/store/postgres/client.rs"),
    (
        "futures_channel",
        "src/crypto/hash_pool.rs src/store/pending.rs",
    ),
    ("rusqlite", "src/store/sqlite/"),
    (
        "refinery",
        "src/store/migrations.rs src/store/postgres/client.rs",
    ),
    ("tokio_postgres", "src/store/postgres/"),
    ("tokio_postgres_rustls", "src/store/postgres/"),
    ("rustls", "src/store/postgres/tls.rs"),
    ("webpki_roots", "src/store/postgres/tls.rs"),
    ("lettre", "src/mail/"),
    (
        "percent_encoding",
        "src/mail/server.rs src/http/middleware/head.rs src/http/pages/ src/store/postgres/url.rs",
    ),
    ("minijinja", "src/mail/letter.rs src/http/pages/"),
    ("scrypt", "src/crypto/scrypt.rs"),
    ("argon2", "src/crypto/foreign.rs"),
    ("bcrypt", "src/crypto/foreign.rs"),
    ("jsonwebtoken", "src/crypto/"),
    ("subtle", "src/crypto/"),
    ("getrandom", "src/crypto/random.rs"),
    (
        "ring",
        "src/crypto/ src/store/audit.rs src/store/copy.rs src/http/wire/digest.rs",
    ),
    (
        "base64",
        "src/crypto/ src/accounts/links.rs src/http/wire/digest.rs",
    ),
    ("clap", "src/cli/"),
    ("clap_mangen", "src/cli/commands/man.rs"),
    ("indicatif", "src/cli/terminal/progress.rs"),
    ("tabled", "src/cli/terminal/table.rs"),
    ("rpassword", "src/cli/terminal/prompt.rs"),
    ("toml", "src/settings/sources.rs"),
    ("csv", "src/transfer/ src/cli/"),
    ("sd_notify", "src/daemon/service_manager.rs"),
    ("memchr", "src/http/wire/auth.rs"),
    (
        "tracing_subscriber",
        "src/daemon/log.rs src/daemon/log_line.rs",
    ),
    ("tempfile", "src/private_file/"),
    (
        "anyhow",
        "src/cli/ src/daemon/ src/compose.rs src/compose/ src/settings/ src/transfer/ src/private_file/ src/interrupt.rs",
    ),
    // What values are made of.
    ("email_address", "src/domain/email.rs"),
    ("idna", "src/domain/email.rs"),
    ("icu_casemap", "src/domain/text.rs"),
    ("icu_normalizer", "src/domain/text.rs"),
    ("icu_properties", "src/domain/username.rs src/visible.rs"),
    ("jiff", "src/domain/time.rs"),
    ("strsim", "src/domain/similarity.rs"),
    ("url", "src/domain/web_url.rs src/mail/server.rs"),
    ("unicode_security", "src/domain/look_alike.rs"),
    ("zxcvbn", "src/domain/password.rs src/crypto/weak_key.rs"),
    ("ipnet", "src/settings/ src/http/wire/ src/http/server/"),
    ("humantime", "src/settings/values.rs src/mail/refusal.rs"),
    (
        "zeroize",
        "src/domain/password.rs src/crypto/ src/mail/server.rs src/operator/keys.rs src/settings/ src/cli/",
    ),
    (
        "rustix",
        "src/failure.rs src/private_file/ src/allocator.rs src/crypto/hash_pool.rs \
         src/http/server/ src/cli/terminal/table.rs src/cli/terminal/prompt.rs src/cli/commands/doctor/machine.rs \
         src/cli/job.rs src/daemon/memory.rs",
    ),
    ("serde_norway", "src/http/openapi/variants.rs"),
    ("serde", EVERYWHERE),
    ("serde_json", EVERYWHERE),
    ("thiserror", EVERYWHERE),
    ("tracing", EVERYWHERE),
];

/// The room of a file of `src`; `src/lib.rs` is in none.
pub fn room_of(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("src/")?;
    let is_in = |room: &&str| {
        let rest = rest.strip_prefix(*room);
        rest.is_some_and(|it| it.starts_with('/') || it == ".rs")
    };
    let rooms = ROOMS.iter().map(|it| it.0).filter(is_in);
    rooms.max_by_key(|it| it.len())
}

fn may(room: &str) -> impl Iterator<Item = &'static str> {
    let row = ROOMS.iter().find(|it| it.0 == room);
    row.map_or("", |it| it.1).split_whitespace()
}

/// What is wrong with an arrow, if it leads where no door is.
pub fn check_arrow(arrow: &Arrow) -> Option<String> {
    let (from, to) = (room_of(&arrow.from)?, room_of(&arrow.to)?);
    let is_allowed = from == to || may(from).any(|it| it == to);
    (!is_allowed).then(|| format!("{arrow}, and {from} must not name {to}"))
}

/// What is wrong with naming a library, if this is not its place.
pub fn check_use(named: &Use) -> Option<String> {
    let library = &named.library;
    let (_, places) = LIBRARIES.iter().find(|it| it.0 == library)?;
    let mut allowed = places.split_whitespace();
    let is_allowed =
        !named.from.starts_with("src/") || allowed.any(|it| named.from.starts_with(it));
    (!is_allowed).then(|| {
        let Use { from, line, .. } = named;
        format!("{from}:{line} names {library}, which only these may: {places}")
    })
}
