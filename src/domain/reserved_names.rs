//! User names that people would take for the operator's, for a part of the service, or for
//! nobody's.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::look_alike::{look, readings, spelt_out};

/// Each word stands for itself and its plural, however it is hyphenated, also with digits behind.
const OFFICIAL: &[&str] = &[
    // The operator, and everybody who could be one.
    "minisass admin administrator administration adm root superuser sudo sysadmin \
     sysadministrator administrateur administrador amministratore beheerder sysop toor webadmin \
     sys system operator moderator mod owner staff team official security \
     support suporte soporte help helpdesk service contact contactus feedback founder developer \
     developers devel dev designer billing legal privacy press office compliance corp enterprise \
     mailerdaemon noreply donotreply hostmaster postmaster webmaster abuse \
     organization organisation company community communities manager tech everyone all \
     me self you mine my",
    // What machines are called, one after the other.
    "www mail ns test host server",
];

/// As above, but with digits behind it is a name like any other.
const COMMON: &[&str] = &[
    // Mailboxes that every domain has (RFC 2142), and who writes from them.
    "master mailer noc ftp pop3 \
     smtp pop imap email webmail news newsletter mailing uucp usenet list listserv dns \
     hostname ssladmin ssladministrator sslwebmaster marketing sales sale info information \
     inquiry",
    // Without a name, or with somebody else's for an example.
    "anon anonymous guest visitor user username usuario nick nickname name named null undef \
     undefined none nil nan empty true false unknown deleted removed yourname yourusername \
     yourdomain yoursite tests tester teste testing example sample demo die bot robot client \
     cliente account member friend follower following",
    // What the service does, as it is called in addresses of pages.
    "address auth authentication oauth oauthclient login logins logout signin signout signup \
     register registration password forgot reset recover activate activation activity activities \
     confirm verify invite invitation join session token setup setting profile dashboard panel \
     portal subscribe subscription unsubscribe notify notification notifications access secure \
     captcha connect delete destroy remove cancel create add edit editor update upload download \
     save send request req reply replies query search find get put post follow unfollow check \
     report message call checking share read end messenger directmessage chat talk msg inbox \
     outbox entry entries issue item error event exit",
    // Pages that most sites have.
    "home homepage homes index indice start welcome about tour faq howto manual guide tutorial \
     readme doc docs documentation wiki knowledgebase changelog release version status state stat \
     stats statistic terms term termsofservice tos policy policies privacypolicy license \
     copyright rule contribute contributor contest career job recruit recruitment employment work \
     works workshop blog blogs microblog article archive archives story stories topic thread \
     forum board group comment bookmark favorite calendar diary campaign announcement promo \
     banner category categories tag theme themes feature plan pricing price premium offer order \
     cart checkout payment purchase purpose compare shop store ecommerce product business \
     affiliate advertising ad adult ads commercial comercial compras vendas cadastro noticias \
     musicas book music movie mp3 photo photoalbum album picture pic image img iamges icon video \
     videos tv radio game gadget widget gift flash fleet flog avatar media language translation \
     education school weather trend ranking popular random recent latest last new old ver view \
     show overview navi navigation map sitemap explore discover directory directories dictionary \
     dict domain domains project repository repositories roc sag eval spec bug note default \
     design diagram edu online year special stage staging temporary task todo tool top mis \
     free redirect jump hpg watch roll sub subdomain idea public private pub page pager",
    // Machines, protocols and files.
    "api app apps web website site ww wws wwws wwww serverinfo serverstatus hosting httpd http \
     https ssl tls ssh telnet irc xmpp xml xfn xpg ldap ldapstatus mx net network intranet \
     localhost gateway proxy balancermanager cdn static asset asct css style styleguide \
     stylesheet js javascript json java python perl php phpmyadmin phppgadmin phpredisadmin ruby \
     sql mysql db database data backup cache log logs config configuration cgi cgibin bin src \
     source code codereview script graph gist github git svn repo file files form dir dist tmp \
     temp xxx swf rss atom feed ajax yaml yml plugin webhook hook android iphone ipad ios mac \
     linux tux windows win mobile mob phone smartphone tablet word maintenance analysis analytics \
     monitor metric health healthz readyz ping url link usage id favicon robots html htm md beta \
     autoconfig autodiscover wpad isatap broadcasthost localdomain daemon nobody sso oauth2 django \
     wellknown faviconico robotstxt sitemapxml humanstxt securitytxt crossdomainxml indexhtml indexhtm \
     clientaccesspolicyxml alpha ghost facebook twitter instagram msn openid postfix pr is it i",
];

/// Who stands in a name as a word of its own is who the name claims to be, whatever else is in it.
const CLAIMED: &str = "admin administrator administration administrateur administrador amministratore \
    beheerder webadmin sysadmin sysadministrator superuser root moderator official support helpdesk \
    security staff webmaster postmaster hostmaster noreply";

/// Nobody is called like the service, with something before or behind.
const PRODUCT: &str = "minisass";

/// Whether a name, in its canonical form, is one that nobody may choose. An address is its owner's.
pub(super) fn is_reserved(canonical: &str) -> bool {
    let letters: String = canonical.chars().filter(|c| c.is_alphanumeric()).collect();
    let bare = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_common = readings(&letters).iter().any(|it| holds(&COMMON_LOOKS, it));
    let official = readings(bare).into_iter().chain(spelt_out(&letters));
    let mut official = official.chain(spelt_out(bare));
    is_common
        || official.any(|it| holds(&OFFICIAL_LOOKS, &it))
        || !canonical.contains('@') && claims_authority(canonical, bare)
}

/// Whether it says the product's name, or one of those that speak for it.
fn claims_authority(canonical: &str, bare: &str) -> bool {
    let words = canonical.split(|c: char| !c.is_alphanumeric());
    let mut readings = words.flat_map(spelt_out);
    readings.any(|it| {
        holds(
            &CLAIMED_LOOKS,
            it.trim_end_matches(|c: char| c.is_ascii_digit()),
        )
    }) || spelt_out(bare)
        .iter()
        .any(|it| it.contains(&look(PRODUCT)) || is_claim_and_office(it))
}

/// Two words in one, such as `supportteam`.
fn is_claim_and_office(name: &str) -> bool {
    let places = name.char_indices().skip(1).map(|(place, _)| place);
    places.map(|it| name.split_at(it)).any(|(one, other)| {
        let are = |claim, office| holds(&CLAIMED_LOOKS, claim) && holds(&OFFICIAL_LOOKS, office);
        one.len() > 2 && other.len() > 2 && (are(one, other) || are(other, one))
    })
}

/// Whether a look is that of a word or of its plural.
fn holds(words: &HashSet<String>, name: &str) -> bool {
    let singular = name.strip_suffix('s');
    words.contains(name) || singular.is_some_and(|it| words.contains(it))
}

static OFFICIAL_LOOKS: LazyLock<HashSet<String>> = LazyLock::new(|| looks(OFFICIAL));
static COMMON_LOOKS: LazyLock<HashSet<String>> = LazyLock::new(|| looks(COMMON));
static CLAIMED_LOOKS: LazyLock<HashSet<String>> = LazyLock::new(|| looks(&[CLAIMED]));

fn looks(lines: &[&str]) -> HashSet<String> {
    let words = lines.iter().flat_map(|it| it.split_whitespace());
    words.map(look).collect()
}
