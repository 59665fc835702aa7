//! Profiles: what is known of people beside their login.

use super::Store;
use super::pending::Pending;
use super::sql::{Result, Row, Sql, values};
use crate::domain::{AdditionalFields, Profile, UploadPreference, UserId};

impl Store {
    pub fn profile(&self, user: UserId) -> Pending<Option<Profile>> {
        self.read("reading a profile", move |sql| find(sql, user))
    }
}

pub(super) fn find(sql: &mut dyn Sql, user: UserId) -> Result<Option<Profile>> {
    sql.one(
        &format!("SELECT {COLUMNS} FROM profiles WHERE user_id = ?1"),
        values![user],
        |row| from_row(row, 0),
    )
}

/// The columns that [`from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "organisation_type, organisation_name, country, additional_fields, \
     is_expert, upload_preference";

pub(super) fn from_row(row: &dyn Row, first: usize) -> Result<Profile> {
    Ok(Profile {
        organisation_type: row.get(first)?,
        organisation_name: row.get(first + 1)?,
        country: row.get(first + 2)?,
        additional_fields: AdditionalFields::stored(&row.get::<String>(first + 3)?),
        is_expert: row.get(first + 4)?,
        upload_preference: UploadPreference::parse(&row.get::<String>(first + 5)?)
            .unwrap_or_default(),
    })
}

pub(super) fn set(sql: &mut dyn Sql, user: UserId, profile: &Profile) -> Result<()> {
    sql.execute(
        "INSERT INTO profiles (user_id, organisation_type, organisation_name, country,
                               additional_fields, is_expert, upload_preference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (user_id) DO UPDATE SET
             organisation_type = ?2, organisation_name = ?3, country = ?4,
             additional_fields = ?5, is_expert = ?6, upload_preference = ?7",
        values![
            user,
            profile.organisation_type,
            profile.organisation_name,
            profile.country,
            profile.additional_fields.to_json(),
            profile.is_expert,
            profile.upload_preference.as_str(),
        ],
    )
    .map(drop)
}
