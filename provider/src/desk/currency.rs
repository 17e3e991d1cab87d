//! Currencies: how many decimals their smallest unit has.

use protocol::money::Currency;

use super::error::Problem;

/// ISO 4217 codes with two decimals that electricity, water, gas or roads are commonly billed in.
const TWO: &[&str] = &[
    "AED", "ALL", "AMD", "ANG", "ARS", "AUD", "AZN", "BAM", "BBD", "BDT", "BGN", "BOB", "BRL", "BWP", "CAD", "CHF",
    "CNY", "COP", "CRC", "CZK", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "FJD", "GBP", "GEL", "GHS", "GTQ", "HKD",
    "HNL", "HUF", "IDR", "ILS", "INR", "JMD", "KES", "KZT", "LKR", "MAD", "MDL", "MKD", "MUR", "MXN", "MYR", "NGN",
    "NOK", "NPR", "NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TTD",
    "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "ZAR", "ZMW",
];
/// Without decimals.
const NONE: &[&str] = &["CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF", "XPF"];
/// With three.
const THREE: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// A currency by its code; `exponent` is for codes this program does not know.
///
/// # Errors
/// When the code is not three capitals, is unknown and comes without an exponent, or the exponent contradicts ISO 4217.
pub fn currency(code: &str, exponent: Option<u8>) -> Result<Currency, Problem> {
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Problem::new(format!(
            "\"{}\" is not a currency; write its ISO 4217 code, such as \"EUR\"",
            code.escape_debug()
        )));
    }
    let known = [(TWO, 2), (NONE, 0), (THREE, 3)].into_iter().find(|(codes, _)| codes.contains(&code)).map(|(_, e)| e);
    let exponent = match (known, exponent) {
        (Some(known), Some(given)) if known != given => {
            return Err(Problem::new(format!("{code} has {known} decimals, not {given}; leave the exponent out")));
        }
        (Some(known), _) => known,
        (None, Some(given)) if given <= 9 => given,
        (None, Some(given)) => return Err(Problem::new(format!("a currency has at most 9 decimals, not {given}"))),
        (None, None) => {
            return Err(Problem::new(format!(
                "the currency {code} is not known here; say how many decimals its smallest unit has, such as `exponent = 2`"
            )));
        }
    };
    Ok(Currency { code: code.to_owned(), exponent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents() {
        let exponent = |code, given| currency(code, given).map(|c| c.exponent).ok();
        assert_eq!(exponent("EUR", None), Some(2));
        assert_eq!(exponent("JPY", None), Some(0));
        assert_eq!(exponent("KWD", Some(3)), Some(3));
        assert_eq!(exponent("JPY", Some(2)), None);
        assert_eq!(exponent("XTS", None), None);
        assert_eq!(exponent("XTS", Some(4)), Some(4));
        assert_eq!(exponent("XTS", Some(10)), None);
        assert_eq!(exponent("eur", None), None);
        assert_eq!(exponent("EURO", None), None);
    }
}
