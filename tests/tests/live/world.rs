//! A town in a temporary directory: meters on lines, a home with its gateway, a provider behind TLS.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tests::binary;

use crate::process::Running;

/// A directory, and the programs run in it.
pub struct Town(TempDir);

impl Town {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a program to its end with `--json` and some input; exit code and what it printed.
    pub fn run(&self, command: &[&str], input: &str) -> (Option<i32>, Value) {
        use std::io::Write;
        let (program, arguments) = command.split_first().unwrap();
        let mut child = Command::new(binary(program))
            .current_dir(self.0.path())
            .args(arguments)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(text.trim())
            .unwrap_or_else(|e| panic!("{command:?}: {e}: {text} {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), value)
    }

    /// Runs a program that has to succeed.
    pub fn done(&self, command: &[&str]) -> Value {
        self.done_with(command, "")
    }

    pub fn done_with(&self, command: &[&str], input: &str) -> Value {
        let (code, value) = self.run(command, input);
        assert_eq!(code, Some(0), "{command:?} said {value}");
        value
    }

    pub fn start(&self, command: &[&str]) -> Running {
        Running::start(self.0.path(), command)
    }

    /// A home with a credential file, and its gateway.
    pub fn home(&self, name: &str) -> Running {
        self.done(&["wattseal", "--home", name, "init"]);
        self.gateway(name)
    }

    pub fn gateway(&self, name: &str) -> Running {
        let mut gateway = self.start(&["wattseal", "--home", name, "run", "--look-every", "1"]);
        gateway.wait("the gateway", |e| e["event"] == "running");
        gateway
    }

    /// A meter in a directory of its own, from 28 February 2026 on.
    pub fn meter(&self, name: &str, more: &[&str]) -> Running {
        let mut command = vec!["wattseal-meter", "run", "--dir", name, "--meter-id", name, "--interval", "1800"];
        if more.contains(&"--household") {
            command.extend(["--from", "2026-02-28"]);
        }
        command.extend_from_slice(more);
        self.start(&command)
    }

    /// A name for the pseudo-terminal that a meter has opened: it stays the same when the meter opens another, as the names
    /// under /dev/serial/by-id do.
    pub fn port(&self, meter: &mut Running) -> String {
        let opened = meter.wait("a line", |e| e["event"] == "listening");
        let port = self.path("port");
        let _ = std::fs::remove_file(&port);
        std::os::unix::fs::symlink(opened["address"].as_str().unwrap(), &port).unwrap();
        port.to_str().unwrap().to_owned()
    }

    /// Half-hourly values from 28 February 2026 on.
    pub fn csv(&self, name: &str, days: u64, load: impl Fn(u64) -> u64) -> String {
        let mut text = String::from("utc_start,load\n");
        for slot in 0..days * 48 {
            let moment = 1_772_236_800 + slot * 1800;
            let date = protocol::time::date_of_day(i64::try_from(moment / 86_400).unwrap());
            text.push_str(&format!("{date}T{:02}:{:02}Z,{}\n", moment % 86_400 / 3600, moment % 3600 / 60, load(slot)));
        }
        std::fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    /// Adds a line and pairs the home with the meter on it, by the code that the meter shows.
    pub fn pair(&self, home: &str, line: &str, meter: &mut Running) -> i64 {
        let number = self.line(home, line);
        let code = self.press(meter);
        let paired = self.done_with(&["wattseal", "--home", home, "pair", "--line", &number.to_string()], &code);
        assert_eq!(paired["answer"], "paired");
        number
    }

    pub fn line(&self, home: &str, line: &str) -> i64 {
        let lines = self.done(&["wattseal", "--home", home, "line", "add", line]);
        let lines = lines["lines"].as_array().unwrap();
        lines.iter().find(|l| l["address"].as_str().unwrap().starts_with(line)).unwrap()["line"].as_i64().unwrap()
    }

    /// Presses the meter's button and reads the code off its display.
    pub fn press(&self, meter: &mut Running) -> String {
        let from = meter.told();
        meter.say("pair");
        meter.wait_from(from, "a pairing code", |e| e["event"] == "pairing_code").1["code"].as_str().unwrap().to_owned()
    }

    /// A provider with an electricity and a gas tariff, both published.
    pub fn provider(&self, name: &str) -> Running {
        self.done(&["wattseal-provider", "--home", name, "init", "--name", "Polder Energie"]);
        for (id, code, unit, price) in
            [("power", "1-0:1.8.0", "Wh", "0.2871 EUR/kWh"), ("gas", "7-0:3.0.0", "L", "1.21 EUR/m3")]
        {
            let source = format!(
                "format = 1\nid = \"{id}\"\nname = \"{id}\"\ncurrency = \"EUR\"\nzone = \"Europe/Amsterdam\"\n\
                 valid = {{ from = \"2026-01-01\", to = \"2027-01-01\" }}\n[registers.r]\ncode = \"{code}\"\nunit = \"{unit}\"\n\
                 [[line]]\nname = \"Use\"\nkind = \"energy\"\nregister = \"r\"\nfallback = \"{price}\"\nprice = \"{price}\"\n\
                 rounding = {{ to = \"0.01\", mode = \"half-even\" }}\n\
                 [[line]]\nname = \"Standing charge\"\nkind = \"standing\"\namount = \"0.2 EUR/day\"\n"
            );
            std::fs::write(self.path(&format!("{id}.toml")), source).unwrap();
            let (source, out) = (format!("{id}.toml"), format!("{id}.tariff"));
            self.done(&["wattseal-provider", "--home", name, "tariff", "compile", &source, "--out", &out]);
            self.done(&["wattseal-provider", "--home", name, "tariff", "publish", &out]);
        }
        self.done(&["wattseal-provider", "--home", name, "contract", "add", "4711"]);
        self.serve(name, "127.0.0.1:0")
    }

    /// A tariff that charges energy alone, so that a period may begin and end with any slot: `energy.tariff`.
    pub fn tariff_by_energy(&self) {
        let source = "format = 1\nid = \"energy\"\nname = \"energy\"\ncurrency = \"EUR\"\nzone = \"Europe/Amsterdam\"\n\
             valid = { from = \"2025-01-01\", to = \"2028-01-01\" }\n\
             [registers.r]\ncode = \"1-0:1.8.0\"\nunit = \"Wh\"\n\
             [[line]]\nname = \"Use\"\nkind = \"energy\"\nregister = \"r\"\nprice = \"0.2871 EUR/kWh\"\n\
             fallback = \"0.2871 EUR/kWh\"\nrounding = { to = \"0.01\", mode = \"half-even\" }\n";
        std::fs::write(self.path("energy.toml"), source).unwrap();
        self.done(&["wattseal-provider", "--home", "exchange", "init", "--name", "Energie"]);
        let compile = ["tariff", "compile", "energy.toml", "--out", "energy.tariff"];
        self.done(&[&["wattseal-provider", "--home", "exchange"][..], &compile].concat());
    }

    /// A home makes a bill by energy over a period and anybody checks it. Gives
    /// whether nothing is missing in it.
    pub fn billed(&self, home: &str, meter: &str, from: &str, to: &str, more: &[&str]) -> bool {
        let (bill, certificate) = (format!("{home}.bill"), format!("{meter}/meter.cert"));
        let make = ["bill", "--tariff", "energy.tariff", "--from", from, "--to", to, "--out", &bill];
        self.done(&[&["wattseal", "--home", home][..], &make, more].concat());
        let check = ["wattseal-verify", &bill, "--tariff", "energy.tariff", "--meter", &certificate];
        let verdict = self.done(&[&check[..], more].concat());
        assert_eq!(verdict["verdict"], "valid", "{verdict}");
        verdict["complete"].as_bool().unwrap()
    }

    pub fn serve(&self, name: &str, listen: &str) -> Running {
        self.start(&["wattseal-provider", "--home", name, "serve", "--listen", listen])
    }

    /// Enrols a home with a provider under contract 4711, for all its meters, which are named when there are several.
    pub fn enrol(&self, home: &str, provider: &str, service: &mut Running) -> String {
        let listening = service.wait("an address", |e| e["listening"].is_string());
        let (address, key) = (listening["listening"].as_str().unwrap(), listening["key"].as_str().unwrap());
        let invited = self.done(&["wattseal-provider", "--home", provider, "contract", "invite", "4711"]);
        let status = self.done(&["wattseal", "--home", home, "status"]);
        let names: Vec<&str> =
            status["meters"].as_array().unwrap().iter().map(|meter| meter["meter"].as_str().unwrap()).collect();
        let mut add = vec!["wattseal", "--home", home, "account", "add", address, "--provider-key", key];
        if let [_, _, ..] = names[..] {
            let (code, told) = self.run(&add, invited["code"].as_str().unwrap());
            assert_eq!((code, &told["error"]["code"]), (Some(1), &"which-meters".into()), "{told}");
            names.iter().for_each(|name| add.extend(["--meter", name]));
        }
        let accounts = self.done_with(&add, invited["code"].as_str().unwrap());
        assert_eq!(accounts["accounts"][0]["contract"], "4711");
        address.to_owned()
    }

    /// Asks again and again until an answer fits.
    pub fn until(&self, what: &str, command: &[&str], fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = std::time::Instant::now() + crate::process::PATIENCE;
        loop {
            let (code, value) = self.run(command, "");
            if code == Some(0) && fits(&value) {
                return value;
            }
            assert!(std::time::Instant::now() < deadline, "no {what}: {value}");
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }
}
