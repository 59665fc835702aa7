//! People who do things at servers that may die at any moment, and what must hold of it afterwards.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::server::{PASSWORD, PATIENCE, registration};
use crate::wire::{Answer, bearer, head};

/// How often a story is told that breaks things: a few times among the other tests, and as often as one
/// likes by hand.
pub fn rounds(usual: usize) -> usize {
    let asked = std::env::var("MINISASS_TEST_ROUNDS").ok();
    asked.and_then(|it| it.parse().ok()).unwrap_or(usual)
}

/// Somebody, as far as servers have acknowledged it.
struct Person {
    name: String,
    /// One of these is right: more than one, while nobody knows whether a change was done.
    passwords: Vec<String>,
    /// These are not.
    replaced: Vec<String>,
    /// Of sessions that were ended.
    ended: Vec<String>,
    /// The last one that was handed out.
    refresh: Option<String>,
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
pub struct Deeds {
    people: Mutex<Vec<Person>>,
    is_over: AtomicBool,
    acknowledged: AtomicUsize,
}

impl Deeds {
    /// How many were acknowledged.
    pub fn count(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Lets everybody finish when it is dropped, by a panic too.
    pub fn until_dropped(&self) -> impl Drop {
        End(&self.is_over)
    }

    /// Lives one life after the other, each request at the server that `choose` names.
    pub fn live(&self, choose: impl Fn() -> String) {
        while !self.is_over.load(Ordering::Relaxed) {
            // A life that a dying server cut short is not continued.
            let _ = self.life(&choose);
        }
    }

    fn life(&self, choose: impl Fn() -> String) -> Option<()> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("user{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let post = |path: &str, token: &str, body: &Value| {
            let answer = ask(&choose(), "POST", path, token, &body.to_string())?;
            // What it was too late for was not done, or nobody knows.
            if answer.status == 503 {
                return None;
            }
            assert!(answer.status < 300, "{path}: {answer:?}");
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            Some(answer)
        };
        post("register/", "", &registration(&name))?;
        let place = self.add(&name);
        let login = |password: &str| {
            let body = json!({"email": format!("{name}@example.org"), "password": password});
            post("login/", "", &body)
        };
        let (first, second) = (login(PASSWORD)?, login(PASSWORD)?);

        let body = json!({"refresh": first.text("refresh_token")});
        let refreshed = post("token/refresh/", "", &body)?;
        self.note(place, |it| it.refresh = Some(refreshed.text("refresh")));
        post("logout/", &second.text("access_token"), &json!({}))?;
        self.note(place, |it| it.ended.push(second.text("access_token")));

        let new = "Wz9$kLmq4x".to_owned();
        self.note(place, |it| {
            // It ends the sessions of the old password.
            it.refresh = None;
            it.passwords.push(new.clone());
        });
        let body = json!({"old_password": PASSWORD, "password": new, "confirm_password": new});
        post("user/password/update/", &first.text("access_token"), &body)?;
        self.note(place, |it| it.replaced.push(it.passwords.remove(0)));
        let last = login(&new)?;
        self.note(place, |it| it.refresh = Some(last.text("refresh_token")));
        Some(())
    }

    fn add(&self, name: &str) -> usize {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.push(Person {
            name: name.to_owned(),
            passwords: vec![PASSWORD.to_owned()],
            replaced: Vec::new(),
            ended: Vec::new(),
            refresh: None,
        });
        people.len() - 1
    }

    fn note(&self, place: usize, change: impl FnOnce(&mut Person)) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut people[place]);
    }

    /// Asks the server for everything that was acknowledged, and forgets it. Returns how many people
    /// there were.
    #[track_caller]
    pub fn check(&self, server: &str) -> usize {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = people.len();
        for person in people.drain(..) {
            check(server, &person);
        }
        checked
    }
}

#[track_caller]
fn check(server: &str, person: &Person) {
    let name = &person.name;
    let post = |path: &str, body: &Value| {
        let answer = ask(server, "POST", path, "", &body.to_string());
        answer
            .expect("an answer of a server that nobody kills")
            .status
    };
    let login = |password: &String| {
        let body = json!({"email": format!("{name}@example.org"), "password": password});
        post("login/", &body)
    };
    if let Some(refresh) = &person.refresh {
        let status = post("token/refresh/", &json!({"refresh": refresh}));
        assert_eq!(status, 200, "{name}: the refresh token is lost");
    }
    for ended in &person.ended {
        let answer = ask(server, "GET", "check-auth-status/", ended, "");
        assert_eq!(
            answer.map(|it| it.status),
            Some(401),
            "{name}: the logout is lost"
        );
    }
    for replaced in &person.replaced {
        assert_eq!(
            login(replaced),
            401,
            "{name}: the change of password is lost"
        );
    }
    let is_in = person.passwords.iter().any(|it| login(it) == 200);
    assert!(is_in, "{name}: the registration or the password is lost");
}

/// None if the server died before it had answered.
fn ask(server: &str, method: &str, path: &str, token: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let path = format!("/authentication/api/{path}");
    let mut headers = "Content-Type: application/json\r\n".to_owned();
    if !token.is_empty() {
        headers += &bearer(token);
    }
    let request = head(method, &path, &headers, body.len()) + body;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) if answer.windows(4).any(|it| it == b"\r\n\r\n") => Some(Answer::read(&*answer)),
        Err(err) if err.kind() == ErrorKind::WouldBlock => panic!("{path} is never answered"),
        _ => None,
    }
}
