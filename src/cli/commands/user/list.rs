//! `user list`.

use super::row::row;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::Output;
use crate::cli::terminal::pages::{conclude, pages};
use crate::domain::{UserId, counted};
use crate::store::users::UserPage;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth user list --search example.org --limit 0",
    "minisass-auth user list --columns username,email,country",
    "minisass-auth user list --inactive --format csv > inactive.csv",
]))]
pub(crate) struct List {
    /// At most so many; 0 lists all
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only users with a higher number than this
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,
    /// Only users whose name or address contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only users who may not log in
    #[arg(long)]
    inactive: bool,
    /// Only staff
    #[arg(long)]
    staff: bool,
}

pub(crate) fn run(list: &List, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let mut query = UserPage {
        after: UserId(list.after),
        limit: list.limit,
        search: list.search.clone(),
        active: list.inactive.then_some(false),
        staff: list.staff.then_some(true),
    };
    let of_profile = ["organisation_type", "organisation_name", "country"];
    let is_wide = of_profile.iter().any(|it| output.wants(it));
    let pages = pages(list.limit, |limit| {
        query.limit = limit;
        let users = job.wait(job.operator.users(&query))?;
        query.after = users.last().map_or(query.after, |it| it.0.id);
        let rows = users.into_iter().map(|(user, profile)| {
            let mut row = row(&user);
            if is_wide {
                row["organisation_type"] = profile.organisation_type.into();
                row["organisation_name"] = profile.organisation_name.into();
                row["country"] = profile.country.into();
            }
            row
        });
        Ok(rows.collect())
    });
    output.need(&[
        "username",
        "email",
        "id",
        "is_active",
        "last_login_at",
        "is_staff",
        "created_at",
        "first_name",
        "last_name",
    ]);
    let count = output.many(pages)?;
    let after = query.after;
    let users = counted(count, "user", "users");
    let more = format!("{users} listed; for the next ones add --after {after}");
    let is_filtered = list.search.is_some() || list.inactive || list.staff || list.after > 0;
    let empty = if is_filtered {
        "no users match"
    } else {
        "there are no users yet; `user create` makes one, and `user import` reads a file of them"
    };
    conclude((count, list.limit), empty, &more, || {
        query.limit = 1;
        Ok(!job.wait(job.operator.users(&query))?.is_empty())
    })?;
    Ok(())
}
