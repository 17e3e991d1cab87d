//! `wattseal decode` as a process: own telegrams, and every capture where they are at hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Exit code, and what each line says.
fn decode(protocol: &str, file: &Path, more: &[&str]) -> (i32, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_wattseal"))
        .args(["decode", "--protocol", protocol, "--json"])
        .args(more)
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), lines)
}

/// CRC-16/ARC by the bit, as the P1 companion standard has it.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 })
    })
}

fn telegram(total: &str) -> String {
    let body = format!(
        "/WTS5\\2TEST\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260704121500S)\r\n0-0:96.1.1(4B3430)\r\n1-0:1.8.1({total}*kWh)\r\n\
         1-0:1.8.2(000002.000*kWh)\r\n1-0:2.8.1(000000.250*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n1-0:1.7.0(00.301*kW)\r\n\
         1-0:2.7.0(00.000*kW)\r\n!"
    );
    format!("{body}{:04X}\r\n", crc(body.as_bytes()))
}

#[test]
fn one_line_for_each_telegram() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("telegrams");
    let damaged = telegram("000001.250").replace("1.250", "9.250");
    std::fs::write(&file, [telegram("000001.250"), damaged, telegram("000001.260")].concat()).unwrap();
    let (code, lines) = decode("dsmr-p1", &file, &[]);
    assert_eq!((code, lines.len()), (0, 3));
    assert_eq!(lines[0]["import_wh"].to_string(), "3250");
    assert_eq!(lines[0]["export_wh"].to_string(), "250");
    assert_eq!(lines[0]["power_w"].to_string(), "301");
    assert_eq!(lines[0]["timestamp"], "2026-07-04T12:15:00+02:00");
    assert_eq!((&lines[1]["accepted"], &lines[1]["reason"]), (&Value::Bool(false), &"checksum".into()));
    assert_eq!(lines[2]["import_wh"].to_string(), "3260");

    std::fs::write(&file, telegram("000001.250").replace("1.250", "9.250")).unwrap();
    assert_eq!(decode("dsmr-p1", &file, &[]).0, 1);
    std::fs::write(&file, "no meter said this").unwrap();
    assert_eq!(decode("sml", &file, &[]), (1, Vec::new()));
    assert_eq!(decode("morse", &file, &[]).0, 2);
    assert_eq!(decode("dsmr-p1", &file, &["--key", "12"]).0, 2);
    assert_eq!(decode("dsmr-p1", &directory.path().join("absent"), &[]).0, 3);
}

fn captures(folder: &str) -> Option<(PathBuf, Value)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("WATTSEAL_DATA").map_or(beside, PathBuf::from).join("captures").join(folder);
    let Ok(text) = std::fs::read_to_string(root.join("expected.json")) else {
        println!("SKIPPED: {} is not at hand; set WATTSEAL_DATA", root.display());
        return None;
    };
    Some((root, serde_json::from_str(&text).unwrap()))
}

/// A number as text, so that 4595563 and 4595563.0 are one.
fn number(value: &Value) -> Option<String> {
    let text = value.as_number()?.to_string();
    Some(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text })
}

#[test]
fn every_capture_by_the_command() {
    for folder in ["d0", "dlms-han", "dsmr-p1", "mqtt", "ocmf", "sml", "teleinfo"] {
        let Some((root, expected)) = captures(folder) else { return };
        let expected = expected.as_object().unwrap();
        let (mut telegrams, mut compared) = (0, 0);
        for (name, expected) in expected {
            let text = |field: &str| expected.get(field).and_then(Value::as_str);
            let options = [
                ("--key", "key_hex"),
                ("--auth-key", "auth_key_hex"),
                ("--public-key", "public_key_hex"),
                ("--topic", "topic"),
            ];
            let options = options.into_iter().filter_map(|(option, field)| Some([option, text(field)?]));
            let options: Vec<&str> = options.flatten().collect();
            let (code, lines) = decode(folder, &root.join(name), &options);
            let accepted: Vec<&Value> = lines.iter().filter(|line| line["accepted"] == true).collect();
            telegrams += accepted.len();
            assert_eq!(code == 0, !accepted.is_empty(), "{name}");
            let valid = expected.get("signature_valid");
            let wanted = match (text("must"), valid) {
                (Some("reject_on_crc" | "no_frames"), _) => false,
                // What is signed must fit; a key that is none checks nothing, and without one nothing is asked.
                (_, Some(valid)) => *valid == true || text("public_key_hex").is_none(),
                _ => true,
            };
            assert_eq!(!accepted.is_empty(), wanted, "{name}: {lines:?}");
            if let Some(valid) = valid {
                assert_eq!(lines[0]["signature_valid"], *valid, "{name}");
            }
            let told = expected["readings"].as_array().map_or(&[][..], Vec::as_slice);
            for (number, told) in told.iter().enumerate() {
                let value = told["RV"].as_f64().or_else(|| told["RV"].as_str()?.trim().parse().ok());
                let Some(line) = accepted.first() else { break };
                let reading = &line["readings"][number];
                assert_eq!(
                    (reading["value"].as_f64(), reading["register"].as_str()),
                    (value, told["RI"].as_str()),
                    "{name}"
                );
                compared += 1;
            }
            let (Some(first), Some(last)) = (accepted.first(), accepted.last()) else { continue };
            for (end, line) in [("first", first), ("last", last)] {
                let of = expected.get(end).unwrap_or(expected);
                for field in ["import_wh", "export_wh", "power_w"] {
                    if let Some(wanted) = of.get(field).and_then(number) {
                        assert_eq!(number(&line[field]), Some(wanted), "{name}: {field} of the {end}");
                        compared += 1;
                    }
                }
            }
        }
        println!(
            "{folder:<10} {:>3} captures, {telegrams:>6} telegrams accepted, {compared:>3} numbers equal",
            expected.len()
        );
    }
}
