//! Where everything stands in the report.

use super::{
    Heading, Unmade,
    facts::{self, Total},
    sheet::{LEFT, RIGHT, Sheet, Style},
};
use domain::{
    money::grouped,
    reconcile::{Reconciliation, Verdict},
};

/// Differences in the PDF at most; the table has them all.
pub const ROWS_MAX: usize = 2_000;

const TITLE: &str = "Reconciliation with MTN MoMo";
const WIDE: f32 = RIGHT - LEFT;
const TEXT: Style = Style::regular(9.0);
const STRONG: Style = Style::bold(9.0);
const SMALL: Style = Style::regular(7.6);
const FAINT: Style = Style::faint(7.6);
/// Small enough for a whole reference, which is of no use in part.
const REFERENCE: Style = Style::regular(7.0);
const COLUMN: Style = Style { grey: 0.4, ..Style::bold(7.6) };

/// Where the columns of differences begin, and their widths. The first one ends there.
const NUMBER: [f32; 2] = [LEFT + 22.0, 22.0];
const KIND: [f32; 2] = [LEFT + 30.0, 84.0];
const ABOUT: [f32; 2] = [LEFT + 118.0, 162.0];
const HERE: [f32; 2] = [LEFT + 284.0, 110.0];
const THERE: [f32; 2] = [LEFT + 398.0, RIGHT - LEFT - 398.0];
const ROW: f32 = 24.0;

pub fn report(heading: &Heading, reconciliation: &Reconciliation) -> Result<Vec<u8>, Unmade> {
    let mut sheet = Sheet::new()?;
    head(&mut sheet, heading, reconciliation);
    verdict(&mut sheet, reconciliation);
    totals(&mut sheet, reconciliation);
    counts(&mut sheet, reconciliation);
    differences(&mut sheet, reconciliation);
    let title = format!("{TITLE}, {}", heading.period);
    let foot = format!("{} · {title} · made {}", heading.signature(), heading.made_on);
    sheet.finish(&title, heading.signature(), &foot, heading.made_at)
}

fn head(sheet: &mut Sheet, heading: &Heading, reconciliation: &Reconciliation) {
    sheet.text(LEFT, WIDE / 2.0, STRONG, heading.signature());
    if heading.signature() != heading.brand {
        sheet.text_to(RIGHT, WIDE / 2.0, Style::faint(9.0), &heading.brand);
    }
    sheet.y -= 34.0;
    sheet.text(LEFT, WIDE, Style::bold(20.0), TITLE);
    sheet.y -= 20.0;
    sheet.text(LEFT, WIDE, Style::regular(11.0), &format!("Payouts of {}", heading.period));
    sheet.y -= 14.0;
    let made = format!("{} Made {}.", facts::compared_with(reconciliation), heading.made_on);
    sheet.text(LEFT, WIDE, Style::faint(9.0), &made);
    sheet.y -= 22.0;
}

/// What it comes to, in a coloured box.
fn verdict(sheet: &mut Sheet, reconciliation: &Reconciliation) {
    let (paint, edge) = match reconciliation.verdict() {
        Verdict::Agrees => ([0.91, 0.96, 0.92], [0.16, 0.52, 0.28]),
        Verdict::Incomplete => ([0.99, 0.96, 0.87], [0.75, 0.53, 0.05]),
        Verdict::Differs => ([0.99, 0.92, 0.91], [0.76, 0.18, 0.14]),
    };
    let room = WIDE - 32.0;
    let sentences = facts::sentences(reconciliation);
    let lines: Vec<String> = sentences.iter().flat_map(|sentence| sheet.lines(room, TEXT, sentence)).collect();
    let height = 36.0 + 13.0 * lines.len() as f32;
    let corner = [LEFT, sheet.y - height];
    sheet.fill(corner, [WIDE, height], paint);
    sheet.fill(corner, [4.0, height], edge);
    sheet.y -= 23.0;
    sheet.text(LEFT + 16.0, room, Style::bold(13.0), facts::verdict(reconciliation));
    sheet.y -= 4.0;
    for line in &lines {
        sheet.y -= 13.0;
        sheet.text(LEFT + 16.0, room, TEXT, line);
    }
    sheet.y = corner[1] - 26.0;
}

fn title(sheet: &mut Sheet, text: &str) {
    sheet.text(LEFT, WIDE, Style::bold(11.0), text);
    sheet.y -= 18.0;
}

fn totals(sheet: &mut Sheet, reconciliation: &Reconciliation) {
    title(sheet, "Totals");
    let (count_ends, amount_ends) = (RIGHT - 130.0, RIGHT);
    sheet.text_to(count_ends, 90.0, COLUMN, "number");
    sheet.text_to(amount_ends, 120.0, COLUMN, reconciliation.period.currency.code());
    sheet.rule(5.0, 0.6);
    sheet.y -= 17.0;
    for Total { what, count, amount, strong } in facts::totals(reconciliation) {
        sheet.turn(0.0);
        let style = if strong { STRONG } else { TEXT };
        let name = what.trim_start();
        let inset = if name.len() < what.len() { 12.0 } else { 0.0 };
        sheet.text(LEFT + inset, WIDE - 240.0, style, name);
        sheet.text_to(count_ends, 90.0, style, &count);
        sheet.text_to(amount_ends, 120.0, style, &amount);
        sheet.rule(4.5, 0.9);
        sheet.y -= 15.0;
    }
    sheet.y -= 14.0;
}

fn counts(sheet: &mut Sheet, reconciliation: &Reconciliation) {
    let counts = facts::counts(reconciliation);
    if counts.is_empty() {
        return;
    }
    sheet.turn(18.0 + 15.0 * counts.len() as f32);
    title(sheet, "What was found");
    for (what, count) in counts {
        sheet.turn(0.0);
        sheet.text(LEFT, WIDE - 120.0, TEXT, &what);
        sheet.text_to(RIGHT, 110.0, TEXT, &grouped(count));
        sheet.rule(4.5, 0.9);
        sheet.y -= 15.0;
    }
    sheet.y -= 14.0;
}

fn differences(sheet: &mut Sheet, reconciliation: &Reconciliation) {
    let all = &reconciliation.differences;
    if all.is_empty() {
        return;
    }
    // The title with a few rows, or on a page of its own.
    sheet.turn(40.0 + 3.0 * ROW);
    title(sheet, "Differences");
    columns(sheet);
    for (number, difference) in (1..=ROWS_MAX).zip(all) {
        if sheet.turn(ROW) {
            columns(sheet);
        }
        let row = facts::row(difference);
        sheet.text_to(NUMBER[0], NUMBER[1], FAINT, &grouped(number as u64));
        for ([x, room], style, text) in [
            (KIND, Style::bold(7.6), row.title),
            (ABOUT, REFERENCE, row.about.as_str()),
            (HERE, SMALL, &row.here),
            (THERE, SMALL, &row.there),
        ] {
            sheet.text(x, room, style, text);
        }
        sheet.y -= 10.0;
        sheet.text(KIND[0], RIGHT - KIND[0], FAINT, &row.words);
        sheet.rule(4.5, 0.9);
        sheet.y -= ROW - 10.0;
    }
    if all.len() > ROWS_MAX {
        sheet.turn(ROW);
        let rest = format!(
            "These are the first {} of {} differences; the rest is in the CSV.",
            grouped(ROWS_MAX as u64),
            grouped(all.len() as u64)
        );
        sheet.text(LEFT, WIDE, STRONG, &rest);
    }
}

fn columns(sheet: &mut Sheet) {
    for ([x, room], name) in [(KIND, "kind"), (ABOUT, "reference"), (HERE, "here"), (THERE, "at MoMo")] {
        sheet.text(x, room, COLUMN, name);
    }
    sheet.rule(5.0, 0.6);
    sheet.y -= 17.0;
}
