//! What really goes over a connection, on loopback.

use crate::ours::{OurKeys, transfer};
use bytes::Bytes;
use domain::payout::TransferAnswer;
use http::Request;
use providers::{
    MobileMoney,
    momo::MtnMomo,
    transport::{Https, MAX_ANSWER, Transport, TransportError},
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::AtomicUsize,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

fn https() -> Https {
    Https::new(Duration::from_secs(20)).expect("a client")
}

/// Answers each connection's first request with `answer` and tells what was asked for.
fn answering(answer: Vec<u8>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("http://{}", listener.local_addr().expect("an address"));
    let (told, asked) = channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.extend(byte);
            }
            // The test may be over by now.
            let heard = told.send(String::from_utf8_lossy(&head).to_ascii_lowercase()).is_ok();
            if !heard || stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    (host, asked)
}

fn momo(host: &str) -> MtnMomo {
    let keys = Arc::new(OurKeys { api_user: "api-user", afresh: AtomicUsize::new(0) });
    MtnMomo::new(Arc::new(https()), keys, host, "sandbox", "api-user", None)
}

// proves: PAY-01
#[tokio::test]
async fn a_redirect_of_the_token_is_not_followed_and_its_empty_post_says_that_it_is_empty() {
    let found = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (host, asked) = answering(found.to_vec());
    let answer = momo(&host).transfer(&transfer()).await;
    assert_eq!(answer, TransferAnswer::Unsent("token: 302 without a token".to_owned()));

    let head = asked.try_recv().expect("one request");
    assert!(head.starts_with("post /disbursement/token/ http/1.1\r\n"), "{head}");
    assert_eq!(head.matches("content-length: 0\r\n").count(), 1, "{head}");
    assert!(asked.try_recv().is_err(), "nothing else was asked for");
}

// proves: PAY-01
#[tokio::test]
async fn an_answer_comes_back_whole_or_not_at_all() {
    let get = |host: &str| Request::get(host).body(Bytes::new()).expect("a request");
    let whole = |length: usize, body: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nx-kept: yes\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        [head.into_bytes(), vec![b'a'; body]].concat()
    };

    let (host, _asked) = answering(whole(MAX_ANSWER, MAX_ANSWER));
    let answer = https().send(get(&host)).await.expect("an answer");
    assert_eq!(answer.body().len(), MAX_ANSWER);
    assert_eq!(answer.headers()["x-kept"], "yes");

    let (host, _asked) = answering(whole(MAX_ANSWER + 1, MAX_ANSWER + 1));
    assert_eq!(https().send(get(&host)).await.err(), Some(TransportError::NoAnswer), "too long");

    let (host, _asked) = answering(whole(100, 10));
    assert_eq!(https().send(get(&host)).await.err(), Some(TransportError::NoAnswer), "it broke off");

    let (host, _asked) = answering(Vec::new());
    assert_eq!(https().send(get(&host)).await.err(), Some(TransportError::NoAnswer), "hung up");
}

// proves: PAY-01
#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let request = Request::post(format!("http://{free}")).body(Bytes::new()).expect("a request");
    assert_eq!(https().send(request).await.err(), Some(TransportError::NotConnected));
}
