//! What endpoints are made of: who asks, limits, bodies, refusals.

mod accept;
mod app_parameter;
mod auth;
mod body;
mod call;
mod client;
mod deployment;
mod digest;
mod once;
mod problem;
mod rate_limit;
mod refusal;
mod refused_early;
mod route_name;
mod sender;
mod stopping;
mod written;

pub use self::deployment::Deployment;

pub(crate) use self::accept::{JsonOrPage, WantsHtml, accepts, wants_html};
pub(crate) use self::app_parameter::AppParameter;
pub(crate) use self::auth::{Anyone, Authorization, Credentials, NOT_PROVIDED, NoForeignPage};
pub(crate) use self::body::{
    Body, EmailText, Input, MEDIA_TYPES, Readable, Sentence, Unread, bad_request,
    first_field_and_rule, first_rule, receive,
};
pub(crate) use self::call::Call;
pub(crate) use self::client::{ClientAddress, network};
pub(crate) use self::digest::digest;
pub(crate) use self::once::check_once;
pub(crate) use self::problem::{
    BadRequest, Detail, ErrorSentence, Message, Problem, detail, error, render,
};
pub(crate) use self::rate_limit::{Forms, Logins, RateLimits, Unlimited};
pub(crate) use self::refusal::{
    ANYONE, Answer, BEARER, CHALLENGE, LIMITED, NO_FOREIGN_PAGE, NoSession, PASSING_SECONDS,
    Refusal, Refused, TokenProblem,
};
pub(crate) use self::refused_early::RefusedEarly;
pub(crate) use self::route_name::RouteName;
pub(crate) use self::sender::Sender;
pub(crate) use self::stopping::Stopping;
pub(crate) use self::written::{WriteJson, Written};
