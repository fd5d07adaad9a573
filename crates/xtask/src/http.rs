//! The little HTTP needed to ask a local server whether it answers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take to begin and to continue its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server's answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The answer of the server at `port` of this machine, or `None` if there is none.
pub(crate) fn get(port: u16, path: &str) -> Option<Response> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Response { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_parsed() {
        let response = parse("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<main>").unwrap();
        assert_eq!((response.status, response.body.as_str()), (200, "<main>"));
        assert!(parse("SSH-2.0-OpenSSH_9.2\r\n").is_none());
    }
}
