//! What every database has to do with keys, and what servers make of it.

use jsonwebtoken::{EncodingKey, Header, encode};
use minisass_auth::crypto::{Keyring, LinkKey, MasterKey, Random, Signer};
use minisass_auth::domain::SealedKey;
use minisass_auth::operator::keys::{Followed, KeyWatch};
use minisass_auth::store::Store;
use serde_json::json;

use crate::app::{App, operator};
use crate::store::{NOW, actor, get, on_each_engine};

const RANDOM: Random = Random::System;

fn begin(store: &Store, master: &MasterKey) -> i64 {
    let links = LinkKey::next(master, &RANDOM, NOW).expect("a key");
    let first = next(store, master);
    get(store.begin_keys(vec![links, first], None, actor(NOW))).expect("the first keys")
}

/// The one that follows those that are stored.
fn next(store: &Store, master: &MasterKey) -> SealedKey {
    ring(store, master)
        .0
        .next(master, &RANDOM, NOW)
        .expect("a key")
}

fn ring(store: &Store, master: &MasterKey) -> (Keyring, i64) {
    let stored = get(store.keys());
    let ring = Keyring::open(&stored.keys, master).expect("a ring");
    (ring, stored.version)
}

#[test]
fn of_two_who_make_a_key_at_once_one_has_to_look_again() {
    on_each_engine(|store| {
        let master = MasterKey::passing(&RANDOM).expect("a master key");
        assert_eq!(begin(store, &master), get(store.keys_version()));
        let version = get(store.keys_version());
        let [one, other] = [next(store, &master), next(store, &master)];
        let add = |key, version| get(store.add_key(key, version, "key.rotate", actor(NOW)));
        assert!(add(one.clone(), version));
        assert!(!add(other, version), "there is a key in between");
        assert_eq!(get(store.keys_version()), version + 1, "it left no trace");
        let kids = ring(store, &master).0.list();
        assert_eq!(kids.len(), 2);
        assert_eq!(kids[1].kid, one.name);
        assert!(add(next(store, &master), version + 1));
    });
}

#[test]
fn keys_that_were_read_before_others_do_not_take_their_place() {
    on_each_engine(|store| {
        let master = MasterKey::passing(&RANDOM).expect("a master key");
        begin(store, &master);
        let (before, version) = ring(store, &master);
        let signer = Signer::new(&before, version, None, NOW, NOW).expect("a signer");
        let key = next(store, &master);
        let header = Header {
            kid: Some(key.name.clone()),
            ..Header::default()
        };
        let token = encode(&header, &json!({}), &EncodingKey::from_secret(b"any"));
        let token = token.expect("a token");
        let knows = || signer.inspect(&token).expect("a token").knows_key;
        assert!(get(store.add_key(key, version, "key.rotate", actor(NOW))));
        assert!(!knows());
        let (after, newer) = ring(store, &master);
        signer.change_keys(&after, newer).expect("newer keys");
        signer.change_keys(&before, version).expect("older keys");
        assert!(knows());
        assert_eq!(signer.keys_version(), newer);
    });
}

#[test]
fn who_follows_the_keys_hears_of_a_change_once_and_of_a_going_back_once() {
    let app = App::new();
    let mut watch = KeyWatch::default();
    let mut look = || {
        let looked = app.wait(app.operator.follow_keys(&mut watch));
        looked.map_err(|it| it.chain())
    };
    assert_eq!(look(), Ok(Followed::AsKnown));
    app.wait(app.operator.rotate_key(&operator()))
        .expect("a key");
    assert_eq!(look(), Ok(Followed::Changed));
    assert_eq!(look(), Ok(Followed::AsKnown));
    // As when a replica took over that had not heard of it.
    let back = "UPDATE counts SET count = count - 1 WHERE name = 'key-changes'";
    app.database().change(back);
    assert_eq!(look(), Ok(Followed::WentBack));
    assert_eq!(look(), Ok(Followed::AsKnown), "it was said");
}
