//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// MBELYCO Promo on one laptop: dial, type a code, see the money arrive.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo local", version)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 4801)]
    pub port: u16,
    /// Folder for everything that is kept between runs [default: a folder in the user's data directory].
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub data: Option<PathBuf>,
    /// Keep nothing: all is gone when the program ends.
    #[arg(long)]
    pub memory: bool,
    /// Make demo codes at the first start (this is the default).
    #[arg(long, overrides_with = "no_demo")]
    pub demo: bool,
    /// Make no demo codes.
    #[arg(long)]
    pub no_demo: bool,
    /// Write addresses, demo codes and all that a script needs to this file, as JSON, once everything answers.
    #[arg(long, value_name = "F")]
    pub ready_file: Option<PathBuf>,
    /// Pay through this MoMo instead of the simulator; keys from MOMO_API_USER, MOMO_API_KEY, MOMO_SUBSCRIPTION_KEY,
    /// and MOMO_TARGET_ENVIRONMENT, MOMO_CURRENCY.
    #[arg(long, value_name = "URL")]
    pub momo_url: Option<String>,
    /// Start no embedded service; endpoints and credentials come from the usual AWS variables.
    #[arg(long)]
    pub external_aws: bool,
    /// With --external-aws: make table, queues, bucket and secrets there.
    #[arg(long, requires = "external_aws")]
    pub create: bool,
    /// What the names of table, queues, bucket and secrets begin with.
    #[arg(long, default_value = "mbelyco-local", value_name = "NAME")]
    pub prefix: String,
}
