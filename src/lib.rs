//! The miniSASS authentication service: one binary, one database, the whole API.
//!
//! # The rooms, top down
//!
//! * [`cli`] is the list of everything the program does, with a file for each command. It reads flags
//!   and prints results.
//! * [`daemon`] is `serve`: the socket, the log, the work in the background, the clean stop.
//! * [`compose`] makes the use cases out of the settings: nothing else knows all the parts.
//! * [`settings`] says what can be set, where the values come from and what they mean.
//! * [`http`] is the API. It translates requests into calls of use cases, and decides nothing. It may
//!   not name the store, crypto or mail; the command line may.
//! * [`operator`] is what operators do, with everybody's accounts and with the installation.
//! * [`accounts`] is what people do with their own account: log in, register, reset, change, leave.
//! * [`transfer`] reads and writes files of accounts: JSON Lines, CSV, a dump of Django.
//! * [`store`] is the database. Each noun has a file with its values, the rules of its transactions
//!   and their SQL; `store/sqlite/` and `store/postgres/` run it.
//! * [`crypto`] holds password hashes, tokens, keys and randomness; [`mail`] what mails say and how
//!   they leave. Neither knows the other, nor the store.
//! * [`domain`] holds the values that all of them speak of, and their rules. It does no I/O.
//! * [`visible`] shows people the characters that would do something to a terminal.
//! * [`private_file`] is the only room that makes files nobody else may read. [`interrupt`],
//!   [`clock`], [`progress`] and [`failure`] are for everybody, [`allocator`] is for `main`.
//!
//! A room names only rooms below itself, and imports never form a circle of files.
//! `tests/it/tidy/doors.rs` has the table of who may name whom, and of where each library may be named;
//! the tests keep to it.
//!
//! # One login, in order
//!
//! 1. `daemon/mod.rs` has `http/server/mod.rs` accept the connection, and `http/middleware/mod.rs`
//!    numbers the request, sets its deadline and logs its end.
//! 2. `http/route.rs` finds the endpoint in `http/api/login.rs`, whose `Call` has the request checked
//!    by `http/wire/call.rs`: media type, who asks, rate limit, body.
//! 3. `accounts/login.rs` decides. It asks `store/credentials.rs` for the user and
//!    (by `accounts/attempts.rs`) `store/attempts.rs` for the failed attempts, and has the password checked by
//!    `crypto/password.rs` on a thread of `crypto/hash_pool.rs`.
//! 4. `accounts/session.rs` has the tokens signed by `crypto/token.rs`.
//! 5. `store/sessions.rs` writes the row of the session; `store/sqlite/writer.rs` commits it, together
//!    with what others write at that moment. `http/api/login.rs` answers with the tokens and the
//!    cookie.
//!
//! Every later request looks its session up. `store/sqlite/session_cache.rs` answers from memory while
//! nobody has committed anything that concerns a session; so a write to `sessions` or `users` for each
//! request would make the cache useless.
//!
//! # One `user create`, in order
//!
//! 1. `main.rs` calls `cli/mod.rs`, which parses the command line and reads the settings by
//!    `cli/flags.rs` and `settings/mod.rs`.
//! 2. `cli/job.rs` opens the data folder and has `compose.rs` make the use cases.
//! 3. `cli/commands/user/create.rs` asks for the password and calls `operator/users.rs`, which calls
//!    `accounts/register.rs`: the function behind `POST register/`.
//! 4. That checks the values by `domain/username.rs` and its neighbours, makes the hash by
//!    `crypto/password.rs`, and has `store/users.rs` add the row, its audit entry and its mail, if
//!    there is one, in one transaction.
//! 5. The command prints the user by `cli/terminal/output.rs`.

// Beside the lints of `Cargo.toml`, which hold for tests too: a test may unwrap and has no public face.
#![warn(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

// The faces, and what puts the parts together.
pub mod cli;
pub mod compose;
pub mod daemon;
pub mod http;
pub mod settings;

// The use cases.
pub mod accounts;
pub mod operator;
pub mod transfer;

// What needs a library or the disk.
pub mod crypto;
pub mod mail;
pub mod store;

pub mod domain;

// For everybody.
pub mod allocator;
pub mod clock;
pub mod failure;
pub mod interrupt;
pub mod private_file;
pub mod progress;
pub mod visible;
