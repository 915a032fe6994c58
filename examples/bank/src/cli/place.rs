//! Where everything is that a command works with.

use annals::App;
use clap::Args;

use crate::cli::exit::Failure;
use crate::cli::secret_value::SecretValueParser;
use crate::keys::{KeysPlace, NoKeys};
use crate::read_models::{ReadModels, ReadModelsPlace};
use crate::services::BankServices;
use crate::store::{Access, StoreUrl};

/// Where everything is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The log: sqlite:PATH, postgres://USER@HOST/DATABASE, or memory: to keep nothing
    #[arg(
        id = "store",
        long = "store",
        global = true,
        display_order = 100,
        value_name = "URL",
        env = "BANK_STORE",
        hide_env_values = true,
        default_value = "sqlite:bank.db",
        value_parser = SecretValueParser::<StoreUrl>::new("store", "URL")
    )]
    pub(super) log: StoreUrl,
    /// The read models: a folder or postgres://USER@HOST/DATABASE; if left out, beside the log
    #[arg(
        long = "read-models",
        global = true,
        display_order = 101,
        value_name = "PLACE",
        env = "BANK_READ_MODELS",
        hide_env_values = true,
        value_parser = SecretValueParser::<ReadModelsPlace>::new("read-models", "PLACE")
    )]
    read_models: Option<ReadModelsPlace>,
}

impl Place {
    /// Opens the read models of the log of `app`, which was opened for `access`.
    pub(super) async fn open_read_models(
        &self,
        app: &App<BankServices>,
        access: Access,
    ) -> Result<ReadModels, Failure> {
        Ok(ReadModels::open(&self.read_models(), app, access).await?)
    }

    /// Where the API keys are.
    pub(super) fn keys(&self) -> Result<KeysPlace, NoKeys> {
        KeysPlace::of(&self.log, &self.read_models())
    }

    fn read_models(&self) -> ReadModelsPlace {
        self.read_models.clone().unwrap_or_else(|| ReadModelsPlace::beside(&self.log))
    }
}
