//! The values that forms may name: quantities, cells and earlier lines.

use protocol::tariff::{Quantity, Ref};

use super::counted::Counted;
use super::error::Problem;

/// Names in the order of their places, with what each counts.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) quantities: Vec<Quantity>,
    counted: Vec<Counted>,
    cells: Vec<String>,
    lines: Vec<(String, Counted)>,
}

impl Values {
    /// A value by its name.
    pub(super) fn find(&self, name: &str) -> Option<(Ref, Counted)> {
        let place = |place: usize| u8::try_from(place).ok();
        if let Some(at) = self.quantities.iter().position(|quantity| quantity.name == name) {
            return Some((Ref::Quantity(place(at)?), *self.counted.get(at)?));
        }
        if let Some(at) = self.cells.iter().position(|cell| cell == name) {
            return Some((Ref::Cell(place(at)?), Counted::Number));
        }
        let at = self.lines.iter().position(|(line, _)| line == name)?;
        Some((Ref::Line(place(at)?), self.lines.get(at)?.1))
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// What an earlier line counts.
    pub(super) fn line(&self, place: usize) -> Counted {
        self.lines.get(place).map_or(Counted::Number, |(_, counted)| *counted)
    }

    pub(super) fn add_quantity(&mut self, quantity: Quantity, counted: Counted) -> Result<Ref, Problem> {
        self.refuse_known(&quantity.name)?;
        let place = u8::try_from(self.quantities.len()).map_err(|_| Problem::new("there are too many quantities"))?;
        self.quantities.push(quantity);
        self.counted.push(counted);
        Ok(Ref::Quantity(place))
    }

    pub(super) fn add_cell(&mut self, name: &str) -> Result<(), Problem> {
        self.refuse_known(name)?;
        self.cells.push(name.to_owned());
        Ok(())
    }

    pub(super) fn add_line(&mut self, name: &str, counted: Counted) -> Result<(), Problem> {
        self.refuse_known(name)?;
        self.lines.push((name.to_owned(), counted));
        Ok(())
    }

    /// A form names values of all sorts alike, so no two may share a name.
    fn refuse_known(&self, name: &str) -> Result<(), Problem> {
        let sort = match self.find(name) {
            None => return Ok(()),
            Some((Ref::Quantity(_), _)) => "quantity",
            Some((Ref::Cell(_), _)) => "cell",
            Some((Ref::Line(_), _)) => "line",
        };
        Err(Problem::new(format!(
            "a {sort} has the name \"{name}\" already; quantities, cells and lines are named apart"
        )))
    }
}
