//! What endpoints answer in words, for the examples of the document. `tests/it/document.rs` asks them.

use serde_json::{Map, Value, json};

/// An operation, and the schema of the body that it reads.
pub(super) struct Asked<'a> {
    pub(super) operation: &'a str,
    pub(super) body: Option<&'a Value>,
}

/// What some operations answer, word for word: the operation, the status, the field and its sentence.
const SENTENCES: [(&str, &str, &str, &str); 26] = [
    ("login", "401", "error", "Invalid credentials"),
    (
        "token",
        "401",
        "detail",
        "No active account found with the given credentials",
    ),
    (
        "check_auth_status",
        "401",
        "detail",
        "Authentication credentials were not provided.",
    ),
    (
        "logout",
        "401",
        "detail",
        "Authentication credentials were not provided.",
    ),
    ("logout", "200", "message", "Logout successful"),
    (
        "register",
        "400",
        "error",
        "This email is already registered.",
    ),
    (
        "request_reset",
        "200",
        "message",
        "Password reset email sent",
    ),
    ("verify_password_reset", "401", "error", "Unauthorized"),
    ("update_password_reset", "401", "error", "Unauthorized"),
    (
        "update_password_reset",
        "200",
        "message",
        "Password updated successfully",
    ),
    (
        "resend_activation",
        "200",
        "message",
        "Activation email sent",
    ),
    ("activate", "400", "error", "Invalid token or expired"),
    (
        "activate_page",
        "200",
        "message",
        "Account already confirmed",
    ),
    ("activate", "200", "message", "Account activated"),
    (
        "confirm_address_page",
        "200",
        "message",
        "Email address already confirmed",
    ),
    ("confirm_address", "200", "message", "Email address changed"),
    (
        "login",
        "400",
        "detail",
        "JSON parse error - expected value at line 1 column 1",
    ),
    (
        "login",
        "403",
        "error",
        "This page may not log anybody in here.",
    ),
    (
        "contact_us",
        "404",
        "error",
        "This service takes no messages, because nobody is named who reads them. Write to the people behind it in another way.",
    ),
    ("end_session", "200", "message", "Session ended"),
    ("delete_account", "200", "message", "Account deleted"),
    ("contact_us", "200", "message", "Email sent"),
    (
        "check_registration_status",
        "404",
        "error",
        "User not found.",
    ),
    (
        "retrieve_email_by_username",
        "404",
        "error",
        "User not found",
    ),
    (
        "check_privacy_policy",
        "404",
        "detail",
        "No privacy policy available.",
    ),
    (
        "consent_to_privacy_policy",
        "404",
        "detail",
        "Privacy policy not found.",
    ),
];

/// What every endpoint answers.
const EVERYWHERE: [(&str, &str); 10] = [
    ("400", "The Authorization header stands there twice."),
    ("403", "You do not have permission to perform this action."),
    ("404", "Not found."),
    ("406", "Could not satisfy the request Accept header."),
    ("408", "The body did not arrive in time."),
    ("413", "The body is too large: 65536 bytes are allowed."),
    ("415", "Unsupported media type \"text/plain\" in request."),
    (
        "429",
        "Request was throttled. Expected available in 30 seconds.",
    ),
    ("500", "Something went wrong."),
    (
        "503",
        "The service is temporarily unavailable. Try again later.",
    ),
];

/// They show nothing to people, so their errors have no sentence beside the fields.
const FOR_PROGRAMS: [&str; 6] = [
    "login",
    "token",
    "token_refresh",
    "refresh",
    "token_verify",
    "token_blacklist",
];

/// The example of an answer that says something in words.
pub(super) fn of(asked: &Asked, status: &str, schema: &Value) -> Option<Value> {
    let mut sentences = SENTENCES.iter();
    if let Some((.., field, sentence)) =
        sentences.find(|it| (it.0, it.1) == (asked.operation, status))
    {
        return Some(json!({ *field: sentence }));
    }
    let schema = schema["$ref"].as_str()?.rsplit('/').next()?;
    match schema {
        "Detail" => {
            let sentence = EVERYWHERE.iter().find(|it| it.0 == status)?.1;
            Some(json!({ "detail": sentence }))
        }
        "ErrorSentence" => Some(json!({ "error": "Invalid token or expired" })),
        "TokenProblem" => Some(token_problem(asked.operation)),
        _ if status == "400" => Some(missing_fields(asked)),
        _ => None,
    }
}

fn token_problem(operation: &str) -> Value {
    let sentence = "Token is invalid or expired";
    if operation.contains("token") || operation == "refresh" {
        return json!({ "detail": sentence, "code": "token_not_valid" });
    }
    let message =
        json!({ "token_class": "AccessToken", "token_type": "access", "message": sentence });
    json!({
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "messages": [message],
    })
}

/// The errors of a body that has nothing in it.
fn missing_fields(asked: &Asked) -> Value {
    let required = asked.body.and_then(|it| it["required"].as_array());
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let sentence = "This field is required.";
    let mut errors: Map<String, Value> = required
        .map(|it| (it.to_owned(), json!([sentence])))
        .collect();
    let for_people = match asked.operation {
        // It may be left out, and mean that somebody agrees.
        "consent_to_privacy_policy" => return json!({ "agree": ["Must be a valid boolean."] }),
        it if FOR_PROGRAMS.contains(&it) => return Value::Object(errors),
        "contact_us" => "name: This field is required.",
        _ => sentence,
    };
    errors.insert("error".to_owned(), for_people.into());
    Value::Object(errors)
}
