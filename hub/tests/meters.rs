//! `wattseal meters` as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn meters(home: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wattseal"))
        .arg("--home")
        .arg(home)
        .arg("meters")
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn listed(home: &Path, arguments: &[&str]) -> Vec<String> {
    let (code, text) = meters(home, &[&["--json"], arguments].concat());
    assert_eq!(code, 0, "{text}");
    let list: Value = serde_json::from_str(&text).unwrap();
    let list = list["meters"].as_array().unwrap().iter();
    list.map(|meter| meter["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn meters_are_listed_and_shown() {
    let home = tempfile::tempdir().unwrap();
    let all = listed(home.path(), &[]);
    assert!(all.len() > 40 && all.is_sorted(), "{all:?}");
    let french = listed(home.path(), &["--country", "fr"]);
    assert!(french.contains(&"linky-standard".into()) && !french.contains(&"dsmr-5".into()), "{french:?}");
    assert!(french.contains(&"zigbee2mqtt".into()), "what hangs everywhere");
    for name in &all {
        let (code, text) = meters(home.path(), &[name]);
        assert_eq!(code, 0, "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("Next: wattseal line add '") && last.contains(&format!("--meter {name}")), "{last}");
    }
    let (_, text) = meters(home.path(), &["luxembourg-smarty"]);
    assert!(text.contains("grid operator") && text.ends_with("--meter-key-file KEY\n"), "{text}");
    let (code, text) = meters(home.path(), &["morse"]);
    assert!(code == 1 && text.contains("there is no meter \"morse\""), "{text}");
}

#[test]
fn a_home_has_meters_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("meters");
    fs::create_dir(&folder).unwrap();
    // The second example of docs/adding-a-meter.md, as it stands there, and the first.
    let guide = include_str!("../../docs/adding-a-meter.md");
    let examples: Vec<_> = guide.split("```toml\n").skip(1).map(|part| part.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    for (name, text) in ["cable", "heads"].iter().zip(&examples) {
        fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    let all = listed(home.path(), &[]);
    assert!(all.contains(&"cable".into()) && all.contains(&"heads".into()), "{all:?}");
    let (_, text) = meters(home.path(), &["heads"]);
    assert!(text.contains("heads/NAME/status/in0") && text.contains("mqtt://BROKER/heads/NAME"), "{text}");
    fs::write(folder.join("attic.toml"), "title = \"x\"\nprotocol = \"p1\"\n").unwrap();
    let (code, text) = meters(home.path(), &[]);
    assert!(code == 1 && text.contains("meters/attic.toml, line 2: there is no protocol \"p1\""), "{text}");
}
