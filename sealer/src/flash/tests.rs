//! The flash: what is damaged is noticed, what is older opens.

use super::*;
use crate::entropy::{Entropy, MeterSeed};
use metrology::certificate::SealClass;

fn meter() -> SealingMeter {
    let entropy = Entropy::Seeded(MeterSeed::from_bytes([5; 32]));
    let (mut meter, _) = SealingMeter::new(&entropy, None, SealClass::Certified, 0).unwrap();
    let orders = Orders { last: 3, disconnected: true, credit: -7, receipts: vec![([4; 32], vec![1, 2])] };
    meter.remembered = Some(Remembered {
        at: 1,
        seen: 2,
        offset: -3,
        whole: Some(4),
        pending: vec![(RegisterCode::new("a").unwrap(), 5)],
        confirmed: Some([9; 32]),
        orders,
    });
    meter
}

#[test]
fn any_changed_byte_is_noticed() {
    let meter = meter();
    let bytes = write(&meter, 7);
    let (again, generation) = read(&bytes).unwrap();
    assert_eq!((again.remembered, generation), (meter.remembered, 7));
    for at in 0..bytes.len() {
        let mut bad = bytes.to_vec();
        bad[at] ^= 1;
        assert!(read(&bad).is_none(), "byte {at}");
    }
    assert!(read(&bytes[..bytes.len() - 1]).is_none());
    assert!(read(&[&bytes[..], &[0]].concat()).is_none());
}

/// As version 1 wrote it: twelve elements, no checksum.
#[test]
fn the_older_version_opens() {
    let bytes = write(&SealingMeter { remembered: None, ..meter() }, 7);
    let mut old = bytes[..bytes.len() - CHECKSUM_BYTES].to_vec();
    // array(13) with a null at its end, or array(12) when the encoder leaves the null out.
    if old[0] == 0x8d {
        assert_eq!(old.pop(), Some(0xf6));
        old[0] = 0x8c;
    }
    let version = 1 + 1 + KIND.len();
    assert_eq!(old[version], VERSION);
    old[version] = VERSION_1;
    let (meter, generation) = read(&old).unwrap();
    assert_eq!((meter.remembered, generation), (None, 7));
    old[version] = 3;
    assert!(read(&old).is_none(), "a later version");
}
