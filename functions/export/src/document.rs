//! The file as it grows: rows of CSV or pages of PDF.

use crate::{
    Stop,
    pages::{Plan, Sheet},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    batch::{Batch, CodeState},
    code::CodeText,
    job::JobProblem,
    settings::Settings,
    time,
};
use jiff::{Timestamp, civil::Date};
use sheets::{
    csv::{BatchWriter, CodeRow},
    pdf::{Heading, Logo, Pdf, QrTemplate, SLOTS},
};

pub(crate) enum Document {
    Csv(BatchWriter),
    Pdf(Box<Pdf>),
}

impl Document {
    pub fn csv(batch: &Batch) -> Self {
        Self::Csv(BatchWriter::new(batch.number, &batch.name, batch.money))
    }

    /// # Errors
    /// [`Stop::Failed`] when the service code is none that a QR code could dial.
    pub fn pdf(
        batch: &Batch,
        plan: &Plan,
        qr: bool,
        settings: &Settings,
        logo: Option<store::Logo>,
    ) -> Result<Self, Stop> {
        let qr = qr.then(|| QrTemplate::dialling(&settings.ussd.service_code)).transpose();
        let qr = qr.map_err(|error| {
            let text = format!("a QR code can't dial the service code of the settings: {error}");
            Stop::Failed(JobProblem::new("service_code", text))
        })?;
        let zone = settings.zone();
        let days = plan.runs().map(|run| run.day.unwrap_or_else(|| time::day(batch.created_at, &zone)));
        let heading = Heading {
            batch_number: batch.number,
            batch_name: batch.name.clone(),
            generated_on: days_in_words(days),
            // Codes redeem before this point in time.
            expires_on: time::figures(time::day(time::plus(batch.expires_at, -1), &zone)),
            money: batch.money,
            brand: settings.brand.clone(),
            company: settings.sheets.company.clone(),
            contact: settings.sheets.contact.clone(),
            dial: settings.ussd.service_code.clone(),
            help: settings.help_phone.clone(),
            logo: logo.and_then(|row| readable(&row)),
            qr,
        };
        Ok(Self::Pdf(Box::new(Pdf::new(&heading, plan.pages))))
    }

    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Csv(_) => "text/csv; charset=utf-8",
            Self::Pdf(_) => "application/pdf",
        }
    }

    /// Writes one sheet's codes, as many as aren't deleted, and answers their number. Of deleted ones the slot stays
    /// empty.
    pub fn sheet(&mut self, batch: &Batch, sheet: &Sheet<'_>, grace_hours: u32, now: Timestamp) -> u64 {
        let mut written = 0;
        match self {
            Self::Csv(writer) => {
                let created = sheet.run.job.as_ref().map_or(batch.created_at, domain::id::JobId::at);
                for code in &sheet.codes {
                    let state = code.state(batch, grace_hours, now);
                    if state == CodeState::Deleted {
                        continue;
                    }
                    let expires = code.own_expiry.unwrap_or(batch.expires_at);
                    writer.row(CodeRow { code: &code.text, status: state.name(), created, expires });
                    written += 1;
                }
            }
            Self::Pdf(pdf) => {
                let mut slots: [Option<&CodeText>; SLOTS] = [None; SLOTS];
                for (slot, code) in slots.iter_mut().zip(&sheet.codes).filter(|(_, code)| !code.deleted) {
                    *slot = Some(&code.text);
                    written += 1;
                }
                pdf.page(sheet.number, &slots);
            }
        }
        written
    }

    pub fn ready(&self) -> usize {
        match self {
            Self::Csv(writer) => writer.ready(),
            Self::Pdf(pdf) => pdf.ready(),
        }
    }

    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Csv(writer) => writer.take(),
            Self::Pdf(pdf) => pdf.take(),
        }
    }

    /// The last bytes.
    ///
    /// # Errors
    /// [`Stop::Later`] when pages are missing, which would be a fault of this function.
    pub fn finish(self) -> Result<Vec<u8>, Stop> {
        match self {
            Self::Csv(mut writer) => Ok(writer.take()),
            Self::Pdf(pdf) => pdf.finish().map_err(|error| Stop::Later(error.to_string())),
        }
    }
}

/// `20/11/2026`, or from the first day to the last.
fn days_in_words(days: impl Iterator<Item = Date>) -> String {
    let days: Vec<Date> = days.collect();
    match (days.iter().min(), days.iter().max()) {
        (Some(first), Some(last)) if first != last => format!("{} – {}", time::figures(*first), time::figures(*last)),
        (Some(day), _) => time::figures(*day),
        (None, _) => String::new(),
    }
}

/// A logo that can't be read doesn't keep sheets from being printed.
fn readable(row: &store::Logo) -> Option<Logo> {
    let bytes = STANDARD.decode(&row.data).ok()?;
    Logo::read(&bytes).inspect_err(|error| tracing::warn!(%error, "the logo is left out")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_day_of_generation_is_one_or_a_span() {
        let (first, last) = (date(2026, 11, 20), date(2027, 1, 3));
        assert_eq!(days_in_words([first, first].into_iter()), "20/11/2026");
        assert_eq!(days_in_words([last, first].into_iter()), "20/11/2026 – 03/01/2027");
    }
}
