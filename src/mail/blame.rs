//! Whom a mail server's refusal blames: the recipient, whom nobody can change, or us, who can mend it.

/// Whom or what a refusal speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The address, which would be refused again.
    Recipient,
    /// The address in `mail_from`.
    Sender,
    /// The name in EHLO.
    Hello,
    /// Who we are there: the login, or a server that sends nothing for us.
    Login,
    /// Rules that we break, in whatever way.
    Us,
    /// What the mail says.
    Content,
    /// Nobody in particular.
    Nobody,
}

/// How servers name a sender that they refuse. Shorter words would be found in addresses too.
const SENDER: &[&str] = &[
    "sender address",
    "sender denied",
    "sender rejected",
    "sender verif",
    "send as",
    "sendas",
    "mail from",
    "not verified",
    "spf",
    "dkim",
    "dmarc",
];
const LOGIN: &[&str] = &["relay", "authenti", "credentials"];
const HELLO: &[&str] = &["helo", "ehlo"];
const RULES: &[&str] = &[
    "spam",
    "blocked",
    "blacklist",
    "blocklist",
    "policy",
    "reputation",
];

/// Reads a refusal: the step that was refused, the number of the reply and its words.
pub(super) fn blamed(during: &str, code: u16, words: &str) -> Blame {
    let status = Status::of(words);
    // An address may hold any of the words that are looked for.
    let said = words.split_whitespace().filter(|it| !it.contains('@'));
    let said = said.collect::<Vec<_>>().join(" ").to_lowercase();
    let says = |any: &[&str]| any.iter().any(|it| said.contains(it));
    // Servers such as Postfix refuse greeting and sender only when they know the recipient.
    let at_rcpt = during == "RCPT TO";
    let knows_recipient = at_rcpt || matches!(during, "DATA" | "the message");
    let named = match () {
        () if during == "AUTH" || code / 10 == 53 => Some(Blame::Login),
        () if says(HELLO) => Some(Blame::Hello),
        () if says(SENDER) => Some(Blame::Sender),
        () if says(LOGIN) => Some(Blame::Login),
        () => None,
    };
    let ours = named.unwrap_or(Blame::Us);
    match status.map(|it| (it.subject, it.detail)) {
        Some((1, 7 | 8)) => Blame::Sender,
        // Whoever knows no better code uses these for senders too.
        Some((1 | 2, _)) if knows_recipient && named != Some(Blame::Sender) => Blame::Recipient,
        // Exchange Online says 5.4.1 of recipients that it does not know.
        Some((4, 1 | 4) | (6, 7)) if at_rcpt && named.is_none() => Blame::Recipient,
        Some((5 | 7, _)) => ours,
        Some((6, _)) => Blame::Content,
        Some(_) => named.unwrap_or(Blame::Nobody),
        // The codes of RFC 5321 and RFC 7504 for an address.
        None if at_rcpt && matches!(code, 501 | 550..=553 | 556) && !says(RULES) => {
            named.unwrap_or(Blame::Recipient)
        }
        None if code >= 500 => ours,
        None => named.unwrap_or(Blame::Nobody),
    }
}

/// Whether a refusal says by its enhanced code that it is none for good.
pub(super) fn is_passing(words: &str) -> bool {
    Status::of(words).is_some_and(|it| it.class == 4)
}

/// An enhanced status code (RFC 3463).
#[derive(Clone, Copy, Debug)]
struct Status {
    class: u16,
    subject: u16,
    detail: u16,
}

impl Status {
    /// It comes first; qmail writes it at the end, as `(#5.7.1)`.
    fn of(words: &str) -> Option<Self> {
        let first = words.split_whitespace().next().and_then(Self::read);
        first.or_else(|| {
            let (code, _) = words.rsplit_once("(#")?.1.split_once(')')?;
            Self::read(code)
        })
    }

    fn read(code: &str) -> Option<Self> {
        let mut numbers = code.split('.').map(|it| it.parse().ok());
        let [class, subject, detail] = [numbers.next()??, numbers.next()??, numbers.next()??];
        let is_whole = numbers.next().is_none() && matches!(class, 2 | 4 | 5);
        is_whole.then_some(Self {
            class,
            subject,
            detail,
        })
    }
}
