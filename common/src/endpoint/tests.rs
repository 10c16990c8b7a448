//! Every way to write an address, and every way to get it wrong.

use super::*;

fn shown(text: &str) -> String {
    text.parse::<Endpoint>().unwrap().to_string()
}

fn refused(text: &str) -> String {
    text.parse::<Endpoint>().unwrap_err().to_string()
}

#[test]
fn a_url_is_split_into_host_port_tls_and_path() {
    for (text, parts) in [
        ("https://1.2.3.4:8787/this/is/path", ("1.2.3.4", 8787, true, "/this/is/path")),
        ("http://1.2.3.4", ("1.2.3.4", 80, false, "")),
        ("https://1.2.3.4", ("1.2.3.4", 443, true, "")),
        ("http://1.2.3.4:8888", ("1.2.3.4", 8888, false, "")),
    ] {
        let e = Endpoint::try_from(text).unwrap();
        assert_eq!((e.host(), e.port(), e.tls(), e.path()), parts, "{text}");
    }
}

#[test]
fn an_address_without_a_scheme_is_a_slave_over_http() {
    assert_eq!(shown("gpu-3"), "http://gpu-3:7236");
    assert_eq!(shown("gpu-3:9000/under"), "http://gpu-3:9000/under");
    assert_eq!(shown("127.0.0.1"), "http://127.0.0.1:7236");
    assert_eq!(shown("host/a://b"), "http://host:7236/a://b");
}

#[test]
fn ipv6_is_read_with_and_without_brackets_and_shown_with_them() {
    assert_eq!(shown("::1"), "http://[::1]:7236");
    assert_eq!(shown("::1/under"), "http://[::1]:7236/under");
    assert_eq!(shown("[::1]"), "http://[::1]:7236");
    assert_eq!(shown("https://[2001:DB8:0::1]:9000/"), "https://[2001:db8::1]:9000");
    assert_eq!("::1".parse::<Endpoint>().unwrap().host(), "::1");
    for bad in ["http://::1", "http://::1:80", "[::1", "[::1]80", "[1.2.3.4]", "[fe80::1%eth0]"] {
        assert!(refused(bad).starts_with("bad host"), "{bad}");
    }
}

#[test]
fn the_url_that_is_shown_reads_back_as_the_same_endpoint() {
    for text in ["HTTPS://GPU-3.Lab/", "my_box.", "[::ffff:1.2.3.4]:1", "http://a/%40;b=1:2"] {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{text}");
    }
    assert_eq!(shown("HTTPS://GPU-3.Lab/"), "https://gpu-3.lab:443");
}

#[test]
fn a_socket_address_is_an_endpoint_without_tls() {
    let endpoint = Endpoint::from("[::1]:80".parse::<SocketAddr>().unwrap());
    assert_eq!(endpoint.authority(), "[::1]:80");
    assert!(!endpoint.tls());
    assert_eq!(Endpoint::try_from("http://[::1]".to_owned()), Ok(endpoint));
}

#[test]
fn a_password_is_never_repeated() {
    for text in [
        "http://user:s3cret@host",
        "user:s3cret@host:80",
        "user:s3cret@http://host",
        "http://user:s3/cret@host",
        "http://user:s3#cret@host",
        "s3cret://user:pw@host",
    ] {
        let error = text.parse::<Endpoint>().unwrap_err();
        assert_eq!(error, EndpointError::UserInfo);
        assert!(!format!("{error} {error:?}").contains("s3"), "{text}");
    }
    assert_eq!("a:s3 cret@b".parse::<Endpoint>(), Err(EndpointError::Space { at: 4 }));
}

#[test]
fn a_refusal_names_what_is_wrong() {
    assert_eq!(refused(""), "the address is empty");
    assert_eq!(refused("ftp://host"), "unknown scheme \"ftp\": use http or https");
    assert_eq!(refused("host\n"), "the address has white space or a control character at byte 4");
    assert_eq!(refused("host:99999"), "bad port \"99999\": use a number from 1 to 65535");
    assert_eq!(refused("a/b{c"), "bad path \"/b{c\": '{' must be percent-encoded");
}

#[test]
fn what_cannot_be_dialled_is_refused() {
    for port in ["", "0", "+80", "-1", "65536", "http", "٣"] {
        assert!(refused(&format!("http://host:{port}")).starts_with("bad port"), "{port}");
    }
    for host in ["1.2.3.999", "1.2.3", "7236", "a..b", ".", "-to", "höst", "a%20b", "a\\b", "a,b"]
    {
        assert!(refused(host).starts_with("bad host"), "{host}");
    }
    assert!(refused(&"a".repeat(64)).starts_with("bad host"));
    for none in ["http://", ":80", "/path", "http:///path", "//host"] {
        assert_eq!(none.parse::<Endpoint>(), Err(EndpointError::NoHost), "{none}");
    }
    for query in ["host?a=b", "http://host/path#top"] {
        assert_eq!(query.parse::<Endpoint>(), Err(EndpointError::Query), "{query}");
    }
    assert!(refused("://host").starts_with("unknown scheme"));
    assert!(refused("http://host/ü").starts_with("bad path"));
}
