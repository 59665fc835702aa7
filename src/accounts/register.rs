//! Making an account: `POST register/` and `user create`.

use serde_json::{Map, Value};

use super::invalid_fields::InvalidFields;
use super::{Accounts, Trouble};
use crate::domain::{
    Actor, AdditionalFields, Email, Invalid, MailKind, Password, Profile, Rule, User, UserRef,
    Username,
};
use crate::failure::Failure;
use crate::store::users::{NewUser, Taken};

/// What somebody filled in. Nothing is checked yet.
#[derive(Clone, Default)]
pub struct Registration {
    /// Blank: the address becomes the user name.
    pub username: String,
    /// Must be free.
    pub email: String,
    /// None: nobody can log in until a password is set.
    pub password: Option<String>,
    /// If given, must be the password again.
    pub confirmation: Option<String>,
    /// May be blank.
    pub first_name: String,
    /// May be blank.
    pub last_name: String,
    /// Such as `NGO`.
    pub organisation_type: String,
    pub organisation_name: String,
    /// A code or a name.
    pub country: String,
    /// Whatever else was sent.
    pub additional_fields: Map<String, Value>,
    /// What was said to the privacy policy, if anything was.
    pub agree: Option<bool>,
    /// What is wrong with the fields that could not even be read, and are empty here.
    pub unreadable: Vec<Invalid>,
}

impl Registration {
    /// White space around names is no part of them. A password stays as it was typed.
    fn trimmed(self) -> Self {
        let cut = |text: String| text.trim().to_owned();
        Self {
            username: cut(self.username),
            email: cut(self.email),
            first_name: cut(self.first_name),
            last_name: cut(self.last_name),
            organisation_type: cut(self.organisation_type),
            organisation_name: cut(self.organisation_name),
            country: cut(self.country),
            ..self
        }
    }
}

/// Who registers somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registrar {
    /// A stranger, themselves: organisation and country are mandatory, some names are reserved.
    Stranger,
    /// An operator. Without a password the user is invited to choose one.
    Operator(OperatorChoice),
}

/// What an operator decides about a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorChoice {
    /// Whether the user may log in.
    pub active: bool,
    pub staff: bool,
    /// Whether the invitation goes by mail; otherwise the operator hands it over.
    pub by_mail: bool,
}

/// Why there is no new account.
#[derive(Debug)]
pub enum RegisterError {
    /// Fields that broke rules: all of them.
    Invalid(Vec<Invalid>),
    /// Somebody has this address; and the fields that broke rules.
    EmailTaken(Vec<Invalid>),
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for RegisterError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl Accounts {
    /// Adds the account of a stranger. When this returns it is on the disk; if it fails it left
    /// nothing behind.
    pub async fn register(
        &self,
        registration: Registration,
        caller: &Actor,
    ) -> Result<User, RegisterError> {
        self.create(registration, Registrar::Stranger, caller).await
    }

    /// Adds an account, for a stranger or for an operator.
    pub(crate) async fn create(
        &self,
        registration: Registration,
        registrar: Registrar,
        caller: &Actor,
    ) -> Result<User, RegisterError> {
        let mut raw = registration.trimmed();
        let mut invalid = InvalidFields::beside(std::mem::take(&mut raw.unreadable));
        let (email, username) = check_names(&raw, registrar, &mut invalid);
        check_texts(&raw, registrar, &mut invalid);
        let additional_fields = invalid.check(
            "additional_fields",
            AdditionalFields::new(raw.additional_fields.clone()),
        );
        let chosen = raw.password.as_deref();
        let password = chosen.and_then(|it| invalid.check("password", self.choose(it, &raw)));
        // A taken name is refused before the hash is paid for. If two come at the same moment, the
        // store refuses the second.
        let names = (email.as_ref(), username.as_ref());
        if self.has_address(names, &mut invalid).await? {
            return Err(RegisterError::EmailTaken(invalid.all));
        }
        let (Some(email), Some(username), Some(additional_fields), true) =
            (email, username, additional_fields, invalid.all.is_empty())
        else {
            return Err(RegisterError::Invalid(invalid.all));
        };
        let mut user = self.new_user(raw, registrar, (email, username), additional_fields);
        if let Some(password) = password {
            user.password_hash = Some(self.parts.hasher.hash(password).await?);
        }
        user.link = match registrar {
            Registrar::Stranger => Some(self.new_link(MailKind::Activation)?),
            Registrar::Operator(it) if it.by_mail && user.password_hash.is_none() => {
                Some(self.new_link(MailKind::Invitation)?)
            }
            Registrar::Operator(_) => None,
        };
        let store = &self.parts.store;
        let added = store.add_user(user, caller.at(self.now())).await?;
        let added = added.map_err(|taken| match taken {
            Taken::Email => RegisterError::EmailTaken(Vec::new()),
            Taken::Username => {
                RegisterError::Invalid(vec![Invalid::new("username", Rule::UsernameTaken)])
            }
        })?;
        let by = &*caller.name;
        tracing::info!(event = "user_created", user_id = added.id.0, by);
        Ok(added)
    }

    /// Whether somebody has the address. A user name that somebody has is noted.
    async fn has_address(
        &self,
        (email, username): (Option<&Email>, Option<&Username>),
        invalid: &mut InvalidFields,
    ) -> Result<bool, Failure> {
        let store = &self.parts.store;
        let is_taken = match email {
            Some(email) => store.user(&UserRef::Email(email.clone())).await?.is_some(),
            None => false,
        };
        // Of a name that is the address all is said by then.
        let is_said = |it: &&Username| is_taken && email.is_some_and(|email| it.is_address(email));
        let username = username.filter(|it| !invalid.has("username") && !is_said(it));
        if let Some(name) = username
            && store
                .user(&UserRef::Username(name.clone()))
                .await?
                .is_some()
        {
            invalid.note("username", Rule::UsernameTaken);
        }
        Ok(is_taken)
    }

    fn new_user(
        &self,
        raw: Registration,
        registrar: Registrar,
        (email, username): (Email, Username),
        additional_fields: AdditionalFields,
    ) -> NewUser {
        let awaits = self.parts.rules.require_verified_email && registrar == Registrar::Stranger;
        let (is_active, is_staff) = match registrar {
            Registrar::Stranger => (!awaits, false),
            Registrar::Operator(it) => (it.active, it.staff),
        };
        NewUser {
            username,
            email,
            first_name: raw.first_name,
            last_name: raw.last_name,
            password_hash: None,
            is_active,
            awaits_confirmation: awaits,
            is_staff,
            profile: Profile {
                organisation_type: raw.organisation_type,
                organisation_name: raw.organisation_name,
                country: raw.country,
                additional_fields,
                ..Profile::default()
            },
            consent: raw.agree,
            link: None,
        }
    }

    fn choose(&self, chosen: &str, raw: &Registration) -> Result<Password, Rule> {
        let local_part = raw.email.split('@').next().unwrap_or_default();
        let names = [
            &*raw.username,
            &*raw.email,
            local_part,
            &*raw.first_name,
            &*raw.last_name,
            &*raw.organisation_name,
        ];
        Password::choose(chosen, self.parts.rules.password, &names)
    }
}

/// The address, and the name: without one the address is the name.
fn check_names(
    raw: &Registration,
    registrar: Registrar,
    invalid: &mut InvalidFields,
) -> (Option<Email>, Option<Username>) {
    let email = invalid.check("email", Email::parse(&raw.email));
    let username = match (&*raw.username, &email) {
        ("", None) => None,
        ("", Some(email)) => invalid.check("username", Username::parse(email.as_str())),
        (username, _) => invalid.check("username", Username::parse(username)),
    };
    if let (Some(username), Some(email)) = (&username, &email) {
        invalid.check("username", username.check_chosen(email));
    }
    if let (Some(username), Registrar::Stranger) = (&username, registrar)
        && !invalid.has("username")
    {
        invalid.check("username", username.check_for_stranger());
    }
    (email, username)
}

/// The password again, the names, and what a stranger has to say of their organisation.
fn check_texts(raw: &Registration, registrar: Registrar, invalid: &mut InvalidFields) {
    let both = raw.confirmation.as_ref().zip(raw.password.as_ref());
    if both.is_some_and(|(again, password)| again != password) {
        invalid.note("confirmPassword", Rule::PasswordMismatch);
    }
    invalid.check("first_name", User::check_name(&raw.first_name));
    invalid.check("last_name", User::check_name(&raw.last_name));
    for (field, text) in [
        ("organizationName", &raw.organisation_name),
        ("organizationType", &raw.organisation_type),
        ("country", &raw.country),
    ] {
        let missing = text.is_empty() && registrar == Registrar::Stranger;
        let checked = if missing {
            Err(Rule::Required)
        } else {
            Profile::check_text(text)
        };
        invalid.check(field, checked);
    }
}
