//! `cargo local`.

use clap::Parser;
use local::{options::Options, system::System};
use std::{io, io::Write, process::ExitCode};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo local --port 0` and `cargo local -- --port 0` mean the same: the alias ends with the separator already.
    let arguments = std::env::args_os().enumerate().filter(|(at, argument)| *at != 1 || argument != "--");
    let options = Options::parse_from(arguments.map(|(_, argument)| argument));
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::WARN));
    let logs = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    tracing_subscriber::registry().with(logs.with_filter(filter)).init();
    // CloudWatch isn't here to read them.
    if std::env::var_os("LOCAL_METRICS").is_none() {
        service::metrics::send_to(Box::new(io::sink()));
    }
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "cargo local: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> io::Result<()> {
    let system = System::start(options).await?;
    let text = |name: &str| system.ready[name].as_str().unwrap_or_default();
    writeln!(io::stdout(), "MBELYCO Promo answers. Open the phone:\n\n    {}\n", system.phone_url)?;
    writeln!(io::stdout(), "The staff's API, with what it takes and gives:\n\n    {}\n", text("api_docs_url"))?;
    writeln!(
        io::stdout(),
        "The first administrator here is {} with the password at the first start\n\n    {}\n\nCtrl-C ends it.",
        text("admin_email"),
        text("admin_password")
    )?;
    io::stdout().flush()?;
    stop_signal().await
}

async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => stopped,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await
    }
}
