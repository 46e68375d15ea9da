//! What a section prints: our figure, the one beside it, their ratio and the aim.

use std::{fmt, time::Duration};

#[derive(Default)]
pub struct Table {
    pub title: String,
    /// What stands beside us.
    pub beside: &'static str,
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
    /// What makes the program fail; being slow is never among it.
    pub wrong: Vec<String>,
}

pub struct Row {
    cells: [String; 5],
    met: Option<bool>,
}

impl Row {
    pub fn new(what: impl Into<String>, ours: impl Into<String>, beside: impl Into<String>) -> Self {
        Self { cells: [what.into(), ours.into(), beside.into(), String::new(), String::new()], met: None }
    }

    pub fn ratio(mut self, ratio: f64) -> Self {
        self.cells[3] = if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") };
        self
    }

    pub fn aim(mut self, aim: &str, met: bool) -> Self {
        aim.clone_into(&mut self.cells[4]);
        self.met = Some(met);
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let head = ["", "ours", self.beside, "ratio", "aim"].map(str::to_owned);
        let mut widths = head.each_ref().map(|cell| cell.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        let line = |f: &mut fmt::Formatter<'_>, cells: &[String; 5], met: Option<bool>| {
            let [what, ours, beside, ratio, aim] = cells;
            let [w0, w1, w2, w3, w4] = widths;
            let met = met.map_or("", |met| if met { "met" } else { "missed" });
            let line = format!("  {what:w0$}  {ours:>w1$}  {beside:>w2$}  {ratio:>w3$}  {aim:w4$}  {met}");
            writeln!(f, "{}", line.trim_end())
        };
        if !self.rows.is_empty() {
            line(f, &head, None)?;
        }
        for row in &self.rows {
            line(f, &row.cells, row.met)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        for wrong in &self.wrong {
            writeln!(f, "  WRONG: {wrong}")?;
        }
        Ok(())
    }
}

/// `1234567` → `1,234,567`.
pub fn grouped(number: f64) -> String {
    let figures = format!("{number:.0}");
    let mut out = String::new();
    for (index, figure) in figures.chars().enumerate() {
        if index > 0 && (figures.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(figure);
    }
    out
}

pub fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// The middle one; 0 when there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
