//! The serial ports of this machine, under names that stay when plugs are changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// The name to store: below `/dev/serial/by-id` when the device has a name of its own there.
    pub path: PathBuf,
    /// The device it is just now, such as `/dev/ttyUSB0`.
    pub device: PathBuf,
    /// What the maker calls it, or the device's name.
    pub label: String,
}

/// Names of devices that may be a meter's cable. Other terminals are no ports: consoles, and slots without a chip.
const NAMES: [&str; 3] = ["ttyUSB", "ttyACM", "ttyAMA"];
/// The Raspberry Pi's name for its own port.
const PRIMARY: &str = "serial0";
/// No machine has more; a folder that says so is not believed.
const MAX: usize = 64;

/// The serial ports of this machine, in order of their names; none when there are none.
#[must_use]
pub fn ports() -> Vec<PortInfo> {
    below(Path::new("/dev"))
}

fn below(dev: &Path) -> Vec<PortInfo> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let by_id = names(&dev.join("serial/by-id")).into_iter().map(|path| (path, true));
    let primary = std::iter::once((dev.join(PRIMARY), false));
    let bare = names(dev).into_iter().filter(|path| is_port(path)).map(|path| (path, false));
    // Names that stay come first: a device that has one is not listed again.
    for (path, named) in by_id.chain(primary).chain(bare) {
        // A link to a device that was unplugged leads nowhere.
        let Ok(device) = fs::canonicalize(&path) else { continue };
        if found.len() < MAX && seen.insert(device.clone()) {
            let label = label(&path, named);
            found.push(PortInfo { path, device, label });
        }
    }
    found
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.sort();
    names
}

fn is_port(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    NAMES.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// `usb-FTDI_FT232R_USB_UART_A10K-if00-port0` is FTDI's FT232R USB UART A10K.
fn label(path: &Path, named: bool) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !named {
        return name.into_owned();
    }
    let name = name.strip_prefix("usb-").unwrap_or(&name);
    name.rsplit_once("-if").map_or(name, |(maker, _)| maker).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn stable_names_first_and_each_device_once() {
        let root = tempfile::tempdir().unwrap();
        let dev = fs::canonicalize(root.path()).unwrap();
        assert_eq!(below(&dev), []);
        fs::create_dir_all(dev.join("serial/by-id")).unwrap();
        for name in ["ttyUSB0", "ttyUSB1", "ttyAMA0", "ttyACM3", "tty1", "ttyS0", "ttyUSB", "ttyUSBx"] {
            fs::write(dev.join(name), "").unwrap();
        }
        let id = dev.join("serial/by-id/usb-FTDI_FT232R_USB_UART_A10K-if00-port0");
        symlink("../../ttyUSB1", &id).unwrap();
        symlink("../../ttyUSB9", dev.join("serial/by-id/usb-unplugged-if00")).unwrap();
        symlink("ttyAMA0", dev.join("serial0")).unwrap();
        let found: Vec<_> = below(&dev).into_iter().map(|port| (port.path, port.device, port.label)).collect();
        let bare = |name: &str| (dev.join(name), dev.join(name), name.to_owned());
        assert_eq!(
            found,
            [
                (id, dev.join("ttyUSB1"), "FTDI FT232R USB UART A10K".to_owned()),
                (dev.join("serial0"), dev.join("ttyAMA0"), "serial0".to_owned()),
                bare("ttyACM3"),
                bare("ttyUSB0"),
            ]
        );
    }
}
