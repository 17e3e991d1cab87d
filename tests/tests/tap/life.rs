//! A household with a meter and a provider, and the middleman between them.

use std::process::Command;

use protocol::time::Span;
use serde_json::Value;
use tests::binary;

use crate::check::Check;
use crate::exchange::Exchange;
use crate::middleman::Middleman;
use crate::process::Running;
use crate::secrets::Secrets;
use crate::world::Town;

/// What the gateway's environment says of the machine and of who uses it.
pub const ZONE: &str = "Antarctica/Troll";
pub const USER: &str = "quillfeather";
/// March and April 2026 in Amsterdam.
pub const MONTHS: [Span; 2] =
    [Span { from: 1_772_319_600, until: 1_774_994_400 }, Span { from: 1_774_994_400, until: 1_777_586_400 }];
const DAYS: u64 = 64;
/// The longest bill: a month of half-hours, with headers.
pub const LONGEST_BILL: usize = 120_000;

/// What flows in and out in each half-hour.
pub type Load = fn(u64) -> [u64; 2];

/// A household whose gateway and provider run.
pub struct Life {
    pub gateway: Running,
    meter: Option<Running>,
    /// None while it is away.
    pub service: Option<Running>,
    pub middle: Middleman,
    /// The pairing codes that the meter has shown.
    pub codes: Vec<String>,
    /// Last, so that the programs have ended when their directories go.
    pub town: Town,
}

impl Life {
    /// Everything until the household has enrolled: a meter on a serial line, paired by its code.
    pub fn begin(load: Load) -> Self {
        let town = Town::new();
        let mut service = town.provider("polder");
        let source = std::fs::read_to_string(town.path("power.toml")).unwrap();
        let sun = source.replace("\"power\"", "\"sun\"").replace("1-0:1.8.0", "1-0:2.8.0").replace("0.2871", "-0.0611");
        std::fs::write(town.path("sun.toml"), sun).unwrap();
        let desk = ["wattseal-provider", "--home", "polder", "tariff"];
        town.done(&[&desk[..], &["compile", "sun.toml", "--out", "sun.tariff"]].concat());
        town.done(&[&desk[..], &["publish", "sun.tariff"]].concat());
        let listening = service.wait("an address", |e| e["listening"].is_string());
        let key = listening["key"].as_str().unwrap();

        readings(&town, load);
        let mut meter = start_meter(&town, key, &[]);
        let port = town.port(&mut meter);
        town.done(&["wattseal", "--home", "home", "init"]);
        let gateway = start_gateway(&town);
        let line = town.line("home", &format!("serial:{port}")).to_string();
        let code = town.press(&mut meter);
        town.done_with(&["wattseal", "--home", "home", "pair", "--line", &line], &code);

        let service_at = listening["listening"].as_str().unwrap();
        let middle = Middleman::start(town.path("polder"), town.path("home"), service_at);
        let life = Self { town, middle, service: Some(service), gateway, meter: Some(meter), codes: vec![code] };
        life.enrol(key);
        life
    }

    /// Enrols the home through the middleman.
    fn enrol(&self, key: &str) {
        let (code, accounts) = self.add_account(key, &self.invitation());
        assert_eq!(code, Some(0), "{accounts}");
        assert_eq!(accounts["accounts"][0]["contract"], "4711");
    }

    /// A new one-time code of the provider.
    pub fn invitation(&self) -> String {
        let invited = self.town.done(&["wattseal-provider", "--home", "polder", "contract", "invite", "4711"]);
        invited["code"].as_str().unwrap().to_owned()
    }

    /// `account add` through the middleman; exit code and answer.
    pub fn add_account(&self, key: &str, code: &str) -> (Option<i32>, Value) {
        let address = self.middle.address.to_string();
        self.town.run(&["wattseal", "--home", "home", "account", "add", &address, "--provider-key", key], code)
    }

    /// Runs `wattseal` on the home.
    pub fn home(&self, command: &[&str]) -> Value {
        self.town.done(&[&["wattseal", "--home", "home"], command].concat())
    }

    /// Two months pass as fast as they can, and all their bills are booked: power without totals, sun with them.
    pub fn live(mut self) -> Self {
        for more in [&["power"][..], &["sun", "--totals"]] {
            let standing = ["standing", "add", "--from", "2026-03", "--after-hours", "0", "--tariff"];
            self.home(&[&standing[..], more].concat());
        }
        self.time_passes();
        let mut at = 0;
        for bill in 1..=4 {
            let booked = |e: &Value| e["event"] == "submitted" && e["state"] == "accepted";
            at = self.gateway.wait_from(at, &format!("bill {bill}"), booked).0;
        }
        self
    }

    /// The meter seals all its readings as fast as it can, and the home has them.
    pub fn time_passes(&mut self) {
        let key = hex::encode(provider::identity::Identity::open(&self.town.path("polder")).unwrap().provider().key);
        assert!(self.meter.take().unwrap().stop().success());
        let mut meter = start_meter(&self.town, &key, &["--speed", "max"]);
        self.town.port(&mut meter);
        meter.wait("the end of its readings", |e| e["event"] == "load_ended");
        self.meter = Some(meter);
        let status = ["wattseal", "--home", "home", "status"];
        self.town.until("all readings", &status, |told| {
            let registers = told["meters"][0]["registers"].as_array().unwrap();
            registers.len() == 2 && registers.iter().all(|r| r["blocks"].as_u64().unwrap() >= DAYS - 1)
        });
    }

    /// Makes a bill and gives its digest.
    pub fn bill(&self, tariff: &str, from: &str, to: &str) -> String {
        let tariff = format!("{tariff}.tariff");
        let made = self.home(&["bill", "--tariff", &tariff, "--from", from, "--to", to, "--out", "made.bill"]);
        made["digest"].as_str().unwrap().to_owned()
    }

    /// Submits a bill; where it stands, and what was said.
    pub fn submit(&self, digest: &str) -> (String, String) {
        self.stands(digest, &self.home(&["submit", digest]))
    }

    fn stands(&self, digest: &str, told: &Value) -> (String, String) {
        let all = told["submissions"].as_array().unwrap();
        let this = all.iter().find(|s| s["bill"] == digest).unwrap();
        (this["state"].as_str().unwrap().to_owned(), this["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Everything that crossed, and the check that it is held against.
    pub fn taken(&self) -> (Vec<Exchange>, Check) {
        let passed = self.middle.passed();
        let tariffs =
            ["power", "sun", "gas"].map(|name| std::fs::read(self.town.path(&format!("{name}.tariff"))).unwrap());
        (passed, Check::new(LONGEST_BILL, true, tariffs.to_vec(), self.secrets()))
    }

    /// What must not cross. The sum of what the sun gave was asked for.
    pub fn secrets(&self) -> Secrets {
        let planted: Vec<u64> = (0..DAYS * 48).filter(|slot| is_planted(*slot)).flat_map(planted).collect();
        let mut secrets = Secrets::of(&self.town.path("home"), &self.codes, &planted, &MONTHS, "1-0:2.8.0");
        // What the meter shows at this moment.
        for meter in self.home(&["now"])["meters"].as_array().unwrap() {
            secrets.number(meter["power"].as_u64().unwrap_or(0));
            meter["registers"].as_array().unwrap().iter().for_each(|r| secrets.number(r["total"].as_u64().unwrap()));
        }
        secrets
    }
}

/// A load with telling readings in known half-hours.
pub fn telling(slot: u64) -> [u64; 2] {
    if is_planted(slot) { planted(slot) } else { [310 + slot * 7919 % 900, 320 + slot * 6007 % 700] }
}

fn is_planted(slot: u64) -> bool {
    slot % 97 == 5
}

fn planted(slot: u64) -> [u64; 2] {
    [40_001 + slot / 97 * 2, 41_001 + slot / 97 * 2]
}

fn readings(town: &Town, load: Load) {
    let mut text = String::from("utc_start,load,sun\n");
    for slot in 0..DAYS * 48 {
        let moment = 1_772_236_800 + slot * 1800;
        let date = protocol::time::date_of_day(i64::try_from(moment / 86_400).unwrap());
        let [load, sun] = load(slot);
        text.push_str(&format!("{date}T{:02}:{:02}Z,{load},{sun}\n", moment % 86_400 / 3600, moment % 3600 / 60));
    }
    std::fs::write(town.path("readings.csv"), text).unwrap();
}

fn start_meter(town: &Town, operator: &str, more: &[&str]) -> Running {
    let source = ["--csv", "readings.csv", "--column", "load", "--register", "1-0:1.8.0", "--column", "sun"];
    let rest = ["--register", "1-0:2.8.0", "--outage-limit", "0", "--operator", operator, "--serial", "auto"];
    town.meter("meter", &[&source[..], &rest, more].concat())
}

/// The gateway, in an environment with telling names.
fn start_gateway(town: &Town) -> Running {
    let mut command = Command::new(binary("wattseal"));
    command.args(["--home", "home", "run", "--look-every", "1", "--json"]);
    command.env("TZ", ZONE).env("USER", USER).env("LOGNAME", USER).env("HOSTNAME", USER);
    let mut gateway = Running::spawn(&town.path("."), "wattseal", command);
    gateway.wait("the gateway", |e| e["event"] == "running");
    gateway
}
