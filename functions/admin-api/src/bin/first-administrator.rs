//! For whoever holds a deployment, with the variables of the function (`TABLE_NAME`, `STAFF_SECRET_ID`, `ENVIRONMENT`,
//! `AWS_…`):
//!
//! - `first-administrator EMAIL FIRST-NAME LAST-NAME` makes the first Super Administrator, once.
//! - `first-administrator --reset EMAIL` lets an administrator in again who can't sign in, when nobody else can help.
//!
//! Both print the token of a link that sets the password, good for an hour.

use domain::staff::Email;
use service::config::Environment;
use staff::First;
use std::{
    io::{self, Write},
    process::ExitCode,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(words) => {
            drop(writeln!(io::stdout(), "{words}"));
            ExitCode::SUCCESS
        }
        Err(words) => {
            drop(writeln!(io::stderr(), "{words}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<String, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let email = |text: &str| Email::parse(text).map_err(|error| format!("EMAIL: {error}"));
    let (who, link) = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--reset", address] => {
            let email = email(address)?;
            (email.to_string(), desk()?.break_glass(&email).await.map_err(|error| error.to_string())?)
        }
        [address, first_name, last_name] => {
            let first = First {
                email: email(address)?,
                first_name: (*first_name).to_owned(),
                last_name: (*last_name).to_owned(),
                password: None,
            };
            let (user, link) = desk()?.first_administrator(first).await.map_err(|error| error.to_string())?;
            (user.email.to_string(), link)
        }
        _ => {
            return Err(
                "usage: first-administrator EMAIL FIRST-NAME LAST-NAME\n       first-administrator --reset EMAIL"
                    .to_owned(),
            );
        }
    };
    Ok(format!(
        "{who} can come in. Set the password within an hour:\n\n  POST /api/v1/auth/password/link\n  \
         {{\"token\":\"{link}\",\"password\":\"…\"}}"
    ))
}

fn desk() -> Result<staff::Desk, String> {
    let mut environment = Environment::of_process();
    let desk = admin_api::desk(&mut environment);
    environment.finish().map_err(|error| error.to_string())?;
    Ok(desk)
}
