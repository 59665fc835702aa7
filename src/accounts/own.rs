//! What people do with their own account: look at it, change it, take it along, close it.

use super::invalid_fields::InvalidFields;
use super::{Accounts, Trouble};
use crate::domain::{
    Actor, Consent, Email, Invalid, LiveSession, MailKind, Profile, ProfileChange, Rule, Session,
    SessionId, UploadPreference, User, UserId, Username,
};
use crate::failure::Failure;
use crate::store::links::NewLink;
use crate::store::users::{NotUpdated, Taken, UserChange};

/// For how many seconds somebody waits who has asked for too many new addresses.
const HOUR: u64 = 3600;

/// What somebody changes of their own account; `None` leaves it as it is. Nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct OwnChange {
    /// Must be free.
    pub username: Option<String>,
    /// If it is another one, must be free; replaces the old one when its mailed link is used.
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// Such as `NGO`.
    pub organisation_type: Option<String>,
    pub organisation_name: Option<String>,
    /// A code or a name.
    pub country: Option<String>,
    /// `wifi`, `mobile` or `both`.
    pub upload_preference: String,
}

/// An account as its owner sees it.
pub struct OwnAccount {
    pub user: User,
    pub profile: Profile,
    /// The address that waits for its confirmation, if one was given just now.
    pub new_email: Option<Email>,
}

/// Everything that is kept about a person.
pub struct OwnData {
    pub user: User,
    pub profile: Profile,
    /// Sessions that have not ended.
    pub sessions: Vec<Session>,
    /// What was said to privacy policies.
    pub consents: Vec<Consent>,
}

/// Why an account was not changed.
#[derive(Debug)]
pub enum OwnError {
    /// Fields that broke rules: all of them. Nothing has changed.
    Invalid(Vec<Invalid>),
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for OwnError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl OwnError {
    pub(crate) fn field(field: &'static str, rule: Rule) -> Self {
        Self::Invalid(vec![Invalid::new(field, rule)])
    }
}

impl Accounts {
    /// The account of a session.
    pub async fn own_account(&self, session: &LiveSession) -> Result<OwnAccount, Failure> {
        Ok(OwnAccount {
            user: User::clone(&session.user),
            profile: self.profile(session.user.id).await?,
            new_email: None,
        })
    }

    /// Changes the account of a session, all or nothing.
    pub async fn update_own(
        &self,
        session: &LiveSession,
        change: OwnChange,
        caller: &Actor,
    ) -> Result<OwnAccount, OwnError> {
        let profile = self.profile(session.user.id).await?;
        let mut change = check(change, &session.user, profile).map_err(OwnError::Invalid)?;
        let new_email = change.email.take();
        if let Some(email) = new_email.clone() {
            // An account must not be able to send mails to strangers without end.
            change.most_new_addresses = self.most_links();
            let link = self.new_link(MailKind::AddressChange)?;
            change.new_address = Some(NewLink {
                email: Some(email),
                ..link
            });
        }
        let (store, stamp) = (&self.parts.store, caller.at(self.now()));
        let updated = store.update_user(session.user.id, change, stamp).await?;
        let (user, profile) = updated
            .map_err(not_updated)?
            .unwrap_or_else(|| (User::clone(&session.user), Profile::default()));
        let by = &*caller.name;
        tracing::info!(event = "user_updated", user_id = user.id.0, by);
        Ok(OwnAccount {
            user,
            profile,
            new_email,
        })
    }

    pub async fn profile(&self, user: UserId) -> Result<Profile, Failure> {
        Ok(self.parts.store.profile(user).await?.unwrap_or_default())
    }

    /// A user's sessions that have not ended, the youngest first.
    pub async fn own_sessions(&self, session: &LiveSession) -> Result<Vec<Session>, Failure> {
        let user = session.user.id;
        self.parts.store.sessions_of(user, self.now()).await
    }

    /// Ends one of the sessions of a session's user. False if there is no such session.
    pub async fn end_own_session(
        &self,
        session: &LiveSession,
        id: SessionId,
        caller: &Actor,
    ) -> Result<bool, Failure> {
        let own = self.own_sessions(session).await?;
        if !own.iter().any(|it| it.id == id) {
            return Ok(false);
        }
        let (why, actor) = ("ended by its user", caller.at(self.now()));
        self.parts.store.end_session(id, why, actor).await?;
        tracing::info!(event = "session_logout", user_id = session.user.id.0, session = %id);
        Ok(true)
    }

    /// All that is kept about the user of a session.
    pub async fn own_data(&self, session: &LiveSession) -> Result<OwnData, Failure> {
        Ok(OwnData {
            user: User::clone(&session.user),
            profile: self.profile(session.user.id).await?,
            sessions: self.own_sessions(session).await?,
            consents: self.parts.store.consents(session.user.id).await?,
        })
    }
}

fn not_updated(why: NotUpdated) -> OwnError {
    match why {
        NotUpdated::Taken(Taken::Email) => OwnError::field("email", Rule::EmailTaken),
        NotUpdated::Taken(Taken::Username) => OwnError::field("username", Rule::UsernameTaken),
        NotUpdated::TooManyAddresses => {
            tracing::warn!(event = "excess_rate_limit_exceeded", limit = "account");
            OwnError::Trouble(Trouble::TooMany(HOUR))
        }
    }
}

/// What is to change, or all that is wrong.
fn check(raw: OwnChange, user: &User, before: Profile) -> Result<UserChange, Vec<Invalid>> {
    let mut invalid = InvalidFields::default();
    let mut profile = before.clone();
    let email = invalid.check("email", Email::parse(&raw.email));
    let username = raw
        .username
        .filter(|it| it != user.username.as_str())
        .and_then(|it| invalid.check("username", Username::parse(&it)));
    // A name that is the address follows when the new one is confirmed, and not before.
    let follows = user.username.is_address(&user.email);
    let is_to_follow =
        |it: &Username| follows && email.as_ref().is_some_and(|to| it.is_address(to));
    let username = username.filter(|it| !is_to_follow(it));
    if let Some(username) = &username {
        invalid.check("username", username.check_chosen(&user.email));
        invalid.check("username", username.check_for_stranger());
    }
    if let (Some(email), None, true) = (&email, &username, follows) {
        invalid.check("email", Username::parse(email.as_str()));
    }
    invalid.check("name", User::check_name(&raw.first_name));
    invalid.check("surname", User::check_name(&raw.last_name));
    for (text, kept) in [
        (raw.organisation_type, &mut profile.organisation_type),
        (raw.organisation_name, &mut profile.organisation_name),
        (raw.country, &mut profile.country),
    ] {
        if let Some(text) = text {
            *kept = text;
        }
    }
    invalid.all.extend(profile.broken());
    let preference = UploadPreference::parse(&raw.upload_preference);
    if let Some(preference) = invalid.check("upload_preference", preference) {
        profile.upload_preference = preference;
    }
    if !invalid.all.is_empty() {
        return Err(invalid.all);
    }
    Ok(UserChange {
        username,
        email: email.filter(|it| it.canonical() != user.email.canonical()),
        first_name: Some(raw.first_name),
        last_name: Some(raw.last_name),
        profile: Some(ProfileChange {
            before,
            after: profile,
        }),
        ..UserChange::default()
    })
}
