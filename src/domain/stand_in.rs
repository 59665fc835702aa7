//! Texts that stand where a secret belongs: what a tool made of it to keep it safe.

/// Marks of tools that encrypt values: SOPS and eyaml, Jasypt, Spring, dotenvx, ansible-vault, GnuPG, age.
const ENCRYPTED: [&str; 8] = [
    "ENC[",
    "ENC(",
    "{cipher}",
    "encrypted:",
    "!vault",
    "$ANSIBLE_VAULT;",
    "BEGIN PGP MESSAGE",
    "BEGIN AGE ENCRYPTED",
];

/// What tools put a secret in the place of: bank-vaults, vals, Argo CD, 1Password, AWS, Azure, YAML.
const PLACES: [&str; 12] = [
    "vault:",
    ">>vault:",
    "ref+",
    "<path:",
    "op://",
    "arn:aws:",
    "{{resolve:",
    "@Microsoft.KeyVault(",
    "secretref:",
    "!secret ",
    "!ref ",
    "!env ",
];

/// A text in the place of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandIn {
    #[error("this is encrypted, as sops or ansible-vault do it; decrypt it first")]
    Encrypted,
    #[error("this is not the secret, but says where it is")]
    Place,
}

impl StandIn {
    /// What `text` is instead of a secret, or of an address with one in it.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if ENCRYPTED.iter().any(|it| text.contains(it)) {
            return Some(Self::Encrypted);
        }
        let is_place = is_place(text) || password(text).is_some_and(is_place);
        is_place.then_some(Self::Place)
    }
}

fn is_place(text: &str) -> bool {
    PLACES.iter().any(|it| {
        let start = text.get(..it.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(it))
    })
}

/// That of an address such as `smtp://user:password@host`.
fn password(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|it| it.1)
}
