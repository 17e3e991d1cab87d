//! Late bills: reported once, and once more when they have come.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::wire::*;
use crate::world::*;

/// A webhook that fails the first time.
fn webhook() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/late?token=secret", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let body = loop {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if body.len() >= length.unwrap().trim().parse::<usize>().unwrap() {
                    break body.to_owned();
                }
            };
            let status = if turn == 0 { "503 Later" } else { "204 No Content" };
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
            if turn > 0 && sender.send(serde_json::from_str(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn mails(desk: &Desk) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(desk.path("mails"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn a_late_bill_is_told_once_and_once_more_when_it_has_come() {
    let desk = desk();
    std::fs::create_dir(desk.path("mails")).unwrap();
    let (address, posts) = webhook();
    let watch = ["--webhook", address.as_str(), "--mail-dir", "mails", "--check-every", "1s"];
    let mut service = Service::start(&desk, &[]);
    let house = House::new(1, 200);
    enrol(&desk, &service.client(1), "4711", &house);
    // The month of March, of which the meter has the days from the 2nd on billed.
    let calendar = ["--billing", "yearly", "--zone", "Europe/Amsterdam", "--due-days", "10", "--from", "2025-06-01"];
    assert_eq!(desk.json(&[&["contract", "add", "4711"], &calendar[..]].concat()).0, 0);
    assert_eq!(desk.json(&["report", "late"]).1["late"], serde_json::json!([]), "before the meter was there");
    let calendar = ["--billing", "monthly", "--zone", "Europe/Amsterdam", "--from", "2026-03-02"];
    assert_eq!(desk.json(&[&["contract", "add", "4711"], &calendar[..]].concat()).0, 0);
    assert_eq!(desk.json(&["meter", "retire", "4d", "--from", "2026-03-09"]).0, 1);
    let meter = hex::encode(house.meters[0].certificates()[0].certificate.identity_key);
    let retire = ["meter", "retire", meter.as_str(), "--from", "2026-03-08T23:00:00Z"];
    assert_eq!(desk.json(&retire).0, 0);

    let (code, late) = desk.json(&["report", "late"]);
    assert_eq!((code, late["late"].as_array().unwrap().len()), (1, 1), "{late}");
    assert_eq!((&late["late"][0]["contract"], &late["late"][0]["meter"]), (&"4711".into(), &meter.as_str().into()));
    assert_eq!(desk.json(&["ledger", "missing", "--late"]), (code, late));
    let mail = desk.run(&["report", "late", "--mail"]);
    assert!(mail.1.starts_with("From: ") && mail.1.contains(&meter), "{mail:?}");
    service.stop();

    let mut service = Service::start(&desk, &watch);
    let told = posts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (&told["event"], &told["contract"], &told["meter"]),
        (&"bill-late".into(), &"4711".into(), &meter.as_str().into())
    );
    assert_eq!(told["period"]["from"], "2026-03-02T00:00:00+01:00");
    let keys: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["contract", "event", "format", "meter", "period", "report"], "no fee, no energy");
    until("the mail", || (mails(&desk).len() == 1).then_some(()));
    service.stop();
    // A restart repeats nothing: the next word is that the bill has come.
    let service = Service::start(&desk, &watch);
    let bill = house.bill(&desk, days(2, 9));
    assert!(posts.recv_timeout(Duration::from_secs(3)).is_err(), "it was told twice");
    run(service.client(1).submit(&bill)).unwrap();
    let told = posts.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&told["event"], &told["contract"]), (&"bill-resolved".into(), &"4711".into()));
    until("the second mail", || (mails(&desk).len() == 2).then_some(()));
    assert!(posts.recv_timeout(Duration::from_secs(3)).is_err());
    assert_eq!(mails(&desk).len(), 2);
    assert_eq!(desk.json(&["report", "late"]).0, 0);
    assert_eq!(desk.run(&["report", "late", "--mail"]).1.trim(), "");
    // A channel that is new does not have the history told.
    std::fs::remove_dir_all(desk.path("mails")).unwrap();
    drop(service);
    let mut service = Service::start(&desk, &[]);
    assert_eq!(service.stop(), 0);
    std::fs::create_dir(desk.path("mails")).unwrap();
    let _service = Service::start(&desk, &["--mail-dir", "mails", "--check-every", "1s"]);
    let house = House::new(2, 300);
    desk.write("second.cert", &house.meters[0].certificate_file());
    assert_eq!(desk.json(&["meter", "add", "second.cert", "--contract", "4711"]).0, 0);
    until("the new meter's mail", || (!mails(&desk).is_empty()).then_some(()));
    let told: Vec<_> =
        mails(&desk).iter().map(|name| String::from_utf8(desk.read(&format!("mails/{name}"))).unwrap()).collect();
    assert!(told.iter().all(|mail| !mail.contains(&meter)), "{told:?}");
    assert_eq!(desk.run(&["contract", "add", "4711", "--billing", "monthly"]).0, 2, "a calendar has a zone");
    let log = String::from_utf8(desk.read("log")).unwrap();
    assert!(log.contains("a bill is late") && !log.contains(&meter) && !log.contains("token=secret"), "{log}");
}
