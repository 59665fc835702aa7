//! The memory of a storm of logins is given back.

use std::thread;
use std::time::Duration;

use minisass_auth::crypto::{Cost, HashError, Hasher, Random, Verdict};
use minisass_auth::domain::Password;

use crate::server::until;

/// Nothing else in this process is as large.
const LARGE: usize = 1 << 30;

/// The address of a large block that was freed at once. It is never written to, so it costs nothing.
fn freed_block() -> usize {
    let block = Vec::<u8>::with_capacity(LARGE);
    block.as_ptr() as usize
}

/// Its middle, that is: the ends may lie in ranges of their own.
fn is_mapped(block: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the maps");
    maps.lines().any(|line| {
        let range = line.split(' ').next().and_then(|it| it.split_once('-'));
        let (start, end) = range.expect("a range");
        let number = |digits| usize::from_str_radix(digits, 16).expect("a number");
        let range = number(start)..number(end);
        range.len() > LARGE / 2 && range.contains(&(block + LARGE / 2))
    })
}

#[test]
fn a_thread_keeps_its_large_block_until_it_ends() {
    let thread = thread::spawn(|| {
        let block = freed_block();
        assert!(is_mapped(block), "it was given back");
        assert_eq!(freed_block(), block, "it was not used again");
        block
    });
    let block = thread.join().expect("a block");
    assert!(!is_mapped(block), "it is still there");
}

#[tokio::test]
async fn a_hashing_thread_goes_on_after_a_panic() {
    let hasher = Hasher::new(Cost { ln: 4, r: 1, p: 1 }, 1, 4, Random::System);
    let hasher = hasher.expect("a hasher");
    for _ in 0..3 {
        let work = || -> usize { panic!("the reason") };
        let Err(HashError::Failed(failure)) = hasher.run("testing", work).await else {
            panic!("it must have failed");
        };
        assert_eq!(failure.chain(), "failed testing: it panicked: the reason");
        assert_eq!(hasher.threads(), 1);
    }
    let password = Password::attempt("Kc8!fjWq2Z");
    hasher.hash(password).await.expect("a hash");
}

#[tokio::test]
async fn a_hashing_thread_with_nothing_to_do_ends() {
    let cost = Cost { ln: 4, r: 1, p: 1 };
    let hasher = || Hasher::new(cost, 2, 1, Random::System).expect("a hasher");
    let password = || Password::attempt("Kc8!fjWq2Z");
    let patient = hasher();
    patient.hash(password()).await.expect("a hash");
    assert_eq!(patient.threads(), 1);

    let impatient = hasher().with_idle_threads_for(Duration::from_millis(1));
    for _ in 0..3 {
        impatient.hash(password()).await.expect("a hash");
        until("the end of the thread", || {
            (impatient.threads() == 0).then_some(())
        });
    }
}

#[tokio::test]
async fn a_refusal_that_was_cheap_waits_instead_of_hashing_more() {
    let hasher = |ln| Hasher::new(Cost { ln, r: 1, p: 1 }, 1, 4, Random::System).expect("a hasher");
    let stored = hasher(4).hash(Password::attempt("Kc8!fjWq2Z")).await;
    let stored = stored.expect("a hash");
    let dearer = hasher(6);
    let wrong = || dearer.verify(Password::attempt("wrong"), Some(&stored));
    assert_eq!(wrong().await.expect("a verdict"), Verdict::Wrong);
    assert_eq!(dearer.computed(), 2, "nobody knew how long a hash takes");
    for hashes in 3..6 {
        assert_eq!(wrong().await.expect("a verdict"), Verdict::Wrong);
        assert_eq!(dearer.computed(), hashes);
    }
    let right = dearer
        .verify(Password::attempt("Kc8!fjWq2Z"), Some(&stored))
        .await;
    assert!(matches!(
        right,
        Ok(Verdict::Right {
            outdated: true,
            hashes: 1
        })
    ));
}
