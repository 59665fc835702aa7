//! What connections may do, and for how long.

use std::time::Duration;

use ipnet::IpNet;

/// What connections may do, and for how long.
#[derive(Clone, Debug)]
pub struct ConnectionRules {
    /// How many connections one client may have at once; 0 is as many as there are.
    pub per_client: usize,
    /// How many there may be in all; None is as many as there is memory for.
    pub most: Option<u32>,
    /// Proxies, whose connections are those of many clients.
    pub exempt: Vec<IpNet>,
    /// How long the head of a request may take to arrive.
    pub head_deadline: Duration,
    /// How long after an answer the next request may take to begin.
    pub idle_deadline: Duration,
    /// How long requests in flight at a stop may take.
    pub grace: Duration,
}

impl Default for ConnectionRules {
    fn default() -> Self {
        Self {
            per_client: 0,
            most: None,
            exempt: Vec::new(),
            head_deadline: Duration::from_secs(10),
            // Longer than proxies keep a connection (60 s), so that none of them sends a request into
            // one that is being closed.
            idle_deadline: Duration::from_secs(75),
            grace: Duration::from_secs(10),
        }
    }
}

impl ConnectionRules {
    /// What has no answer by then gets one that says so, while there is time to send it.
    pub(super) fn last_answers(&self) -> Duration {
        self.grace * 4 / 5
    }
}
