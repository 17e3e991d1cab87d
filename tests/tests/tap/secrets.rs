//! What must not cross, and the search for it: in bytes, hexadecimal, Base64, decimal digits and CBOR, in either order.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use hub::home::Home;
use protocol::code::{self, Purpose};
use protocol::time::Span;

/// Everything secret of one household.
#[derive(Default)]
pub struct Secrets {
    /// Byte strings by length, with what they are.
    needles: HashMap<usize, HashMap<Vec<u8>, &'static str>>,
    /// Readings, registers and totals, as numbers.
    rare: HashSet<i128>,
    /// Texts, in small letters.
    texts: Vec<(String, &'static str)>,
}

impl Secrets {
    /// Reads a home's secrets with the home's own key. `codes` are the codes that meters have shown, `rare` the planted
    /// readings; what registers took in these months is secret, but for the `open` one, whose totals were asked for.
    pub fn of(home: &Path, codes: &[String], rare: &[u64], months: &[Span], open: &str) -> Self {
        let mut all = Self::default();
        let (store, access) = Home::new(home, None).access().unwrap();
        all.key(access.key.expose(), "the database key");
        all.key(access.keys.unwrap().home().as_bytes(), "the home's identity");
        all.key(
            &hex::decode(std::fs::read_to_string(home.join("hub.credential")).unwrap().trim()).unwrap(),
            "the credential",
        );
        let sheet = std::fs::read_to_string(home.join("recovery-sheet.txt")).unwrap();
        let recovery = gateway_core::custody::RecoveryKey::read(&sheet).unwrap();
        let groups: Vec<String> = recovery.groups().iter().map(|group| group.to_string()).collect();
        all.code(&groups.join("-"), "the recovery key");
        all.key(&*code::read::<20>(Purpose::Recovery, &groups.concat()).unwrap(), "the recovery key");
        for shown in codes {
            all.code(shown, "a pairing code");
            all.key(&*code::read::<16>(Purpose::Pairing, shown).unwrap(), "a pairing code");
        }
        for account in store.accounts().unwrap() {
            all.key(&*account.client_key, "a client key");
            account.next_key.iter().for_each(|next| all.key(&**next, "a client key"));
        }
        for meter in store.meters().unwrap() {
            for counter in store.pairing_counters(meter.id).unwrap() {
                let pairing = store.pairing(meter.id, counter).unwrap().unwrap().pairing;
                all.key(pairing.household_key.expose(), "a pairing key");
                all.key(pairing.code.expose(), "a pairing code");
            }
        }
        let raw = rusqlite::Connection::open(home.join("store.db")).unwrap();
        raw.execute_batch(&format!("PRAGMA key = \"x'{}'\"", hex::encode(access.key.expose()))).unwrap();
        let mut ratchets = raw.prepare("SELECT key FROM ratchets").unwrap();
        for key in ratchets.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap() {
            all.key(&key.unwrap(), "a register's key");
        }
        all.blocks(&store, months, open);
        all.rare.extend(rare.iter().map(|reading| i128::from(*reading)));
        all.places(home);
        all
    }

    fn blocks(&mut self, store: &gateway_core::Store, months: &[Span], open: &str) {
        for register in store.registers().unwrap() {
            let mut all = HashMap::new();
            for block in store.blocks(register.id, &Span { from: 0, until: 1 << 40 }).unwrap() {
                let (seed, header) = (&block.seed, &block.header);
                self.key(seed.expose(), "a day's seed");
                self.key(&seed.encryption_key(), "a day's encryption key");
                for place in 0..u64::from(header.count) {
                    let slot = header.first_slot() + place;
                    self.key(
                        &seed.slot_opening(&header.register, slot, header.block).expose().to_bytes(),
                        "an opening",
                    );
                    all.insert(
                        slot * header.register.interval.seconds(),
                        block.readings[usize::try_from(place).unwrap()],
                    );
                }
                let residual = seed.residual_opening(&header.register, header.block);
                self.key(&residual.expose().to_bytes(), "an opening");
                self.runs(&block.readings);
                self.number(block.before);
                self.number(block.after);
            }
            for month in months.iter().filter(|_| register.code != open) {
                let taken = all.iter().filter(|(at, _)| month.from <= **at && **at < month.until);
                self.number(taken.map(|(_, reading)| u64::from(*reading)).sum());
            }
        }
    }

    /// Three readings in a row as 16-bit numbers, two as 32-bit numbers. Runs of small ones occur by chance.
    fn runs(&mut self, readings: &[u16]) {
        for run in readings.windows(3).filter(|run| run.iter().all(|reading| *reading > 300)) {
            self.bytes(run.iter().flat_map(|x| x.to_le_bytes()).collect(), "readings");
            self.bytes(run.iter().flat_map(|x| x.to_be_bytes()).collect(), "readings");
            let pair = &run[..2];
            self.bytes(pair.iter().flat_map(|x| u32::from(*x).to_le_bytes()).collect(), "readings");
            self.bytes(pair.iter().flat_map(|x| u32::from(*x).to_be_bytes()).collect(), "readings");
        }
    }

    /// Names of this machine, of who uses it, and of its files.
    fn places(&mut self, home: &Path) {
        let said = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let path = home.to_str().unwrap();
        let folder = home.parent().unwrap().to_str().unwrap();
        for (text, what) in [
            (path.to_owned(), "a path"),
            (folder.rsplit('/').next().unwrap().to_owned(), "a path"),
            (said("uname", "-n"), "the machine's name"),
            (said("id", "-un"), "the user's name"),
            (crate::life::ZONE.to_owned(), "the machine's time zone"),
            (crate::life::USER.to_owned(), "the user's name"),
        ] {
            self.texts.push((text.to_lowercase(), what));
        }
    }

    /// A code as people write it.
    fn code(&mut self, text: &str, what: &'static str) {
        self.texts.push((text.to_lowercase(), what));
        self.texts.push((text.replace('-', "").to_lowercase(), what));
    }

    fn key(&mut self, key: &[u8], what: &'static str) {
        self.bytes(key.to_vec(), what);
        self.bytes(key.iter().rev().copied().collect(), what);
    }

    fn bytes(&mut self, bytes: Vec<u8>, what: &'static str) {
        self.needles.entry(bytes.len()).or_default().insert(bytes, what);
    }

    /// A number that says something: also as 64 bits. Those under ten thousand occur by chance.
    pub fn number(&mut self, number: u64) {
        if number >= 10_000 {
            self.rare.insert(number.into());
            self.bytes(number.to_le_bytes().to_vec(), "a register or total");
            self.bytes(number.to_be_bytes().to_vec(), "a register or total");
        }
    }

    /// Whether an integer says something.
    pub fn is_rare(&self, integer: i128) -> bool {
        self.rare.contains(&integer)
    }

    /// How many secrets there are.
    pub fn count(&self) -> usize {
        self.needles.values().map(HashMap::len).sum::<usize>() + self.rare.len() + self.texts.len()
    }

    /// The first secret in some bytes.
    pub fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let mut views = vec![bytes.to_vec()];
        views.extend(decoded(bytes, |b| b.is_ascii_hexdigit(), 2, |part| hex::decode(&part[..part.len() & !1]).ok()));
        views.extend(decoded(bytes, in_base64, 4, base64));
        let found = views.iter().find_map(|view| self.needle_in(view));
        found.map(str::to_owned).or_else(|| self.text_in(bytes))
    }

    fn needle_in(&self, bytes: &[u8]) -> Option<&'static str> {
        self.needles.iter().find_map(|(length, needles)| bytes.windows(*length).find_map(|w| needles.get(w).copied()))
    }

    /// Texts, and the rare numbers in decimal digits. Short ones count as whole words of readable text only: in random
    /// bytes they occur by chance.
    fn text_in(&self, bytes: &[u8]) -> Option<String> {
        let all = String::from_utf8_lossy(bytes).to_lowercase();
        let readable = bytes.split(|b| !(b' '..=b'~').contains(b)).filter(|run| run.len() >= 16);
        let readable: Vec<String> = readable.map(|run| String::from_utf8_lossy(run).to_lowercase()).collect();
        let split =
            |text: &'_ String| text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
        let words: HashSet<String> = readable.iter().flat_map(split).collect();
        let secret = |(secret, _): &&(String, &str)| {
            if secret.len() < 8 { words.contains(secret) } else { all.contains(secret.as_str()) }
        };
        let number = words.iter().find(|word| word.parse().is_ok_and(|number| self.rare.contains(&number)));
        let number = number.map(|number| format!("the number {number} is a reading, a register or a total"));
        number.or_else(|| self.texts.iter().find(secret).map(|(_, what)| (*what).to_owned()))
    }
}

/// What the runs of an alphabet decode to, from each of the first `steps` places of a run.
fn decoded(
    bytes: &[u8],
    belongs: impl Fn(u8) -> bool,
    steps: usize,
    decode: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let runs = bytes.split(|b| !belongs(*b)).filter(|run| run.len() >= 8);
    runs.flat_map(|run| (0..steps).filter_map(|from| decode(&run[from..])).collect::<Vec<_>>()).collect()
}

fn in_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Base64 of either alphabet.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.chunks(4) {
        let mut bits = 0u32;
        for byte in four {
            bits = (bits << 6) | u32::from(value(*byte)?);
        }
        // The end may be without padding: two digits are one byte, three are two.
        bits <<= 6 * (4 - four.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}
