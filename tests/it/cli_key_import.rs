//! `key import`: what is no secret, or no secret any more, is not taken.

use crate::old_keys;
use crate::server::{Outcome, Site};

const SECRET: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";
const FOR_DEVELOPMENT: &str = "django-insecure-7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sg";

fn import(site: &Site, text: &str) -> Outcome {
    site.run_with(&["key", "import", "-"], text)
}

/// A key that is refused, and why.
const WEAK: [(&str, &str); 64] = [
    ("short", "shorter than 32"),
    ("0123456789012345678901234567890123456789", "repeats"),
    ("your-256-bit-secretyour-256-bit-secret", "published"),
    ("q9Zk3Wx7Lm2-q9Zk3Wx7Lm2-q9Zk3Wx7Lm2-q9Zk", "repeats"),
    ("abcdefghijklmnopqrstuvwxyz012345", "variety"),
    ("zyxwvutsrqponmlkjihgfedcba987654", "variety"),
    ("a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "variety"),
    ("aaaaaaaaaaaaaaaaaaaaaaabcdefghijkl", "repeats"),
    ("ababaabbbabaabababbbaabaababbabab", "repeats"),
    ("a-string-secret-at-least-256-bits-long", "published"),
    ("A_STRING_SECRET_AT_LEAST_256_BITS_LONG_FOR_US", "published"),
    (
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "published",
    ),
    (
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "published",
    ),
    ("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg", "published"),
    (
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "published",
    ),
    (
        "your-super-secret-jwt-token-with-at-least-32-characters-long",
        "published",
    ),
    (
        "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
        "published",
    ),
    (
        "django-insecure-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "repeats",
    ),
    ("django-insecure-0123", "shorter than 32"),
    (
        "THIS IS USED TO SIGN AND VERIFY JWT TOKENS, REPLACE IT WITH YOUR OWN SECRET, IT CAN BE ANY STRING",
        "published",
    ),
    (
        "This is my custom Secret key for authentication",
        "published",
    ),
    ("Lorem ipsum dolor sit amet, consectetur", "published"),
    ("please-change-me-in-production-1234", "words"),
    ("qwertyuiopasdfghjklzxcvbnm1234567890", "words"),
    ("0987654321mnbvcxzlkjhgfdsapoiuytrewq", "words"),
    ("correct horse battery staple correct", "words"),
    ("my-super-secret-key-for-jwt-signing", "words"),
    ("replace_this_with_a_long_random_string", "words"),
    ("ThisIsASecretKeyForJwtAuthenticationService", "words"),
    ("some-secret-value-that-is-long-enough-1", "words"),
    ("MyAppSecretKeyForSigningUserTokens123", "words"),
    ("123e4567-e89b-12d3-a456-426614174000", "published"),
    ("thisIsMyVeryLongAndSecureJwtSecret2024!", "words"),
    ("My-VeryLong-SecretKey-forTokens-2024", "words"),
    // Without anything between the words.
    ("thisisaverylongsecretkeythatshouldbechanged", "words"),
    ("thisismysupersecretkeyforjwttokens", "words"),
    ("PLEASECHANGETHISSECRETINPRODUCTION123", "words"),
    ("averylongandrandomstringnobodywillguess", "words"),
    ("iamasecretstringthatsignsyourtokens", "words"),
    ("ihavenoideawhattowritehereasasecretkey", "words"),
    // Bytes from 0 to 31, and texts, in other digits.
    (
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "words",
    ),
    ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "words"),
    ("cGxlYXNlLWNoYW5nZS1tZS1pbi1wcm9kdWN0aW9uLTEyMzQ=", "words"),
    (
        "706c656173652d6368616e67652d6d652d696e2d70726f64756374696f6e",
        "words",
    ),
    // SHA-256 of nothing, of `secret`, and of what `echo secret` prints; SHA-1 and MD5 of `password`.
    (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "published",
    ),
    (
        "2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B",
        "published",
    ),
    (
        "b37e50cedcd3e3f1ff64f4afc0422084ae694253cf399326868e07a35f4a45fb",
        "published",
    ),
    ("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", "published"),
    ("5f4dcc3b5aa765d61d8327deb882cf99", "published"),
    ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "published"),
    // Of tutorials, as they stand there.
    ("GQDstcKsx0NHjPOuXOYg5MbeJ1XT0uFiwDVvVBrk", "published"),
    (
        "5367566B59703373367639792F423F4528482B4D6251655468576D5A71347437",
        "published",
    ),
    (
        "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
        "published",
    ),
    (
        "db3OIsj+BXE9NZDy0t8W3TcNekrF+2d/1sFnWG4HnV8TZY30iTOdtVWJG8abWvB1GlOgJuQZdcF2Luqm/hccMw==",
        "published",
    ),
    (
        "JWTAuthenticationHIGHsecuredPasswordVVVp1OH7Xzyr",
        "published",
    ),
    (
        "======================BezKoder=Spring===========================",
        "published",
    ),
    // The same bytes as text, in base64, in hexadecimal digits, and those of the base64 that it also is.
    ("SgVkYp3s6v9y/B?E(H+MbQeThWmZq4t7", "published"),
    ("PPp27xSTfBwOpRn4/AV6gPzQSnQg+Oi80KdWfCcuAHs=", "published"),
    ("PPp27xSTfBwOpRn4_AV6gPzQSnQg-Oi80KdWfCcuAHs", "published"),
    (
        "4751447374634b7378304e486a504f75584f5967354d62654a31585430754669774456765642726b",
        "published",
    ),
    (
        "ddc7daefa79fd78f77edcd5cd1e6b9d7d7fc7dcd39edaf347dc774e1aef8db47fc7bc6dc7746bbe7aedcdbbd9ed34edb",
        "published",
    ),
    // A site that makes keys only counts.
    ("VkYp3s6v9y$B&E)H@McQfTjWmZq4t7w!", "words"),
    (
        "357638792F423F4428472B4B6250655368566D597133743677397A2443264629",
        "words",
    ),
    ("eiRDJkYpSkBOY1JmVWpYbjJyNXU4eCFBJUQqRy1LYVA=", "words"),
];

#[test]
fn a_key_that_is_published_repeats_itself_or_has_no_variety_is_refused() {
    let site = Site::with_database();
    for (secret, why) in WEAK {
        let said = import(&site, secret).refusal();
        assert!(said.contains(why), "{secret}: {said}");
        let anyway = ["key", "import", "-", "--allow-weak"];
        let said = site.run_with(&anyway, secret).refusal();
        assert!(said.contains(why), "{secret}: {said}");
        assert!(said.contains("--allow-weak takes a random key"), "{said}");
    }
    // What generators of keys print.
    for strong in [
        SECRET,
        "4f9a1c0b7d3e58a26b90cfd1e7248a35",
        "9b1d04c7e2f83a6550ce71fa2d9846b3f7013ac58e6d42b9170fe8c35a24d96b",
        "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U",
        "xkqvbzjwpmfgtrhdlnycsuaxeoikwzrq",
        "mqVjq0cM3J6dQ5sVhZ1p7n2w8yKxT4rFbGvLkE9oUuA",
        "ad-hoc pencils 7 under! Wet moons 19 dream",
        "x-3kQ_vB7-Zp0Lr9_Hw2-Yt5Nc8-Jd1Fs6aGe",
        "mQvt-XzLk-wRbc-HnyP-dgTj-sWxK-qVfZ-hBmC",
    ] {
        import(&site, strong).ok();
    }
}

#[test]
fn a_key_file_is_judged_as_an_imported_key_is() {
    let site = Site::new();
    let name = "signing-20260101T000000Z-7c0f3a91.key";
    let migrate = || site.run(&["db", "migrate"]);
    for (secret, why) in WEAK {
        old_keys::put(&site, &[(name, secret)]);
        let said = migrate().refusal();
        assert!(said.contains(why), "{secret}: {said}");
    }
    old_keys::put(&site, &[(name, FOR_DEVELOPMENT)]);
    let said = migrate().refusal();
    assert!(said.contains("--allow-weak"), "{said}");
    // An editor on Windows puts a mark before it, which is no part of the key.
    old_keys::put(&site, &[(name, &format!("\u{feff}{SECRET}\r\n"))]);
    migrate().ok();
    assert_eq!(site.run(&["key", "export"]).ok().trim_end(), SECRET);
    // And one that was allowed to be weak goes on being so.
    let site = Site::new();
    let name = "signing-20260101T000000Z-7c0f3a91-weak-imported.key";
    old_keys::put(&site, &[(name, FOR_DEVELOPMENT)]);
    site.run(&["db", "migrate"]).ok();
    let keys = site.run(&["key", "list", "--format", "json"]).json();
    assert_eq!(
        (&keys[0]["is_weak"], &keys[0]["is_imported"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn a_key_for_development_is_taken_only_if_that_is_said_and_each_start_warns() {
    let site = Site::with_database();
    let said = import(&site, FOR_DEVELOPMENT).refusal();
    assert!(said.contains("--allow-weak"), "{said}");
    let anyway = ["key", "import", "-", "--allow-weak"];
    let said = site.run_with(&anyway, FOR_DEVELOPMENT);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("for development"), "{}", said.err);
    let doctor = site.run(&["doctor"]);
    assert!(doctor.out.contains("for development"), "{}", doctor.out);
    for _ in 0..2 {
        let mut server = site.start(&[]);
        server.stop();
    }
    let log = std::fs::read_to_string(site.path("log")).expect("a log");
    assert_eq!(log.matches("sys_weak_key").count(), 2, "{log}");
    assert!(!log.contains("7w$"), "{log}");
    // A strong one needs no permission, and nobody is warned of it.
    let strong = Site::with_database();
    let said = strong.run_with(&anyway, SECRET);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn a_line_of_a_settings_file_is_no_key() {
    let site = Site::with_database();
    for (text, looks_like) in [
        (format!("SECRET_KEY={SECRET}"), "SECRET_KEY="),
        (format!("SECRET_KEY = '{SECRET}'"), "SECRET_KEY"),
        (format!("jwt_secret = '{SECRET}'"), "jwt_secret"),
        (format!("DJANGO_SECRET_KEY={SECRET}"), "DJANGO_SECRET_KEY="),
        (format!("export KEY={SECRET}"), "export"),
        (format!("'{SECRET}'"), "quotes"),
        (format!("\"{SECRET}\""), "quotes"),
        (format!("{SECRET}\n{SECRET}"), "lines"),
        (format!("{SECRET}\r\n\r\n{SECRET}"), "lines"),
        (format!("SECRET_KEY: {SECRET}"), "SECRET_KEY"),
        (format!("secret-key: '{SECRET}'"), "secret-key"),
        (format!("{{\"SECRET_KEY\": \"{SECRET}\"}}"), "SECRET_KEY"),
        (format!("'SIGNING_KEY': '{SECRET}',"), "SIGNING_KEY"),
        (
            format!("os.environ.get('SECRET_KEY', '{SECRET}')"),
            "program",
        ),
        (format!("env('SECRET_KEY', default='{SECRET}')"), "program"),
        (format!("['{SECRET}']"), "program"),
        (format!("define('SECRET_KEY', '{SECRET}');"), "program"),
        (
            "${DJANGO_SECRET_KEY_OF_PRODUCTION_1}".to_owned(),
            "where it is",
        ),
        (
            "$(cat /run/secrets/django_secret_key)".to_owned(),
            "where it is",
        ),
        (
            "{{ vault.minisass.django_secret_key }}".to_owned(),
            "where it is",
        ),
        (
            "<insert the secret key of Django here>".to_owned(),
            "where it is",
        ),
        (
            "%DJANGO_SECRET_KEY_OF_PRODUCTION_123%".to_owned(),
            "where it is",
        ),
        (
            "/run/secrets/django_secret_key_of_prod".to_owned(),
            "where it is",
        ),
        (
            "vault:secret/data/minisass#django_secret_key".to_owned(),
            "where it is",
        ),
        (
            "ref+vault://secret/minisass#/django_secret_key".to_owned(),
            "where it is",
        ),
        (
            "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ==,type:str]".to_owned(),
            "encrypted",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6231333038626533\n".to_owned(),
            "encrypted",
        ),
        (format!("r'{SECRET}'"), "quotes"),
        (format!("b\"{SECRET}\""), "quotes"),
        (format!("'{SECRET}',"), "quotes"),
        (format!("“{SECRET}”"), "quotes"),
        (format!("‘{SECRET}’"), "quotes"),
        (format!("{SECRET} # of 2024"), "comment"),
        (format!("{SECRET}\0"), "cannot be seen"),
        (format!("{SECRET}\u{200b}"), "cannot be seen"),
        (
            format!("{}\u{a0}{}", &SECRET[..9], &SECRET[9..]),
            "cannot be seen",
        ),
    ] {
        let said = import(&site, &text).refusal();
        assert!(said.contains(looks_like), "{text}: {said}");
        assert_eq!(said.matches("give the secret alone").count(), 1, "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    // A key of Django may hold an equals sign and quotes, and base64 ends with them.
    for odd in [
        format!("{}='x", &SECRET[..40]),
        format!("ab={SECRET}"),
        "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U====".to_owned(),
        format!("\u{a0}{SECRET}\u{a0}\n"),
        format!("{}:{}", &SECRET[..20], &SECRET[20..]),
        format!("#{SECRET}//"),
        format!("<{SECRET}>"),
        "/7mqVjq0cM3J6dQ5sVhZ1p7n2w8yKxT4rFbGvLkE9oUu".to_owned(),
    ] {
        import(&Site::with_database(), &odd).ok();
    }
}

#[test]
fn each_imported_key_has_a_name_of_its_own_and_one_key_has_one_name() {
    let site = Site::with_database();
    let mut names = Vec::new();
    for letter in "abcdefgh".chars() {
        let said = import(&site, &format!("{letter}{SECRET}")).ok();
        let name = said.split(' ').next().expect("a name").to_owned();
        assert!(name.matches("imported").count() == 1, "{name}");
        assert!(name.len() < 60, "{name}");
        names.push(name);
    }
    assert!(names.is_sorted(), "{names:?}");
    names.dedup();
    assert_eq!(names.len(), 8);
    let again = import(&site, &format!("\u{feff}a{SECRET}\r\n"));
    assert!(again.refusal().contains("there already"));
    let keys = site.run(&["key", "list", "--format", "json"]).json();
    assert_eq!(keys.as_array().map(Vec::len), Some(9), "{keys}");
    // Also after one that somebody named by hand, when keys were files.
    let site = Site::new();
    old_keys::put(&site, &[("signing-zzz.key", SECRET)]);
    site.run(&["db", "migrate"]).ok();
    let mut made: Vec<String> = (0..3)
        .map(|_| site.run(&["key", "rotate", "--format", "json"]).json()["kid"].to_string())
        .collect();
    assert!(made.is_sorted() && made[2].len() < 40, "{made:?}");
    made.dedup();
    assert_eq!(made.len(), 3);
}

#[test]
fn what_goes_around_in_the_open_signs_nothing() {
    let site = Site::with_database();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let token = token.trim();
    for (text, what) in [
        (token.to_owned(), "a token"),
        (format!("Bearer {token}"), "a token"),
        (format!("Authorization: Bearer {token}"), "a token"),
        (
            "Basic YWRhOnRocmVlIHVucmVsYXRlZCB3b3Jkcw==".to_owned(),
            "a header",
        ),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8bLq0V3v1xw ada@example.org".to_owned(),
            "a public key",
        ),
        (
            "https://auth.example.org/some/path?x=7a8f93bc21de".to_owned(),
            "a web address",
        ),
        (
            "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".to_owned(),
            "a hash",
        ),
        (
            "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo".to_owned(),
            "a hash",
        ),
    ] {
        let said = site.run_with(&["key", "import", "-"], &text).refusal();
        assert!(said.contains(what), "{text}: {said}");
        assert!(!said.contains(&text), "{said}");
    }
}

#[test]
fn keys_that_are_imported_at_the_same_moment_all_get_in() {
    let site = Site::with_database();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let secret = SECRET.replacen('w', &number.to_string(), 1);
            let site = &site;
            scope.spawn(move || import(site, &secret).ok());
        }
    });
    let listed = site.run(&["key", "list", "--format", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(7), "{listed}");
}
