//! E-67 to E-69: tokens, addresses, gates.

use futures_util::FutureExt;
use selsyn::{Endpoint, generate_token};
use selsyn_testing::{Gate, expect};

/// That the digits come from the operating system's generator cannot be seen from outside; that
/// they are not the same again can.
#[test]
fn e_67_a_token_is_64_random_hex_digits() {
    let tokens = [generate_token().unwrap(), generate_token().unwrap()];
    for token in &tokens {
        assert_eq!(token.reveal().len(), 64);
        assert!(token.reveal().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    assert_ne!(tokens[0].reveal(), tokens[1].reveal());
    assert!(!tokens[0].matches(tokens[1].reveal()));
}

#[test]
fn e_68_an_address_is_read_as_host_port_tls_and_path() {
    for (text, port, tls, path) in [
        ("https://1.2.3.4:8787/this/is/path", 8787, true, "/this/is/path"),
        ("http://1.2.3.4", 80, false, ""),
        ("https://1.2.3.4", 443, true, ""),
    ] {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.host(), "1.2.3.4", "{text}");
        let read = (endpoint.port(), endpoint.tls(), endpoint.path());
        assert_eq!(read, (port, tls, path), "{text}");
    }
}

#[tokio::test]
async fn e_69_a_gate_lets_all_waiters_through_and_can_be_closed_again() {
    let gate = Gate::closed();
    let waiters = [gate.clone(), gate.clone()];
    let [first, second] = &waiters;
    let mut opened = Box::pin(async { tokio::join!(first.opened(), second.opened()) });
    assert!(opened.as_mut().now_or_never().is_none());
    gate.open();
    expect::soon("both waiters to wake", opened).await;
    assert!(gate.is_open() && first.is_open());

    let mut closed = Box::pin(second.is_closed());
    assert!(closed.as_mut().now_or_never().is_none());
    gate.close();
    expect::soon("the gate to be closed", closed).await;
    assert!(!first.is_open());
    assert!(gate.opened().now_or_never().is_none());
}
