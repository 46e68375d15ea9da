//! English.

use super::Key;

pub fn text(key: Key) -> &'static str {
    match key {
        Key::Welcome => "Welcome to {brand}!",
        Key::Prompt => "Enter your promo code:",
        Key::PromptOr => "Enter your promo code, or:",
        Key::MenuRewards => "My rewards",
        Key::MenuLanguage => "Language",
        Key::MenuHelp => "Help",
        Key::Malformed => {
            "That is not a code. A code has {n} letters and figures, for example {example}. Enter it again:"
        }
        Key::NotFound => "Sorry, we do not know this code. Check it and enter it again:",
        Key::Expired => "Sorry, this code expired on {date}.",
        Key::Blocked => "This code has been stopped. Call {phone} and we will help you.",
        Key::Reported => "This code is being looked into. Call {phone} and we will help you.",
        Key::RedeemedByYou => "You used this code on {date}. Payment: {state}.",
        Key::RedeemedByAnother => "This code was already used by somebody else. If that is wrong, call {phone}.",
        Key::Success => "Thank you! You get {amount} RWF on MoMo {number} shortly. Ref: {ref}",
        Key::TooManyAttempts => "You have tried too often. Try again in {minutes}.",
        Key::DayLimit => "You have used the most codes for one day. Try again on {date}. Your code is still good.",
        Key::LimitInAll => "You have used the most codes one person may use. Questions: call {phone}.",
        Key::Cooldown => "You used a code a short while ago. Try this one again in {minutes}. It is still good.",
        Key::NotActive => "Sorry, this promotion has not started or is over.",
        Key::NumberCannotReceive => {
            "Number {number} cannot receive MoMo money. Dial from an MTN number, or call {phone}. Your code is still good."
        }
        Key::OtherBatch => {
            "You have used a code of another promotion, and nobody may take part in two. Questions: call {phone}."
        }
        Key::AmountPerPayout => {
            "This code is worth more than we pay by phone. It is still good. Call {phone} and we will help you."
        }
        Key::AmountPerDay => {
            "You have reached the most money for one day. Try again on {date}. Your code is still good."
        }
        Key::AmountPerMonth => {
            "You have reached the most money for one month. Try again on {date}. Your code is still good."
        }
        Key::AskNumber => "Enter the MTN MoMo number that gets the money (07xxxxxxxx):",
        Key::NotMomo => "That is not an MTN number. Enter the MTN MoMo number that gets the money (07xxxxxxxx):",
        Key::CheckingNumber => "We are checking number {number}. In a moment press:\n1. Go on\n2. Another number",
        Key::ConfirmName => {
            "Number {number} belongs to {name}. Is that right?\n1. Yes, that is right\n2. No, it is not"
        }
        Key::NoAccount => "Number {number} has no MoMo account. Enter another MTN MoMo number (07xxxxxxxx):",
        Key::AwaitingApproval => {
            "Thank you! Your {amount} RWF is waiting for approval and then goes to MoMo {number}. Ref: {ref}"
        }
        Key::Paused => {
            "Sorry, payments are stopped for a short while. Your code is still good. Dial {ussd} again later."
        }
        Key::Trouble => "Sorry, we have a technical problem. Dial {ussd} again in a moment.",
        Key::TroubleKept => {
            "Sorry, we have a technical problem. Your code is still good. Dial {ussd} again in a moment."
        }
        Key::Received => "We have received your code. Dial {ussd} again in a moment to see the result.",
        Key::Maintenance => "Sorry, the service is closed for a short while for maintenance. Try again later.",
        Key::Rewards => "Your rewards:",
        Key::RewardsLine => "{date} - {amount} RWF {state}",
        Key::NoRewards => "You have no rewards yet. Enter your promo code:",
        Key::LanguageMenu => "Hitamo ururimi / Choose language:\n1. Ikinyarwanda\n2. English",
        Key::Help => {
            "How it works: enter the code printed in the product and get money on MoMo. Each code works once. Help: {phone}"
        }
        Key::TooDeep => "Too many steps. Dial {ussd} and start again.",
        Key::OnlyRwanda => "This service works only from Rwandan mobile numbers.",
        Key::MinuteOne => "1 minute",
        Key::MinuteMany => "{count} minutes",
        Key::StateOnItsWay => "on its way",
        Key::StatePaid => "paid",
        Key::StateFailed => "failed",
        Key::StateAwaiting => "waiting for approval",
    }
}
