//! The load benchmark: how the release binary holds up, as ratios measured in one run.
//!
//! `cargo bench --bench load` starts the server over fresh temporary folders, drives it over
//! loopback HTTP, and prints one row of a Markdown table per figure. A figure divides one
//! measurement by another that was taken in the same run on the same machine, because seconds mean
//! little away from the machine that they passed on.
//!
//! Read top down:
//!
//! * [`options`]: what can be asked for.
//! * [`login`], [`check`], [`storm`], [`logout`], [`memory`], [`start`], [`mail`], [`peer`],
//!   [`pocketbase`], [`postgres`]: one figure each; [`bulk`]: those of long work on the command line.
//! * [`soak`]: no figure but a long run, which says whether anything grows.
//! * [`slow_disk`]: a disk of known cost; [`commits`]: what one writer makes of a disk.
//! * [`api`]: what can be asked of a server; [`drive`]: many clients at once; [`request`] and
//!   [`client`]: how one asks.
//! * [`server`]: a server that ends with the benchmark; [`process`]: the memory that it holds;
//!   [`tool`]: a command, timed.
//! * [`stats`], [`report`]: from measurements to rows; [`machine`]: where they were taken.

mod api;
mod bulk;
mod check;
mod client;
mod commits;
mod drive;
mod login;
mod logout;
mod machine;
mod mail;
mod memory;
mod options;
mod peer;
mod pocketbase;
mod postgres;
mod process;
mod report;
mod request;
mod server;
mod slow_disk;
mod soak;
mod start;
mod stats;
mod storm;
mod tool;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use machine::Usage;
use options::{Figure, Options};
use report::Row;

/// The allocator of the server, for a fair comparison: a slow reference would flatter the server.
#[global_allocator]
static ALLOCATOR: minisass_auth::allocator::KeepLarge = minisass_auth::allocator::KeepLarge;

/// No figure takes nearly this long; a server that stopped answering must not hold the benchmark
/// for ever.
const FIGURE_LIMIT: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("load: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|it| it == commits::ARGUMENT).is_some() {
        return commits::run(arguments);
    }
    let Some(options) = Options::parse(arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    if cfg!(debug_assertions) {
        // `cargo test --all-targets` runs benchmarks too, and a debug build has nothing to say
        // about speed.
        eprintln!(
            "load: skipped, because this is no optimised build; use `cargo bench --bench load`"
        );
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.client_threads())
        .enable_all()
        .build()
        .context("starting the async runtime")?;
    let outcome = runtime.block_on(run_unless_interrupted(&options));
    runtime.shutdown_background();
    outcome
}

/// Ctrl-C ends the run from inside, so that the servers and their folders go with it.
async fn run_unless_interrupted(options: &Options) -> Result<()> {
    let work = async {
        match &options.soak {
            Some(soak) => soak::run(soak).await,
            None => run(options).await,
        }
    };
    tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// Rows are printed as they are found: what was measured stays readable if a later figure breaks.
async fn run(options: &Options) -> Result<()> {
    let before = Usage::now();
    println!("{}\n", machine::describe(options));
    println!("{}", report::HEADER);
    for &figure in &options.figures {
        eprintln!("load: measuring {}", figure.name());
        let rows = tokio::time::timeout(FIGURE_LIMIT, measure(figure, options))
            .await
            .with_context(|| format!("{} took too long", figure.name()))?
            .with_context(|| format!("measuring {}", figure.name()))?;
        for row in rows {
            println!("{row}");
        }
    }
    if let (Some(before), Some(after)) = (before, Usage::now()) {
        println!("\n{}", after.disturbance(&before));
    }
    Ok(())
}

async fn measure(figure: Figure, options: &Options) -> Result<Vec<Row>> {
    match figure {
        Figure::Login => login::measure(options).await,
        Figure::Check => check::measure(options).await,
        Figure::Storm => storm::measure(options).await,
        Figure::Logout => logout::measure(options).await,
        Figure::Memory => memory::measure(options).await,
        Figure::Start => start::measure(options).await,
        Figure::Mail => mail::measure(options).await,
        Figure::Import => bulk::import(options).await,
        Figure::Export => bulk::export(options).await,
        Figure::List => bulk::list(options).await,
        Figure::Backup => bulk::backup(options).await,
        Figure::Peer => peer::measure(options).await,
        Figure::PocketBase => pocketbase::measure(options).await,
        Figure::Postgres => postgres::measure(options).await,
    }
}
