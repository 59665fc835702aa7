//! nginx sends each request to either of two servers of one database.

use super::proxy::Proxy;
use crate::deeds::{Deeds, rounds};
use crate::postgres;
use crate::postgres_kills::{PEOPLE, Servers, let_them, while_people_live};

const SERVERS: &str = "
    upstream both {
        random;
        server {BACKEND};
    }
    server {
        listen 127.0.0.1:{PORT};
        location / {
            proxy_pass http://both;
            proxy_next_upstream off;
        }
    }
";

#[test]
fn whichever_of_two_servers_a_request_comes_to_the_answer_is_the_same() {
    let (Some(database), Some(proxy)) = (postgres::database(), Proxy::reserve()) else {
        return;
    };
    let mut proxy = proxy.of_the_guide(SERVERS);
    let servers = Servers::of(database.url());
    let [one, other] = servers.start_two();
    proxy.start_before(&format!("{}; server {}", one.address(), other.address()));
    let deeds = Deeds::default();
    while_people_live(
        PEOPLE,
        &deeds,
        |_| proxy.host(),
        || {
            let_them(&deeds, 100 * rounds(3));
        },
    );
    // Each deed is one that the next request needs: a login of who has just registered, say.
    assert!(deeds.check(&proxy.host()) > 10);
}
