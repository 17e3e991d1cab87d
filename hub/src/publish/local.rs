//! Whether a broker is in the home: readings leave for another place only when a person says so.

use std::net::{IpAddr, Ipv4Addr};

/// Whether an address can only be in this machine or in the home's own network.
pub(crate) fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_link_local()
}

/// Whether a host can be in the home by what it is called: by an address of a home, or by a name that no public name
/// server gives out. Where such a name leads is looked at again with every connection.
pub(crate) fn may_be_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_local(address);
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let ends = [".local", ".lan", ".home.arpa", ".internal", ".home", ".fritz.box", ".localhost"];
    !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
}

/// Whether nothing leaves this machine on the way there.
pub(crate) fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_of_homes() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:192.168.1.1",
            "localhost",
            "homeassistant",
            "homeassistant.local",
            "Broker.LAN",
            "mqtt.home.arpa",
            "ha.fritz.box",
        ] {
            assert!(may_be_local(host), "{host}");
        }
        for host in [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "broker.example.org",
            "local.example",
            "test.mosquitto.org",
            "notlocal.com.",
        ] {
            assert!(!may_be_local(host), "{host}");
        }
    }

    #[test]
    fn this_machine() {
        for (host, here) in
            [("localhost", true), ("127.8.0.1", true), ("::1", true), ("192.168.1.1", false), ("lan", false)]
        {
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
