//! How a session ended. What was typed and shown is dropped unread: it holds codes.

use crate::{Ussd, form, plain};
use domain::{customer::Customer, identity::CustomerId, phone::Msisdn};
use lambda_http::{Body, Request, Response};
use service::metrics::{self, Unit};
use store::{Deadline, Notice, StoreError, keys};

const BUDGET_MS: u64 = 2_000;

impl Ussd {
    /// 200 once it is stored; 400 for what is no notice; 503 when it could not be stored, so that it is sent again.
    pub(crate) async fn take_notice(&self, request: &Request, pepper: &str) -> Response<Body> {
        let (Ok(fields), Ok(session)) =
            (form::fields(request), form::fields(request).and_then(|fields| form::session(&fields)))
        else {
            return plain(400, "Not an end-of-session notice: a form with sessionId is expected.");
        };
        let status = match fields.get("status").map(String::as_str).unwrap_or_default() {
            "Success" => "completed",
            "Incomplete" => "incomplete",
            "Failed" => "failed",
            _ => "other",
        };
        let phone = form::phone(&fields).ok();
        let notice = Notice {
            session,
            status: status.to_owned(),
            at: self.clock.now(),
            duration_ms: fields.get("durationInMillis").and_then(|text| text.parse().ok()),
            hops: fields.get("hopsCount").and_then(|text| text.parse().ok()),
            network_code: fields.get("networkCode").map(|code| code.chars().take(16).collect()).unwrap_or_default(),
            phone_masked: phone.as_ref().map(Msisdn::masked).unwrap_or_default(),
        };
        let customer_id = phone.map(|phone| CustomerId::of(pepper.as_bytes(), &phone));
        match self.store_notice(&notice, customer_id.as_ref(), Deadline::in_ms(BUDGET_MS)).await {
            Ok(true) => {
                metrics::emit("ussd_sessions_total", 1.0, Unit::Count, &[("status", status)]);
                if let Some(ms) = notice.duration_ms {
                    metrics::emit("ussd_session_duration", ms as f64, Unit::Milliseconds, &[("status", status)]);
                }
                if let Some(hops) = notice.hops {
                    metrics::emit("ussd_session_hops", f64::from(hops), Unit::Count, &[("status", status)]);
                }
                plain(200, "Stored.")
            }
            Ok(false) => plain(200, "Stored before."),
            Err(error) => {
                tracing::error!(%error, session = notice.session, "a session's end could not be stored");
                plain(503, "Not stored; send it again.")
            }
        }
    }

    /// `Ok(false)` for a notice that was stored before.
    async fn store_notice(
        &self,
        notice: &Notice,
        customer_id: Option<&CustomerId>,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        loop {
            let end = keys::session_end(&notice.session);
            let mut wanted = vec![end.clone()];
            wanted.extend(customer_id.map(keys::customer));
            let items = self.store.read(&wanted, deadline).await?;
            if items.get::<Notice>(&end)?.is_some() {
                return Ok(false);
            }
            let customer: Option<Customer> =
                customer_id.map(|id| items.get(&keys::customer(id))).transpose()?.flatten();
            // The last screen has reached the phone, so the next dial needn't repeat it.
            let told = customer.filter(|customer| {
                notice.status == "completed"
                    && customer.untold.as_ref().is_some_and(|untold| untold.session == notice.session)
            });
            let told = told.map(|before| {
                let mut after = before.clone();
                after.untold = None;
                after.version += 1;
                (before, after)
            });
            match self.store.save_notice(notice, told.as_ref().map(|(before, after)| (before, after)), deadline).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Changed) if !deadline.passed() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
