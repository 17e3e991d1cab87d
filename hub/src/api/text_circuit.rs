//! Circuits, as a person reads them.

use super::Circuits;

pub(super) fn circuits(circuits: &Circuits) -> String {
    if circuits.circuits.is_empty() {
        return "No circuit is here: bills are made with linear proofs, which show the sum of each energy line. Fetch your \
                provider's circuits with: wattseal circuits fetch"
            .into();
    }
    let mut text = String::new();
    for circuit in &circuits.circuits {
        let from = match (&circuit.provider, circuit.source.as_str()) {
            (Some(provider), _) => format!("from {provider}"),
            (None, "here") => "made on this machine".into(),
            (None, _) => "from a file".into(),
        };
        let pin = circuit.pin.get(..16).unwrap_or(&circuit.pin);
        text.push_str(&format!("{:<14} {pin}  {from}\n", circuit.name));
        if circuit.demonstration {
            text.push_str("  demonstration: whoever made its parameters could forge bills; they leak no reading\n");
        }
        if !circuit.present {
            text.push_str("  its file is gone; add it again\n");
        }
    }
    text
}
