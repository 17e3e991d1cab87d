//! A ledger of format 1, as the first version left it, is opened and loses nothing.

use std::fs;
use std::path::Path;

use crate::wire::*;
use crate::world::*;

#[test]
fn a_home_of_format_1_opens_with_every_row() {
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/ledger-1");
    let desk = Desk::new();
    fs::remove_dir_all(desk.path("home")).unwrap();
    fs::create_dir(desk.path("home")).unwrap();
    for name in ["provider.key", "provider.pub", "ledger.key", "ledger.db"] {
        let to = desk.path(&format!("home/{name}"));
        fs::copy(vector.join(name), &to).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    for name in ["first.bill", "second.bill", "import.tariff"] {
        fs::copy(vector.join(name), desk.path(name)).unwrap();
    }
    let (code, list) = desk.json(&["ledger", "list"]);
    assert_eq!((code, &list["accepted"], &list["superseded"], &list["refusals"]), (0, &1.into(), &1.into(), &1.into()));
    assert_eq!(list["bills"][0]["digest"], "2270b0fd3726b8292f19d70b674e7231acf72e4207c1310043d46956d2e3665f");
    assert_eq!(list["totals"][0]["fee_minor"], 1023);
    let contracts = desk.json(&["contract", "list"]).1;
    assert_eq!(contracts["contracts"][0]["contract"], "4711");
    assert_eq!(contracts["contracts"][0]["meters"].as_array().unwrap().len(), 1);
    assert_eq!(desk.outcome(&desk.read("second.bill"), &[]), (0, "already".into()));
    let digest = "07e6567bb7cd658b1bdad7fca37a65d317be31f6cb9172798195ac690fe44fa7";
    assert_eq!(desk.json(&["ledger", "export", digest, "--out", "again.bill"]).0, 0);
    assert_eq!(desk.read("again.bill"), desk.read("second.bill"));

    // Its bills are served from then on: the household enrols and is given the receipt of what was booked before.
    assert_eq!(desk.json(&["tariff", "publish", "import.tariff"]).0, 0);
    let service = Service::start(&desk, &[]);
    let client = service.client(1);
    let state = run(client.enrol(&invite(&desk, "4711", &[]), &[fs::read(vector.join("meter.cert")).unwrap()]));
    assert!(state.is_ok(), "{state:?}");
    let answer = run(client.submit(&desk.read("first.bill"))).unwrap();
    assert_eq!(answer.receipt.corrected_by.map(|d| hex::encode(d.as_slice())), Some(digest.to_owned()));
}
