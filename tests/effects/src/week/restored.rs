//! The table is put back to an earlier moment, and every code is dialled again.

use super::{CODES, PHONES, Week};
use domain::time::{HOUR_MS, MINUTE_MS};

impl Week {
    /// What was written since the copy is gone; MoMo has kept all of it. The new deployment has another epoch, so
    /// nothing is redeemed or sent until somebody switches it on.
    pub(super) async fn restore(&mut self) {
        let Some(copy) = self.copy.take() else { return };
        self.count("restore");
        self.tell("the table is put back");
        // No function lives as long as a restore takes.
        self.frozen = None;
        self.world.put_back(&copy).await;
        self.world.advance(self.dice.between(HOUR_MS, 3 * HOUR_MS));
        self.epoch += 1;
        self.restored = true;
        // Whoever was told of money may have been forgotten.
        self.promised.clear();
        // What somebody has barred is known again from the rows.
        self.barred = true;
        self.restart();
        self.nothing_leaves_while_switched_off().await;
        self.set_switches().await;
        self.set_settings().await;
        for code in 0..CODES {
            let phone = if self.dice.one_in(4) { self.dice.below(PHONES) } else { self.phones[code] };
            self.dial(code, phone, &format!("{code}-restored")).await;
        }
        self.work().await;
    }

    async fn nothing_leaves_while_switched_off(&mut self) {
        let sends = |week: &Self| week.world.script.calls().iter().filter(|call| *call == "momo transfer").count();
        let (before, promised) = (sends(self), self.promised.len());
        for code in [0, CODES / 2, CODES - 1] {
            self.dial(code, self.phones[code], &format!("{code}-too-early")).await;
        }
        for _ in 0..3 {
            self.sweep().await;
            self.work().await;
            self.world.advance(MINUTE_MS);
        }
        if sends(self) != before {
            self.broken.push("a restored table paid before anybody switched it on".to_owned());
        }
        if self.promised.len() != promised {
            self.broken.push("a restored table redeemed before anybody switched it on".to_owned());
        }
    }
}
