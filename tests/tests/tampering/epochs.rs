//! Attacks on epochs, certificates and the change of a meter.

use ed25519_dalek::SigningKey;
use metrology::certificate::SealClass;

use crate::forge::Forge;
use crate::world::{Entry, FIRST_DAY, hash_of, meter};
use crate::{check, world};

#[test]
fn epochs_and_certificates() {
    let with = |change: &dyn Fn(&mut Forge), anew: bool| {
        let mut forge = Forge::new(world());
        change(&mut forge);
        if anew {
            forge.reseal();
        }
        forge.code()
    };
    let twin = |entry: &Entry| {
        let mut twin = entry.clone();
        twin.signing = SigningKey::from_bytes(&[77; 32]);
        twin.certificate.signing_key = twin.signing.verifying_key().to_bytes();
        twin
    };
    check(&[
        ("a bit of a certificate", with(&|f| f.certificates[1][60] ^= 1, false), "malformed"),
        ("a certificate left out", with(&|f| drop(f.certificates.remove(1)), false), "unknown-certificate"),
        (
            "two certificates for one epoch",
            with(
                &|f| {
                    let t = twin(&f.entries[1]).message();
                    f.certificates.push(t);
                },
                false,
            ),
            "forked-epoch",
        ),
        (
            "one certificate twice: badly made, but no contradiction of the meter",
            with(&|f| f.certificates.push(f.certificates[1].clone()), false),
            "not-canonical",
        ),
        (
            "the registry knows another certificate for the epoch",
            with(&|f| f.registry = vec![twin(&f.entries[0])], false),
            "forked-epoch",
        ),
        (
            "the registry knows another meter",
            with(&|f| f.registry = vec![meter(8, FIRST_DAY, 1, None).0[0].clone()], false),
            "unknown-meter",
        ),
        (
            "a certificate nobody needs",
            with(&|f| f.certificates.push(meter(8, FIRST_DAY, 1, None).0[0].message()), false),
            "spare-certificate",
        ),
        (
            "the new epoch names another predecessor, signed anew",
            with(
                &|f| {
                    f.entries[1].certificate.previous = Some([1; 32]);
                    relabel(f);
                },
                false,
            ),
            "broken-epochs",
        ),
        (
            "the new epoch names an earlier head: blocks hidden, signed anew",
            with(
                &|f| {
                    let code = f.codes[0];
                    let hidden = hash_of(&f.chains[0][10].header);
                    f.entries[1].certificate.heads.insert(code, hidden);
                    relabel(f);
                },
                false,
            ),
            "broken-chain",
        ),
        (
            "the new epoch begins after its first block, signed anew",
            with(
                &|f| {
                    f.entries[1].certificate.first += 1800;
                    relabel(f);
                },
                false,
            ),
            "before-epoch",
        ),
        (
            "a certificate by another identity key",
            with(
                &|f| {
                    f.entries[1].identity = SigningKey::from_bytes(&[98; 32]);
                    relabel(f);
                },
                false,
            ),
            "bad-signature",
        ),
        ("another identity takes over in mid-period, having begun earlier", take_over(FIRST_DAY), "meter-replacement"),
        ("control: a new meter that began where the old one ended", take_over(20_520), "valid"),
        (
            "a self-sealed month where a certified one is required",
            with(
                &|f| {
                    f.entries[0].certificate.class = SealClass::SelfSealed;
                    f.policy.require_certified = true;
                    let hash = f.entries[0].hash();
                    f.chains
                        .iter_mut()
                        .flatten()
                        .filter(|b| b.header.epoch == 0)
                        .for_each(|b| b.header.certificate = hash);
                    f.reseal();
                    f.registry = vec![f.entries[0].clone()];
                },
                false,
            ),
            "not-certified",
        ),
    ]);
}

/// The second epoch's blocks name its certificate as it now stands, and everything is signed again, but links and
/// heads stay as they are.
fn relabel(forge: &mut Forge) {
    let hash = forge.entries[1].hash();
    for chain in &mut forge.chains {
        let mut before = None;
        for block in chain.iter_mut().filter(|b| b.header.epoch == 1) {
            block.header.certificate = hash;
            if let Some(previous) = before {
                block.header.previous = previous;
            }
            before = Some(hash_of(&block.header));
        }
    }
    forge.sign();
}

/// From 8 March on the blocks are another meter's, first sealed on `began`.
fn take_over(began: u32) -> &'static str {
    let (entries, chains, _) = meter(9, began, 60, None);
    let mut forge = Forge::new(world());
    for (ours, theirs) in forge.chains.iter_mut().zip(&chains) {
        ours.retain(|b| b.header.day < 20_520);
        ours.extend(
            theirs.iter().filter(|b| b.header.day >= 20_520 && b.header.span().overlaps(&forge.period)).cloned(),
        );
    }
    forge.entries = vec![forge.entries[0].clone(), entries[0].clone()];
    forge.registry = forge.entries.clone();
    forge.sign();
    forge.code()
}
