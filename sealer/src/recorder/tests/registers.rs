//! What a meter learns of itself while it runs: registers that come later, power that is not known, time that nobody measured.

use super::*;

/// As the set-up, with import alone.
fn import_alone(setup: &Setup) -> Arc<Setup> {
    Arc::new(Setup { intakes: setup.intakes[..1].to_vec(), ..setup.clone() })
}

#[test]
fn a_register_is_added_within_a_day_and_a_cut_before_any_step_does_no_harm() {
    let mut cuts = 0;
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let both = setup(&dir.path().join("meter"));
        cut::after(Some(u32::MAX));
        let (mut recorder, _) = Recorder::open(&import_alone(&both), moment(0)).unwrap();
        recorder.resume(START, moment(0)).unwrap();
        recorder.advance(START + 5 * HOUR, moment(4)).unwrap();
        cut::after(Some(steps));
        // However it ended, the process is gone.
        let extended = recorder.extend(&both, moment(5));
        let came = cut::came();
        if !came {
            assert!(extended.unwrap());
            assert!(!recorder.extend(&both, moment(5)).unwrap(), "once");
            recorder.advance(START + 6 * HOUR, moment(5)).unwrap();
        }
        drop(recorder);
        cut::after(Some(u32::MAX));
        let (mut recorder, last) = Recorder::open(&both, moment(6)).unwrap();
        recorder.resume(last.at, moment(6)).unwrap();
        recorder.advance(START + DAYS * 24 * HOUR, moment(DAYS * 24)).unwrap();
        recorder.stop(moment(DAYS * 24)).unwrap();
        cut::after(None);
        let of = |code| recorder.meter().coverage(&RegisterCode::new(code).unwrap()).unwrap().ranges().to_vec();
        let end = both.source.until();
        assert_eq!((of("1-0:1.8.0"), of("1-0:2.8.0")), (vec![(START, end)], vec![(START + 5 * HOUR, end)]));
        let sum = |hours: u64| (1..=hours).sum::<u64>() * 10_000;
        assert_eq!(recorder.totals().unwrap(), [sum(DAYS * 24), sum(DAYS * 24) - sum(5)], "cut before step {steps}");
        if !came {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 3, "{cuts}");
}

#[test]
fn power_that_is_not_known_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, _) = Recorder::open(&setup(&dir.path().join("meter")), moment(0)).unwrap();
    assert_eq!(recorder.power(), None);
}

#[test]
fn time_that_nobody_measured_is_passed_over_when_there_is_space_for_an_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(&dir.path().join("meter"));
    let (mut recorder, _) = Recorder::open(&setup, moment(0)).unwrap();
    recorder.resume(START, moment(0)).unwrap();
    recorder.advance(START + 5 * HOUR, moment(5)).unwrap();
    recorder.set_full(true);
    assert!(recorder.pass_over(START + 48 * HOUR, moment(6)).is_err());
    assert_eq!((recorder.at(), recorder.meter().certificates().len()), (START + 5 * HOUR, 1), "nothing has changed");
    recorder.set_full(false);
    recorder.advance(START + 5 * HOUR, moment(7)).unwrap();
    recorder.pass_over(START + 48 * HOUR, moment(8)).unwrap();
    drop(recorder);
    let (mut recorder, last) = Recorder::open(&setup, moment(9)).unwrap();
    recorder.resume(last.at, moment(9)).unwrap();
    recorder.advance(setup.source.until(), moment(10)).unwrap();
    assert_eq!(recorder.meter().certificates().len(), 2);
    let code = setup.intakes[0].register.code;
    let sealed = recorder.meter().coverage(&code).unwrap();
    assert_eq!(sealed.ranges(), [(START, START + 5 * HOUR), (START + 48 * HOUR, setup.source.until())]);
}
