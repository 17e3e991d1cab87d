//! Serial ports: raw, and for one reader alone. Two readers of one port each get half of a telegram.

use std::io::ErrorKind as Io;
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use tokio_serial::{ClearBuffer, DataBits, ErrorKind, FlowControl, SerialPort, SerialStream, StopBits};

use super::{Line, asking, stream};
use crate::address::{Bits, Parity, Serial, Stop};
use crate::error::LineError;

/// Opens a port: exclusive for the kernel (`TIOCEXCL`) and for programs that ask (`flock`).
pub(super) fn open(serial: &Serial, asked: Option<Duration>) -> Result<Line, LineError> {
    let path = || serial.path.clone();
    match std::fs::metadata(&serial.path) {
        Ok(found) if !found.file_type().is_char_device() => return Err(LineError::NotATerminal { path: path() }),
        Ok(_) => {}
        Err(error) if error.kind() == Io::PermissionDenied => return Err(LineError::NoAccess { path: path() }),
        Err(_) => return Err(LineError::NoDevice { path: path() }),
    }
    let builder = tokio_serial::new(serial.path.as_str(), serial.baud)
        .data_bits(match serial.bits {
            Bits::Seven => DataBits::Seven,
            Bits::Eight => DataBits::Eight,
        })
        .parity(match serial.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        })
        .stop_bits(match serial.stop {
            Stop::One => StopBits::One,
            Stop::Two => StopBits::Two,
        })
        .flow_control(FlowControl::None)
        .exclusive(true);
    let mut port = SerialStream::open(&builder).map_err(|error| match error.kind {
        // The library's word for a port that is locked; one that is not there is `NotFound`.
        ErrorKind::NoDevice => LineError::Busy { path: path() },
        ErrorKind::Io(Io::NotFound) => LineError::NoDevice { path: path() },
        ErrorKind::Io(Io::PermissionDenied) => LineError::NoAccess { path: path() },
        _ => LineError::BadSettings { path: path(), reason: error.description },
    })?;
    Ok(Line::carried(move |ends| async move {
        let why = match asked {
            Some(every) => asking::carry(&mut port, every, Some(set_speed), ends).await,
            None => stream::carry(&mut port, ends).await,
        };
        if why == LineError::Stalled {
            // Else the kernel waits half a minute for a device that takes nothing.
            let _ = port.clear(ClearBuffer::Output);
        }
        // Closing a port waits until the last byte has left: not on the thread that carries all lines.
        let _ = tokio::task::spawn_blocking(move || drop(port)).await;
        why
    }))
}

fn set_speed(port: &mut SerialStream, baud: u32) -> Result<(), LineError> {
    port.set_baud_rate(baud).map_err(|error| match error.kind {
        ErrorKind::Io(_) | ErrorKind::NoDevice => LineError::Ended,
        _ => LineError::BadSettings { path: port.name().unwrap_or_default(), reason: error.description },
    })
}
