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

/// Answers within a time that only a gateway that hangs needs.
fn answers(home: &Home) {
    let begun = Instant::now();
    assert_eq!(home.run(&["status"]).1["running"], true);
    assert!(begun.elapsed() < Duration::from_secs(30), "the gateway took {:?}", begun.elapsed());
}

/// A pipe that is full and stays so until its end is dropped.
fn full(pipe: &std::io::PipeReader, mut writer: std::io::PipeWriter) {
    std::thread::spawn(move || writer.write_all(&[b'\n'; 1 << 22]));
    // How much it takes is the system's to say: it is full when no more comes in.
    let held = || rustix::io::ioctl_fionread(pipe).unwrap();
    let mut same = (held(), 0);
    while same.0 == 0 || same.1 < 20 {
        std::thread::sleep(Duration::from_millis(20));
        let now = held();
        same = if now == same.0 { (now, same.1 + 1) } else { (now, 0) };
    }
}

#[test]
fn a_pipe_that_nobody_reads_holds_nothing_up() {
    let home = Home::new();
    let ((mut out, told), (error, log)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    let mut run = home.command(&["run"]);
    run.env("WATTSEAL_LOG", "trace").stdout(told.try_clone().unwrap()).stderr(log.try_clone().unwrap());
    let mut gateway = Gateway(run.spawn().unwrap());
    drop(run);
    let mut begun = [0; 1];
    std::io::Read::read_exact(&mut out, &mut begun).unwrap();
    full(&out, told);
    full(&error, log);
    // A line that cannot be opened is told of, here and in the log.
    let mut watching = home.connect();
    writeln!(watching, "{{\"version\":1,\"request\":\"watch\"}}").unwrap();
    let heard = std::thread::spawn(move || {
        let lines = BufReader::new(watching).lines();
        lines.map_while(Result::ok).filter(|line| line.contains("line-down")).take(3).count()
    });
    answers(&home);
    for port in [9, 10, 11] {
        assert_eq!(home.run(&["line", "add", &format!("tcp://127.0.0.1:{port}")]).0, Some(0));
    }
    assert_eq!(heard.join().unwrap(), 3);
    answers(&home);
    let begun = Instant::now();
    let id = rustix::process::Pid::from_child(&gateway.0);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(gateway.ended(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(40), "it stops all the same: {:?}", begun.elapsed());
    drop((out, error));
}

#[test]
fn watchers_that_are_gone_or_suspended_leave_room_for_commands() {
    let home = Home::new();
    let mut gateway = home.gateway();
    let watch = || {
        let mut stream = home.connect();
        writeln!(stream, "{{\"version\":1,\"request\":\"watch\"}}").unwrap();
        stream
    };
    // Gone without a word, many more than there are places.
    for _ in 0..80 {
        drop(watch());
    }
    answers(&home);
    // Suspended: they are there and read nothing.
    let suspended: Vec<UnixStream> = (0..20).map(|_| watch()).collect();
    answers(&home);
    let mut refused = 0;
    for stream in &suspended {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut line = String::new();
        let _ = BufReader::new(stream).read_line(&mut line);
        refused += usize::from(line.contains("too-many-watch"));
    }
    assert!(refused >= 4, "places are left for other requests: {refused}");
    assert_eq!(home.run(&["stop"]).0, Some(0));
    assert_eq!(gateway.ended(), Some(0));
}

#[test]
fn a_pipe_or_a_device_among_the_files_is_refused_and_the_gateway_goes_on() {
    let home = Home::new();
    let _gateway = home.gateway();
    let blocks = home.0.path().join("blocks");
    std::fs::create_dir(&blocks).unwrap();
    assert!(Command::new("mkfifo").arg(blocks.join("x.block")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", blocks.join("y.block")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", blocks.join("meter.cert")).unwrap();
    let (code, imported) = home.run(&["import", "blocks"]);
    let codes: Vec<_> = imported["refused"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!((code, codes), (Some(1), vec!["no-file"; 3]), "{imported}");
    for name in ["blocks/x.block", "blocks/y.block"] {
        assert_eq!(home.run(&["pair", name]).1["error"]["code"], "no-file");
        let bill = ["bill", "--tariff", name, "--from", "2026-03-01", "--to", "2026-04-01", "--out", "b"];
        assert_eq!(home.run(&bill).1["error"]["code"], "no-file");
    }
    answers(&home);
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let home = Home::new();
    let mut gateway = home.gateway();
    // A provider that takes its time: the connection stands and nothing comes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = hub::home::Home::new(&home.path(), None).open().unwrap();
    store.pin_provider(&[7; 32], "Fern", 1).unwrap();
    store.keep_account(&[7; 32], &silent.local_addr().unwrap().to_string(), &[1; 32], &[1; 32]).unwrap();
    drop(store);
    let asking = std::thread::spawn({
        let mut stream = home.connect();
        move || ask(&mut stream, "{\"version\":1,\"request\":\"tariffs\"}")
    });
    let (slow, _) = silent.accept().unwrap();
    let mut stopping = home.command(&["stop"]).stdout(Stdio::null()).spawn().unwrap();
    assert!(stopping.wait().unwrap().success());
    // The answer is the request's own, not the end of the connection.
    std::thread::sleep(Duration::from_secs(1));
    assert!(gateway.0.try_wait().unwrap().is_none(), "it waits for the request");
    drop(slow);
    let told = asking.join().unwrap();
    assert!(told["error"]["code"].is_string(), "{told}");
    assert_eq!(gateway.ended(), Some(0));
}

#[test]
fn an_account_that_never_enrolled_can_be_removed() {
    let home = Home::new();
    let store = hub::home::Home::new(&home.path(), None).open().unwrap();
    store.pin_provider(&[7; 32], "Fern", 1).unwrap();
    let waiting = store.keep_account(&[7; 32], "127.0.0.1:1", &[1; 32], &[1; 32]).unwrap();
    let enrolled = store.keep_account(&[7; 32], "127.0.0.1:1", &[2; 32], &[2; 32]).unwrap();
    store.enrol_account(enrolled, "4711", 5).unwrap();
    drop(store);
    let (code, accounts) = home.run(&["account", "remove", &waiting.to_string()]);
    assert_eq!((code, accounts["accounts"].as_array().unwrap().len()), (Some(0), 1), "{accounts}");
    assert_eq!(home.run(&["account", "remove", &enrolled.to_string()]).1["error"]["code"], "enrolled");
    assert_eq!(home.run(&["account", "remove", "99"]).1["error"]["code"], "no-account");
    // The only account is the one that is meant.
    assert_eq!(home.run(&["account", "tariffs"]).1["error"]["code"], "connection-refused");
}
