//! The service is killed again and again while a bill is submitted: it is booked once, with one receipt.

use std::thread;
use std::time::Duration;

use crate::wire::*;
use crate::world::*;

#[test]
fn however_often_it_is_killed_there_is_one_booking_and_one_receipt() {
    let desk = desk();
    let house = House::new(1, 200);
    let mut service = Service::start(&desk, &[]);
    enrol(&desk, &service.client(1), "4711", &house);
    let bills: Vec<_> = (0..6).map(|n| house.bill(&desk, days(2 + 3 * n, 5 + 3 * n))).collect();
    let mut killed = 0;
    let mut seen: Vec<Option<Vec<u8>>> = vec![None; bills.len()];
    for (place, bill) in bills.iter().enumerate() {
        for turn in 0_u64..3 {
            let client = service.client(1);
            let bill = bill.clone();
            let submitting = thread::spawn(move || run(client.submit(&bill)));
            // From before the handshake to after the answer, as the milliseconds fall.
            thread::sleep(Duration::from_millis(turn * 17 + u64::try_from(place).unwrap() * 7));
            service.kill();
            match submitting.join().unwrap() {
                Ok(answer) => {
                    let bytes = answer.receipt_bytes;
                    assert!(seen[place].as_ref().is_none_or(|known| *known == bytes));
                    seen[place] = Some(bytes);
                }
                Err(error) => {
                    assert_ne!(error.retry(), hub::provider::Retry::Never, "{error}");
                    killed += 1;
                }
            }
            service = Service::start(&desk, &[]);
        }
        let bytes = run(service.client(1).submit(bill)).unwrap().receipt_bytes;
        assert!(seen[place].as_ref().is_none_or(|known| *known == bytes), "a receipt changed");
        assert_eq!(run(service.client(1).submit(bill)).unwrap().receipt_bytes, bytes);
    }
    let list = desk.json(&["ledger", "list"]).1;
    assert_eq!((&list["accepted"], &list["superseded"]), (&6.into(), &0.into()));
    assert!(killed > 0, "no submission was cut short: the test tells nothing");
}
