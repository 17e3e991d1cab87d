//! The gateway as a process: its socket, its lock, how it stops, and commands with and without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        assert_eq!(home.run(&["init"]).0, Some(0));
        home
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("h")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattseal"));
        command.arg("--home").arg(self.path()).args(arguments).arg("--json").stdin(Stdio::null());
        // Nobody's keyring is touched by a test.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").current_dir(self.0.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), serde_json::from_str(text.trim()).unwrap_or(Value::Null))
    }

    /// Starts the gateway and waits until it answers.
    fn gateway(&self) -> Gateway {
        let mut child = self.command(&["run"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.contains("running"), "{line}");
        Gateway(child)
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.path().join("hub.sock")).unwrap()
    }
}

struct Gateway(Child);

impl Gateway {
    fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the gateway does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(stream: &mut UnixStream, line: &str) -> Value {
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn one_gateway_answers_until_it_is_stopped() {
    let home = Home::new();
    assert_eq!(home.run(&["status"]).1["running"], false);
    assert_eq!(home.run(&["stop"]), (Some(3), home.run(&["stop"]).1));
    assert_eq!(home.run(&["now"]).1["error"]["code"], "not-running");

    let mut gateway = home.gateway();
    assert_eq!(mode(&home.path().join("hub.sock")), 0o600);
    assert_eq!(home.run(&["status"]).1["running"], true);
    assert_eq!(home.run(&["now"]).1["meters"], serde_json::json!([]));
    let (code, second) = home.run(&["run"]);
    assert_eq!((code, &second["error"]["code"]), (Some(3), &"running".into()));

    let mut watching = home.connect();
    writeln!(watching, "{{\"version\":1,\"request\":\"watch\"}}").unwrap();
    assert_eq!(home.run(&["stop"]).0, Some(0));
    assert_eq!(gateway.ended(), Some(0));
    let mut rest = String::new();
    assert_eq!(BufReader::new(watching).read_line(&mut rest).unwrap(), 0, "watchers hear the end: {rest}");
    for name in ["hub.sock", "store.db-wal", "store.db-shm"] {
        assert!(!home.path().join(name).exists(), "{name} is left");
    }
    assert_eq!(home.run(&["status"]).1["running"], false);
}

#[test]
fn what_is_no_request_is_refused_and_disturbs_nobody() {
    let home = Home::new();
    let _gateway = home.gateway();
    let mut stream = home.connect();
    for (line, code) in [
        ("not json", "bad-request"),
        ("{}", "bad-request"),
        ("{\"version\":1,\"request\":\"open-sesame\"}", "bad-request"),
        ("{\"version\":1,\"request\":\"readings\"}", "bad-request"),
        ("{\"version\":99,\"request\":\"status\"}", "api-version"),
        ("{\"version\":1,\"request\":\"remove-line\",\"line\":9}", "no-line"),
        ("{\"version\":1,\"request\":\"add-line\",\"address\":\"carrier pigeon\"}", "address"),
        ("{\"version\":1,\"request\":\"pair\",\"line\":1,\"code\":\"AAAA\"}", "bad-code"),
    ] {
        assert_eq!(ask(&mut stream, line)["error"]["code"], code, "{line}");
    }
    assert_eq!(ask(&mut stream, "{\"version\":1,\"request\":\"status\"}")["answer"], "status");
    // A request without an end does not fill the memory, and ends its own connection alone.
    let mut endless = home.connect();
    let flood = vec![b'x'; 2 << 20];
    let _ = endless.write_all(&flood);
    let mut nothing = String::new();
    assert_eq!(BufReader::new(endless).read_line(&mut nothing).unwrap_or(0), 0);
    assert_eq!(ask(&mut stream, "{\"version\":1,\"request\":\"status\"}")["answer"], "status");
}

#[test]
fn a_killed_gateway_leaves_a_home_that_opens() {
    let home = Home::new();
    let mut gateway = home.gateway();
    assert_eq!(home.run(&["line", "add", "tcp://127.0.0.1:9"]).0, Some(0));
    gateway.0.kill().unwrap();
    gateway.ended();
    assert!(home.path().join("hub.sock").exists(), "a dead socket is left");
    let (code, lines) = home.run(&["line", "list"]);
    assert_eq!((code, &lines["lines"][0]["address"]), (Some(0), &"tcp://127.0.0.1:9".into()));
    let _again = home.gateway();
    assert_eq!(home.run(&["status"]).1["running"], true);
    assert_eq!(home.run(&["line", "remove", "1"]).1["lines"], serde_json::json!([]));
}

#[test]
fn passwords_and_codes_do_not_come_back() {
    let home = Home::new();
    let _gateway = home.gateway();
    std::fs::write(home.0.path().join("pw"), "grapefruit-9\n").unwrap();
    let add = ["line", "add", "mqtt://reader@127.0.0.1:9/wattseal/M", "--password-file", "pw"];
    for arguments in [&add[..], &["line", "list"], &["status"]] {
        let output = home.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&said).contains("grapefruit"), "{arguments:?}");
    }
}
