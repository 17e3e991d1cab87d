//! A place with a `wattseal` and no keyring: commands run as a script runs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gateway_core::StoreKey;
use serde_json::Value;
use tempfile::TempDir;

pub const WATTSEAL: &str = env!("CARGO_BIN_EXE_wattseal");

pub struct House {
    pub directory: TempDir,
}

impl House {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command over the home `h`, without terminal, keyring, credential of systemd, or temporary files elsewhere.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(WATTSEAL);
        std::fs::create_dir_all(self.path("tmp")).unwrap();
        command
            .current_dir(self.directory.path())
            .args(["--json"])
            .args(arguments)
            .env_remove("CREDENTIALS_DIRECTORY")
            .env_remove("WATTSEAL_KEY_FILE")
            .env("WATTSEAL_HOME", "h")
            .env("WATTSEAL_LOG", "trace")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .env("TMPDIR", self.path("tmp"))
            .env("SQLITE_TMPDIR", self.path("tmp"));
        command
    }

    /// Runs a command with a text on its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        typed(&mut self.command(arguments), input)
    }

    /// What a person reads when a command succeeds.
    pub fn text_with(&self, arguments: &[&str], input: &str) -> String {
        let with_json = self.command(arguments);
        let mut command = Command::new(WATTSEAL);
        command.args(arguments).current_dir(self.directory.path());
        for (name, value) in with_json.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = typed(&mut command, input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must end with `code`; its JSON.
    pub fn json_with(&self, arguments: &[&str], input: &str, code: i32) -> Value {
        let output = self.run(arguments, input);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
        serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}{err}"))
    }

    pub fn json(&self, arguments: &[&str], code: i32) -> Value {
        self.json_with(arguments, "", code)
    }

    /// The code of the error that a command must end with.
    pub fn refusal(&self, arguments: &[&str], input: &str, code: i32) -> String {
        self.json_with(arguments, input, code)["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Makes the home `h` with a credential file beside its store and the sheet in `h/recovery-sheet.txt`.
    pub fn init(&self) -> String {
        self.json(&["init"], 0);
        self.sheet()
    }

    pub fn sheet(&self) -> String {
        std::fs::read_to_string(self.path("h/recovery-sheet.txt")).unwrap()
    }

    /// The frozen home of format 1 as `h`.
    pub fn first_format(&self) {
        first_format(&self.path("h"));
    }

    /// A home of this format with the frozen home's readings and bill; its sheet.
    pub fn furnished(&self) -> String {
        self.first_format();
        self.json(&["keys", "upgrade"], 0);
        self.sheet()
    }

    /// Everything a household sees: readings and bills.
    pub fn holds(&self, home: &str) -> (Value, Value) {
        let span = ["--from", "2026-02-27", "--to", "2026-03-08"];
        let readings = self.json(&[&["--home", home, "readings"], &span[..]].concat(), 0);
        assert!(readings.to_string().len() > 5000, "there are readings to compare: {readings}");
        (readings, self.json(&["--home", home, "bills"], 0))
    }

    /// What lies in a directory.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(directory)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Copies the frozen home of format 1.
pub fn first_format(to: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(to).unwrap();
    for name in ["store.db", "store.key"] {
        std::fs::copy(vectors().join("home-1").join(name), to.join(name)).unwrap();
        std::fs::set_permissions(to.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// The plain key of the frozen home.
pub fn first_key() -> StoreKey {
    let text = std::fs::read_to_string(vectors().join("home-1/store.key")).unwrap();
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key).unwrap();
    StoreKey::from_bytes(key)
}

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The six groups of a sheet.
pub fn groups(sheet: &str) -> Vec<String> {
    let key = gateway_core::custody::RecoveryKey::read(sheet).unwrap();
    key.groups().iter().map(|group| group.to_string()).collect()
}

/// Runs a command several times at once.
pub fn all_at_once(house: &House, arguments: &[&str], count: usize) -> Vec<Output> {
    let start = || {
        let mut command = house.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

/// Runs a command with a text on its standard input.
fn typed(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that wants no input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
