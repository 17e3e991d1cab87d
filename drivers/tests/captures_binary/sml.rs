//! SML, as optical heads heard it.

use drivers::plain::sml::Sml;
use drivers::plain::{Moment, Telegram};

use super::{captures, heard, number};

#[test]
fn sml() {
    let Some(captures) = captures("sml") else { return };
    println!("{:44} {:>6} {:>4} {:>6}  import, export, power of the first", "sml", "frames", "bad", "noise");
    for (name, expected, file) in &captures {
        let all = heard(&mut Sml::default(), file, 4096);
        for piece in [1, 7, 100] {
            assert_eq!(heard(&mut Sml::default(), file, piece), all, "{name} in pieces of {piece}");
        }
        let counts = [all.telegrams.len() as u64, all.faults.len() as u64, all.noise];
        let named = ["frames_valid", "bad_crc_or_misaligned", "discarded_bytes_total"];
        println!(
            "{name:44} {:>6} {:>4} {:>6}  {}",
            counts[0],
            counts[1],
            counts[2],
            all.telegrams.first().map_or(String::new(), row)
        );
        for (count, field) in counts.iter().zip(named) {
            assert_eq!(Some(*count), expected[field].as_u64(), "{name}: {field}");
        }
        let ends = [("first", all.telegrams.first()), ("last", all.telegrams.last())];
        for (end, telegram) in ends {
            let Some(telegram) = telegram else { continue };
            let told = &expected[end];
            assert_eq!(telegram.import.map(|energy| energy.to_string()), number(&told["import_wh"]), "{name} {end}");
            assert_eq!(telegram.export.map(|energy| energy.to_string()), number(&told["export_wh"]), "{name} {end}");
            assert_eq!(telegram.power.map(|power| power.to_string()), number(&told["power_w"]), "{name} {end}: power");
            let index = told["sec_index"].as_u64().map(|index| Moment::Seconds(u32::try_from(index).unwrap()));
            assert_eq!(telegram.at, index, "{name} {end}");
            assert_eq!(telegram.meter.as_deref(), expected["server_id_hex"].as_str(), "{name} {end}");
        }
    }
}

fn row(telegram: &Telegram) -> String {
    let energies = [telegram.import, telegram.export].map(|energy| energy.map(|energy| energy.to_string()));
    let [import, export] = energies.map(|energy| energy.unwrap_or("-".to_owned()));
    format!("{import} | {export} | {}", telegram.power.map_or("-".to_owned(), |power| power.to_string()))
}
