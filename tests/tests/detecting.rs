//! `wattseal detect` as a process, on pseudo-terminals and a real broker on which the emulator plays plain meters: each is
//! found with a profile that fits and an address that works, and what cannot be read is explained. A pseudo-terminal that
//! is given a speed gives noise to whoever listens at another, as a line does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::binary;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const KEY: &str = "00112233445566778899aabbccddeeff";

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A plain meter on a pseudo-terminal, and its path.
fn meter(arguments: &[&str]) -> (Running, String) {
    let mut child = Command::new(binary("wattseal-meter"))
        .args(["plain", "--serial", "auto", "--speed", "10", "--json", "--from", "2026-01-10"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let running = Running(child);
    let path = out.lines().find_map(|line| {
        let told: Value = serde_json::from_str(&line.ok()?).ok()?;
        Some(told["address"].as_str()?.to_owned())
    });
    (running, path.expect("the meter has no line"))
}

/// Exit code, what it says to programs, and what to people meanwhile.
fn detect(arguments: &[&str]) -> (i32, Value, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(binary("wattseal"))
        .args(["--json", "--home"])
        .arg(home.path())
        .arg("detect")
        .args(arguments)
        .output()
        .unwrap();
    assert!(fs::read_dir(home.path()).unwrap().next().is_none(), "something was saved");
    let text = String::from_utf8(output.stdout).unwrap();
    let value = text.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
    (output.status.code().unwrap(), value, String::from_utf8(output.stderr).unwrap())
}

/// A meter of this dialect on a line of this speed is found as this profile, at this address.
fn found(arguments: &[&str], options: &[&str], profile: &str, settings: &str) -> Value {
    let (_meter, path) = meter(arguments);
    let (code, told, said) = detect(&[&["--port", &path], options].concat());
    assert_eq!(code, 0, "{arguments:?}: {told} {said}");
    let found = &told["found"][0];
    assert!(found["fits"].as_array().unwrap().iter().any(|fits| fits == profile), "{arguments:?}: {found}");
    assert_eq!(found["address"], format!("serial:{path}{settings}"), "{arguments:?}");
    let next = found["next"].as_str().unwrap();
    assert!(next.starts_with(&format!("wattseal line add 'serial:{path}{settings}' --meter ")), "{next}");
    found.clone()
}

/// The settings are those of the line: at others each meter gives noise. All at the same time, as each takes its time to
/// come to its speed.
#[test]
fn each_is_found_with_its_speed() {
    let seven = &["--quirk", "parity-bits"][..];
    std::thread::scope(|scope| {
        for (protocol, dialect, baud, quirk, profile, settings) in [
            ("p1", "dsmr5", "115200", &[][..], "dsmr-5", ""),
            ("p1", "fluvius", "115200", &[], "fluvius", ""),
            ("p1", "sweden", "115200", &[], "sweden-p1", ""),
            ("p1", "dsmr2", "9600", seven, "dsmr-2", "?baud=9600&parity=even&bits=7"),
            ("sml", "emh", "9600", &[], "emh-ehz", "?baud=9600"),
            ("sml", "dzg", "9600", &[], "dzg", "?baud=9600"),
            ("tic", "standard", "9600", seven, "linky-standard", "?baud=9600&parity=even&bits=7"),
            ("tic", "base", "1200", seven, "linky-historique", "?baud=1200&parity=even&bits=7"),
            ("d0", "mode-d", "9600", seven, "easymeter-q3d", "?baud=9600&parity=even&bits=7"),
            // The whole conversation, from 300 baud to 4800 and back: at a wrong speed neither side hears the other.
            ("d0", "mode-c", "300", &[], "landis-gyr-zmd", "?baud=300&parity=even&bits=7"),
            ("dlms", "aidon", "2400", &[], "aidon-han", "?baud=2400&parity=even"),
            ("dlms", "kaifa", "2400", &[], "kaifa-han", "?baud=2400&parity=even"),
            ("dlms", "landis", "2400", &[], "landis-gyr-e450", "?baud=2400&parity=even"),
        ] {
            scope.spawn(move || {
                let arguments = [&["--protocol", protocol, "--dialect", dialect, "--baud", baud], quirk].concat();
                let told = found(&arguments, &["--seconds", "24"], profile, settings);
                assert!(told["import_kwh"].is_string() || told["power_w"].is_string(), "{told}");
            });
        }
    });
}

#[test]
fn who_only_listens_asks_nothing() {
    let (_meter, path) = meter(&["--protocol", "d0", "--dialect", "mode-c", "--baud", "300"]);
    let (code, told, _) = detect(&["--port", &path, "--seconds", "2", "--listen-only"]);
    assert_eq!((code, &told["others"][0]["verdict"]), (1, &Value::from("silent")), "{told}");
    assert!(told["others"][0]["message"].as_str().unwrap().contains("grid operator opens them"), "{told}");
}

#[test]
fn a_meter_that_encrypts_is_told_and_opened_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let (key, wrong) = (file("key", &format!("{KEY}\n")), file("wrong", "ff112233445566778899aabbccddeeff"));
    let cases = [("p1", "luxembourg", "115200", "luxembourg-smarty"), ("dlms", "austria", "2400", "austria-mbus")];
    let given = [(None, "encrypted"), (Some(wrong.as_str()), "wrong-key"), (Some(key.as_str()), "found")];
    std::thread::scope(|scope| {
        for ((protocol, dialect, baud, profile), (given, verdict)) in
            cases.iter().flat_map(|case| given.iter().map(move |given| (*case, *given)))
        {
            scope.spawn(move || {
                let (_meter, path) =
                    meter(&["--protocol", protocol, "--dialect", dialect, "--baud", baud, "--key", KEY]);
                let given: Vec<_> = given.into_iter().flat_map(|file| ["--meter-key-file", file]).collect();
                let (code, told, said) = detect(&[&["--port", &path, "--seconds", "24"], &given[..]].concat());
                assert!(!said.to_lowercase().contains("2233445566"), "{said}");
                let fits = |list: &Value| list.as_array().unwrap().iter().any(|one| one == profile);
                if verdict == "found" {
                    let first = &told["found"][0];
                    assert!(code == 0 && fits(&first["fits"]), "{dialect}: {told}");
                    assert!(first["next"].as_str().unwrap().ends_with("--meter-key-file KEY"), "{first}");
                } else {
                    let other = &told["others"][0];
                    assert!(code == 1 && other["verdict"] == verdict && fits(&other["may_be"]), "{dialect}: {told}");
                    assert!(other["message"].as_str().unwrap().contains("grid operator"), "{other}");
                }
            });
        }
    });
}

#[test]
fn what_cannot_be_read_is_explained() {
    let verdict = |arguments: &[&str], seconds: &str| {
        let (_meter, path) = meter(arguments);
        let (code, told, _) = detect(&["--port", &path, "--seconds", seconds]);
        (code, told)
    };
    // At a speed that no profile has: noise wherever it is listened.
    let (code, told) = verdict(&["--protocol", "sml", "--baud", "4800"], "6");
    assert_eq!((code, &told["others"][0]["verdict"]), (1, &Value::from("noise")), "{told}");
    let (code, told) = verdict(&["--protocol", "p1", "--baud", "115200", "--damage", "100"], "60");
    assert_eq!((code, &told["others"][0]["verdict"]), (1, &Value::from("damaged")), "{told}");
    let (code, told) = verdict(&["--protocol", "sml", "--quirk", "pin-locked", "--baud", "9600"], "20");
    assert_eq!((code, &told["found"][0]["locked"]), (0, &Value::Bool(true)), "{told}");
}

#[test]
fn ports_that_do_not_open_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("ttyUSB9");
    let (code, told, said) = detect(&["--port", absent.to_str().unwrap()]);
    assert_eq!((code, &told["error"]["code"]), (3, &Value::from("no-port-opens")), "{told}");
    assert!(said.contains("plug the cable in"), "{said}");
    assert_eq!(detect(&["--seconds", "0"]).0, 2);
    assert_eq!(detect(&["--mqtt", "http://broker"]).0, 2);
    assert_eq!(detect(&["--mqtt", "mqtt://broker/with/topic"]).0, 2);
    let (code, told, _) = detect(&["--port", absent.to_str().unwrap(), "--key", "12"]);
    assert_eq!((code, &told["error"]["code"]), (1, &Value::from("meter-key")), "{told}");
}

#[test]
fn whoever_has_the_port_is_named() {
    let (_meter, path) = meter(&["--protocol", "sml", "--baud", "4800"]);
    let mut first = Command::new(binary("wattseal"))
        .args(["detect", "--listen-only", "--seconds", "60", "--port", &path])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(first.stderr.take().unwrap()).lines();
    let first = Running(first);
    // It says which setting it tries, then opens the port.
    let tried = lines.map_while(Result::ok).find(|line| line.starts_with(&path));
    assert!(tried.is_some());
    let deadline = Instant::now() + PATIENCE;
    let said = loop {
        let (code, _, said) = detect(&["--port", &path, "--seconds", "1", "--listen-only"]);
        if code == 3 || Instant::now() > deadline {
            break said;
        }
    };
    assert!(
        said.contains("is in use by another program") && said.contains(&format!("wattseal (process {})", first.0.id())),
        "{said}"
    );
}

/// mosquitto with a password, or none.
fn broker(folder: &Path, password: bool) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = format!("user root\nlistener {port} 127.0.0.1\npersistence false\n");
    if password {
        let file = folder.join("passwords");
        let made = Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&file).args(["home", "right"]).status();
        assert!(made.expect("mosquitto_passwd is not there; ./test installs it").success());
        settings.push_str(&format!("password_file {}\n", file.display()));
    } else {
        settings.push_str("allow_anonymous true\n");
    }
    fs::write(folder.join("conf"), settings).unwrap();
    let program = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let child =
        Command::new(program).arg("-c").arg(folder.join("conf")).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let running = Running(child.expect("mosquitto is not there; ./test installs it"));
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "mosquitto does not listen");
        sleep(Duration::from_millis(20));
    }
    (running, format!("mqtt://127.0.0.1:{port}"))
}

fn publish(url: &str, protocol: &str, dialect: &str, household: &str) -> Running {
    let mut command = Command::new(binary("wattseal-meter"));
    command.args(["plain", "--protocol", protocol, "--dialect", dialect, "--mqtt", url, "--household", household]);
    // A minute in a second: a Shelly tells its counters once a minute.
    Running(command.args(["--speed", "60"]).stdout(Stdio::null()).spawn().unwrap())
}

#[test]
fn every_device_of_a_broker_is_found_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, url) = broker(folder.path(), false);
    let _meters = [
        publish(&url, "json", "tasmota", "1"),
        publish(&url, "json", "tasmota", "2"),
        publish(&url, "json", "shelly", "3"),
        publish(&url, "json", "glow", "4"),
        publish(&url, "json", "zigbee2mqtt", "5"),
        publish(&url, "json", "dsmr-reader", "6"),
        publish(&url, "json", "esphome", "7"),
        publish(&url, "p1", "dsmr5", "8"),
    ];
    let profiles = |told: &Value| {
        let found = told["found"].as_array().unwrap().iter();
        let mut all: Vec<_> = found.map(|found| found["fits"][0].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let bridges = ["dsmr-reader", "esphome", "glow", "shelly-em", "tasmota", "tasmota", "zigbee2mqtt"];
    let (code, told, said) = detect(&["--mqtt", &url, "--seconds", "5"]);
    assert_eq!((code, profiles(&told)), (0, bridges.map(str::to_owned).to_vec()), "{said}");
    for found in told["found"].as_array().unwrap() {
        assert!(found["import_kwh"].is_string() && found["address"].as_str().unwrap().starts_with(&url), "{found}");
    }
    // The telegram that a bridge publishes as it came, on a topic of its own.
    let (_, told, _) = detect(&["--mqtt", &url, "--seconds", "5", "--all-topics"]);
    let whole = told["found"].as_array().unwrap().iter().find(|found| found["protocol"] == "dsmr-p1").unwrap();
    assert!(whole["address"].as_str().unwrap().ends_with("/telegram"), "{whole}");
    assert_eq!(told["found"].as_array().unwrap().len(), 8, "{told}");
}

#[test]
fn a_broker_that_refuses_or_is_quiet_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, url) = broker(folder.path(), true);
    fs::write(folder.path().join("pw"), "wrong\n").unwrap();
    let password = folder.path().join("pw").to_str().unwrap().to_owned();
    let url = url.replace("mqtt://", "mqtt://home@");
    let options = ["--mqtt", &url, "--password-file", &password, "--seconds", "1"];
    let (code, told, said) = detect(&options);
    assert_eq!((code, &told["error"]["code"]), (3, &Value::from("broker")), "{told}");
    assert!(said.contains("refused the login") && !said.contains("wrong\n"), "{said}");
    fs::write(&password, "right\n").unwrap();
    let (code, told, _) = detect(&options);
    assert_eq!((code, &told["others"][0]["verdict"]), (1, &Value::from("silent")), "{told}");
}
