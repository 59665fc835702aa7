//! Password hashes that Django made: they let their owners in, and become ours at the first login.

use serde_json::json;

use crate::server::{Server, Site, until};

/// What Django 5.2 made of the password that the tests use, with each of its hashers, at the least cost; Argon2 also
/// with several lanes, and as it was before it wrote its version.
const HASHES: [&str; 8] = [
    "pbkdf2_sha256$1000$seasalt1$cLucG1E6LN7WMAxQh2nsvJHFKNs4TaWorFmC3IVE5LU=",
    "pbkdf2_sha1$1000$seasalt1$o+KgVshOouDcar7urLVWfkOlXBQ=",
    "argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdDE$F2pj8kB13DUWpNqXMw7mjWTF5bzf2rDcnOhLYn15bC4",
    "argon2$argon2id$v=19$m=512,t=2,p=8$c2Vhc2FsdDE$ijqiz6mNz6KpIfa4CJVYhp9Bu58zRHZcLzId/fFnCvo",
    "bcrypt_sha256$$2b$04$aYRSJiw/q3UokwqTI8S.uuiJkml0XXg0qsof6YsszcVFTEHodLTgi",
    "bcrypt$$2b$04$gBzjqvTmqUMrVhQgCZq2nu3DV57er26BaYO2Bv5cpzXy6Om82O7k2",
    "argon2$argon2i$m=512,t=2,p=2$c2FsdHNhbHRzYWx0$5X3zvP5sUL3VHCfLpp48Tw",
    "scrypt$16$seasalt1$1$1$VxL/AzxmVUv87bQserzuTd3q8BtK5Gjj9M2rzAD3NGgjmXOU+yigqMpnT3c60r0S3MsWQS6oZ7rmIHiiZKc2+Q==",
];

/// Of a password that normalising changes, and of its normal form.
const AS_TYPED: &str = "pbkdf2_sha256$1000$salt1234$wiXBba597kACs5sO4whJe8S44fcrw2VOz97W9SfqrEc=";
const COMPOSED: &str = "pbkdf2_sha256$1000$salt1234$cfZVjkL9I2WmXLmZXHGfmC4MrtaV8Np9rOGfEw52cQE=";

fn store_hash(site: &Site, hash: &str) {
    let sql = format!("UPDATE users SET password_hash = '{hash}'");
    site.database().change_one(&sql);
}

fn stored_hash(site: &Site) -> String {
    site.database().get("SELECT password_hash FROM users")
}

#[test]
fn the_old_password_logs_in_twice_and_the_hash_is_ours_after_the_first_time() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    for hash in HASHES {
        store_hash(&site, hash);
        let wrong = json!({"email": "ada@example.org", "password": "Kc8!fjWq2Z"});
        assert_eq!(server.post("login", &wrong).status, 401, "{hash}");
        assert_eq!(stored_hash(&site), hash, "a wrong password changes nothing");
        assert_eq!(server.login("ada@example.org").status, 200, "{hash}");
        let ours = stored_hash(&site);
        assert!(ours.starts_with("$scrypt$ln=4,r=1,p=1$"), "{hash}: {ours}");
        assert_eq!(server.login("ada@example.org").status, 200, "{hash}");
        assert_eq!(stored_hash(&site), ours, "hashed once");
    }
}

#[test]
fn what_is_malformed_unusable_or_costs_too_much_lets_nobody_in() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let dearer = [
        HASHES[0].replace("$1000$", "$10000001$"),
        HASHES[0].replace("$1000$", "$0$"),
        HASHES[2].replace("m=64", "m=1048577"),
        HASHES[2].replace("t=1", "t=65"),
        HASHES[4].replace("$04$", "$17$"),
        HASHES[7].replace("scrypt$16$", "scrypt$2097152$"),
        HASHES[7].replace("scrypt$16$", "scrypt$0$"),
        HASHES[7].replace("scrypt$16$", "scrypt$17$"),
    ];
    let cut = HASHES.map(|it| it[..it.len() - 4].to_owned());
    let others = [
        "",
        "!",
        "!kCXXhUXvkyo",
        "md5$salt$00",
        "pbkdf2_sha256$",
        "argon2$",
        "bcrypt$",
    ];
    let others = others.map(str::to_owned);
    for hash in dearer.iter().chain(&cut).chain(&others) {
        store_hash(&site, hash);
        assert_eq!(server.login("ada@example.org").status, 401, "{hash}");
        assert_eq!(&stored_hash(&site), hash);
    }
    until("a warning for each that costs too much", || {
        let warned = server.log().matches("password_hash_unusable").count();
        (warned >= dearer.len()).then_some(())
    });
}

#[test]
fn a_password_is_tried_as_typed_before_it_is_normalised() {
    // Of `Cafe` with U+0301, the sign for Angstrom and a syllable of Hangul in its parts. Django does not normalise.
    let typed = "Cafe\u{301}-\u{212b}-\u{1112}\u{1161}\u{11ab}-9!x";
    let composed = "Caf\u{e9}-\u{c5}-\u{d55c}-9!x";
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    let login = |password: &str| {
        let body = json!({"email": "ada@example.org", "password": password});
        server.post("login", &body).status
    };
    for hash in [AS_TYPED, COMPOSED] {
        store_hash(&site, hash);
        assert_eq!(login("Cafe-A-9!x"), 401);
        if hash == AS_TYPED {
            assert_eq!(login(composed), 401, "Django did not take it either");
        }
        assert_eq!(stored_hash(&site), hash);
        // From the second time on it is our own hash, of the normal form: all spellings are right.
        for password in [typed, typed, composed] {
            assert_eq!(login(password), 200, "{password:?}");
        }
        assert!(stored_hash(&site).starts_with("$scrypt$"));
    }
}

/// How many hashes the server has computed.
fn computed(server: &Server) -> u64 {
    let metrics = server.get("/metrics", "").body;
    let name = "minisass_auth_password_hashes_total ";
    let count = metrics.lines().find_map(|it| it.strip_prefix(name));
    count.and_then(|it| it.parse().ok()).expect("a count")
}

#[test]
fn nobodys_refusal_computes_what_somebodys_does() {
    for hash in [None, Some(HASHES[0].replace("$1000$", "$100000$"))] {
        let site = Site::new();
        site.add_user("ada", &[]);
        if let Some(hash) = &hash {
            store_hash(&site, hash);
        }
        let server = site.start(&[]);
        until("the dearest kind", || {
            let is_known = hash.is_none() || server.log().contains("pbkdf2_sha256 100000");
            is_known.then_some(())
        });
        // The second one has another normal form: each spelling counts.
        for password in ["Kc8!fjWq2Z", "Cafe\u{301}-9!x-Kc8"] {
            let cost = |email: &str| {
                let before = computed(&server);
                let body = json!({"email": email, "password": password});
                assert_eq!(server.post("login", &body).status, 401);
                computed(&server) - before
            };
            assert_eq!(
                cost("nobody@example.org"),
                cost("ada@example.org"),
                "{password}"
            );
        }
    }
}

#[test]
fn a_kind_of_hash_that_is_dearer_than_ours_is_noticed() {
    let site = Site::new();
    site.add_user("ada", &[]);
    store_hash(&site, &HASHES[0].replace("$1000$", "$100000$"));
    let server = site.start(&[]);
    until("the dearest kind", || {
        let log = server.log();
        let is_noticed =
            log.contains("password_hash_dearest") && log.contains("pbkdf2_sha256 100000");
        is_noticed.then_some(())
    });
    assert_eq!(
        server.login("ada@example.org").status,
        401,
        "of other iterations"
    );
    assert_eq!(server.login("nobody@example.org").status, 401);
}
