//! A port for a program that cannot choose one by itself.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, SocketAddrV4, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

/// A free port of the loopback address. While this lives, the system gives it to nobody who asks for
/// any port, but a program that asks for this one, as servers do with `SO_REUSEADDR`, gets it.
pub struct Port {
    pub number: u16,
    _held: OwnedFd,
}

impl Port {
    pub fn reserve() -> Self {
        // No other program is to hold it too.
        let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
        let held = socket_with(AddressFamily::INET, kind, flags, None).expect("a socket");
        sockopt::set_socket_reuseaddr(&held, true).expect("an option");
        bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = getsockname(&held).expect("an address");
        let address: SocketAddrV4 = address.try_into().expect("of version 4");
        Self {
            number: address.port(),
            _held: held,
        }
    }
}
