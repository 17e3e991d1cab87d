//! A person at a terminal: a pseudo-terminal, with what is shown on it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::house::{House, WATTSEAL, groups};

/// Far longer than anything takes, so that a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    read: usize,
}

impl Terminal {
    fn new(mut command: Command) -> Self {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = || Stdio::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let child =
            command.env("WATTSEAL_LOG", "off").stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().unwrap();
        drop(command);
        let keyboard = File::from(ours);
        let mut eyes = keyboard.try_clone().unwrap();
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // A terminal whose last program has gone ends with an error.
            while let Ok(length @ 1..) = eyes.read(&mut part) {
                if send.send(part[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new(), read: 0 }
    }

    /// Waits for a text behind everything that was waited for before; what stood between.
    fn wait(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                let between = self.shown[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return between;
            }
            let part = self.screen.recv_timeout(PATIENCE);
            let part = part.unwrap_or_else(|_| panic!("{text:?} did not come: {:?}", &self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&part));
        }
    }

    fn type_line(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Answers a question for a group.
    fn group(&mut self, answer: impl Fn(usize) -> String) {
        self.wait("Type group ");
        let place: usize = self.wait(" of the sheet: ").parse().unwrap();
        self.type_line(&answer(place - 1));
    }

    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        while let Ok(part) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.shown.push_str(&String::from_utf8_lossy(&part));
        }
        (code, self.shown)
    }
}

#[test]
fn a_person_writes_the_sheet_down_and_types_two_groups_again() {
    let house = House::new();
    let mut terminal = Terminal::new(house.command(&["--credential", "c", "init"]));
    let page = terminal.wait("then press Enter; it leaves the screen. ");
    let sheet = groups(&page);
    terminal.type_line("");
    terminal.wait("\x1b[3J");
    // Once wrong is no harm.
    terminal.group(|_| "WRONG0".into());
    terminal.group(|place| sheet[place].clone());
    terminal.wait("not what the sheet says");
    terminal.group(|place| sheet[place].to_lowercase());
    terminal.group(|place| sheet[place].clone());
    terminal.wait("\"confirmed\":true");
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!(house.names("h"), ["keys.cbor", "store.db"], "the sheet is nowhere on the disk");
    let shown = house.json(&["--credential", "c", "status"], 0);
    assert_eq!(shown["warnings"].as_array().unwrap().len(), 0);
    std::fs::remove_file(house.path("c")).unwrap();
    house.json_with(&["--credential", "c", "recover"], &sheet.join("-"), 0);
}

#[test]
fn three_times_wrong_leaves_nothing_behind() {
    for sheet in [&[][..], &["--sheet", "s"]] {
        let house = House::new();
        let mut terminal = Terminal::new(house.command(&[&["--credential", "c", "init"], sheet].concat()));
        terminal.wait("press Enter");
        terminal.type_line("");
        for _ in 0..6 {
            terminal.group(|_| "000000".into());
        }
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("not-confirmed"));
        assert_eq!(house.names("."), ["tmp"]);
    }
}

#[test]
fn a_person_without_a_keyring_decides_where_the_key_lies() {
    let house = House::new();
    let (code, shown) = Terminal::new(house.command(&["init"])).end();
    assert_eq!(code, Some(3));
    assert!(shown.contains("--credential FILE"), "{shown}");
    assert_eq!(house.names("."), ["tmp"]);
}

#[test]
fn what_a_person_types_from_the_sheet_is_not_shown() {
    let house = House::new();
    let sheet = groups(&house.init());
    let mut terminal = Terminal::new(house.command(&["--credential", "new", "recover"]));
    terminal.wait("nothing is shown while you type): ");
    let typo = format!("{}-{}", "AAAAAA", sheet[1..].join("-"));
    terminal.type_line(&typo);
    terminal.wait("typing mistake");
    terminal.wait("nothing is shown while you type): ");
    terminal.type_line(&sheet.join(" "));
    terminal.wait("\"credential\"");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    for group in &sheet {
        assert!(!shown.contains(group.as_str()), "{shown}");
    }
    house.json(&["--credential", "new", "status"], 0);
}

/// The same command with the terminal as its own, so that Ctrl-C reaches it.
fn in_session(house: &House, arguments: &[&str]) -> Terminal {
    let inner = house.command(arguments);
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(WATTSEAL).args(inner.get_args()).current_dir(house.directory.path());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Terminal::new(command)
}

#[test]
fn ctrl_c_at_a_hidden_question_leaves_a_terminal_that_shows_what_is_typed() {
    use rustix::termios::{LocalModes, tcgetattr};
    let house = House::new();
    house.init();
    let mut terminal = in_session(&house, &["--credential", "new", "recover"]);
    terminal.wait("nothing is shown while you type): ");
    let keyboard = terminal.keyboard.try_clone().unwrap();
    assert!(!tcgetattr(&keyboard).unwrap().local_modes.contains(LocalModes::ECHO));
    terminal.keyboard.write_all(b"AB\x03").unwrap();
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("interrupted"), "{shown}");
    assert!(tcgetattr(&keyboard).unwrap().local_modes.contains(LocalModes::ECHO));
    assert!(!house.path("new").exists());
}

#[test]
fn ctrl_c_while_a_home_is_made_leaves_nothing_behind() {
    let house = House::new();
    let mut terminal = in_session(&house, &["--credential", "h/c", "init", "--sheet", "h/recovery-sheet.txt"]);
    terminal.wait("press Enter");
    assert_eq!(house.names("h"), [".attempt", "c", "recovery-sheet.txt"]);
    terminal.keyboard.write_all(b"\x03").unwrap();
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert_eq!(house.names("."), ["tmp"]);
}

#[test]
fn what_a_killed_attempt_left_is_cleared_by_the_next_and_nothing_else() {
    let house = House::new();
    let mut terminal =
        Terminal::new(house.command(&["--credential", "h/hub.credential", "init", "--sheet", "h/recovery-sheet.txt"]));
    terminal.wait("press Enter");
    let dead = house.sheet();
    terminal.child.kill().unwrap();
    terminal.end();
    for name in ["", "-wal", "-journal", "-shm"] {
        // As a restore leaves them.
        std::fs::write(house.path(&format!("h/.backup.draft{name}")), "x").unwrap();
    }
    // An older sheet and a file of somebody's are no business of the attempt.
    std::fs::write(house.path("h/recovery-sheet-1999.txt"), "old").unwrap();
    house.json(&["init"], 0);
    let names = ["hub.credential", "keys.cbor", "recovery-sheet-1999.txt", "recovery-sheet.txt", "store.db"];
    assert_eq!(house.names("h"), names);
    assert_ne!(house.sheet(), dead);
    house.json_with(&["--credential", "c", "recover"], &house.sheet(), 0);
    assert_eq!(house.refusal(&["--credential", "c", "recover"], &dead, 1), "other-sheet");
}
