//! Kinyarwanda, built from attested words. A native speaker must approve each text before launch; those that are
//! our own composition, without an attested sentence behind them, are marked "composed".

use super::Key;

pub fn text(key: Key) -> &'static str {
    match key {
        Key::Welcome => "Murakaza neza kuri {brand}!",
        Key::Prompt => "Mwandike kode ya poromosiyo:",
        Key::PromptOr => "Mwandike kode ya poromosiyo, cyangwa:",
        Key::MenuRewards => "Ibihembo byanjye",
        Key::MenuLanguage => "Ururimi",
        Key::MenuHelp => "Ubufasha",
        Key::Malformed => {
            "Kode yanditse nabi. Igizwe n'inyuguti n'imibare {n}, urugero: {example}. Mwongere muyandike neza:"
        }
        Key::NotFound => "Mwihangane, iyi kode ntibashije kuboneka. Murebe niba mwayanditse neza, mwongere mugerageze:",
        Key::Expired => "Mwihangane, iyi kode yataye agaciro ku itariki {date}.",
        Key::Blocked => "Iyi kode yahagaritswe. Mwaduhamagara kuri {phone} mugahabwa ubufasha.",
        // composed
        Key::Reported => "Iyi kode iracyagenzurwa. Mwaduhamagara kuri {phone} mugahabwa ubufasha.",
        Key::RedeemedByYou => "Iyi kode mwamaze kuyikoresha ku itariki {date}. Ubwishyu: {state}.",
        Key::RedeemedByAnother => "Iyi kode yamaze gukoreshwa n'undi muntu. Mugize ikibazo mwaduhamagara kuri {phone}.",
        Key::Success => "Murakoze! Murabona {amount} RWF kuri MoMo {number} mu kanya gato. Ref: {ref}",
        Key::TooManyAttempts => "Mugerageje inshuro nyinshi. Mwongere mugerageze nyuma y'{minutes}.",
        Key::DayLimit => "Mwageze ku mubare ntarengwa wa kode z'uyu munsi. Mwongere mugerageze ku itariki {date}.",
        // composed
        Key::LimitInAll => "Mwageze ku mubare ntarengwa wa kode. Mugize ikibazo mwaduhamagara kuri {phone}.",
        // composed
        Key::Cooldown => {
            "Mumaze gukoresha indi kode. Kode yanyu iracyafite agaciro. Mwongere mugerageze nyuma y'{minutes}."
        }
        Key::NotActive => "Mwihangane, iyi poromosiyo ntiratangira cyangwa yararangiye.",
        // composed
        Key::NumberCannotReceive => {
            "Mwihangane, nimero {number} ntishobora kwakira amafaranga ya MoMo. Kode yanyu iracyafite agaciro. Mwaduhamagara kuri {phone}."
        }
        // composed
        Key::OtherBatch => {
            "Mwihangane, mwamaze gukoresha kode y'indi poromosiyo. Mugize ikibazo mwaduhamagara kuri {phone}."
        }
        // composed
        Key::AmountPerPayout => "Kode yanyu iracyafite agaciro. Mwaduhamagara kuri {phone} mubone amafaranga yayo.",
        // composed
        Key::AmountPerDay => {
            "Mwageze ku mubare ntarengwa w'amafaranga y'uyu munsi. Mwongere mugerageze ku itariki {date}. Kode yanyu iracyafite agaciro."
        }
        // composed
        Key::AmountPerMonth => {
            "Mwageze ku mubare ntarengwa w'amafaranga. Mwongere mugerageze ku itariki {date}. Kode yanyu iracyafite agaciro."
        }
        Key::AskNumber => "Mwandike nimero ya MoMo mwakiriraho amafaranga (07xxxxxxxx):",
        // composed
        Key::NotMomo => {
            "Nimero yanditse nabi cyangwa si iya MTN. Mwandike nimero ya MoMo mwakiriraho amafaranga (07xxxxxxxx):"
        }
        // composed
        Key::CheckingNumber => "Turimo kugenzura nimero {number}. Mu kanya mukande:\n1. Komeza\n2. Indi nimero",
        Key::ConfirmName => "Nimero {number} ibaruye kuri {name}. Ese ni byo?\n1. Yego, ni byo\n2. Oya, si byo",
        // composed
        Key::NoAccount => {
            "Mwihangane, nimero {number} ntishobora kwakira amafaranga ya MoMo. Mwandike indi nimero ya MoMo (07xxxxxxxx):"
        }
        // composed
        Key::AwaitingApproval => "Murakoze! {amount} RWF kuri MoMo {number}: Bitegereje kwemezwa. Ref: {ref}",
        // composed
        Key::Paused => {
            "Mutwihanganire, kohereza amafaranga byahagaritswe by'agateganyo. Kode yanyu iracyafite agaciro. Mwongere mukande {ussd} nyuma."
        }
        // composed: the attested screen without its second sentence
        Key::Trouble => "Habaye ikibazo cya tekiniki. Mwongere mukande {ussd} mu kanya.",
        Key::TroubleKept => "Habaye ikibazo cya tekiniki. Kode yanyu twayibitse. Mwongere mukande {ussd} mu kanya.",
        Key::Received => "Twakiriye kode yanyu. Mwongere mukande {ussd} mu kanya murebe igisubizo.",
        Key::Maintenance => {
            "Mutwihanganire, serivisi yahagaritswe by'agateganyo, turimo kuyivugurura. Mwongere mugerageze nyuma."
        }
        Key::Rewards => "Ibihembo byanyu:",
        Key::RewardsLine => "{date} - {amount} RWF {state}",
        Key::NoRewards => "Nta bihembo murabona. Mwandike kode ya poromosiyo:",
        Key::LanguageMenu => "Hitamo ururimi / Choose language:\n1. Ikinyarwanda\n2. English",
        Key::Help => {
            "Uko bikora: mwandike kode iri ku gicuruzwa, mukabona amafaranga kuri MoMo. Kode ikoreshwa rimwe gusa. Ubufasha: {phone}"
        }
        // composed
        Key::TooDeep => "Mwakoze inshuro nyinshi. Mwongere mukande {ussd}.",
        // composed
        Key::OnlyRwanda => "Mwihangane, iyi serivisi ikora kuri nimero zo mu Rwanda gusa.",
        Key::MinuteOne => "umunota 1",
        Key::MinuteMany => "iminota {count}",
        Key::StateOnItsWay => "Biri mu nzira",
        Key::StatePaid => "Byishyuwe",
        Key::StateFailed => "Ntibyakunze",
        Key::StateAwaiting => "Bitegereje kwemezwa",
    }
}
