//! register.

use poem_openapi::payload::Json;
use poem_openapi::types::{Example, Password};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::register::{RegisterError, Registration};
use crate::domain::{Invalid, Rule, User};
use crate::http::wire::{
    ANYONE, Answer, Anyone, BadRequest, Call, EmailText, Forms, Input, LIMITED, Readable, Refused,
    Sentence, bad_request, first_field_and_rule,
};

/// The fields that a profile cannot do without.
const PROFILE_FIELDS: [&str; 3] = ["country", "organizationName", "organizationType"];

/// A new account. Fields that are not listed here are kept in the profile as they are: at most 32 of
/// them and 4 KiB together.
#[derive(Object)]
#[oai(example, rename_all = "camelCase")]
struct RegisterRequest {
    /// The user name. If it is blank or absent, the address becomes the user name.
    #[oai(validator(max_length = 150))]
    username: Option<String>,
    /// Where mail arrives. One account has it.
    #[oai(validator(min_length = 1, max_length = 254))]
    email: EmailText,
    /// At least 8 characters, and not one that everybody tries.
    #[oai(validator(min_length = 1, max_length = 128))]
    password: Password,
    /// If given, the password again.
    #[oai(validator(max_length = 128))]
    confirm_password: Option<Password>,
    /// The first name. Also read as `name`.
    #[oai(default, rename = "first_name", validator(max_length = 150))]
    first_name: String,
    /// The last name. Also read as `surname`.
    #[oai(default, rename = "last_name", validator(max_length = 150))]
    last_name: String,
    /// What kind of organisation the person works for, such as `NGO`. Also read as `organisation_type`.
    #[oai(validator(min_length = 1, max_length = 255))]
    organization_type: String,
    /// The name of the organisation. Also read as `organisation_name`.
    #[oai(validator(min_length = 1, max_length = 255))]
    organization_name: String,
    /// The country, by its code or its name.
    #[oai(validator(min_length = 1, max_length = 255))]
    country: String,
    /// Whether the privacy policy was agreed to.
    agree: Option<bool>,
}

impl Input for RegisterRequest {
    const ALIASES: &'static [(&'static str, &'static str)] = &[
        ("name", "first_name"),
        ("surname", "last_name"),
        ("organisation_type", "organizationType"),
        ("organisation_name", "organizationName"),
    ];

    const SENTENCE: Sentence = sentence;
}

impl Example for RegisterRequest {
    fn example() -> Self {
        Self {
            username: Some("test_user".to_owned()),
            email: EmailText("test@example.org".to_owned()),
            password: Password("test_password".to_owned()),
            confirm_password: None,
            first_name: "test_name".to_owned(),
            last_name: "test_lastname".to_owned(),
            organization_type: "NGO".to_owned(),
            organization_name: "test".to_owned(),
            country: "South Africa".to_owned(),
            agree: None,
        }
    }
}

/// The new account.
#[derive(Object)]
#[oai(rename = "RegisteredUser")]
struct RegisterBody {
    /// The number of the user.
    id: i64,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// The first name.
    first_name: String,
    /// The last name.
    last_name: String,
}

impl From<User> for RegisterBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            username: user.username.to_string(),
            email: user.email.to_string(),
            first_name: user.first_name,
            last_name: user.last_name,
        }
    }
}

#[derive(ApiResponse)]
enum RegisterReply {
    /// The account exists.
    #[oai(status = 201)]
    Created(Json<RegisterBody>),
    /// What is wrong with the fields; nothing was done.
    #[oai(status = 400)]
    BadRequest(Json<BadRequest>),
}

impl From<RegisterError> for Refused<RegisterReply, ANYONE, LIMITED> {
    fn from(err: RegisterError) -> Self {
        Self::Reply(RegisterReply::BadRequest(match err {
            RegisterError::Trouble(trouble) => return trouble.into(),
            RegisterError::Invalid(broken) => bad_request::<RegisterRequest>(&broken),
            RegisterError::EmailTaken(broken) => {
                let sentence = "This email is already registered.".to_owned();
                Json(BadRequest::fields(&broken, Some(sentence)))
            }
        }))
    }
}

pub(crate) struct RegisterApi;

#[OpenApi(tag = "Tag::Accounts")]
impl RegisterApi {
    /// Register
    ///
    /// Adds an account with its profile.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        call: Call<Anyone, Forms, Readable<RegisterRequest>>,
    ) -> Answer<RegisterReply, ANYONE, LIMITED> {
        let registration = registration(call.body);
        let user = call.accounts.register(registration, &call.actor).await?;
        Ok(RegisterReply::Created(Json(user.into())))
    }
}

fn registration(mut body: Readable<RegisterRequest>) -> Registration {
    // Some clients send the password once more under another name: it must not be kept in clear.
    body.rest
        .retain(|name, _| !name.to_lowercase().contains("password"));
    let mut text = |field| body.text(field).unwrap_or_default();
    Registration {
        username: text("username"),
        email: text("email"),
        first_name: text("first_name"),
        last_name: text("last_name"),
        organisation_type: text("organizationType"),
        organisation_name: text("organizationName"),
        country: text("country"),
        password: body.text("password"),
        confirmation: body.text("confirmPassword"),
        agree: body.truth("agree"),
        additional_fields: body.rest,
        unreadable: body.broken,
    }
}

/// What clients show people.
fn sentence(broken: &[Invalid]) -> Option<String> {
    let absent = |it: &&Invalid| matches!(it.rule, Rule::Required | Rule::Blank | Rule::Null);
    if broken
        .iter()
        .filter(absent)
        .any(|it| PROFILE_FIELDS.contains(&it.field))
    {
        return Some(
            "Missing required fields for User Profile creation. country ,organisation name, organisation type"
                .to_owned(),
        );
    }
    first_field_and_rule(broken)
}
