//! A month by the bill relation and by the machine: both must say the same.

use protocol::bill::measure::Metered;
use protocol::bill::{Settled, measure, settle_with};
use protocol::machine::{Layout, LayoutBlock, Readings, Shape, compile};
use protocol::tariff::{Charge, Measure, Tariff};
use protocol::time::Span;

const DAY: u64 = 86_400;

/// A machine with the units that a tariff asks for.
fn shape(tariff: &Tariff, slots: usize, blocks: usize) -> Shape {
    let count = |kind: fn(&Measure) -> bool| tariff.quantities().iter().filter(|q| kind(&q.measure)).count();
    let powers = |measure: &Measure| matches!(measure, Measure::Over { square, count, .. } if square.is_some() || count.is_some());
    Shape {
        slots,
        blocks,
        sums: tariff.energy_lines().count() + count(|m| matches!(m, Measure::Sum { .. })),
        tiers: count(|m| matches!(m, Measure::Beyond { .. })),
        demands: count(|m| matches!(m, Measure::Greatest { .. })),
        hinges: count(|m| matches!(m, Measure::Over { .. })),
        powers: tariff.quantities().iter().any(|q| powers(&q.measure)),
        rounded: tariff.registers.iter().any(|r| r.rounding.is_some()),
        narrow: [24, 24],
        wide: [24, 24],
    }
}

/// Bills a period; `registers` are the readings of the tariff's registers, slot by slot.
pub fn bill(tariff: &Tariff, period: Span, interval: u64, registers: &[Vec<u16>], cells: &[i64]) -> Settled {
    assert!(
        !tariff
            .lines
            .iter()
            .any(|l| matches!(&l.charge, Charge::Energy { register, .. } if usize::from(*register) >= registers.len()))
    );
    let residuals: Vec<u32> = Vec::new();
    let metered: Vec<Metered<'_>> =
        registers.iter().map(|readings| Metered { interval, readings, residuals: &residuals }).collect();
    let native = settle_with(tariff, &period, &measure(tariff, &period, &metered).unwrap(), cells).unwrap();

    let slots = usize::try_from(DAY / interval).unwrap();
    let mut layout = Layout { slots, blocks: Vec::new() };
    for register in 0..registers.len() {
        for day in period.from / DAY..period.until.div_ceil(DAY) {
            layout.blocks.push(LayoutBlock { register, day, first: 0, count: slots, residual: true });
        }
    }
    let shape = shape(tariff, slots, layout.blocks.len());
    let program = compile(tariff, &period, &layout, shape).unwrap();
    let mut readings = Readings { values: vec![0; shape.readings()], residuals: vec![0; shape.blocks] };
    for (number, block) in layout.blocks.iter().enumerate() {
        for place in 0..slots {
            let at = block.day * DAY + place as u64 * interval;
            if (period.from..period.until).contains(&at) {
                let slot = usize::try_from((at - period.from) / interval).unwrap();
                readings.values[number * slots + place] = registers[block.register][slot];
            }
        }
    }
    let mut before = [0; protocol::machine::CELLS];
    before[..cells.len()].copy_from_slice(cells);
    let machine = program.run(&readings, &before).unwrap();
    assert_eq!(machine.output, native.settlement.fee_minor, "{}: the machine says otherwise", tariff.id);
    assert_eq!(&machine.next[..cells.len()], &native.next[..], "{}: the machine leaves other cells", tariff.id);
    native
}

/// The months of a year from its first second, for a zone without clock changes.
pub fn months(start: u64) -> Vec<Span> {
    let mut at = start;
    [31u64, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        .into_iter()
        .map(|days| {
            let from = at;
            at += days * DAY;
            Span { from, until: at }
        })
        .collect()
}

/// What is told of a month: its number, period, the cells before, and the bill.
pub type Then<'a> = &'a mut dyn FnMut(usize, Span, &[i64], &Settled);

/// Bills a year month by month, with what each leaves to the next; returns the amounts in minor units.
pub fn year(tariff: &Tariff, start: u64, interval: u64, registers: &[Vec<u16>], then: Then<'_>) -> Vec<i64> {
    let mut cells: Vec<i64> = tariff.cells().iter().map(|cell| cell.first).collect();
    let slots = |span: &Span| ((span.from - start) / interval) as usize..((span.until - start) / interval) as usize;
    months(start)
        .into_iter()
        .enumerate()
        .map(|(number, month)| {
            let part: Vec<Vec<u16>> = registers.iter().map(|all| all[slots(&month)].to_vec()).collect();
            let settled = bill(tariff, month, interval, &part, &cells);
            then(number, month, &cells, &settled);
            cells = settled.next;
            settled.settlement.fee_minor
        })
        .collect()
}
