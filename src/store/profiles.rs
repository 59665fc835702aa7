//! Profiles: what is known of people beside their login.

use super::Store;
use super::pending::Pending;
use super::sql::{self, Result, Row, Sql, ToValue, Value, values};
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
    set_all(sql, &[(user, profile)])
}

/// Those of different users.
pub(super) fn set_all(sql: &mut dyn Sql, profiles: &[(UserId, &Profile)]) -> Result<()> {
    let fields: Vec<String> = profiles
        .iter()
        .map(|(_, it)| it.additional_fields.to_json())
        .collect();
    let mut values = Vec::with_capacity(7 * profiles.len());
    for ((user, it), fields) in profiles.iter().zip(&fields) {
        values.extend([
            user.value(),
            it.organisation_type.value(),
            it.organisation_name.value(),
            it.country.value(),
            fields.value(),
            it.is_expert.value(),
            Value::Text(it.upload_preference.as_str()),
        ]);
    }
    sql.execute(
        &format!(
            "INSERT INTO profiles (user_id, {COLUMNS}) VALUES {}
             ON CONFLICT (user_id) DO UPDATE SET
                 organisation_type = excluded.organisation_type,
                 organisation_name = excluded.organisation_name,
                 country = excluded.country,
                 additional_fields = excluded.additional_fields,
                 is_expert = excluded.is_expert,
                 upload_preference = excluded.upload_preference",
            sql::rows(profiles.len(), 7)
        ),
        &values,
    )
    .map(drop)
}
